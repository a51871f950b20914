//! A mapping and the columns of one sheet: every column that the mapping names is there, and every column that is there has
//! its place.

use std::collections::BTreeMap;

use crate::form::nearest;
use crate::incident;
use crate::limits::COLUMNS_MAX;
use crate::mapping::dialect::{ColumnName, ColumnRef, Dialect};
use crate::mapping::outcome::{CellProblem, CellWarning, Mapped, Rejected};
use crate::mapping::plan::Plan;
use crate::mapping::row;
use crate::mapping::written::error;
use crate::mapping::{Mapping, Method, forms::MappedForm};
use crate::report::{Finding, Report, excerpt};

/// A mapping for the columns of one sheet.
#[derive(Debug, Clone)]
pub struct Sheet<'m> {
    columns: Vec<String>,
    method: BoundMethod<'m>,
}

#[derive(Debug, Clone)]
enum BoundMethod<'m> {
    Plan {
        plan: &'m Plan,
        /// Of each field, the places of its columns, from 0.
        fields: Vec<Vec<usize>>,
        /// Places of the columns that are kept.
        keep: Vec<usize>,
    },
    Incidents,
}

impl<'m> Sheet<'m> {
    /// Looks up the columns. `header` is the first row; a sheet without header has none.
    ///
    /// # Errors
    /// The report: columns that the mapping names and the sheet does not have, and columns of the sheet that the mapping
    /// does not name.
    pub(super) fn bind(mapping: &'m Mapping, header: &[&str]) -> Result<Self, Report> {
        let mut findings = Vec::new();
        let columns = names(mapping.dialect, header, &mut findings);
        if let Some(slip) = other_delimiter(mapping.dialect, &columns) {
            // Every column would be missing otherwise, which says nothing new.
            return Err(Report::new(vec![slip], Some(&mapping.source)));
        }
        let method = match &mapping.method {
            Method::Plan(plan) => {
                let mut lookup = Lookup { columns: &columns, used: vec![false; columns.len()] };
                let mut places = |list: &[ColumnRef]| -> Vec<usize> {
                    list.iter().filter_map(|column| lookup.place(column, &mut findings)).collect()
                };
                let fields = plan.fields.iter().map(|field| places(&field.columns)).collect();
                let keep = places(&plan.keep);
                // What is left out on purpose need not be there.
                plan.ignore.iter().for_each(|column| lookup.ignore(column));
                lookup.refuse_unused(&mut findings);
                BoundMethod::Plan { plan, fields, keep }
            }
            Method::Incidents => {
                compare_with_incidents(&columns, &mut findings);
                BoundMethod::Incidents
            }
            Method::PublicList => {
                let message = "this mapping reads the public list in JSON, and no sheet";
                findings.push(error(None, "built-in", message, "choose a mapping for CSV"));
                BoundMethod::Incidents
            }
        };
        let report = Report::new(findings, Some(&mapping.source));
        if report.is_ok() { Ok(Self { columns, method }) } else { Err(report) }
    }

    /// The columns: their headings, or their numbers where there is no header.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Makes a form of a row. `number` is the number of the row as a spreadsheet shows it: the header is row 1. It stands
    /// for `{row}` in the values of the mapping. The dates of notices and entries are looked at as of `now_ms`, milliseconds
    /// since 1970, as a node looks at them before it takes one.
    ///
    /// # Errors
    /// Every problem of the row at once.
    pub fn row(&self, number: u64, cells: &[&str], now_ms: u64) -> Result<Mapped, Rejected> {
        self.refuse_shape(cells)?;
        match &self.method {
            BoundMethod::Plan { plan, fields, keep } => {
                row::Row { plan, columns: &self.columns, cells, fields, keep, number, now_ms }.map()
            }
            BoundMethod::Incidents => self.incident(number, cells),
        }
    }

    /// A row with another number of cells than there are columns is shifted somewhere.
    fn refuse_shape(&self, cells: &[&str]) -> Result<(), Rejected> {
        let (found, wanted) = (cells.len(), self.columns.len());
        let problem = if found != wanted {
            let count = |n: usize| if n == 1 { "1 cell".to_owned() } else { format!("{n} cells") };
            let reason = format!("the row has {} where the sheet has {wanted} columns", count(found));
            let advice =
                "put quotes around cells that hold the delimiter or a line break, and add what is missing";
            CellProblem::of_row(reason, advice)
        } else if cells.iter().all(|cell| cell.trim().is_empty()) {
            CellProblem::of_row("the row is empty", "delete it")
        } else {
            return Ok(());
        };
        Err(Rejected { problems: vec![problem] })
    }

    /// The rules of the incident sheet are its own.
    fn incident(&self, number: u64, cells: &[&str]) -> Result<Mapped, Rejected> {
        let row: BTreeMap<String, String> =
            self.columns.iter().cloned().zip(cells.iter().map(|cell| (*cell).to_owned())).collect();
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        match incident::map_row(&row, number) {
            Ok(incident) => {
                let warning = |note: incident::Note| CellWarning {
                    column: note.column.to_owned(),
                    field: String::new(),
                    cell: note.reported,
                    reason: note.reason.to_owned(),
                    advice: String::new(),
                };
                let warnings = incident.notes.into_iter().map(warning).collect();
                Ok(Mapped { form: MappedForm::Document(incident.ecomessage.into()), warnings })
            }
            Err(problems) => {
                let problem = |problem: incident::RowProblem| {
                    let (reason, advice) = match problem.reason.split_once("; ") {
                        Some((reason, advice)) => (reason.to_owned(), advice.to_owned()),
                        None => (problem.reason, String::new()),
                    };
                    // The form is told by its path, which holds a point; headings of the sheet hold none.
                    let (column, field) = match problem.column.contains('.') {
                        true => (String::new(), problem.column),
                        false => (problem.column, String::new()),
                    };
                    CellProblem::new(column, field, &problem.reported, reason, advice)
                };
                Err(Rejected { problems: problems.into_iter().map(problem).collect() })
            }
        }
    }
}

