//! Customs codes of the Harmonized System: what their first digits mean.
//!
//! The first two digits are a chapter, four a heading, six a subheading; what follows is a country's own. So a code is known
//! as far as the list "hs" has its beginning.

use crate::codes::{Code, CodeEntry, Hs};

/// The field of forms that holds such a code.
pub(crate) const FIELD: &str = "hs_code";

/// The entry of the list with which a code begins, the longest one; points and blanks in the code do not count.
pub(crate) fn heading(code: &str) -> Option<&'static CodeEntry> {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let begins = Code::<Hs>::table().entries().iter().filter(|entry| digits.starts_with(entry.code()));
    begins.max_by_key(|entry| entry.code().len())
}

/// A code with the meaning of its beginning.
pub(crate) fn show(code: &str, language: &str) -> String {
    match heading(code) {
        None => code.to_owned(),
        Some(entry) if entry.code() == code => format!("{code} ({})", entry.label(language)),
        Some(entry) => format!("{code} ({} {})", entry.code(), entry.label(language)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_by_its_longest_beginning() {
        let code = |code: &str| heading(code).map(CodeEntry::code);
        assert_eq!(code("0507.10"), Some("050710"));
        assert_eq!(code("05 07 10 00 90"), Some("050710"));
        assert_eq!(code("05071"), Some("0507"));
        assert_eq!(code("0512"), Some("05"));
        assert_eq!(code("05"), Some("05"));
        assert_eq!(code("7701"), None);
        assert_eq!(code("0"), None);
        assert_eq!(show("4407", "en"), "4407 (wood sawn lengthwise, thicker than 6 mm)");
        assert_eq!(show("4407.23.00", "en"), "4407.23.00 (440723 teak, sawn)");
        assert_eq!(show("7701", "en"), "7701");
    }

    #[test]
    fn the_list_has_chapters_headings_and_subheadings() {
        for entry in Code::<Hs>::table().entries() {
            let code = entry.code();
            assert!(code.bytes().all(|b| b.is_ascii_digit()) && [2, 4, 6].contains(&code.len()), "{code}");
            assert!(Code::<Hs>::table().find(&code[..2]).is_some(), "{code} is in no chapter");
        }
        // 77 is reserved for later use.
        let chapters = Code::<Hs>::table().entries().iter().filter(|entry| entry.code().len() == 2);
        assert_eq!(chapters.count(), 96);
    }
}
