//! The register of notices: which colours there are, what each is for, who may ask for it, and whether the public sees it.
//!
//! A new type of notice is created by a decision of INTERPOL's General Assembly (RPD, about article 73). So the register
//! is a table, and not an enumeration that code elsewhere takes for complete: a document of a colour
//! that a version does not know is refused by name, as a document of an unknown kind is.

use crate::form::{FormSpec, Reader};
use crate::items::text;
use crate::member::MemberCode;
use crate::notice::{
    BlackNotice, BlueNotice, GreenNotice, OrangeNotice, PurpleNotice, RedNotice, SilverNotice, UnNotice,
    YellowNotice, rules,
};
use crate::tree::Node;

/// A type of notice.
#[derive(Debug)]
pub struct Colour {
    /// Its name, as typed: "red".
    pub name: &'static str,
    /// Value of the field `form`: "red-notice".
    pub form: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Who may ask for it.
    pub requesters: &'static [Party],
    /// Whether the public may see an extract.
    pub extract: Extract,
    /// Whether it is a pilot, in which only some may take part.
    pub pilot: bool,
    /// Its fields.
    pub spec: &'static FormSpec,
}

/// What a member is, as far as it may ask for notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A National Central Bureau.
    Bureau,
    /// An international court or tribunal.
    Tribunal,
    /// INTERPOL's General Secretariat (IPSG).
    Secretariat,
    /// Committees of the United Nations Security Council.
    SecurityCouncil,
}

/// Whether the public may see an extract of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extract {
    /// Always.
    Always,
    /// If the source agrees.
    WithConsent,
    /// Never.
    Never,
}

impl Party {
    /// What a member code alone says: two letters are a bureau, `IPSG` is the General Secretariat. Of other entities
    /// only the roster knows what they are.
    pub fn of(member: &MemberCode) -> Option<Self> {
        match member.as_str() {
            code if code.len() == 2 => Some(Self::Bureau),
            "IPSG" => Some(Self::Secretariat),
            "ICC" => Some(Self::Tribunal),
            _ => None,
        }
    }
}

impl Colour {
    /// The colour of a name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|colour| colour.name == name)
    }

    /// The colour of a form's name.
    pub fn from_form(form: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|colour| colour.form == form)
    }
}

impl PartialEq for Colour {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Colour {}

macro_rules! colours {
    ($( $name:ident = $colour:literal, $form:literal, $title:literal, $purpose:literal, $requesters:expr, $extract:ident,
        $pilot:literal, $notice:ident; )*) => {
        $(
            #[doc = $purpose]
            pub static $name: Colour = Colour {
                name: $colour,
                form: $form,
                title: $title,
                purpose: $purpose,
                requesters: $requesters,
                extract: Extract::$extract,
                pilot: $pilot,
                spec: $notice::SPEC,
            };
        )*
        /// All colours, in the order in which people name them.
        pub static ALL: &[&Colour] = &[$(&$name),*];
    };
}

colours! {
    RED = "red", "red-notice", "Red Notice",
        "To locate and arrest a wanted person, for extradition, surrender or the like. It is no arrest warrant.",
        &[Party::Bureau, Party::Tribunal], WithConsent, false, RedNotice;
    YELLOW = "yellow", "yellow-notice", "Yellow Notice",
        "To find a missing person, often a minor, or to identify somebody who cannot identify himself or herself.",
        &[Party::Bureau], WithConsent, false, YellowNotice;
    BLUE = "blue", "blue-notice", "Blue Notice",
        "To identify, to locate or to learn more of a person of interest in a criminal investigation.",
        &[Party::Bureau, Party::Tribunal], Never, false, BlueNotice;
    BLACK = "black", "black-notice", "Black Notice", "To identify a dead body.",
        &[Party::Bureau], WithConsent, false, BlackNotice;
    GREEN = "green", "green-notice", "Green Notice",
        "To warn of a person who is likely to repeat crimes in other countries.",
        &[Party::Bureau], Never, false, GreenNotice;
    ORANGE = "orange", "orange-notice", "Orange Notice",
        "To warn of an event, a person, an object or a process that is a serious and imminent threat.",
        &[Party::Bureau, Party::Secretariat], WithConsent, false, OrangeNotice;
    PURPLE = "purple", "purple-notice", "Purple Notice",
        "To tell of a modus operandi, of objects, devices, vessels and methods of concealment.",
        &[Party::Bureau, Party::Secretariat], WithConsent, false, PurpleNotice;
    SILVER = "silver", "silver-notice", "Silver Notice",
        "To identify, to trace and to learn more of criminal assets. A pilot, in which some countries take part.",
        &[Party::Bureau], Never, true, SilverNotice;
    UN = "un", "un-notice", "INTERPOL–UN Security Council Special Notice",
        "To tell of a person or an entity under sanctions of the United Nations Security Council.",
        &[Party::SecurityCouncil], Always, false, UnNotice;
}

/// What the register asks of a request: that its sender may ask for the colour, and what the public may see.
pub(super) fn request_rules(colour: &'static Colour, form: &Node, reader: &mut Reader) {
    let from = text(form, "request.from").and_then(|from| MemberCode::parse(from).ok());
    let party = from.as_ref().and_then(Party::of);
    if let (Some(from), Some(party)) = (from, party)
        && !colour.requesters.contains(&party)
    {
        // No error: everybody may send a diffusion of any colour. Requests are refused by the life cycle.
        reader.by(Some(&rules::REQUESTER)).warn(
            form,
            "request.from",
            format!("{from} may not ask for this: {}", colour.title),
            format!("this notice is asked for by {}; send a diffusion instead", names(colour.requesters)),
        );
    }
    let wanted = text(form, "request.public_extract");
    let breaks = match colour.extract {
        Extract::Never => wanted == Some("yes"),
        Extract::Always => wanted == Some("no"),
        Extract::WithConsent => false,
    };
    if breaks {
        let says = if colour.extract == Extract::Never { "never has" } else { "always has" };
        reader.by(Some(&rules::PUBLIC_EXTRACT)).error(
            form,
            "request.public_extract",
            format!("{} {says} a public extract", colour.title),
            "delete the line",
        );
    }
}

fn names(parties: &[Party]) -> String {
    let name = |party: &Party| match party {
        Party::Bureau => "a bureau",
        Party::Tribunal => "an international court or tribunal",
        Party::Secretariat => "the General Secretariat (IPSG)",
        Party::SecurityCouncil => "a committee of the United Nations Security Council",
    };
    parties.iter().map(name).collect::<Vec<_>>().join(" or ")
}
