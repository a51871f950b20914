//! Putting a table in the place of that of the program, and going back.

use std::path::{Path, PathBuf};

use ecomesh_document::codes::{CodeSet, Difference};
use ecomesh_node::code_lists;
use serde::Serialize;

use super::check;
use super::{home, list};
use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::output;

#[derive(Serialize)]
struct Installed {
    list: &'static str,
    file: PathBuf,
    written: bool,
    #[serde(flatten)]
    changes: Difference,
}

#[derive(Serialize)]
struct Removed<'a> {
    list: &'a str,
    removed: bool,
}

/// A node reads its lists once.
const NEXT_START: &str = "a node that runs takes it at its next start";

/// Installs a table, if it can be used with all others.
pub(super) fn install(
    path: &Path,
    name: Option<String>,
    dry_run: bool,
    global: &Global,
) -> anyhow::Result<ExitCode> {
    let name = match name {
        Some(name) => list::spec(&name)?.name.to_owned(),
        None => check::stem(path)?,
    };
    let (mut views, mut tables) = check::look(&[(path, name)], global)?;
    let missed = || Failure::new(ExitCode::Internal, format!("{} was not looked at", path.display()));
    let view = views.pop().ok_or_else(missed)?;
    let Some(table) = tables.pop().filter(|_| view.problems.is_empty()) else {
        return Err(Failure::new(ExitCode::BadInput, format!("{} cannot be installed", path.display()))
            .details(view.problems.iter().cloned())
            .help("correct these; nothing was written, and what held before holds")
            .into());
    };
    let home = home(global)?;
    if !dry_run {
        code_lists::put(&home, &table)?;
    }
    let installed = Installed {
        list: table.name,
        file: code_lists::file(&home, table.name),
        written: !dry_run,
        changes: view.changes,
    };
    output::either(global, &installed, |installed| {
        output::printable(&check::changes_text(&installed.changes))
    })?;
    let what = if dry_run { "nothing was written" } else { NEXT_START };
    let done = if dry_run { "can be installed" } else { "is installed" };
    output::remark(global, &format!("the list {} {done}; {what}", table.name));
    Ok(ExitCode::Ok)
}

/// Takes a table away, if what is left can be used.
pub(super) fn remove(name: &str, global: &Global) -> anyhow::Result<ExitCode> {
    let home = home(global)?;
    // A file of a list that there is no more can be taken away, too.
    if !code_lists::is_list(&home, name) {
        list::spec(name)?;
    }
    let (tables, _) = code_lists::tables(&home);
    let fits = |tables: Vec<_>| CodeSet::with(tables).err().unwrap_or_default();
    let left = fits(tables.iter().filter(|table| table.name != name).cloned().collect());
    if fits(tables).is_empty() && !left.is_empty() {
        return Err(Failure::new(ExitCode::BadInput, format!("other lists need that of {name}"))
            .details(left.iter().map(ToString::to_string))
            .help("remove or correct these first")
            .into());
    }
    let removed = code_lists::remove(&home, name)?;
    output::either(global, &Removed { list: name, removed }, |_| String::new())?;
    let what = if removed {
        format!("the list {name} is that of ecomesh again; {NEXT_START}")
    } else {
        format!("the list {name} was that of ecomesh already")
    };
    output::remark(global, &what);
    Ok(ExitCode::Ok)
}
