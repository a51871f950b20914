//! From any script to words in small Latin letters.
//!
//! Arabic has a table of its own, since its letters stand for sounds that Latin spells in several ways; Greek has its pairs of
//! letters; every other script goes through `any_ascii`, letter by letter. Han characters become pinyin without tones, a word
//! each; Hangul likewise becomes a word for each syllable. Japanese names in Han characters become Chinese: nobody can tell
//! from the characters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits::NAME_CHARS_MAX;

/// A word of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// `a` to `z` alone, not empty.
    pub(super) latin: String,
    /// Its script does not write all vowels.
    pub(super) abjad: bool,
    /// It is a syllable that its script writes as one character.
    pub(super) syllable: bool,
}

/// What letters have in common that is not in their Latin form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Arabic,
    Hebrew,
    /// Devanagari and its kin, Thai, Lao: the vowel that is not written is mostly `a`.
    Brahmic,
    /// A syllable for each character.
    Syllables,
    Other,
}

/// The words of a name, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Pending::default();
    let characters = text.chars().take(NAME_CHARS_MAX);
    // ASCII is its own composition.
    if text.is_ascii() {
        characters.for_each(|character| word.take(character, &mut words));
    } else {
        characters.nfkc().for_each(|character| word.take(character, &mut words));
    }
    word.end(&mut words);
    words
}

