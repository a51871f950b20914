//! The rules that a notice must obey, each under a stable name and with the text from which it is taken.
//!
//! `verified` is false where that text could not be read: the rule is then what is generally said of INTERPOL's Rules on
//! the Processing of Data (RPD). `docs/DOMAIN.md` tells each rule in full, and what is uncertain about it.

use crate::rule::rules;

const RED: &str = "minimum data of a Red Notice, RPD";
const YELLOW: &str = "minimum data of a Yellow Notice, RPD";
const BLUE: &str = "minimum data of a Blue Notice, RPD";
const BLACK: &str = "minimum data of a Black Notice, RPD";
const GREEN: &str = "minimum data of a Green Notice, RPD";
const ORANGE: &str = "minimum data of an Orange Notice, RPD";
const PURPLE: &str = "minimum data of a Purple Notice, RPD";
const SILVER: &str = "pilot of the Silver Notice";
const UN: &str = "INTERPOL–UN Security Council Special Notices";
const ENTRY: &str = "conditions to record data, RPD";
const LIFE: &str = "life cycle of notices, RPD";
const MESH: &str = "notices on a mesh without a centre, this project";

rules! {
    ARTICLE_3 = "article-3", "the bureau declares that the matter has no political, military, religious or racial character",
        "Article 3 of INTERPOL's Constitution", true;
    ENTRY_SOURCE = "entry.source", "source and reference are stated when data enter", ENTRY, false;
    ENTRY_LANGUAGE = "entry.language", "a request is written in one of the four official languages", ENTRY, false;
    ENTRY_RETENTION = "entry.retention", "a notice is valid for five years or less, and then renewed", ENTRY, false;
    REFUGEE = "refugee", "a request of the country of origin against a recognised refugee is not processed",
        "refugee policy, Article 2 of INTERPOL's Constitution", false;
    PERSON_STATUS = "person.status", "the status of every person is stated", "RPD, about article 44", false;
    REQUESTER = "requester", "each colour may be asked for by some only", "types of notices, RPD", false;
    PUBLIC_EXTRACT = "public-extract", "a public extract needs the source's consent, and some colours have none",
        "types of notices, RPD", false;

    RED_OFFENCE = "red.offence", "a serious ordinary-law crime, of interest for international police co-operation", RED, false;
    RED_EXCLUDED = "red.excluded-offence",
        "no matter of norms, family or private life, or of administration or private dispute unless tied to organised crime",
        RED, false;
    RED_THRESHOLD = "red.threshold",
        "prosecution: a maximum penalty of 2 years or more; sentence: 6 months or more imposed or left", RED, false;
    RED_IDENTITY = "red.identity",
        "names, sex, birth (at least its year) and one of description, DNA, fingerprints, identity document; or a good photograph and further data",
        RED, false;
    RED_FACTS = "red.facts", "a summary of facts with time and place", RED, false;
    RED_CHARGES = "red.charges", "the charges and the provisions of law", RED, false;
    RED_PENALTY = "red.penalty", "the maximum penalty, or the sentence imposed or left to serve", RED, false;
    RED_WARRANT = "red.warrant", "the reference of a valid arrest warrant or equivalent decision, with a copy if possible",
        RED, false;
    RED_ASSURANCES = "red.assurances", "extradition will be sought, and the request conforms to national law", RED, false;

    YELLOW_REPORTED = "yellow.reported", "reported to the police as missing, whereabouts unknown", YELLOW, false;
    YELLOW_LAW = "yellow.law", "national law on privacy permits the request", YELLOW, false;
    YELLOW_IDENTITY = "yellow.identity", "identity or a photograph", YELLOW, false;
    YELLOW_DISAPPEARANCE = "yellow.disappearance", "date and place of the disappearance, or of finding", YELLOW, false;
    YELLOW_MINOR = "yellow.minor", "whether the person is a minor, and then the names of the parents", YELLOW, false;
    YELLOW_WISH = "yellow.wish", "an adult's wish to stay anonymous when found is known", YELLOW, false;

    BLUE_STATUS = "blue.status", "the person is convicted, charged, a suspect, a witness or a victim", BLUE, false;
    BLUE_ASKED = "blue.asked", "what is asked: to locate, to identify, the criminal record", BLUE, false;
    BLUE_IDENTITY = "blue.identity", "identity or a photograph", BLUE, false;
    BLUE_FACTS = "blue.facts", "the facts of the investigation", BLUE, false;

    BLACK_FOUND = "black.found", "a body is found whose identity is not established: place and date", BLACK, false;
    BLACK_DESCRIPTION = "black.description",
        "one or more of description, fingerprints, DNA, dental chart, belongings, tattoos", BLACK, false;

    GREEN_ASSESSMENT = "green.assessment",
        "a national assessment that the person is a possible danger to public safety", GREEN, false;
    GREEN_GROUNDS = "green.grounds", "the assessment rests on convictions or other reasonable grounds", GREEN, false;
    GREEN_IDENTITY = "green.identity", "identity", GREEN, false;

    ORANGE_THREAT = "orange.threat", "a description of the serious and imminent threat", ORANGE, false;
    ORANGE_WHERE_WHEN = "orange.where-when", "area and time of the threat", ORANGE, false;
    ORANGE_TARGET = "orange.target", "target or object of the threat", ORANGE, false;

    PURPLE_FACTS = "purple.facts", "the facts of the case", PURPLE, false;
    PURPLE_METHOD = "purple.method", "a description of method, object, device or vessel", PURPLE, false;
    PURPLE_INVESTIGATION = "purple.investigation", "whether the investigation is still open", PURPLE, false;

    SILVER_ASSET = "silver.asset", "the type of each asset", SILVER, true;
    SILVER_PERSON = "silver.person", "the person to whom the assets are linked", SILVER, true;
    SILVER_OFFENCE = "silver.offence", "an offence punishable by four years or more", SILVER, true;
    SILVER_FINANCE = "silver.finance", "the financial dimension", SILVER, true;
    SILVER_ASKED = "silver.asked", "what is asked: to identify, to trace, to learn more", SILVER, true;

    UN_REFERENCE = "un.reference", "the reference of the United Nations list, with its date", UN, true;
    UN_RESOLUTION = "un.resolution", "the resolution of the Security Council", UN, true;
    UN_MEASURES = "un.measures", "the measures: asset freeze, travel ban, arms embargo", UN, true;
    UN_SUBJECT = "un.subject", "the person or the entity under sanctions", UN, true;

    LIFE_ORDER = "life.order", "a step that the standing of the notice does not allow", LIFE, false;
    LIFE_SOURCE_OWNS = "life.source-owns", "only the source alters, renews or cancels what it asked for", LIFE, false;
    LIFE_REVIEW = "life.review", "only a reviewer returns, refuses, publishes, suspends or withdraws", LIFE, false;
    LIFE_REQUESTER = "life.requester", "each colour may be asked for by some only", "types of notices, RPD", false;
    LIFE_TYPE = "life.type", "the network's charter has this type of notice", "types of notices, RPD", false;
    LIFE_PILOT = "life.pilot", "only the participants of a pilot may ask for its notices", SILVER, true;
    LIFE_RENEWAL = "life.renewal",
        "renewed with a reason, in the last six months, by five years or less", LIFE, false;
    LIFE_EXPIRED = "life.expired", "what has expired stays so", LIFE, false;
    LIFE_VERSION = "life.version", "a review holds for the version that it names, and for no other", MESH, true;
    LIFE_ONE_VOTE = "life.one-vote", "a reviewer decides once on each matter", MESH, true;
    LIFE_OWN_REVIEW = "life.own-review", "nobody reviews a request of his own", MESH, true;
    LIFE_PURPOSE = "life.purpose",
        "a new text has the colour of the old one: another purpose is another request", LIFE, false;
    LIFE_ONE_PLACE = "life.one-place", "one place in an author's log holds one event", MESH, true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_told_in_the_domain_document() {
        let told = include_str!("../../../../docs/DOMAIN.md");
        let mut seen = std::collections::BTreeSet::new();
        for rule in ALL {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            assert!(told.contains(&format!("`{}`", rule.id)), "docs/DOMAIN.md does not tell {}", rule.id);
        }
    }
}
