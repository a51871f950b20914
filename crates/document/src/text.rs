//! Text from people: bounded UTF-8 that cannot disturb a terminal or turn the reading order of what stands beside it.
//!
//! Arabic and other right-to-left scripts are whole: letters, joiners and the three invisible *marks* (U+200E, U+200F,
//! U+061C) are kept. What is refused are controls that act beyond the text itself: the C0 and C1 controls, the
//! bidirectional embeddings, overrides and isolates (Unicode Standard Annex 9, and "Trojan Source", CVE-2021-42574),
//! line and paragraph separators, and invisible tag characters.

use std::fmt;

use thiserror::Error;

use crate::limits::{LINE_BYTES_MAX, MESSAGE_BYTES_MAX, PROSE_BYTES_MAX};

/// Bounded text. `MULTILINE` texts may hold line feeds and tabs. Never empty, never only blanks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize, const MULTILINE: bool>(String);

/// A text of one line: a name, a number, a title.
pub type Line = Text<LINE_BYTES_MAX, false>;
/// A text of several lines.
pub type Prose = Text<PROSE_BYTES_MAX, true>;
/// The text of a plain message.
pub type MessageText = Text<MESSAGE_BYTES_MAX, true>;

/// Why a text is refused; `line` and `column` count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing but blanks.
    #[error("the text is empty")]
    Empty,
    /// Longer than the field allows.
    #[error("the text has {length} bytes where at most {max} are allowed")]
    TooLong {
        /// Its length in bytes of UTF-8.
        length: usize,
        /// The bound.
        max: usize,
    },
    /// A line feed where one line is wanted.
    #[error("the text goes on in a second line, where one line is allowed")]
    LineBreak,
    /// A control character.
    #[error("the text holds {name} (U+{code:04X}) in its line {line}, column {column}")]
    Control {
        /// What it is called.
        name: &'static str,
        /// Its code point.
        code: u32,
        /// Line of the text.
        line: usize,
        /// Column in characters.
        column: usize,
    },
}

impl TextError {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Control { .. } => "delete the character; it could turn or hide what stands beside it",
            Self::TooLong { .. } => "shorten it, or send the rest as an attachment",
            Self::LineBreak => "write it on one line",
            Self::Empty => "fill it in",
        }
    }
}

impl<const MAX: usize, const MULTILINE: bool> Text<MAX, MULTILINE> {
    /// Takes a text as it is, except that CR LF becomes LF.
    ///
    /// # Errors
    /// [`TextError`]: the first thing that is wrong, and where.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text.to_owned() };
        check(&text, MAX, MULTILINE)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize, const MULTILINE: bool> fmt::Display for Text<MAX, MULTILINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Texts may hold personal data: only the length is shown.
impl<const MAX: usize, const MULTILINE: bool> fmt::Debug for Text<MAX, MULTILINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// Whether a text, in which CR LF has become LF, can stand in a field of at most `max` bytes of UTF-8.
///
/// # Errors
/// [`TextError`]: the first thing that is wrong, and where.
pub(crate) fn check(text: &str, max: usize, multiline: bool) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > max {
        return Err(TextError::TooLong { length: text.len(), max });
    }
    find_control(text, multiline)
}

/// True if a text holds letters that run from right to left (Hebrew, Arabic, Syriac, Thaana, N'Ko and their blocks).
pub fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(u32::from(c),
            0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x1_0800..=0x1_0FFF | 0x1_E800..=0x1_EFFF)
            || c == '\u{200F}'
    })
}

/// Replaces what [`Text::new`] would refuse by U+FFFD, so that foreign text can be shown in an error message.
pub fn neutralise(text: &str) -> String {
    text.chars().map(|c| if control_name(c).is_some() { '\u{FFFD}' } else { c }).collect()
}

fn find_control(text: &str, multiline: bool) -> Result<(), TextError> {
    let (mut line, mut column) = (1, 1);
    for c in text.chars() {
        match c {
            '\n' if multiline => (line, column) = (line + 1, 0),
            '\t' if multiline => {}
            '\n' => return Err(TextError::LineBreak),
            c => {
                if let Some(name) = control_name(c) {
                    return Err(TextError::Control { name, code: c.into(), line, column });
                }
            }
        }
        column += 1;
    }
    Ok(())
}

/// What a refused character is called, or `None` for one that is allowed.
fn control_name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{00}'..='\u{1F}' | '\u{7F}' => "a control character",
        '\u{80}'..='\u{9F}' => "a C1 control character",
        '\u{202A}' | '\u{202B}' | '\u{202C}' => "a bidirectional embedding control",
        '\u{202D}' | '\u{202E}' => "a bidirectional override control",
        '\u{2066}'..='\u{2069}' => "a bidirectional isolate control",
        '\u{2028}' | '\u{2029}' => "a line or paragraph separator",
        '\u{FEFF}' => "a byte order mark",
        '\u{FFF9}'..='\u{FFFB}' => "an interlinear annotation control",
        '\u{E0000}'..='\u{E007F}' => "an invisible tag character",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arabic_with_marks_and_joiners_is_kept_whole() {
        let text = "ضبط ٣٩٠٠ كغ من العاج\u{200F} في ميناء هونغ كونغ";
        assert_eq!(Line::new(text).unwrap().as_str(), text);
        assert!(is_right_to_left(text));
        assert!(!is_right_to_left("défense d'éléphant"));
    }

    #[test]
    fn a_control_is_named_with_its_place() {
        assert_eq!(
            Prose::new("one\nab\u{202E}cd"),
            Err(TextError::Control {
                name: "a bidirectional override control",
                code: 0x202E,
                line: 2,
                column: 3
            })
        );
        for bad in
            ["a\0b", "a\u{1b}[2Jb", "a\u{7f}", "a\u{85}", "a\u{2066}b", "a\u{2028}b", "a\rb", "\u{feff}a"]
        {
            assert!(matches!(Prose::new(bad), Err(TextError::Control { .. })), "{bad:?}");
            assert!(Prose::new(&neutralise(bad)).is_ok(), "{bad:?}");
        }
    }

    #[test]
    fn lines_are_one_line_and_never_blank() {
        assert_eq!(Line::new("a\nb"), Err(TextError::LineBreak));
        assert_eq!(Line::new(" \u{a0}"), Err(TextError::Empty));
        assert_eq!(Prose::new("a\r\nb").unwrap().as_str(), "a\nb");
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        assert_eq!(Line::new(&long), Err(TextError::TooLong { length: 1025, max: 1024 }));
        assert!(Line::new(&long[1..]).is_ok());
    }
}
