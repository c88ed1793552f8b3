//! The light stemmer for French of Jacques Savoy (UniNE), as Lucene's `light_french` has it: of words without accents.

/// From this length on, an ending, what takes its place, and whether other endings are sought behind it.
type Ending = (usize, &'static str, &'static str, Then);

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Stop,
    GoOn,
}
use Then::{GoOn, Stop};

/// The first one that fits is taken. Lengths are those of the word.
const ENDINGS: [Ending; 26] = [
    (10, "issement", "ir", Stop),
    (9, "issant", "ir", Stop),
    (8, "ivement", "if", Stop),
    (7, "ement", "e", Stop),
    (12, "ficatrice", "fier", Stop),
    (11, "ficateur", "fier", Stop),
    (10, "catrice", "quer", Stop),
    (9, "cateur", "quer", Stop),
    (9, "atrice", "er", Stop),
    (8, "ateur", "er", Stop),
    (7, "trice", "teur", GoOn),
    (8, "teuse", "ter", Stop),
    (7, "teur", "ter", Stop),
    (6, "euse", "eu", Stop),
    (8, "ive", "if", Stop),
    (5, "folle", "fou", Stop),
    (5, "molle", "mou", Stop),
    (10, "nnelle", "n", Stop),
    (10, "nnel", "n", Stop),
    (9, "ique", "", GoOn),
    (9, "esse", "e", Stop),
    (8, "inage", "in", Stop),
    (13, "ualisation", "uel", Stop),
    (10, "isation", "", Stop),
    (9, "ation", "", Stop),
    (9, "ition", "", Stop),
];

/// The stem of a word of small letters `a` to `z`.
pub fn stem(word: &str) -> String {
    let mut word = word.to_owned();
    singular(&mut word);
    for (least, ending, instead, then) in ENDINGS {
        if word.len() >= least && word.ends_with(ending) {
            word.truncate(word.len() - ending.len());
            word.push_str(instead);
            if then == Stop {
                break;
            }
        }
    }
    plain(word)
}

/// Without the sign of the plural: `chevaux`, `réseaux`, `analystes`.
fn singular(word: &mut String) {
    if word.len() > 5 && word.ends_with('x') {
        word.pop();
        if word.ends_with("au") && !word.ends_with("eau") {
            word.pop();
            word.push('l');
        }
    }
    for sign in ['x', 's'] {
        if word.len() > 3 && word.ends_with(sign) {
            word.pop();
        }
    }
}

/// Without double letters and silent endings.
fn plain(word: String) -> String {
    if word.len() <= 4 {
        return word;
    }
    let mut signs: Vec<char> = word.chars().collect();
    signs.dedup();
    if signs.len() > 4 && signs.ends_with(&['i', 'e']) {
        signs.truncate(signs.len() - 2);
    }
    if signs.len() > 4 {
        for silent in ['r', 'e', 'e'] {
            if signs.last() == Some(&silent) {
                signs.pop();
            }
        }
        if let [.., before, last] = signs[..]
            && before == last
        {
            signs.pop();
        }
    }
    signs.into_iter().collect()
}
