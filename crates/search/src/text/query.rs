//! What is asked of texts: words and "quoted phrases", and nothing else. No input is an error. Words that say nothing
//! (`text/stop.rs`) do not count, but in phrases.

use tantivy::query::{BooleanQuery, BoostQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Score, Term};

use super::stop::{is_stop, without_elision};
use super::words::folded;
use super::{Fields, Language};
use crate::limits::{PHRASE_WORDS_MAX, TEXT_QUERY_CHARS_MAX, TEXT_QUERY_TERMS_MAX};

/// How much more a word counts that stands in the title.
const TITLE_BOOST: Score = 2.0;

/// Words and phrases of a query, before their languages are known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Word(String),
    Phrase(String),
}

/// Reads a query. A quotation that does not end is words.
pub(super) fn read(query: &str) -> Vec<Asked> {
    let query: String = query.chars().take(TEXT_QUERY_CHARS_MAX).collect();
    let pieces: Vec<&str> = query.split(['"', '“', '”', '„', '«', '»', '‟', '＂']).collect();
    let mut asked = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        if n % 2 == 1 && n + 1 < pieces.len() {
            asked.push(Asked::Phrase((*piece).to_owned()));
        } else {
            let words = piece.split_whitespace().map(without_elision);
            asked.extend(words.map(|word| Asked::Word(word.to_owned())));
        }
    }
    asked.truncate(TEXT_QUERY_TERMS_MAX);
    asked
}

impl Asked {
    /// Whether it says something in texts of a language.
    pub(super) fn counts_in(&self, language: Language) -> bool {
        match self {
            Self::Phrase(text) => !folded(text).is_empty(),
            Self::Word(text) => match folded(text).as_slice() {
                [] => false,
                [word] => !is_stop(text, word, language),
                _ => true,
            },
        }
    }
}

/// A language through which a query goes: where its texts are, and how their words are made.
pub(super) struct Through {
    pub(super) language: Language,
    pub(super) fields: Fields,
    pub(super) analyzer: TextAnalyzer,
}

/// The engine's query: all phrases, and at least one word if there is no phrase. None if nothing that is asked has a word.
pub(super) fn build(asked: &[Asked], languages: &mut [Through]) -> Option<Box<dyn Query>> {
    let mut all: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for one in asked {
        let (occur, text) = match one {
            Asked::Word(text) => (Occur::Should, text),
            Asked::Phrase(text) => (Occur::Must, text),
        };
        let mut anywhere: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for Through { fields, analyzer, .. } in languages.iter_mut().filter(|l| one.counts_in(l.language)) {
            let words = words(text, analyzer);
            for (field, boost) in [(fields.title, TITLE_BOOST), (fields.body, 1.0)] {
                let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
                if let Some(query) = in_a_row(terms) {
                    anywhere.push((Occur::Should, Box::new(BoostQuery::new(query, boost))));
                }
            }
        }
        if !anywhere.is_empty() {
            all.push((occur, Box::new(BooleanQuery::new(anywhere))));
        }
    }
    (!all.is_empty()).then(|| Box::new(BooleanQuery::new(all)) as Box<dyn Query>)
}

fn words(text: &str, analyzer: &mut TextAnalyzer) -> Vec<String> {
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while words.len() < PHRASE_WORDS_MAX && stream.advance() {
        words.push(stream.token().text.clone());
    }
    words
}

/// One term, or several one behind the other; none for none.
fn in_a_row(mut terms: Vec<Term>) -> Option<Box<dyn Query>> {
    match terms.len() {
        0 | 1 => {
            let term = terms.pop()?;
            Some(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)))
        }
        _ => Some(Box::new(PhraseQuery::new(terms))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quotation_marks_mean_anything() {
        let word = |text: &str| Asked::Word(text.into());
        let phrase = |text: &str| Asked::Phrase(text.into());
        assert_eq!(read("red car"), [word("red"), word("car")]);
        assert_eq!(read("a «b c» d"), [word("a"), phrase("b c"), word("d")]);
        assert_eq!(read("title:x AND (y* OR -z)~2"), ["title:x", "AND", "(y*", "OR", "-z)~2"].map(word));
        assert_eq!(read("a \"b c"), [word("a"), word("b"), word("c")]);
        assert_eq!(read("\"\"\""), [phrase("")]);
        assert_eq!(read("l'ivoire \"l'ivoire\""), [word("ivoire"), phrase("l'ivoire")]);
        assert_eq!(read(&"x ".repeat(5000)).len(), TEXT_QUERY_TERMS_MAX);
    }
}
