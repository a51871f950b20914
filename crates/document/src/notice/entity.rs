//! A legal entity in a notice.

use crate::codes::{Country, OpenCode};
use crate::form::{form, no_rules};
use crate::text::{Line, Prose};

form! {
    /// A legal entity: a company, a foundation, an organisation.
    struct Entity, rules no_rules {
        /// Name.
        required name: Line = "Name";
        /// Name in its original script.
        optional original_name: Line = "Name in original script";
        /// Other and former names.
        list aliases: Line = "Alias";
        /// Legal form.
        optional legal_form: Line = "Legal form";
        /// Country of registration.
        optional country: OpenCode<Country> = "Country";
        /// Number in the register.
        optional registration_number: Line = "Registration number";
        /// What it mainly does.
        optional activity: Line = "Activity";
        /// Those who run it.
        list administrators: Line = "Administrator";
        /// Addresses.
        list addresses: Line = "Address";
        /// What else is to be said of it.
        optional remarks: Prose = "Remarks";
    }
}
