//! The **Ecomessage** (kind 256): the structured report of an environmental crime from one bureau to others.
//!
//! Sections 0 to 14 follow the form of 1994 and what real seizure databases carry beside it. Section 0, the envelope,
//! is the form's top level; what the record's header states (author, addressees, time, priority) is the header's to
//! say, and the fields here of the same meaning are what the sender wrote into the form.

mod agency;
mod company;
mod discovery;
mod itinerary;
mod legal;
mod modus;
mod paper;
mod person;
mod product;
mod quantity;
mod transport;

pub use agency::{Additional, Agency, Attachment, Reported, Request};
pub use company::Company;
pub use discovery::{Discovery, Place};
pub use itinerary::{Itinerary, Leg};
pub use legal::{InstrumentReference, LawReference, Legal, Subject};
pub use modus::ModusOperandi;
pub use paper::{Goods, Paper};
pub use person::{IdentityPaper, Person, PersonReference};
pub use product::{Mark, Product};
pub use quantity::{Quantity, Worth};
pub use transport::{Transport, Vehicle, Vessel};

use crate::codes::{Code, Confidentiality, Country, Language, Priority};
use crate::date::UtcTime;
use crate::file::AttachedFile;
use crate::form::{Reader, form, no_rules};
use crate::member::MemberCode;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// Section 0, the envelope, and the sections 1 to 14 below it.
    struct Ecomessage, rules rules {
        /// The sending bureau's own reference of this message. Not unique across bureaus.
        required reference: Line = "Reference";
        /// When the bureau wrote it, in UTC. The record's header says when it was sent.
        optional date_time: UtcTime = "Written (UTC)";
        /// Sending member. It must be the bureau that sends; the record's header is what counts.
        optional from: MemberCode = "From";
        /// Members to whom it is addressed. Addressees given when sending take precedence.
        list to: MemberCode = "To";
        /// Entities that get a copy. The General Secretariat (IPSG) gets one of every Ecomessage, written here or not.
        list copy: MemberCode = "Copy";
        /// How fast it is carried; routine if absent. A priority given when sending takes precedence.
        optional priority: Code<Priority> = "Priority";
        /// Language of the free texts.
        required language: Code<Language> = "Language";
        /// Level of confidentiality; FOR OFFICIAL USE ONLY if absent.
        optional confidentiality: Code<Confidentiality> = "Confidentiality";
        /// Restrictions of handling.
        optional handling: Handling = "Handling";
        /// Reference of the message to which this one replies, as its sender wrote it.
        optional reply_to_reference: Line = "In reply to";
        /// Reference of an earlier message that this one follows up.
        optional follow_up_of: Line = "Follow-up of";
        /// What it is about.
        required subject: Subject = "1 Subject";
        /// Which law is broken, and where the case stands.
        required legal: Legal = "2 Legal data";
        /// When, where and how it was found.
        required discovery: Discovery = "3 Discovery";
        /// One entry for each product: what it is, how much of it, what it is worth.
        some products: Product = "4 Products, 5 quantity and value";
        /// Value of the whole seizure, where it is not told by product.
        list values: Worth = "5 Value of the whole";
        /// One entry for each person.
        list persons: Person = "6 Persons";
        /// One entry for each company.
        list companies: Company = "7 Companies";
        /// The way of the goods, leg by leg.
        optional itinerary: Itinerary = "8 Itinerary";
        /// One entry for each means of transport.
        list transports: Transport = "9 Means of transport";
        /// One entry for each document used.
        list papers: Paper = "10 Documents used";
        /// What was declared against what was found.
        optional goods: Goods = "10 Goods declared and found";
        /// How it was done.
        optional modus_operandi: ModusOperandi = "11 Modus operandi";
        /// The agency that found it and told its bureau.
        required agency: Agency = "12 Reporting agency";
        /// What else there is to say.
        optional additional: Additional = "13 Additional information";
        /// One entry for each question.
        list requests: Request = "14 Information requested";
        /// What a source said that fits no field, word for word: dirty cells of an import, illegible entries.
        list reported: Reported = "As reported";
        /// Files that go with it. `ecomesh send --attach` fills this in: leave it out.
        list files: AttachedFile = "File";
    }

    /// Who must not see it.
    struct Handling, rules no_rules {
        /// Countries that must not get it.
        list excluded: Code<Country> = "Excluded countries";
        /// Further restrictions in words.
        optional note: Prose = "Restrictions";
    }
}

fn rules(form: &Node, reader: &mut Reader) {
    let from = form.get("from").and_then(Node::as_text);
    let to: Vec<_> =
        form.get("to").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_text).collect();
    if from.is_some_and(|from| to.contains(&from)) {
        reader.error(form, "to", "the sender is among the addressees", "take it out of to");
    }
    if to.iter().enumerate().any(|(i, member)| to[..i].contains(member)) {
        reader.error(form, "to", "an addressee is named twice", "name each once");
    }
    let excluded = form.get("handling").and_then(|h| h.get("excluded")).map(Node::items).unwrap_or_default();
    if let Some(country) = excluded.iter().filter_map(Node::as_text).find(|country| to.contains(country)) {
        let message = format!("{country} is an addressee and excluded");
        reader.error(form, "handling", message, "take it out of to or out of handling.excluded");
    }
    let reference = form.get("reference").and_then(Node::as_text);
    if reference.is_some() && reference == form.get("reply_to_reference").and_then(Node::as_text) {
        reader.error(
            form,
            "reply_to_reference",
            "the message replies to itself",
            "write the reference of the other message",
        );
    }
    warn_about_family(form, reader);
}

/// A family and products that have nothing to do with it are most often a slip in one of them.
fn warn_about_family(form: &Node, reader: &mut Reader) {
    let Some(family) = form.get("subject").and_then(|s| s.get("family")).and_then(Node::as_text) else {
        return;
    };
    let expected: &[&str] = match family {
        "fauna" => &["wildlife"],
        "flora-timber" => &["wildlife", "timber"],
        "fisheries" => &["fish", "wildlife"],
        "waste" => &["waste", "chemical"],
        "ozone-chemicals" => &["chemical"],
        "vessel-pollution" => &["vessel-discharge", "waste", "chemical"],
        "radioactive" => &["radioactive"],
        _ => return,
    };
    let products = form.get("products").map(Node::items).unwrap_or_default();
    let kinds: Vec<_> = products.iter().filter_map(|p| p.get("kind").and_then(Node::as_text)).collect();
    if !kinds.is_empty() && !kinds.iter().any(|kind| expected.contains(kind)) {
        let advice = format!(
            "with this family one expects kind {}; correct one of the two if it is a slip",
            expected.join(" or ")
        );
        reader.warn(
            form,
            "subject",
            format!("the family is {family}, but no product is of that sort"),
            advice,
        );
    }
}
