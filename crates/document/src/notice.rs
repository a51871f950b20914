//! **Notices**: what a bureau asks to be published to all members, by colours.
//!
//! A notice is *requested* by a bureau and *published* after review; what is reviewed and shown is decided by
//! [`life`], what stands in it by the form of its colour ([`Colour`]). The forms share the machinery of the Ecomessage, with
//! one difference: what the rules ask of a request (the *minimum data*) is a matter of the rules and not of the
//! structure. A notice that lacks it is still a notice, as the extracts of the public list are ([`public`]), but [`check`]
//! names every item that is missing, with the [rule](rules) that asks for it.
//!
//! `docs/DOMAIN.md` tells the model rule by rule.

pub mod colour;
pub mod life;
pub mod public;
pub mod rules;

mod black;
mod blue;
mod entity;
mod green;
mod identity;
mod judicial;
mod orange;
pub(crate) mod person;
mod place;
mod purple;
mod red;
pub(crate) mod request;
mod silver;
mod step;
pub(crate) mod subject;
mod un;
mod yellow;

pub use black::{BlackNotice, Body};
pub use blue::{BlueNotice, Investigation};
pub use colour::Colour;
pub use entity::Entity;
pub use green::{Assessment, Conviction, GreenNotice};
pub use identity::{Identity, IdentityRecord, OriginalName, Parents, PhysicalDescription};
pub use judicial::{Charge, Judicial, PROSECUTION_MONTHS_MIN, SENTENCE_MONTHS_MIN, Warrant};
pub use orange::{OrangeNotice, Threat};
pub use place::NoticePlace;
pub use purple::{Method, PurpleNotice};
pub use red::{Assurances, RedNotice};
pub use request::{NoticeRequest, is_notice_number};
pub use silver::{Asset, AssetOffence, SILVER_MONTHS_MIN, SilverNotice};
pub use step::NoticeStep;
pub use un::{Listing, UnNotice};
pub use yellow::{Disappearance, YellowNotice};

use crate::form::FormSpec;
use crate::kinds::{FormKind, kinds};
use crate::report::Report;
use crate::template::{Heading, commented};

kinds! {
    /// A notice of any colour.
    enum Notice of Colour;
    /// Its colour.
    kind colour;
    /// What the bureau says of the request.
    common request, request_mut: NoticeRequest;
    /// A wanted person.
    Red(RedNotice) = colour::RED;
    /// A missing person, or one who cannot identify himself or herself.
    Yellow(YellowNotice) = colour::YELLOW;
    /// A person of interest.
    Blue(BlueNotice) = colour::BLUE;
    /// A dead body.
    Black(BlackNotice) = colour::BLACK;
    /// A person likely to repeat crimes.
    Green(GreenNotice) = colour::GREEN;
    /// A threat.
    Orange(OrangeNotice) = colour::ORANGE;
    /// A method, an object, a vessel.
    Purple(PurpleNotice) = colour::PURPLE;
    /// Assets.
    Silver(SilverNotice) = colour::SILVER;
    /// Somebody under sanctions of the Security Council.
    Un(UnNotice) = colour::UN;
}

impl FormKind for Colour {
    const WHAT: &'static str = "notice";

    fn all() -> &'static [&'static Self] {
        colour::ALL
    }

    fn form(&self) -> &'static str {
        self.form
    }

    fn spec(&self) -> &'static FormSpec {
        self.spec
    }
}

/// Checks a request for a notice in TOML and lists every problem at once.
pub fn check(text: &str) -> Report {
    match Notice::from_toml(text) {
        Ok((_, report)) | Err(report) => report,
    }
}

/// A commented form of a colour. `language` (`ar`, `en`, `fr`, `es`) is filled in, and chooses the language of the codes'
/// labels where the tables have it.
pub fn template(colour: &Colour, language: Option<&str>) -> String {
    let heading =
        Heading { title: colour.title, purpose: Some(colour.purpose), form: colour.form, command: "notice" };
    commented(&heading, colour.spec, language)
}
