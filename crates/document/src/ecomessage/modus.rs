//! Section 11: how it was done.

use crate::codes::{Code, Concealment, Convergence};
use crate::form::{form, no_rules};
use crate::text::Prose;

form! {
    /// How it was done.
    struct ModusOperandi, rules no_rules {
        /// Ways of concealment, by code.
        list concealment: Code<Concealment> = "Concealment";
        /// The concealment in words.
        optional concealment_text: Prose = "Concealment in words";
        /// Packing.
        optional packing: Prose = "Packing";
        /// Payment.
        optional payment: Prose = "Payment";
        /// Communication.
        optional communication: Prose = "Communication";
        /// Corruption.
        optional corruption: Prose = "Corruption";
        /// Other crime found together with it, by code.
        list convergence: Code<Convergence> = "Convergence";
        /// The whole in words.
        optional description: Prose = "Description";
    }
}