/// The columns by name. A byte order mark before the first heading belongs to the file.
fn names(dialect: Dialect, header: &[&str], findings: &mut Vec<Finding>) -> Vec<String> {
    if !dialect.header {
        return (1..=dialect.columns).map(|number| number.to_string()).collect();
    }
    if header.is_empty() || header.len() > COLUMNS_MAX {
        let message = format!("the sheet has {} columns, where 1 to {COLUMNS_MAX} are allowed", header.len());
        findings.push(error(None, "csv", message, "check the delimiter of the mapping and the file"));
    }
    let heading = |heading: &&str| heading.trim_start_matches('\u{feff}').trim().to_owned();
    header.iter().take(COLUMNS_MAX).map(heading).collect()
}

/// A header that is one column, and holds another delimiter than that of the mapping.
fn other_delimiter(dialect: Dialect, columns: &[String]) -> Option<Finding> {
    let [alone] = columns else { return None };
    let count = |sign: char| alone.matches(sign).count();
    let found =
        [',', ';', '\t', '|'].into_iter().max_by_key(|sign| count(*sign)).filter(|sign| count(*sign) > 0)?;
    let (stated, number) = (char::from(dialect.delimiter).escape_default(), count(found));
    let message =
        format!("there is no \"{stated}\" in the header, but {number} of \"{}\"", found.escape_default());
    let advice =
        format!("write delimiter = \"{}\" in the table [csv] of the mapping", found.escape_default());
    Some(error(None, "csv.delimiter", message, advice))
}

/// The columns of a sheet, and which of them the mapping names.
struct Lookup<'c> {
    columns: &'c [String],
    used: Vec<bool>,
}

impl Lookup<'_> {
    fn places(&self, name: &ColumnName) -> Vec<usize> {
        match name {
            ColumnName::Number(number) => (number - 1..*number).filter(|i| *i < self.columns.len()).collect(),
            ColumnName::Heading(heading) => {
                (0..self.columns.len()).filter(|i| self.columns[*i] == *heading).collect()
            }
        }
    }

    fn place(&mut self, column: &ColumnRef, findings: &mut Vec<Finding>) -> Option<usize> {
        let name = column.name.to_string();
        match self.places(&column.name)[..] {
            [place] => {
                self.used[place] = true;
                return Some(place);
            }
            [] => {
                let advice = match nearest(self.columns.iter().map(String::as_str), &name) {
                    Some(near) => format!("did you mean {}?", excerpt(near)),
                    None => format!("its columns are {}", listed(self.columns)),
                };
                let message = format!("the sheet has no column {}", excerpt(&name));
                findings.push(error(column.at.clone(), "column", message, advice));
            }
            _ => {
                let message = format!("the sheet has several columns {}", excerpt(&name));
                let advice = "name the column by its number, from 1";
                findings.push(error(column.at.clone(), "column", message, advice));
            }
        }
        None
    }

    fn ignore(&mut self, column: &ColumnRef) {
        for place in self.places(&column.name) {
            self.used[place] = true;
        }
    }

    fn refuse_unused(&self, findings: &mut Vec<Finding>) {
        for (number, heading) in (1..).zip(self.columns).filter(|(number, _)| !self.used[number - 1]) {
            let message =
                format!("the mapping does not say what becomes of column {number}, {}", excerpt(heading));
            let advice = "map it to a field, name it in keep to have it word for word among the reported cells, or in ignore to leave it out";
            findings.push(error(None, "", message, advice));
        }
    }
}

fn listed(columns: &[String]) -> String {
    let shown: Vec<_> = columns.iter().take(40).map(|column| excerpt(column)).collect();
    shown.join(", ")
}

/// The incident sheet has its columns, in any order. Each row says of foreign ones what is wrong only if they are filled;
/// a sheet of another sort is told at once.
fn compare_with_incidents(columns: &[String], findings: &mut Vec<Finding>) {
    let missing: Vec<_> =
        incident::COLUMNS.iter().filter(|c| !columns.iter().any(|have| have == *c)).collect();
    for column in missing {
        let advice = match nearest(columns.iter().map(String::as_str), column) {
            Some(near) => format!("rename {}, or choose another mapping", excerpt(near)),
            None => "add it, empty if need be, or choose another mapping".to_owned(),
        };
        let message = format!("the sheet has no column \"{column}\"");
        findings.push(error(None, "", message, advice));
    }
    for (number, column) in (1..).zip(columns) {
        if columns[..number - 1].contains(column) {
            let message = format!("the sheet has two columns {}", excerpt(column));
            findings.push(error(None, "", message, "rename or delete one of them"));
        } else if !incident::COLUMNS.contains(&column.as_str()) {
            let advice = "delete it, or write a mapping of your own";
            findings.push(error(
                None,
                "",
                format!("the sheet has a foreign column {}", excerpt(column)),
                advice,
            ));
        }
    }
}
