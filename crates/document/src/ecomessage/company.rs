//! Section 7: companies.

use crate::codes::{Code, CompanyRole, Country};
use crate::form::{form, no_rules};
use crate::text::{Line, Prose};

form! {
    /// A company.
    struct Company, rules no_rules {
        /// Role in the case.
        required role: Code<CompanyRole> = "Role";
        /// Name.
        required name: Line = "Name";
        /// Country of registration.
        optional country: Code<Country> = "Country";
        /// Number in the register.
        optional registration_number: Line = "Registration number";
        /// Addresses.
        list addresses: Line = "Address";
        /// Telephone numbers.
        list phones: Line = "Telephone";
        /// Mail and web addresses.
        list mails: Line = "Mail";
        /// Bank and account.
        optional bank: Line = "Bank";
        /// Directors.
        list directors: Line = "Director";
        /// Further information.
        optional remarks: Prose = "Remarks";
    }
}
