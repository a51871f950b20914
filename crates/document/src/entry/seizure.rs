//! **Environmental seizures**, for analysis: what was found where, in the words and codes of the Ecomessage. Persons and
//! companies are left out: they stand in the Ecomessage, which only its addressees read.

use crate::codes::{Code, Family};
use crate::ecomessage::{Discovery, Itinerary, Product, Reported, Transport, Worth};
use crate::entry::{EntrySource, database, rules};
use crate::form::{Reader, form};
use crate::notice::rules::ENTRY_SOURCE;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// An environmental seizure.
    struct SeizureEntry, rules seizure_rules {
        /// Who enters it, and what the source allows.
        needed source: EntrySource = "Source" by ENTRY_SOURCE;
        /// Family of crime.
        needed family: Code<Family> = "Family" by rules::SEIZURE_FAMILY;
        /// When, where and how it was found.
        needed discovery: Discovery = "Discovery" by rules::SEIZURE_DISCOVERY;
        /// One entry for each product: what it is, how much of it, what it is worth.
        needed_list products: Product = "Product" by rules::SEIZURE_PRODUCT;
        /// Value of the whole, where it is not told by product.
        list values: Worth = "Value of the whole";
        /// The way of the goods, leg by leg.
        optional itinerary: Itinerary = "Itinerary";
        /// One entry for each means of transport, with its containers.
        list transports: Transport = "Means of transport";
        /// Reference of the Ecomessage that reported it.
        recommended message: Line = "Ecomessage";
        /// Name of the operation, if it was one.
        optional operation: Line = "Operation";
        /// What else is to be said of it, but not of persons.
        optional remarks: Prose = "Remarks";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }
}

fn seizure_rules(form: &Node, reader: &mut Reader) {
    database::source_rules(&database::SEIZURE, form, reader);
}
