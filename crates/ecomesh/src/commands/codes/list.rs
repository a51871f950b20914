//! Which lists there are, and what stands in one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ecomesh_document::codes::{CodeSet, CodeTable, CodeTableError, LISTS, ListSpec, MayChange, builtin};
use ecomesh_node::code_lists;
use serde::Serialize;

use super::{check, home};
use crate::cli::Global;
use crate::exit::{ExitCode, Failure, split_advice};
use crate::files;
use crate::output::{self, Table};

#[derive(Serialize)]
struct ListsView<'a> {
    lists: Vec<ListView<'a>>,
}

#[derive(Serialize)]
struct ListView<'a> {
    name: &'static str,
    note: &'a str,
    codes: usize,
    replaced: bool,
    #[serde(flatten)]
    changes: ChangesView,
}

#[derive(Serialize)]
struct ChangesView {
    may_change: &'static str,
    keeps: &'static [&'static str],
}

#[derive(Serialize)]
struct TableView<'a> {
    name: &'static str,
    note: &'a str,
    replaced: bool,
    #[serde(flatten)]
    changes: ChangesView,
    entries: Vec<EntryView<'a>>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    code: &'a str,
    columns: BTreeMap<&'a str, &'a str>,
}

/// Lists all lists.
pub(super) fn list(global: &Global) -> anyhow::Result<ExitCode> {
    let set = in_force(global)?;
    let lists = LISTS.iter().filter_map(|spec| Some((spec, set.get(spec.name)?)));
    if global.json {
        let lists = lists.map(|(spec, table)| ListView {
            name: spec.name,
            note: &table.note,
            codes: table.entries().len(),
            replaced: set.is_replaced(spec.name),
            changes: changes(spec.may_change),
        });
        output::json(&ListsView { lists: lists.collect() })?;
        return Ok(ExitCode::Ok);
    }
    let mut rows = Table::new(&["NAME", "CODES", "FROM", "MAY CHANGE", "WHAT FOR"]);
    for (spec, table) in lists {
        let from = if set.is_replaced(spec.name) { "this bureau" } else { "ecomesh" };
        rows.row([
            spec.name.to_owned(),
            table.entries().len().to_string(),
            from.to_owned(),
            in_short(spec.may_change).to_owned(),
            table.note.clone(),
        ]);
    }
    output::line(rows.render().trim_end())?;
    Ok(ExitCode::Ok)
}

/// Shows the codes of a list.
pub(super) fn show(name: &str, language: &str, global: &Global) -> anyhow::Result<ExitCode> {
    let (set, spec) = (in_force(global)?, spec(name)?);
    let table = table(&set, spec)?;
    let replaced = set.is_replaced(spec.name);
    if global.json {
        let entries = table
            .entries()
            .iter()
            .map(|entry| EntryView { code: entry.code(), columns: entry.columns().collect() });
        output::json(&TableView {
            name: spec.name,
            note: &table.note,
            replaced,
            changes: changes(spec.may_change),
            entries: entries.collect(),
        })?;
        return Ok(ExitCode::Ok);
    }
    let mut rows = Table::new(&["CODE", "MEANING"]);
    for entry in table.entries() {
        rows.row([entry.code().to_owned(), entry.label(language).to_owned()]);
    }
    output::line(&output::printable(&table.note))?;
    output::line(rows.render().trim_end())?;
    let from = if replaced {
        // After an upgrade the list of the program may have what the older edition of the bureau lacks.
        let changes = check::changes_text(&check::changes(builtin(), table));
        format!("replaced by this bureau; against the list of ecomesh:\n{changes}\n")
    } else {
        "as it comes with ecomesh; ".to_owned()
    };
    output::remark(global, &format!("{from}{}", in_full(spec.may_change)));
    Ok(ExitCode::Ok)
}

/// Prints the table itself, or writes it to a file that is not there yet.
pub(super) fn print(name: &str, path: Option<PathBuf>, global: &Global) -> anyhow::Result<ExitCode> {
    let (set, spec) = (in_force(global)?, spec(name)?);
    let tsv = table(&set, spec)?.to_tsv();
    match path {
        None => output::line(tsv.trim_end())?,
        Some(path) => {
            files::write_new(&path, tsv.as_bytes())?;
            let (path, name) = (path.display(), spec.name);
            let next = format!("edit {path}, then: ecomesh codes install {path} --name {name}");
            output::remark(global, &format!("{next}\n{}", in_full(spec.may_change)));
        }
    }
    Ok(ExitCode::Ok)
}

/// The lists that hold in this home; files that cannot be used are told of.
fn in_force(global: &Global) -> Result<CodeSet, Failure> {
    let found = code_lists::read(&home(global)?);
    super::warn(&found.faults, global);
    Ok(found.set)
}

/// The list of a name.
pub(super) fn spec(name: &str) -> Result<&'static ListSpec, Failure> {
    let unknown = || CodeTableError::NoList { name: name.to_owned() };
    ListSpec::find(name).ok_or_else(|| split_advice(ExitCode::Usage, &unknown().to_string()))
}

/// The table of a list in a set.
pub(super) fn table<'s>(set: &'s CodeSet, spec: &ListSpec) -> Result<&'s CodeTable, Failure> {
    let missing = || Failure::new(ExitCode::Internal, format!("the list {} has no table", spec.name));
    set.get(spec.name).ok_or_else(missing)
}

fn changes(may_change: MayChange) -> ChangesView {
    let (may_change, keeps): (_, &[&str]) = match may_change {
        MayChange::Open => ("all", &[]),
        MayChange::Keeps(codes) => ("all but some", codes),
        MayChange::Grows => ("additions", &[]),
        MayChange::Fixed => ("labels", &[]),
    };
    ChangesView { may_change, keeps }
}

fn in_short(may_change: MayChange) -> &'static str {
    changes(may_change).may_change
}

fn in_full(may_change: MayChange) -> String {
    match may_change {
        MayChange::Open => "codes may be added and taken out".to_owned(),
        MayChange::Keeps(codes) => {
            format!("codes may be added and taken out, but these must stay: {}", codes.join(", "))
        }
        MayChange::Grows => "codes may be added, and none taken out".to_owned(),
        MayChange::Fixed => "its codes are fixed; labels may be changed, and languages added".to_owned(),
    }
}
