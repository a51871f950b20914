//! **Import**: rows of anybody's sheet as forms, by a mapping that says of each column what it means.
//!
//! A mapping is a TOML file ([`Mapping::parse`]). It names the form that it makes, how the CSV file is written, values that
//! hold for all rows, and of each field the columns that fill it and how their cells are read. The rule is that of
//! [`incident`](crate::incident): **nothing is guessed and nothing is lost**. A cell that does not fit refuses its row, unless the mapping says that
//! it is kept word for word or left out with a warning. A column of which the mapping says nothing refuses the sheet. What
//! the form's own check refuses does not fit either, so a form that comes out here is one that can be sent.
//!
//! The crate takes cells; reading files is for others. `docs/DOMAIN.md` tells the format field by field.

mod build;
mod constants;
mod dates;
mod dialect;
mod fields;
mod forms;
mod lookup;
mod numbers;
mod outcome;
mod path;
mod plan;
mod public_list;
mod row;
mod sheet;
mod shipped;
mod value;
mod written;

pub use dialect::Dialect;
pub use forms::MappedForm;
pub use outcome::{CellProblem, CellWarning, Mapped, Rejected, shortened};
pub use public_list::PublicList;
pub use sheet::Sheet;
pub use shipped::{SHIPPED, Shipped};

use crate::limits::MAPPING_BYTES_MAX;
use crate::report::{Finding, Report, excerpt};
use crate::tree::Node;
use forms::FormName;
use plan::Plan;
use written::{Table, error};

/// A mapping that is whole: its form, its fields and its tables are known.
#[derive(Debug, Clone)]
pub struct Mapping {
    title: Option<String>,
    form: FormName,
    dialect: Dialect,
    method: Method,
    source: String,
}

/// How a mapping makes forms.
#[derive(Debug, Clone)]
enum Method {
    /// By its fields.
    Plan(Box<Plan>),
    /// By the rules of the incident sheet.
    Incidents,
    /// By the rules of the public list of notices.
    PublicList,
}

/// What a mapping reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A CSV file.
    Csv(Dialect),
    /// The public list of notices in JSON.
    PublicList,
}

/// Rules that stand in this crate, by the name under which a mapping asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BuiltIn {
    Incidents,
    PublicList,
}

impl BuiltIn {
    const NAMES: &[(&str, Self)] =
        &[("pangolin-incidents", Self::Incidents), ("public-notices", Self::PublicList)];

    /// The form that these rules make.
    fn form(self) -> &'static str {
        match self {
            Self::Incidents => "ecomessage",
            Self::PublicList => "red-notice",
        }
    }
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// The report: every problem with its line, and the nearest name of an unknown form, field or table.
    pub fn parse(toml: &str) -> Result<Self, Report> {
        if toml.len() > MAPPING_BYTES_MAX {
            let message =
                format!("the mapping has {} bytes where at most {MAPPING_BYTES_MAX} are allowed", toml.len());
            return Err(Report::new(vec![error(None, "", message, "this is another kind of file")], None));
        }
        let (node, mut findings) = Node::from_toml(toml);
        // After a syntax error the rest is guesswork.
        let mapping = if findings.is_empty() { read(&node, toml, &mut findings) } else { None };
        let report = Report::new(findings, Some(toml));
        mapping.filter(|_| report.is_ok()).ok_or(report)
    }

    /// What the mapping is for, in its own words.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The form that it makes: "sltd-entry".
    pub fn form(&self) -> &'static str {
        self.form.name()
    }

    /// What it reads.
    pub fn input(&self) -> Input {
        match self.method {
            Method::Plan(_) | Method::Incidents => Input::Csv(self.dialect),
            Method::PublicList => Input::PublicList,
        }
    }

    /// The mapping for a sheet with these headings; without any for a sheet that has no header.
    ///
    /// # Errors
    /// The report: columns that the sheet lacks, with the nearest one, and columns of which the mapping says nothing.
    pub fn sheet(&self, header: &[&str]) -> Result<Sheet<'_>, Report> {
        Sheet::bind(self, header)
    }
}

fn read(node: &Node, source: &str, findings: &mut Vec<Finding>) -> Option<Mapping> {
    let mut top = Table::new(node, "", findings);
    let title = top.text("title").map(str::to_owned);
    let built_in = top.choice("built-in", BuiltIn::NAMES);
    let form = form(&mut top);
    let source = source.to_owned();
    if let Some(built_in) = built_in {
        if form.is_some_and(|form| form.name() != built_in.form()) {
            top.missing("form", format!("these built-in rules make the form \"{}\"", built_in.form()));
        }
        top.finish();
        let method = match built_in {
            BuiltIn::Incidents => Method::Incidents,
            BuiltIn::PublicList => Method::PublicList,
        };
        return Some(Mapping { title, form: form?, dialect: Dialect::default(), method, source });
    }
    let (dialect, blank) = dialect::read(&mut top);
    // Without its form nothing can be said of its fields.
    let form = form?;
    let plan = plan::read(&mut top, form, &dialect, &blank);
    top.finish();
    Some(Mapping { title, form, dialect, method: Method::Plan(Box::new(plan)), source })
}

fn form(top: &mut Table<'_, '_>) -> Option<FormName> {
    let names = || FormName::all().map(|form| format!("\"{}\"", form.name())).collect::<Vec<_>>().join(", ");
    let Some(node) = top.node("form") else {
        top.missing("form", format!("say which form the rows become: form = and one of {}", names()));
        return None;
    };
    let name = top.text("form")?;
    let form = FormName::find(name);
    if form.is_none() {
        let advice = match FormName::nearest(name) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("choose one of {}", names()),
        };
        top.error("form", node, format!("there is no form {}", excerpt(name)), advice);
    }
    form
}
