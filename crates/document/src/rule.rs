//! Rules of the domain that a problem can name: what is asked, and where that comes from.

use std::fmt;

use serde::Serialize;

/// A rule, and how sure it is that it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    /// Its name, stable, as documents and programs cite it: `red.warrant`.
    pub id: &'static str,
    /// What it asks, in a few words.
    pub asks: &'static str,
    /// The text from which it is taken.
    pub source: &'static str,
    /// False where the text was not at hand, so that the rule is what is generally said of it.
    pub verified: bool,
}

/// `red.warrant: a valid arrest warrant, … (minimum data of a Red Notice; unverified)`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubt = if self.verified { "" } else { "; unverified" };
        write!(f, "{}: {} ({}{doubt})", self.id, self.asks, self.source)
    }
}

/// Describes rules: `rules! { NAME = "id", "what it asks", SOURCE, verified; … }`, and the table `ALL` of them.
macro_rules! rules {
    ($( $name:ident = $id:literal, $asks:literal, $source:expr, $verified:literal; )*) => {
        $(
            #[doc = $asks]
            pub const $name: $crate::rule::Rule = $crate::rule::Rule { id: $id, asks: $asks, source: $source, verified: $verified };
        )*
        /// All of them.
        pub const ALL: &[$crate::rule::Rule] = &[$($name),*];
    };
}

pub(crate) use rules;
