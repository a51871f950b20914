//! Judicial data: the facts, the charges, the penalty, and the decision on which a request for arrest rests.

use crate::codes::{
    Code, Country, Crime, Language, OpenCode, PenaltyKind, SpokenLanguage, WantedFor, WarrantKind,
};
use crate::date::PartialDate;
use crate::ecomessage::Attachment;
use crate::form::{Count, Reader, form, no_rules};
use crate::items::{filled, missing, number, text};
use crate::notice::place::NoticePlace;
use crate::notice::rules;
use crate::text::{Line, Prose};
use crate::tree::Node;

/// Least maximum penalty of a Red Notice for prosecution, in months.
pub const PROSECUTION_MONTHS_MIN: u32 = 24;
/// Least sentence of a Red Notice, imposed or left to serve, in months.
pub const SENTENCE_MONTHS_MIN: u32 = 6;

form! {
    /// The judicial data: facts, charges, penalty and warrant.
    struct Judicial, rules threshold_rules {
        /// Summary of the facts: what the person is said to have done.
        needed facts: Prose = "Facts" by rules::RED_FACTS;
        /// When it happened.
        needed facts_date: PartialDate = "Date of the facts" by rules::RED_FACTS;
        /// Where it happened.
        needed facts_place: NoticePlace = "Place of the facts" by rules::RED_FACTS;
        /// Why it is of interest for international police co-operation.
        needed interest: Prose = "Interest" by rules::RED_OFFENCE;
        /// The charges, one entry each.
        needed_list charges: Charge = "Charge" by rules::RED_CHARGES;
        /// Whether the person is wanted for prosecution or to serve a sentence.
        needed wanted_for: Code<WantedFor> = "Wanted for" by rules::RED_PENALTY;
        /// Kind of the maximum penalty, or of the sentence: a term that can be counted if absent.
        optional penalty_kind: Code<PenaltyKind> = "Kind of penalty";
        /// Maximum penalty that the law sets, in months. Needed for prosecution.
        optional maximum_penalty_months: Count = "Maximum penalty (months)";
        /// Sentence that was imposed, in months. Needed for a sentence, or else what is left of it.
        optional sentence_months: Count = "Sentence (months)";
        /// What is left to serve, in months.
        optional remaining_months: Count = "Left to serve (months)";
        /// Why an exception from the threshold is asked for.
        optional exception: Prose = "Exception";
        /// Arrest warrants or equivalent decisions, one entry each.
        needed_list warrants: Warrant = "Warrant" by rules::RED_WARRANT;
    }

    /// What a person is charged with.
    struct Charge, rules no_rules {
        /// The charge in its own words, in any language.
        required charge: Prose = "Charge";
        /// Language of these words, ISO 639-2: "SPA".
        optional original_language: OpenCode<SpokenLanguage> = "Language of the charge";
        /// The same in the language of the request.
        optional translation: Prose = "Translation";
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// The law.
        needed law: Line = "Law" by rules::RED_CHARGES;
        /// Its article or section.
        recommended article: Line = "Article";
    }

    /// A decision on which a request for arrest rests.
    struct Warrant, rules warrant_rules {
        /// Kind of decision.
        needed kind: Code<WarrantKind> = "Kind" by rules::RED_WARRANT;
        /// Its reference.
        needed reference: Line = "Reference" by rules::RED_WARRANT;
        /// Its date.
        needed date: PartialDate = "Date" by rules::RED_WARRANT;
        /// The court or authority that issued it.
        needed authority: Line = "Issued by" by rules::RED_WARRANT;
        /// Country, or code of the international court.
        needed country: OpenCode<Country> = "Country" by rules::RED_WARRANT;
        /// Last day of its validity, if it has one.
        optional valid_until: PartialDate = "Valid until";
        /// Language of the decision: ar, en, fr or es, if it is one of these.
        optional language: Code<Language> = "Language";
        /// A copy of it, by its name; `--attach` sends the file.
        optional copy: Attachment = "Copy";
    }
}

fn warrant_rules(form: &Node, reader: &mut Reader) {
    if form.get("reference").is_some() && form.get("copy").is_none() {
        reader.by(Some(&rules::RED_WARRANT)).warn(
            form,
            "copy",
            "a copy of the decision should go with it",
            "name it in a table copy, if it is possible",
        );
    }
}

/// The penalty that the purpose asks for, and whether it reaches the threshold.
fn threshold_rules(form: &Node, reader: &mut Reader) {
    let counted = !matches!(text(form, "penalty_kind"), Some("life" | "death"));
    match text(form, "wanted_for") {
        Some("prosecution") if counted => match number(form, "maximum_penalty_months") {
            None => missing_penalty(form, reader, "maximum_penalty_months", "the maximum penalty"),
            Some(months) if months < PROSECUTION_MONTHS_MIN => {
                let message = format!(
                    "a maximum penalty of {months} months is below the threshold of {PROSECUTION_MONTHS_MIN}"
                );
                below(form, reader, "maximum_penalty_months", message);
            }
            Some(_) => {}
        },
        Some("sentence") if counted => {
            let months = number(form, "sentence_months").max(number(form, "remaining_months"));
            match months {
                None => missing_penalty(form, reader, "sentence_months", "the sentence"),
                Some(months) if months < SENTENCE_MONTHS_MIN => {
                    let message = format!(
                        "a sentence of {months} months is below the threshold of {SENTENCE_MONTHS_MIN}"
                    );
                    below(form, reader, "sentence_months", message);
                }
                Some(_) => {}
            }
        }
        Some(_) => {}
        None if !filled(form, "maximum_penalty_months") && !filled(form, "sentence_months") => {
            missing_penalty(form, reader, "maximum_penalty_months", "the penalty");
        }
        None => {}
    }
}

fn missing_penalty(form: &Node, reader: &mut Reader, field: &str, item: &str) {
    let advice = format!("fill in {field}, or set penalty_kind to life or death");
    missing(form, reader, field, &rules::RED_PENALTY, item, advice);
}

/// Below the threshold a request needs an exception, which only the reviewers can grant.
fn below(form: &Node, reader: &mut Reader, field: &str, message: String) {
    let reader = reader.by(Some(&rules::RED_THRESHOLD));
    if filled(form, "exception") {
        reader.warn(form, field, message, "the reviewers may refuse the exception that is asked for");
    } else {
        reader.error(form, field, message, "say in exception why one should be made, or use another colour");
    }
}
