//! From a text to the words that are indexed and asked for.

use tantivy::tokenizer::{Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::Language;
use crate::limits::WORD_BYTES_MAX;

/// Folds letters, then takes the endings of a language away.
///
/// Folding comes first, although the stemmers of French and Spanish know accents: a query that was typed without them must give
/// the same words.
pub(super) fn analyzer(language: Language) -> TextAnalyzer {
    TextAnalyzer::builder(Words).filter(Stemmer::new(language.stemmer())).build()
}

/// Runs of letters and digits, folded. A Han character is a word of its own.
#[derive(Clone)]
pub(super) struct Words;

/// The words of one text.
pub(super) struct Folded {
    words: std::vec::IntoIter<String>,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Folded;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Folded {
        Folded { words: folded(text).into_iter(), token: Token { position: usize::MAX, ..Token::default() } }
    }
}

impl TokenStream for Folded {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.text = word;
        // From "before the first" to 0. No places in the text are told: nothing is cut out of it.
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The words of a text, without those of more than [`WORD_BYTES_MAX`] bytes.
pub(super) fn folded(text: &str) -> Vec<String> {
    let mut folding = Folding::default();
    for character in text.chars() {
        if character.is_ascii() {
            // Most texts are: it is its own decomposition, and no mark.
            folding.take_ascii(character);
        } else {
            // Whichever order marks have after it: they are left out.
            decompose_compatible(character, |part| folding.take_any(part));
        }
    }
    folding.end();
    folding.words
}

/// A text of which some is read.
#[derive(Default)]
struct Folding {
    words: Vec<String>,
    word: String,
}

impl Folding {
    fn take_ascii(&mut self, character: char) {
        if !character.is_ascii_alphanumeric() {
            self.end();
        } else if self.word.len() <= WORD_BYTES_MAX {
            self.word.push(character.to_ascii_lowercase());
        }
    }

    fn take_any(&mut self, character: char) {
        if is_combining_mark(character) || is_ignored(character) {
            return;
        }
        if !character.is_alphanumeric() {
            self.end();
        } else if is_han(character) {
            self.end();
            self.word.push(character);
            self.end();
        } else if self.word.len() <= WORD_BYTES_MAX {
            let lower = character.to_lowercase().map(fold);
            self.word.extend(lower.filter(|letter| !is_combining_mark(*letter)));
        }
    }

    fn end(&mut self) {
        let word = std::mem::take(&mut self.word);
        if !word.is_empty() && word.len() <= WORD_BYTES_MAX {
            self.words.push(word);
        }
    }
}

/// Tatweel and joiners: they stand within words and are no letters.
fn is_ignored(character: char) -> bool {
    matches!(character, 'ـ' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

fn is_han(character: char) -> bool {
    matches!(character as u32, 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Letters that are written for each other and that no decomposition folds: forms of alef and yeh (hamza has gone with the
/// marks), ta marbuta, Persian kaf and yeh; Latin letters with a stroke; the digits of Arabic and Persian.
fn fold(letter: char) -> char {
    match letter {
        'ٱ' | 'ٲ' | 'ٳ' | 'ٵ' => 'ا',
        'ى' | 'ی' | 'ے' => 'ي',
        'ة' | 'ۃ' | 'ہ' | 'ھ' => 'ه',
        'ک' => 'ك',
        'ø' => 'o',
        'ł' => 'l',
        'đ' | 'ð' => 'd',
        'ı' => 'i',
        digit @ '٠'..='٩' => ascii_digit(digit, '٠'),
        digit @ '۰'..='۹' => ascii_digit(digit, '۰'),
        other => other,
    }
}

fn ascii_digit(digit: char, zero: char) -> char {
    char::from_digit(digit as u32 - zero as u32, 10).unwrap_or(digit)
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    fn words(language: Language, text: &str) -> Vec<String> {
        let mut analyzer = analyzer(language);
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        while stream.advance() {
            assert_eq!(stream.token().position, words.len());
            words.push(stream.token().text.clone());
        }
        words
    }

    #[test]
    fn letters_are_folded() {
        for (text, expected) in [
            ("L’Élève À Nuremberg: Ærø", vec!["l", "eleve", "a", "nuremberg", "æro"]),
            ("مُحَمَّــد أحمد إبراهيم آدم", vec!["محمد", "احمد", "ابراهيم", "ادم"]),
            ("مدرسة على ٢٠٢٦", vec!["مدرسه", "علي", "2026"]),
            ("王小明AK-47", vec!["王", "小", "明", "ak", "47"]),
            ("", vec![]),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
        assert!(folded(&"a".repeat(10_000)).is_empty());
    }

    #[test]
    fn words_are_those_of_the_decomposed_text_for_all_characters() {
        let each = ('\0'..=char::MAX).filter(|c| !is_han(*c));
        for character in each {
            let text = format!("a{character}\u{301}b\u{327}\u{301}");
            let decomposed: String = text.nfkd().collect();
            assert_eq!(folded(&text), folded(&decomposed), "{character:?}");
        }
    }

    #[test]
    fn each_language_takes_its_endings_away() {
        let same = |language, a, b| assert_eq!(words(language, a), words(language, b), "{language:?}");
        same(Language::English, "smuggling", "smuggled");
        same(Language::French, "trafiquants", "trafiquant");
        same(Language::French, "interpellé", "INTERPELLE");
        same(Language::Spanish, "detenidos", "detenido");
        same(Language::Arabic, "المهربون", "مهربون");
    }
}
