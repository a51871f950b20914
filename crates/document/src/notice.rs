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
mod items;
mod judicial;
mod orange;
mod person;
mod place;
mod purple;
mod red;
mod request;
mod silver;
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
pub use un::{Listing, UnNotice};
pub use yellow::{Disappearance, YellowNotice};

use crate::form::{Field, Form, Mode, Reader};
use crate::reading::{self, FromForm};
use crate::render::render_form;
use crate::report::{Finding, Report, Severity, excerpt};
use crate::template::{Heading, commented};
use crate::tree::{Entry, Node, Value};

macro_rules! notices {
    ($( $(#[doc = $doc:literal])* $variant:ident($form:ident) = $colour:ident; )*) => {
        /// A notice of any colour.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Notice {
            $( $(#[doc = $doc])* $variant(Box<$form>), )*
        }

        impl Notice {
            /// Its colour.
            pub fn colour(&self) -> &'static Colour {
                match self {
                    $( Self::$variant(_) => &colour::$colour, )*
                }
            }

            /// What the bureau says of the request.
            pub fn request(&self) -> Option<&NoticeRequest> {
                match self {
                    $( Self::$variant(notice) => notice.request.as_ref(), )*
                }
            }

            fn write_fields(&self) -> Vec<Entry> {
                match self {
                    $( Self::$variant(notice) => notice.write_table(), )*
                }
            }

            fn read_fields(colour: &'static Colour, table: &Node, reader: &mut Reader) -> Option<Self> {
                $(
                    if *colour == colour::$colour {
                        return $form::read(table, reader).map(Self::from);
                    }
                )*
                None
            }
        }

        $(
            impl From<$form> for Notice {
                fn from(notice: $form) -> Self {
                    Self::$variant(Box::new(notice))
                }
            }
        )*
    };
}

notices! {
    /// A wanted person.
    Red(RedNotice) = RED;
    /// A missing person, or one who cannot identify himself or herself.
    Yellow(YellowNotice) = YELLOW;
    /// A person of interest.
    Blue(BlueNotice) = BLUE;
    /// A dead body.
    Black(BlackNotice) = BLACK;
    /// A person likely to repeat crimes.
    Green(GreenNotice) = GREEN;
    /// A threat.
    Orange(OrangeNotice) = ORANGE;
    /// A method, an object, a vessel.
    Purple(PurpleNotice) = PURPLE;
    /// Assets.
    Silver(SilverNotice) = SILVER;
    /// Somebody under sanctions of the Security Council.
    Un(UnNotice) = UN;
}

impl Notice {
    /// Reads a request for a notice in TOML; the report holds the warnings.
    ///
    /// # Errors
    /// The report, with at least one error, if the notice cannot be asked for like this.
    pub fn from_toml(text: &str) -> Result<(Self, Report), Report> {
        reading::from_toml(text)
    }

    /// Reads a request for a notice in JSON; the report holds the warnings.
    ///
    /// # Errors
    /// As [`Notice::from_toml`]; problems have a path, but no line.
    pub fn from_json(json: &serde_json::Value) -> Result<(Self, Report), Report> {
        reading::from_json(json)
    }

    /// Takes a notice in JSON for its structure alone: what the rules ask of a request may be missing, and codes may
    /// be of newer tables.
    ///
    /// # Errors
    /// The report of what is no notice of that form.
    pub fn carried(json: &serde_json::Value) -> Result<Self, Report> {
        let node =
            Node::from_json(json).map_err(|error| Report::new(vec![reading::finding(None, error)], None))?;
        let mut findings = Vec::new();
        let notice = read(&node, Mode::Carried, &mut findings);
        let report = Report::new(findings, None);
        notice.filter(|_| report.is_ok()).ok_or(report)
    }

    /// Checks a notice as a request for it is checked, codes and rules included.
    pub fn check(&self) -> Report {
        let mut findings = Vec::new();
        read(&self.to_node(), Mode::Author, &mut findings);
        Report::new(findings, None)
    }

    /// The form in TOML. Reading it gives the same notice.
    pub fn to_toml(&self) -> String {
        self.to_node().to_toml()
    }

    /// The form in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.to_node().to_json()).expect("the writer of canonical bytes writes JSON")
    }

    /// Code of its language: `ar`, `en`, `fr`, `es`; English where it does not say.
    pub fn language(&self) -> &str {
        self.request().and_then(|request| request.language.as_ref()).map_or("en", |code| code.as_str())
    }

    /// The notice in plain text, as [`crate::render`] prints a document.
    pub fn render(&self) -> String {
        let colour = self.colour();
        render_form(colour.title, &self.to_node(), colour.spec, self.language())
    }
}

impl FromForm for Notice {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self> {
        read(node, Mode::Author, findings)
    }

    fn to_node(&self) -> Node {
        let mut entries = vec![Entry::new("form", Value::Text(self.colour().form.to_owned()))];
        entries.extend(self.write_fields());
        Node::new(Value::Table(entries))
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

/// Reads a form that names its colour. Without that nothing more is said of it: the colours have little in common.
fn read(node: &Node, mode: Mode, findings: &mut Vec<Finding>) -> Option<Notice> {
    let named = node.get("form");
    let Some(colour) = named.and_then(Node::as_text).and_then(Colour::from_form) else {
        findings.push(no_such_form(named));
        return None;
    };
    let fields = node.entries().iter().filter(|entry| entry.key != "form").cloned().collect();
    let table = Node { value: Value::Table(fields), at: node.at.clone() };
    let mut reader = Reader::new(mode, colour.spec);
    let notice = Notice::read_fields(colour, &table, &mut reader);
    findings.extend(reader.into_findings());
    notice
}

fn no_such_form(named: Option<&Node>) -> Finding {
    let message = match named {
        None => "the form does not say which notice it is".to_owned(),
        Some(node) => {
            format!("there is no notice {}", excerpt(node.as_text().unwrap_or_else(|| node.type_name())))
        }
    };
    let forms: Vec<_> = colour::ALL.iter().map(|colour| format!("\"{}\"", colour.form)).collect();
    Finding {
        severity: Severity::Error,
        at: named.map_or(Some(0..0), |node| node.at.clone()),
        path: "form".into(),
        message,
        advice: format!("begin the file with form = and one of {}", forms.join(", ")),
        rule: None,
    }
}
