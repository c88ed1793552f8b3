//! French words as terms of an index: the rules, and the filters of tantivy that Lucene has under the same names.
use std::cell::RefCell;

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, StopWordFilter, TextAnalyzer, Token, TokenFilter, TokenStream, Tokenizer,
    WhitespaceTokenizer,
};

use super::analysis::{LITTLE, masculine, normalised};
use super::stem::stem;

/// What makes terms of a text. Accents go before the stem is sought, or `securite` would not find `sécurité`.
pub fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Normalised::default())
        .filter(AsciiFoldingFilter)
        .filter(LowerCaser)
        .filter(StopWordFilter::remove(LITTLE.map(str::to_owned)))
        .filter(Stem)
        .build()
}

/// The terms of a text, with their places.
pub fn terms(text: &str) -> Vec<(usize, String)> {
    thread_local!(static ANALYZER: RefCell<TextAnalyzer> = RefCell::new(analyzer()));
    ANALYZER.with_borrow_mut(|analyzer| {
        let (mut terms, mut stream) = (Vec::new(), analyzer.token_stream(text));
        stream.process(&mut |token| terms.push((token.position, token.text.clone())));
        terms
    })
}

/// Words between blanks, after the rules.
#[derive(Clone, Default)]
struct Normalised {
    text: String,
    words: WhitespaceTokenizer,
}

impl Tokenizer for Normalised {
    type TokenStream<'a> = <WhitespaceTokenizer as Tokenizer>::TokenStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        self.text = normalised(text);
        self.words.token_stream(&self.text)
    }
}

/// Stems words of small letters alone.
#[derive(Clone)]
struct Stem;

#[derive(Clone)]
struct Stemming<T>(T);

struct Stems<T>(T);

impl TokenFilter for Stem {
    type Tokenizer<T: Tokenizer> = Stemming<T>;

    fn transform<T: Tokenizer>(self, words: T) -> Stemming<T> {
        Stemming(words)
    }
}

impl<T: Tokenizer> Tokenizer for Stemming<T> {
    type TokenStream<'a> = Stems<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        Stems(self.0.token_stream(text))
    }
}

impl<T: TokenStream> TokenStream for Stems<T> {
    fn advance(&mut self) -> bool {
        let there = self.0.advance();
        if there {
            let word = &mut self.0.token_mut().text;
            if word.bytes().all(|sign| sign.is_ascii_lowercase()) {
                *word = stem(&masculine(word));
            }
        }
        there
    }

    fn token(&self) -> &Token {
        self.0.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.0.token_mut()
    }
}
