//! What bureaus say: the documents of ecomesh, their forms, codes and rules.
//!
//! A **document** is the content of a record's body. This crate alone knows what stands in one; everything below it
//! carries bytes. A document has a [`Kind`] (the number in the record's header) and three forms that hold the same:
//!
//! - **TOML**, which people write: [`template`] gives an empty form with comments, [`check`] lists every problem of a
//!   filled one at once, with line, field and what to do;
//! - **JSON**, which programs exchange: `Document` is serde's `Serialize` and `Deserialize`;
//! - **canonical bytes**, which are hashed and signed: [`Document::encode`] and [`Document::decode`].
//!
//! Each form is described once ([`schema`]); checking, template, printing ([`render`]) and tests follow from that.
//! What a source did not say is never made up: dates keep their precision, an unknown amount is no zero, a derived
//! amount stands beside the reported one, and what fits no field is kept word for word. [`incident`] turns rows of a
//! real incident sheet into Ecomessages by these rules, [`mapping`] the rows of any sheet into any form, as a file says.
//!
//! What bureaus ask to be published to all is the module [`notice`], what they tell all others of objects and persons is
//! [`entry`]; [`lookup`] gives a number the one spelling by which it is found.
//!
//! Codes stand in lists that are data: [`codes`]. Regions of the world, to which something can be sent by name, are [`region`].
//!
//! What all of them together come to, [`projection`] computes: which notices stand, and which entries.
//!
//! The crate is pure: no clock, no file, no network, no randomness.

pub mod check_digits;
pub mod codes;
mod customs;
pub mod date;
pub mod dates;
pub mod decimal;
pub mod ecomessage;
pub mod entry;
pub mod file;
pub mod hit;
pub mod incident;
pub mod limits;
pub mod lookup;
pub mod mapping;
pub mod member;
pub mod message;
pub mod notice;
pub mod projection;
pub mod region;
pub mod report;
pub mod rule;
pub mod template;
pub mod text;

mod document;
mod form;
mod items;
mod kinds;
mod reading;
mod record_ref;
mod render;
mod tree;

pub use document::{
    DIFFUSION, DecodeError, Document, ECOMESSAGE, ENTRY, ENTRY_BATCH, ENTRY_STEP, EncodeError, Forms, HIT,
    KINDS, Kind, MESSAGE, NOTICE, NOTICE_STEP, ReadDocument, check,
};
pub use form::Count;
pub use record_ref::RecordRef;
pub use render::{render, words};

/// The description that every form is made of.
pub mod schema {
    pub use crate::form::{FieldKind, FieldSpec, FormSpec, Need};
}
