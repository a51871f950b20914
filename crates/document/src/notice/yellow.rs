//! The **Yellow Notice**: to find a missing person, or to identify somebody who cannot identify himself or herself.

use crate::codes::{AgeGroup, Assurance, Code, WishWhenFound, YellowCase};
use crate::date::PartialDate;
use crate::ecomessage::{Additional, Reported};
use crate::form::{Reader, form, no_rules};
use crate::items::{ask, ask_among, filled, text};
use crate::notice::identity::Identity;
use crate::notice::place::NoticePlace;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, person, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

/// Age from which the form takes a person for an adult, in years. National law may say otherwise.
const ADULT_YEARS: u16 = 18;

form! {
    /// A Yellow Notice.
    struct YellowNotice, rules yellow_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The person.
        needed person: Identity = "Person" by rules::YELLOW_IDENTITY;
        /// How the person went missing, or was found.
        needed disappearance: Disappearance = "Disappearance" by rules::YELLOW_DISAPPEARANCE;
        /// Whether national law on privacy permits the request.
        needed law_permits: Code<Assurance> = "Permitted by law" by rules::YELLOW_LAW;
        /// What an adult wishes to be told to others when found.
        optional wish_when_found: Code<WishWhenFound> = "Wish when found";
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// How the person went missing; or where somebody was found who cannot say who he or she is.
    struct Disappearance, rules no_rules {
        /// Missing, or found and not identified.
        needed case: Code<YellowCase> = "Case" by rules::YELLOW_DISAPPEARANCE;
        /// Whether the person was of age on that day.
        needed age_group: Code<AgeGroup> = "Age group" by rules::YELLOW_MINOR;
        /// When the person was seen for the last time, or was found.
        needed date: PartialDate = "Date" by rules::YELLOW_DISAPPEARANCE;
        /// Where that was.
        needed place: NoticePlace = "Place" by rules::YELLOW_DISAPPEARANCE;
        /// When it was reported to the police.
        optional reported_date: PartialDate = "Reported on";
        /// To which police it was reported, with its file number.
        optional reported_to: Line = "Reported to";
        /// Circumstances: clothing, company, means of transport, suspicion of abduction.
        recommended circumstances: Prose = "Circumstances";
        /// Countries or places where the person may be.
        optional possible_destinations: Prose = "Possible destinations";
    }
}

fn yellow_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::YELLOW, form, reader);
    person::identity_or_photograph(form, reader, &rules::YELLOW_IDENTITY);
    let case = text(form, "disappearance.case");
    if case != Some("cannot-identify") {
        for path in ["disappearance.reported_date", "disappearance.reported_to"] {
            ask(form, reader, path, &rules::YELLOW_REPORTED, "the report to the police");
        }
    }
    ask_among(form, reader, "person.status", &["missing", "cannot-identify"], &rules::PERSON_STATUS);
    if text(form, "law_permits") == Some("not-given") {
        reader.by(Some(&rules::YELLOW_LAW)).error(
            form,
            "law_permits",
            "national law does not permit the request",
            "send no request that the law forbids",
        );
    }
    match text(form, "disappearance.age_group") {
        Some("minor") => minor_rules(form, reader, case),
        Some("adult") if !filled(form, "wish_when_found") => {
            reader.by(Some(&rules::YELLOW_WISH)).warn(
                form,
                "wish_when_found",
                "the wish of an adult is missing",
                "fill in wish_when_found; unknown if nobody could ask",
            );
        }
        _ => {}
    }
    compare_age(form, reader);
}

/// Who cannot say who he or she is cannot name parents.
fn minor_rules(form: &Node, reader: &mut Reader, case: Option<&str>) {
    if case != Some("cannot-identify") {
        ask(form, reader, "person.parents", &rules::YELLOW_MINOR, "the parents' names");
    }
}

/// The age group against the dates, as far as they are exact enough to contradict it.
fn compare_age(form: &Node, reader: &mut Reader) {
    let year = |path| {
        let (first, last) = text(form, path).and_then(|t| PartialDate::parse(t).ok())?.span()?;
        Some((first.year(), last.year()))
    };
    let (Some(born), Some(gone)) = (year("person.birth_date"), year("disappearance.date")) else { return };
    let (least, most) = (gone.0.saturating_sub(born.1 + 1), gone.1.saturating_sub(born.0));
    let contradicts = match text(form, "disappearance.age_group") {
        Some("minor") => least >= ADULT_YEARS,
        Some("adult") => most < ADULT_YEARS,
        _ => false,
    };
    if contradicts {
        reader.by(Some(&rules::YELLOW_MINOR)).warn(
            form,
            "disappearance.age_group",
            format!("by the dates the person was {least} to {most} years old"),
            "correct the age group or a date, unless national law sets another age",
        );
    }
}
