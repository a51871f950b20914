//! **Entries of databases**: what a bureau tells all others of objects and persons that they may come across, so that a
//! look-up finds it: travel documents, vehicles, vessels, works of art, firearms, persons, seizures.
//!
//! An entry is its source's: it says who entered it and under which reference, who must not see it, and how long it is kept.
//! The forms share the machinery of the [notices](crate::notice): what the rules ask is asked of whoever *writes* an entry,
//! and every item that is missing is named with its [rule](rules). Numbers by which something is found must be right:
//! a [check digit](crate::check_digits) that does not fit is an error where the standard promises one.
//!
//! `docs/DOMAIN.md` tells the model rule by rule.

pub mod database;
pub mod rules;

mod art;
pub(crate) mod batch;
mod firearm;
mod loss;
mod nominal;
mod numbers;
mod seizure;
mod sltd;
mod source;
mod step;
mod subject;
mod vehicle;
mod vessel;

pub use art::{ArtEntry, WorkOfArt};
pub use batch::{BATCHED, Batch, BatchError};
pub use database::{Database, Retention};
pub use firearm::{Firearm, FirearmEntry};
pub use loss::Loss;
pub use nominal::{NominalEntry, NominalFacts};
pub use seizure::SeizureEntry;
pub use sltd::{SltdEntry, TravelDocument, issues};
pub use source::EntrySource;
pub use step::EntryStep;
pub use vehicle::{StolenVehicle, VehicleEntry};
pub use vessel::{StolenVessel, VesselEntry};

use crate::form::FormSpec;
use crate::kinds::{FormKind, kinds};
use crate::member::MemberCode;
use crate::report::Report;
use crate::rule::Rule;
use crate::template::{Heading, commented};

kinds! {
    /// An entry of any database.
    enum DatabaseEntry of Database;
    /// Its database.
    kind database;
    /// Who entered it, under which reference, for whom and for how long.
    common source, source_mut: EntrySource;
    /// A travel document that is stolen, lost or no longer good.
    Sltd(SltdEntry) = database::SLTD;
    /// A stolen vehicle, or a part of one.
    Vehicle(VehicleEntry) = database::VEHICLE;
    /// A stolen vessel, or its motor.
    Vessel(VesselEntry) = database::VESSEL;
    /// A stolen or looted work of art.
    Art(ArtEntry) = database::ART;
    /// A stolen, lost or smuggled firearm.
    Firearm(FirearmEntry) = database::FIREARM;
    /// A person.
    Nominal(NominalEntry) = database::NOMINAL;
    /// An environmental seizure.
    Seizure(SeizureEntry) = database::SEIZURE;
}

impl FormKind for Database {
    const WHAT: &'static str = "entry";

    fn all() -> &'static [&'static Self] {
        database::ALL
    }

    fn form(&self) -> &'static str {
        self.form
    }

    fn spec(&self) -> &'static FormSpec {
        self.spec
    }
}

/// Whether a member may enter this. Only SLTD asks who: the country that issued a document.
///
/// The sender is who signed; what the form says of it (`source.from`) is compared by [`check`] alone. A document that does
/// not say who issued it is entered by nobody.
///
/// # Errors
/// The rule that forbids it.
pub fn may_enter(entry: &DatabaseEntry, sender: &MemberCode) -> Result<(), &'static Rule> {
    let DatabaseEntry::Sltd(entry) = entry else { return Ok(()) };
    let issuer = entry.document.as_ref().and_then(|document| document.country.as_ref());
    let is_issuer = issuer.is_some_and(|country| issues(country.0.as_str(), sender));
    if is_issuer { Ok(()) } else { Err(&rules::SLTD_ISSUER) }
}

/// Checks an entry in TOML and lists every problem at once.
pub fn check(text: &str) -> Report {
    match DatabaseEntry::from_toml(text) {
        Ok((_, report)) | Err(report) => report,
    }
}

/// A commented form of a database. `language` (`ar`, `en`, `fr`, `es`) is filled in, and chooses the language of the codes'
/// labels where the tables have it.
pub fn template(database: &Database, language: Option<&str>) -> String {
    let heading = Heading {
        title: database.title,
        purpose: Some(database.purpose),
        form: database.form,
        command: "db",
    };
    commented(&heading, database.spec, language)
}
