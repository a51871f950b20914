//! **SLTD**: travel documents that are stolen, lost or no longer good. A look-up by number and country at a border answers
//! whether the document is one of them; whose it was it does not say, so the form has no field for that.

use crate::check_digits::mrz;
use crate::codes::{Code, CodeList, Country, DocumentState, OpenCode, TravelDocumentKind, builtin};
use crate::date::PartialDate;
use crate::ecomessage::Reported;
use crate::entry::numbers::{ask_findable, key};
use crate::entry::{EntrySource, database, rules};
use crate::form::{Reader, form, no_rules};
use crate::items::text;
use crate::lookup::Number;
use crate::member::MemberCode;
use crate::notice::NoticePlace;
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A travel document that is no longer good.
    struct SltdEntry, rules sltd_rules {
        /// Who enters it: the country that issued it.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// The document.
        needed document: TravelDocument = "Document" by rules::SLTD_DOCUMENT;
        /// Why it is no longer good.
        needed status: Code<DocumentState> = "Status" by rules::SLTD_STATUS;
        /// When it was stolen, lost, revoked or found invalid.
        needed date: PartialDate = "Date" by rules::SLTD_DATE;
        /// Where it was stolen or lost.
        optional place: NoticePlace = "Place";
        /// What else is to be said of the document, but not of its holder.
        optional remarks: Prose = "Remarks";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The document, without its holder.
    struct TravelDocument, rules no_rules {
        /// Kind of document.
        needed kind: Code<TravelDocumentKind> = "Kind" by rules::SLTD_DOCUMENT;
        /// Its number, as the machine readable zone has it.
        needed number: Line = "Number" by rules::SLTD_DOCUMENT;
        /// The check digit behind the number in the machine readable zone, so that a slip is noticed.
        optional check_digit: Line = "Check digit";
        /// Country that issued it, ISO 3166-1 alpha-2: "KE"; UNO of the United Nations, XPO of INTERPOL.
        needed country: OpenCode<Country> = "Issued by" by rules::SLTD_DOCUMENT;
        /// Day of issue; a blank has none.
        optional issued: PartialDate = "Issued on";
        /// Last day of its validity.
        optional expires: PartialDate = "Valid until";
    }
}

/// Whether a member is the issuer that a document names: by the code of its country with two letters or with three, and of
/// INTERPOL's own documents (XPO in ICAO Doc 9303, part 3) the General Secretariat.
///
/// Every node decides by this whether an entry of another holds. So the codes with three letters are those of the table that
/// comes with the program, and not of one that a bureau has put in its place.
pub fn issues(country: &str, sender: &MemberCode) -> bool {
    let sender = sender.as_str();
    let alpha_3 = || builtin().get(Country::NAME)?.find(sender).and_then(|entry| entry.column("alpha3"));
    country == sender || alpha_3() == Some(country) || (country, sender) == ("XPO", "IPSG")
}

fn sltd_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::SLTD, form, reader);
    ask_issuer(form, reader);
    ask_findable(form, reader, "document.number", Number::Document, &rules::SLTD_DOCUMENT);
    compare_check_digit(form, reader);
    if text(form, "status") == Some("stolen-blank") && text(form, "document.expires").is_some() {
        reader.warn(
            form,
            "document.expires",
            "a blank document has no last day",
            "delete the line, or choose the status stolen",
        );
    }
}

fn ask_issuer(form: &Node, reader: &mut Reader) {
    let from = text(form, "source.from").and_then(|from| MemberCode::parse(from).ok());
    let country = text(form, "document.country");
    if let (Some(from), Some(country)) = (from, country)
        && !issues(country, &from)
    {
        reader.by(Some(&rules::SLTD_ISSUER)).error(
            form,
            "document.country",
            format!("{from} did not issue it"),
            "tell the country that issued it in a message; that country enters it",
        );
    }
}

/// The check digit that stands behind the number, if the source gives it.
fn compare_check_digit(form: &Node, reader: &mut Reader) {
    let Some(number) = key(form, "document.number", Number::Document).filter(|key| !key.is_empty()) else {
        return;
    };
    let Some(expected) = mrz::check_digit(&number) else {
        return reader.by(Some(&rules::NUMBER_MRZ)).warn(
            form,
            "document.number",
            "it has a letter that no machine readable zone has",
            "write it with A to Z and digits, as the zone does, unless the document has no zone",
        );
    };
    if let Some(found) = key(form, "document.check_digit", Number::Document)
        && found != expected.to_string()
    {
        reader.by(Some(&rules::NUMBER_MRZ)).error(
            form,
            "document.check_digit",
            format!("the check digit is not that of the number, which is {expected}"),
            "compare both with the document; one of them is mistyped",
        );
    }
}
