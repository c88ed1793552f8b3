//! The words of a search, as a person writes them: words, `"phrases"`, `-word`. Nothing else means something.
use super::BadSearch;
use super::analysis::{joins, searched};
use super::french::terms;

/// The words of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// What must be there: each of these, its terms side by side.
    pub wanted: Vec<String>,
    /// What must not be there.
    pub unwanted: Vec<String>,
}

/// The most terms of a search: a server takes a thousand clauses, one for each term and field.
const MOST: usize = 100;

/// What begins or ends a phrase.
const QUOTES: &str = "\"“”„‟«»＂";

impl Words {
    /// Reads words. Those that every text has are left out, and those of which no letter is left.
    pub fn parse(text: &str) -> Result<Self, BadSearch> {
        let mut words = Words::default();
        let mut count = 0;
        let mut phrase = false;
        let mut minus = false;
        for part in searched(text).split_inclusive(|sign| QUOTES.contains(sign)) {
            let ends = part.ends_with(|sign| QUOTES.contains(sign));
            let part = part.trim_end_matches(|sign| QUOTES.contains(sign));
            if phrase {
                count += words.add(part, std::mem::take(&mut minus));
            } else {
                // `-"` is a phrase that must not be there.
                let (plain, unwanted) = match part.strip_suffix('-') {
                    Some(plain) if ends && !plain.ends_with(joins) => (plain, true),
                    _ => (part, false),
                };
                for word in plain.split(|sign| !joins(sign)) {
                    let wanted = word.strip_prefix('-');
                    count += words.add(wanted.unwrap_or(word), wanted.is_some());
                }
                minus = unwanted;
            }
            phrase ^= ends;
        }
        if count > MOST {
            return Err(BadSearch(format!(
                "{count} words are more than the {MOST} that one search takes; leave some of them out"
            )));
        }
        Ok(words)
    }

    /// Whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Adds a word or phrase that is not there yet; how many terms it has.
    fn add(&mut self, text: &str, unwanted: bool) -> usize {
        let side = if unwanted { &mut self.unwanted } else { &mut self.wanted };
        let count = terms(text).len();
        // Behind so many it is an error anyway.
        if count == 0 || side.iter().take(MOST).any(|known| known == text) {
            return 0;
        }
        side.push(text.to_owned());
        count
    }
}

impl super::Search {
    /// The words to search for; `None` where none were given.
    pub fn words(&self) -> Result<Option<Words>, BadSearch> {
        self.text.as_deref().filter(|text| !text.trim().is_empty()).map(Words::parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &[&str], unwanted: &[&str]) {
        let words = Words::parse(text).unwrap();
        assert_eq!(words.wanted, wanted, "{text}");
        assert_eq!(words.unwanted, unwanted, "{text}");
    }

    #[test]
    fn words_phrases_and_minus_mean_something_and_nothing_else_does() {
        check("data engineer", &["data", "engineer"], &[]);
        check("\"data engineer\" -java -\"sage femme\"", &["data engineer"], &["java", "sage femme"]);
        check("\"data engineer", &["data engineer"], &[]);
        check("data - engineer -- (title:x)", &["data", "engineer", "title", "x"], &[]);
        check("CI/CD,C++ (l'analyste)", &["CI/CD", "C++", "l'analyste"], &[]);
        check("rust rust de la \"rust\" -de -", &["rust"], &[]);
        check("de la 🚀 \u{200b}", &[], &[]);
    }
}
