//! Where something happened, as exactly as it is known.

use crate::codes::{Country, OpenCode};
use crate::form::{form, no_rules};
use crate::text::Line;

form! {
    /// A place in words, and its country.
    struct NoticePlace, rules no_rules {
        /// The place in words, as the source names it.
        required text: Line = "Place";
        /// Country, ISO 3166-1 alpha-2: "KE"; XX if unknown, ZZ on the high seas.
        recommended country: OpenCode<Country> = "Country";
        /// Region, province or state.
        optional region: Line = "Region";
    }
}
