//! What is the same in every request for a notice: who asks, under which reference, and what it declares.

use crate::codes::{Answer, Article3, Code, Confidentiality, Language};
use crate::date::{CalendarDate, PartialDate, UtcTime};
use crate::ecomessage::Handling;
use crate::file::AttachedFile;
use crate::form::{Reader, form};
use crate::items::text;
use crate::member::MemberCode;
use crate::notice::rules;
use crate::record_ref::RecordRef;
use crate::text::{Line, Prose};
use crate::tree::Node;

/// Longest validity of a notice, in years, until it is renewed.
pub(crate) const VALIDITY_YEARS: u16 = 5;

form! {
    /// Who asks for the notice, under which reference, and what the bureau declares.
    struct NoticeRequest, rules request_rules {
        /// The requesting bureau's own reference. Not unique across bureaus.
        needed reference: Line = "Reference" by rules::ENTRY_SOURCE;
        /// Number of the notice, once it has one: year and serial number, "2013/6138".
        optional notice_number: Line = "Notice number";
        /// When the bureau wrote the request, in UTC. The record's header says when it was sent.
        optional date_time: UtcTime = "Written (UTC)";
        /// Requesting member. It must be the bureau that sends; the record's header is what counts.
        optional from: MemberCode = "From";
        /// Language of the free texts.
        needed language: Code<Language> = "Language" by rules::ENTRY_LANGUAGE;
        /// Level of confidentiality; FOR OFFICIAL USE ONLY if absent.
        optional confidentiality: Code<Confidentiality> = "Confidentiality";
        /// Declaration on Article 3 of the Constitution: no political, military, religious or racial character.
        needed article_3: Code<Article3> = "Article 3" by rules::ARTICLE_3;
        /// Why that is so, where the matter might be seen otherwise.
        optional article_3_reasons: Prose = "Article 3, reasons";
        /// Whether the bureau agrees to a public extract; no if absent.
        optional public_extract: Code<Answer> = "Public extract";
        /// Last day of validity, if the bureau wants less than the five years that the rules allow.
        optional valid_until: PartialDate = "Valid until";
        /// Who must not see it.
        optional handling: Handling = "Handling";
        /// References of related messages and notices.
        list related: Line = "Related";
        /// Record of the request or diffusion to which this is a new text. `ecomesh notice update` fills this in: leave it
        /// out.
        optional replaces: RecordRef = "New text of";
        /// Files that go with it. `--attach` fills this in: leave it out.
        list files: AttachedFile = "File";
    }
}

fn request_rules(form: &Node, reader: &mut Reader) {
    refuse_doubt(form, reader);
    if lasts_too_long(form) {
        reader.by(Some(&rules::ENTRY_RETENTION)).error(
            form,
            "valid_until",
            format!("it is more than {VALIDITY_YEARS} years after date_time"),
            "choose an earlier end; it can be renewed later, with a reason",
        );
    }
    if text(form, "notice_number").is_some_and(|number| !number.is_empty() && !is_notice_number(number)) {
        reader.warn(
            form,
            "notice_number",
            "it does not look like the number of a notice",
            "write year and serial number, \"2013/6138\"",
        );
    }
}

/// A declaration on Article 3 that is not given.
pub(crate) fn refuse_doubt(form: &Node, reader: &mut Reader) {
    if text(form, "article_3").is_some_and(|declared| declared == "in-doubt") {
        reader.by(Some(&rules::ARTICLE_3)).error(
            form,
            "article_3",
            "the declaration is not given",
            "a bureau in doubt asks the General Secretariat first, in a plain message",
        );
    }
}

/// True if the end that a form asks for is beyond the longest validity; false if it does not say both.
pub(crate) fn lasts_too_long(form: &Node) -> bool {
    let written = text(form, "date_time").and_then(|time| CalendarDate::parse(time.get(..10)?).ok());
    let end = text(form, "valid_until").and_then(|end| PartialDate::parse(end).ok()?.span());
    let (Some(written), Some((_, end))) = (written, end) else { return false };
    (end.year(), end.month(), end.day())
        > (written.year().saturating_add(VALIDITY_YEARS), written.month(), written.day())
}

/// True for a number as the public list writes it: four digits of a year since 1900, a slash (in addresses a hyphen),
/// 1 to 9 digits. The list has years from 1972 and serial numbers of 3 to 6 digits.
pub fn is_notice_number(number: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.split_once(['/', '-']).is_some_and(|(year, serial)| {
        year.len() == 4 && year >= "1900" && digits(year) && serial.len() <= 9 && digits(serial)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_years_are_the_most() {
        let form = |end: &str| {
            Node::from_toml(&format!("date_time = \"2026-11-28T09:00:00Z\"\nvalid_until = \"{end}\"\n")).0
        };
        for good in ["2031-11-28", "2031-11", "2031", "2027", "unknown", "x"] {
            assert!(!lasts_too_long(&form(good)), "{good}");
        }
        for bad in ["2031-11-29", "2031-12", "2032", "2030/2032"] {
            assert!(lasts_too_long(&form(bad)), "{bad}");
        }
    }

    #[test]
    fn numbers_of_notices_are_a_year_and_a_serial_number() {
        for good in ["2013/6138", "1972-410", "2018/555449"] {
            assert!(is_notice_number(good), "{good}");
        }
        for bad in ["", "2013", "2013/", "13/6138", "2013/x", "1066/1", "2013/6138/1", "２０１３/1"] {
            assert!(!is_notice_number(bad), "{bad}");
        }
    }
}
