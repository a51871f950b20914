//! The register of databases: what each is for, how long its entries are kept, and what stands in them.

use crate::entry::{
    ArtEntry, FirearmEntry, NominalEntry, SeizureEntry, SltdEntry, VehicleEntry, VesselEntry, rules,
};
use crate::form::{FormSpec, Reader};
use crate::items::{entries, text};
use crate::notice::request::{VALIDITY_YEARS, lasts_too_long};
use crate::rule::Rule;
use crate::tree::Node;

/// A database.
#[derive(Debug)]
pub struct Database {
    /// Its name, as typed: "sltd".
    pub name: &'static str,
    /// Value of the field `form`: "sltd-entry".
    pub form: &'static str,
    /// What people call an entry of it.
    pub title: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// How long entries are kept.
    pub retention: Retention,
    /// Its fields.
    pub spec: &'static FormSpec,
}

/// How long entries of a database are kept; or shorter, if the source says so or the purpose is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Five years, then reassessed.
    FiveYears,
    /// Until it is recovered, or the source withdraws it.
    UntilRecovered,
}

impl Retention {
    /// Its code in the list "retention-class".
    pub fn code(self) -> &'static str {
        match self {
            Self::FiveYears => "five-years",
            Self::UntilRecovered => "until-recovered",
        }
    }

    /// The rule that says so.
    pub fn rule(self) -> &'static Rule {
        match self {
            Self::FiveYears => &rules::RETENTION_FIVE_YEARS,
            Self::UntilRecovered => &rules::RETENTION_UNTIL_RECOVERED,
        }
    }
}

impl Database {
    /// The database of a name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|database| database.name == name)
    }

    /// The database of a form's name.
    pub fn from_form(form: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|database| database.form == form)
    }
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Database {}

macro_rules! databases {
    ($( $name:ident = $database:literal, $form:literal, $title:literal, $purpose:literal, $retention:ident, $entry:ident; )*) => {
        $(
            #[doc = $purpose]
            pub static $name: Database = Database {
                name: $database,
                form: $form,
                title: $title,
                purpose: $purpose,
                retention: Retention::$retention,
                spec: $entry::SPEC,
            };
        )*
        /// All databases.
        pub static ALL: &[&Database] = &[$(&$name),*];
    };
}

databases! {
    SLTD = "sltd", "sltd-entry", "Stolen or lost travel document",
        "A travel document that is no longer good. Only the country that issued it enters it. It names no holder.",
        UntilRecovered, SltdEntry;
    VEHICLE = "vehicle", "vehicle-entry", "Stolen vehicle", "A stolen vehicle, or a part of one that has a number.",
        UntilRecovered, VehicleEntry;
    VESSEL = "vessel", "vessel-entry", "Stolen vessel", "A stolen boat, ship or motor.", UntilRecovered, VesselEntry;
    ART = "art", "art-entry", "Stolen work of art", "A stolen or looted cultural object that can be told from others.",
        UntilRecovered, ArtEntry;
    FIREARM = "firearm", "firearm-entry", "Illicit firearm", "A stolen, lost or smuggled firearm, or a main part of one.",
        UntilRecovered, FirearmEntry;
    NOMINAL = "nominal", "nominal-entry", "Person", "A person of interest for international police co-operation.",
        FiveYears, NominalEntry;
    SEIZURE = "seizure", "seizure-entry", "Environmental seizure",
        "A seizure of wildlife, timber, fish, waste, chemicals or the like, for analysis. It names no persons.",
        FiveYears, SeizureEntry;
}

/// What the register asks of an entry's source: the class of retention, and restrictions that make sense.
pub(super) fn source_rules(database: &'static Database, form: &Node, reader: &mut Reader) {
    let class = text(form, "source.retention");
    if class.is_some_and(|class| class != database.retention.code()) {
        reader.by(Some(database.retention.rule())).error(
            form,
            "source.retention",
            "another class of retention than that of the database",
            format!("write \"{}\", or delete the line", database.retention.code()),
        );
    }
    if database.retention == Retention::FiveYears && form.get("source").is_some_and(lasts_too_long) {
        reader.by(Some(&rules::RETENTION_FIVE_YEARS)).error(
            form,
            "source.valid_until",
            format!("it is more than {VALIDITY_YEARS} years after date_time"),
            "choose an earlier end; it can be renewed later, with a reason",
        );
    }
    let from = text(form, "source.from");
    let excluded = entries(form, "source.handling.excluded");
    if from.is_some() && excluded.iter().any(|country| country.as_text() == from) {
        reader.by(Some(&rules::RESTRICTION)).error(
            form,
            "source.handling.excluded",
            "the entering member is among the excluded",
            "take it out: the source always has its own entry",
        );
    }
}
