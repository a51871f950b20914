//! Projections for people: how an officer finds what the logs hold, by number, by name and by words.
//!
//! - [`exact`]: a number or a plate, in the one spelling that `ecomesh-document` gives it, leads to its entries;
//! - [`names`]: a person's name leads to persons who may be meant, through spelling, script, order and slips;
//! - [`text`]: words and phrases lead to documents in Arabic, English, French and Spanish.
//!
//! A **place** is a number that the caller gives to whatever it indexes; an answer is places. This crate knows nothing of records,
//! nodes and rights: who may see what a place stands for is asked of the record, after the search.
//!
//! **In memory only.** What is indexed is personal data, and the logs hold it encrypted. Nothing here touches a file: a node
//! builds its indexes from its store when it is unlocked and drops them when it is locked, and the allocator of the program
//! wipes what is freed. What is removed is gone at once from [`names`]; in [`exact`] a fingerprint and a place stay until half
//! of a run is removed; in [`text`] words stay until a merge ([`text::Text::compact`]).
//!
//! **Bounded.** Each query has a bound of its own ([`limits`]), whatever it says, so that nobody can make one search cost what a
//! thousand do. Indexes grow with what is put into them, and the caller bounds that.
//!
//! There is no clock and no randomness in it: secrets are arguments, and the same additions give the same answers.
//!
//! ```
//! use ecomesh_document::lookup::Number;
//! use ecomesh_search::{exact::Exact, names::Names, text::{Language, Text}};
//!
//! // In a node the secret is random.
//! let mut plates = Exact::new([7; 16]);
//! plates.insert(Number::Plate.key("KAA 123X").as_bytes(), 1)?;
//! assert_eq!(plates.places(Number::Plate.key("kaa-123-x").as_bytes(), 10), [1]);
//!
//! let mut names = Names::new();
//! names.add(1, "Иван Петрович Гаврилов");
//! assert_eq!(names.search("Gawrilow, Iwan", 10)[0].place, 1);
//!
//! let mut texts = Text::new()?;
//! texts.add(1, Language::French, "Saisie d’ivoire", "Deux suspects ont été interpellés.")?;
//! texts.commit()?;
//! assert_eq!(texts.search("interpellé", None, 10)?[0].place, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod exact;
pub mod limits;
pub mod names;
pub mod text;

/// A place that answers a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The number that the caller gave it.
    pub place: u32,
    /// How well it answers; the search says on what scale.
    pub score: f32,
}