/// What stands within a word and says nothing: apostrophes of all kinds, the Arabic tatweel, joiners.
fn joins(character: char) -> bool {
    matches!(
        character,
        '\'' | '`' | '´' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ʾ' | 'ʿ' | '‘' | '’' | '‛' | '＇' | 'ـ' | '\u{200b}'
            ..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

fn script(character: char) -> Script {
    match character as u32 {
        0x41..=0x24f | 0x1e00..=0x1eff => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
        0x590..=0x5ff => Script::Hebrew,
        0x600..=0x6ff | 0x750..=0x77f => Script::Arabic,
        0x900..=0xeff => Script::Brahmic,
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff | 0xac00..=0xd7a3 => {
            Script::Syllables
        }
        _ => Script::Other,
    }
}

/// The word that is being read.
#[derive(Default)]
struct Pending {
    latin: String,
    script: Option<Script>,
}

impl Pending {
    fn take(&mut self, character: char, words: &mut Vec<Word>) {
        if joins(character) {
            return;
        }
        let script = script(character);
        // The dot over a Turkish i is a combining mark of its own after the case is folded; vowels of Brahmic scripts stay.
        if !character.is_ascii() && is_combining_mark(character) && script != Script::Brahmic {
            return;
        }
        if !character.is_alphabetic() && script != Script::Brahmic {
            self.end(words);
            return;
        }
        if script == Script::Syllables || self.script.is_some_and(|before| before != script) {
            self.end(words);
        }
        self.add(character, script);
        if script == Script::Syllables {
            self.end(words);
        }
    }

    fn add(&mut self, character: char, script: Script) {
        self.script = Some(script);
        match script {
            Script::Arabic => self.latin.push_str(arabic(character)),
            Script::Hebrew if character == 'ו' => self.latin.push('w'),
            _ if character.is_ascii_alphabetic() => self.latin.push(character.to_ascii_lowercase()),
            _ => {
                let latin = any_ascii::any_ascii_char(character);
                let letters = latin.chars().filter(char::is_ascii_alphabetic);
                self.latin.extend(letters.map(|letter| letter.to_ascii_lowercase()));
            }
        }
    }

    fn end(&mut self, words: &mut Vec<Word>) {
        let script = self.script.take();
        let latin = std::mem::take(&mut self.latin);
        let abjad = matches!(script, Some(Script::Arabic | Script::Hebrew | Script::Brahmic));
        let latin = match script {
            Some(Script::Greek) => greek(&latin),
            Some(Script::Arabic) => without_article(latin),
            _ => latin,
        };
        if !latin.is_empty() {
            words.push(Word { latin, abjad, syllable: script == Some(Script::Syllables) });
        }
    }
}

/// An Arabic, Persian or Urdu letter.
fn arabic(letter: char) -> &'static str {
    match letter {
        'ا' | 'أ' | 'إ' | 'آ' | 'ٱ' | 'ع' | 'ة' | 'ۃ' => "a",
        'ب' => "b",
        'پ' => "p",
        'ت' | 'ث' | 'ط' | 'ٹ' => "t",
        'ج' => "j",
        'چ' => "ch",
        'ح' | 'ه' | 'ہ' | 'ھ' | 'ە' => "h",
        'خ' => "kh",
        'د' | 'ذ' | 'ض' | 'ڈ' => "d",
        'ر' | 'ڑ' => "r",
        'ز' | 'ظ' => "z",
        'ژ' => "zh",
        'س' | 'ص' => "s",
        'ش' => "sh",
        'غ' | 'گ' => "g",
        'ف' => "f",
        'ڤ' => "v",
        'ق' | 'ك' | 'ک' => "k",
        'ل' => "l",
        'م' => "m",
        'ن' | 'ں' => "n",
        'و' | 'ؤ' | 'ۆ' | 'ۇ' => "w",
        'ى' | 'ي' | 'ئ' | 'ی' | 'ې' | 'ے' | 'ێ' => "y",
        _ => "",
    }
}

/// Without the article, which Arabic writes onto the word and Latin mostly apart. `allah` is no article.
fn without_article(latin: String) -> String {
    match latin.strip_prefix("al") {
        Some(rest) if rest.len() >= 3 && latin != "allh" => rest.to_owned(),
        _ => latin,
    }
}

/// Pairs of Greek letters, as they are spoken; `any_ascii` has made υ a y.
fn greek(latin: &str) -> String {
    let mut text = latin.replace("oy", "u").replace("ch", "kh");
    for vowel in ["a", "e"] {
        text = text.replace(&format!("{vowel}y"), &format!("{vowel}v"));
    }
    for (pair, sound) in [("mp", "b"), ("gk", "g"), ("gg", "ng"), ("tz", "dz")] {
        text = text.replace(pair, sound);
    }
    match text.strip_prefix("nt") {
        Some(rest) => format!("d{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latin(text: &str) -> String {
        words(text).into_iter().map(|word| word.latin).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn scripts_become_latin_words() {
        for (text, expected) in [
            ("  José-María O’Brien, Jr. 2nd ", "jose maria obrien jr nd"),
            (
                "İbrahim Işık Müller-Lüdenscheidt Łukasz Øystein",
                "ibrahim isik muller ludenscheidt lukasz oystein",
            ),
            ("Юрий Хрущёв", "yuriy khrushchev"),
            ("Παπαδόπουλος Χρήστος Ευάγγελος", "papadopulos khristos evangelos"),
            ("مُحَمَّد القـرشي", "mhmd krshy"),
            ("عبد الله", "abd allh"),
            ("王小明 欧阳", "wang xiao ming ou yang"),
            ("김민호", "gim min ho"),
            ("דוד", "dwd"),
            ("ＡＢＣ ﷲ", "abc allh"),
            ("12 -- ''", ""),
        ] {
            assert_eq!(latin(text), expected, "{text}");
        }
    }

    #[test]
    fn scripts_without_vowels_are_told() {
        let abjad = |text| words(text)[0].abjad;
        assert!(abjad("محمد") && abjad("כהן") && abjad("मोहन"));
        assert!(!abjad("Иван") && !abjad("Ivan") && !abjad("王"));
    }

    #[test]
    fn a_change_of_script_ends_a_word() {
        assert_eq!(latin("Иванivan王"), "ivan ivan wang");
    }

    #[test]
    fn no_text_is_too_long() {
        assert_eq!(latin(&"a".repeat(10_000)).len(), NAME_CHARS_MAX);
    }
}
