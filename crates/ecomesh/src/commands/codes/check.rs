//! Every problem of tables, and what they would change.

use std::path::{Path, PathBuf};

use ecomesh_document::codes::{CodeSet, CodeTable, Difference};
use ecomesh_document::limits::CODE_TABLE_BYTES_MAX;
use ecomesh_node::code_lists;
use serde::Serialize;

use super::home;
use crate::cli::Global;
use crate::exit::{ExitCode, Failure};
use crate::{files, output};

#[derive(Serialize)]
struct View {
    good: bool,
    files: Vec<FileView>,
}

/// What is said of a file.
#[derive(Serialize)]
pub(super) struct FileView {
    file: String,
    list: String,
    pub(super) problems: Vec<String>,
    #[serde(flatten)]
    pub(super) changes: Difference,
}

/// Checks tables together, as if all of them were installed.
pub(super) fn check(paths: &[PathBuf], global: &Global) -> anyhow::Result<ExitCode> {
    let named =
        paths.iter().map(|path| Ok((path.as_path(), stem(path)?))).collect::<Result<Vec<_>, Failure>>()?;
    let (files, _) = look(&named, global)?;
    let view = View { good: files.iter().all(|file| file.problems.is_empty()), files };
    output::either(global, &view, |view| view.files.iter().map(text).collect())?;
    Ok(if view.good { ExitCode::Ok } else { ExitCode::No })
}

/// Looks at tables, each with the name of its list: what is wrong with each, and what each would change. The tables come
/// back, too, as far as they can be read.
pub(super) fn look(
    named: &[(&Path, String)],
    global: &Global,
) -> Result<(Vec<FileView>, Vec<CodeTable>), Failure> {
    let home = home(global)?;
    let before = code_lists::read(&home).set;
    let (mut views, mut tables) = (Vec::new(), Vec::new());
    for (path, list) in named {
        let text = files::read_text(path, CODE_TABLE_BYTES_MAX as u64)?;
        let mut view = FileView {
            file: path.display().to_string(),
            list: list.clone(),
            problems: Vec::new(),
            changes: Difference::default(),
        };
        match CodeTable::parse(list, &text) {
            Ok(table) => {
                view.changes = changes(&before, &table);
                tables.push(table);
            }
            Err(errors) => view.problems.extend(errors.iter().map(ToString::to_string)),
        }
        views.push(view);
    }
    let kept = before
        .iter()
        .filter(|table| before.is_replaced(table.name) && named.iter().all(|(_, list)| list != table.name));
    if let Err(errors) = CodeSet::with(kept.chain(&tables).cloned()) {
        for error in errors {
            // A list that is installed may be at fault only together with one of these.
            let of_file = views.iter().position(|view| view.list == error.list());
            let at = of_file.unwrap_or_default();
            if let Some(view) = views.get_mut(at) {
                view.problems.push(error.to_string());
            }
        }
    }
    Ok((views, tables))
}

/// The name of the list of a file that is not said otherwise.
pub(super) fn stem(path: &Path) -> Result<String, Failure> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    stem.ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("{} does not name a list", path.display()))
            .help("name the file after its list, such as unit.tsv")
    })
}

/// What a table changes against those of a set.
pub(super) fn changes(before: &CodeSet, table: &CodeTable) -> Difference {
    before.get(table.name).map(|old| Difference::between(old, table)).unwrap_or_default()
}

fn text(file: &FileView) -> String {
    let mut lines = vec![format!("{}: the list {}", file.file, file.list)];
    if file.problems.is_empty() {
        lines.push(changes_text(&file.changes));
    }
    lines.extend(file.problems.iter().map(|problem| format!("  {problem}")));
    lines.iter().map(|line| output::printable(line) + "\n").collect()
}

/// What changes, in words, a line for each sort.
pub(super) fn changes_text(changes: &Difference) -> String {
    let sorts = [("added", &changes.added), ("gone", &changes.gone), ("changed", &changes.changed)];
    let lines: Vec<_> = sorts
        .iter()
        .filter(|(_, codes)| !codes.is_empty())
        .map(|(sort, codes)| format!("  {sort:8} {}", codes.join(", ")))
        .collect();
    if lines.is_empty() { "  no code changes".to_owned() } else { lines.join("\n") }
}
