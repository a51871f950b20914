//! Reads the values that a mapping states itself: for all rows, or where a cell has filled something.

use crate::limits::COLUMNS_MAX;
use crate::mapping::forms::FormName;
use crate::mapping::path::Path;
use crate::mapping::plan::{Constant, FieldPlan, When, fillable};
use crate::mapping::value::{Misfit, stated};
use crate::mapping::written::{Table, error};
use crate::report::Finding;
use crate::text::neutralise;
use crate::tree::{Node, Value};

/// Reads the list `when`.
pub(super) fn whens(top: &mut Table<'_, '_>, form: FormName, fields: &[FieldPlan]) -> Vec<When> {
    let Some(node) = top.node("when") else { return Vec::new() };
    if node.items().is_empty() || node.items().len() > COLUMNS_MAX {
        let message = format!("a mapping has at most {COLUMNS_MAX} conditions, each as [[when]]");
        top.error("when", node, message, "write filled and set of each below a line [[when]]");
    }
    let numbered = node.items().iter().take(COLUMNS_MAX).zip(1..);
    numbered
        .filter_map(|(item, number)| {
            let path = format!("when[{number}]");
            let mut table = Table::new(item, &path, top.findings());
            let filled = filled(&mut table, form, fields);
            let (set, otherwise) = (table.node("set"), table.node("otherwise"));
            if set.is_none() && otherwise.is_none() {
                table.missing("set", "say what holds then: set = { \"path\" = \"value\" }");
            }
            table.finish();
            let mut read = |node: Option<&Node>, key: &str| match node {
                Some(node) => constants(node, &format!("{path}.{key}"), form, top.findings()),
                None => Vec::new(),
            };
            let (set, otherwise) = (read(set, "set"), read(otherwise, "otherwise"));
            Some(When { filled: filled?, set, otherwise })
        })
        .collect()
}

/// The place of which a condition asks whether a cell has filled it.
fn filled(table: &mut Table<'_, '_>, form: FormName, fields: &[FieldPlan]) -> Option<Path> {
    let Some(node) = table.node("filled") else {
        table.missing("filled", "name the field, or a table of fields, that some column fills");
        return None;
    };
    let resolve = |text: &str| {
        let path = Path::parse(text)?;
        path.field(form.spec())?;
        if fields.iter().any(|field| path.contains(&field.path)) {
            Ok(path)
        } else {
            Err(Misfit::new("no column fills it", "name a field that a column fills, or a table of such"))
        }
    };
    match node.as_text().map(resolve) {
        Some(Ok(path)) => return Some(path),
        Some(Err(Misfit { reason, advice })) => table.error("filled", node, reason, advice),
        None => table.error("filled", node, "it is no text", "write the path in quotes"),
    }
    None
}

/// The values of a table that is written with paths as keys, or with tables in tables.
pub(super) fn constants(
    node: &Node,
    name: &str,
    form: FormName,
    findings: &mut Vec<Finding>,
) -> Vec<Constant> {
    if !matches!(node.value, Value::Table(_)) {
        findings.push(error(
            node.at.clone(),
            name,
            "it is no table",
            "write paths and values: \"path\" = \"value\"",
        ));
    }
    let mut written = Vec::new();
    flatten(node, "", &mut written);
    let constant = |(path, node): (String, &Node)| {
        let resolve = || {
            let path = Path::parse(&path)?;
            let field = fillable(&path, form)?;
            let value = match (&node.value, field.list_max) {
                (Value::List(items), Some(_)) => {
                    let values = items.iter().map(|item| stated(field.kind, item).map(Node::new));
                    Value::List(values.collect::<Result<_, _>>()?)
                }
                (_, Some(_)) => Value::List(vec![Node::new(stated(field.kind, node)?)]),
                (_, None) => stated(field.kind, node)?,
            };
            Ok(Constant { path, value, at: node.at.clone() })
        };
        match resolve() {
            Ok(constant) => Some(constant),
            Err(Misfit { reason, advice }) => {
                let shown = format!("{name}.{}", neutralise(&path));
                findings.push(error(node.at.clone(), &shown, reason, advice));
                None
            }
        }
    };
    written.into_iter().filter_map(constant).collect()
}

fn flatten<'n>(node: &'n Node, prefix: &str, out: &mut Vec<(String, &'n Node)>) {
    for entry in node.entries() {
        let path = if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
        let is_table = |node: &Node| matches!(node.value, Value::Table(_));
        if is_table(&entry.node) {
            flatten(&entry.node, &path, out);
        } else if entry.node.items().iter().any(is_table) {
            for (item, number) in entry.node.items().iter().zip(1..) {
                flatten(item, &format!("{path}[{number}]"), out);
            }
        } else {
            out.push((path, &entry.node));
        }
    }
}
