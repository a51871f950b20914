//! Reads the fields of a mapping: which column fills which, how its cells are read, and what becomes of those that do not
//! fit.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::{CodeList, Country};
use crate::form::{FieldKind, FieldSpec, Need, nearest};
use crate::limits::COLUMNS_MAX;
use crate::mapping::dates::DateFormat;
use crate::mapping::dialect::{Dialect, columns};
use crate::mapping::forms::FormName;
use crate::mapping::lookup::CountryBy;
use crate::mapping::numbers::NumberStyle;
use crate::mapping::path::Path;
use crate::mapping::plan::{FieldPlan, OnMisfit, fillable};
use crate::mapping::value::{Misfit, Reading, stated};
use crate::mapping::written::{Table, error};
use crate::report::excerpt;
use crate::tree::{Node, Value};

const MISFITS: &[(&str, OnMisfit)] =
    &[("reject", OnMisfit::Reject), ("report", OnMisfit::Report), ("drop-with-warning", OnMisfit::Drop)];
const THOUSANDS: &[(&str, char)] = &[(",", ','), (".", '.'), (" ", ' '), ("'", '\'')];
/// Keys below which stands who may see a form, for how long, and whether it may be made at all. Without such a value the
/// form would be seen by more, or for longer, than its source wants: what does not fit there always refuses the row.
const GUARDED: &[&str] = &["handling", "confidentiality", "retention", "valid_until", "article_3"];

/// What holds for all fields of a mapping.
struct Common<'m> {
    form: FormName,
    dialect: &'m Dialect,
    blank: &'m [&'m str],
    /// What the mapping says of all its fields.
    misfit: Option<OnMisfit>,
    tables: BTreeMap<&'m str, &'m Node>,
}

/// The tables of codes, by name.
fn code_tables<'n>(top: &mut Table<'n, '_>) -> BTreeMap<&'n str, &'n Node> {
    let Some(node) = top.node("codes") else { return BTreeMap::new() };
    if !matches!(node.value, Value::Table(_)) {
        top.error("codes", node, "it is no table", "write each table of codes as [codes.NAME]");
    }
    node.entries().iter().map(|entry| (entry.key.as_str(), &entry.node)).collect()
}

/// Reads the list `field`, and what is common to its entries.
pub(super) fn fields(
    top: &mut Table<'_, '_>,
    form: FormName,
    dialect: &Dialect,
    blank: &[&str],
) -> Vec<FieldPlan> {
    let misfit = top.choice("misfit", MISFITS);
    let common = &Common { form, dialect, blank, misfit, tables: code_tables(top) };
    let Some(node) = top.node("field") else {
        top.missing("field", "say of each column what it fills: [[field]], to = \"…\", column = \"…\"");
        return Vec::new();
    };
    if node.items().is_empty() || node.items().len() > COLUMNS_MAX {
        let message = format!("a mapping has 1 to {COLUMNS_MAX} fields, each as [[field]]");
        top.error("field", node, message, "write to and column of each below a line [[field]]");
    }
    let mut used = BTreeSet::new();
    let numbered = node.items().iter().take(COLUMNS_MAX).zip(1..);
    let fields = numbered
        .filter_map(|(item, number)| {
            let mut table = Table::new(item, &format!("field[{number}]"), top.findings());
            let plan = field(&mut table, item, common, &mut used);
            table.finish();
            plan
        })
        .collect();
    for (name, node) in common.tables.iter().filter(|(name, _)| !used.contains(**name)) {
        let message = format!("no field uses the table of codes {}", excerpt(name));
        top.findings().push(error(node.at.clone(), "codes", message, "name it in a field, or delete it"));
    }
    fields
}

fn field<'m>(
    table: &mut Table<'m, '_>,
    node: &Node,
    common: &Common<'m>,
    used: &mut BTreeSet<&'m str>,
) -> Option<FieldPlan> {
    let columns = columns(table, "column", common.dialect);
    if columns.is_empty() {
        table.missing("column", "name the column, or several in brackets");
    }
    let target = target(table, common.form);
    let join = table.text("join");
    let separator = table.text("separator");
    let mut blank: BTreeSet<String> = common.blank.iter().map(|text| text.trim().to_lowercase()).collect();
    blank.extend(table.texts("blank").iter().map(|text| text.trim().to_lowercase()));
    let stated_misfit = table.choice("misfit", MISFITS);
    let read_others = table.choice("otherwise", &[("misfit", false), ("read", true)]);
    let codes = table.node("table");
    let (default, instead) = (table.node("default"), table.node("instead"));
    let reading = reading(table, target.as_ref().map(|(_, field)| field.kind));
    let (path, spec) = target?;
    let (kind, is_list) = (spec.kind, spec.list_max.is_some());
    let on_misfit = on_misfit(table, &path, stated_misfit, common.misfit.unwrap_or_else(|| by_form(spec)));
    if let Some(code_table) = codes.and_then(Node::as_text) {
        used.extend(common.tables.get_key_value(code_table).map(|(name, _)| *name));
    }
    if separator.is_some_and(str::is_empty) || separator.is_some() && !is_list {
        table.missing("separator", "a separator of one character or more belongs to a field that is a list");
    }
    if read_others.is_some() && codes.is_none() {
        table.missing("otherwise", "otherwise belongs to a field that has a table of codes");
    }
    if instead.is_some() && on_misfit == OnMisfit::Reject {
        table.missing(
            "instead",
            "with misfit = \"reject\" nothing stands instead: write another misfit, or delete it",
        );
    }
    if join.is_some() && columns.len() < 2 {
        table.missing("join", "join belongs to a field that is filled from several columns");
    }
    Some(FieldPlan {
        columns,
        join: join.unwrap_or(" ").to_owned(),
        separator: separator.map(str::to_owned),
        reading: reading?,
        table: codes.and_then(|node| translations(table, node, kind, common)),
        read_others: read_others.unwrap_or(false),
        blank,
        default: default.and_then(|node| own_value(table, "default", node, kind)),
        instead: instead.and_then(|node| own_value(table, "instead", node, kind)),
        on_misfit,
        at: node.at.clone(),
        path,
        kind,
        is_list,
    })
}

/// What becomes of cells that do not fit if the mapping does not say: a code that the form only warns of refuses no row.
fn by_form(field: &FieldSpec) -> OnMisfit {
    let is_asked_for = field.need == Need::Required || field.rule.is_some();
    if field.is_open && !is_asked_for { OnMisfit::Report } else { OnMisfit::Reject }
}

/// What becomes of cells that do not fit.
fn on_misfit(
    table: &mut Table<'_, '_>,
    path: &Path,
    stated: Option<OnMisfit>,
    otherwise: OnMisfit,
) -> OnMisfit {
    if !path.steps().iter().any(|step| GUARDED.contains(&step.key.as_str())) {
        return stated.unwrap_or(otherwise);
    }
    if stated.is_some_and(|stated| stated != OnMisfit::Reject) {
        let advice =
            "write misfit = \"reject\": the form would be seen by more, or for longer, than it may be";
        table.missing("misfit", format!("a cell of {path} that does not fit is not let go; {advice}"));
    }
    OnMisfit::Reject
}

/// A value of the mapping's own for a field.
fn own_value(table: &mut Table<'_, '_>, key: &str, node: &Node, kind: FieldKind) -> Option<Value> {
    match stated(kind, node) {
        Ok(value) => Some(value),
        Err(Misfit { reason, advice }) => {
            table.error(key, node, reason, advice);
            None
        }
    }
}

/// The field that is filled.
fn target(table: &mut Table<'_, '_>, form: FormName) -> Option<(Path, &'static FieldSpec)> {
    let Some(written) = table.node("to") else {
        table.missing("to", "name the field of the form that the column fills");
        return None;
    };
    let resolve = |text: &str| {
        let path = Path::parse(text)?;
        let field = fillable(&path, form)?;
        Ok((path, field))
    };
    match written.as_text().map(resolve) {
        Some(Ok(target)) => return Some(target),
        Some(Err(Misfit { reason, advice })) => table.error("to", written, reason, advice),
        None => table.error("to", written, "it is no text", "write the path of the field in quotes"),
    }
    None
}

/// How the cells are read. The form decides that, the mapping says what is left open.
fn reading(table: &mut Table<'_, '_>, kind: Option<FieldKind>) -> Option<Reading> {
    let read = table.node("read");
    let formats = table.node("formats");
    let format_texts = table.texts("formats");
    let decimal = table.choice("decimal", &[("point", '.'), ("comma", ',')]);
    let thousands = table.choice("thousands", THOUSANDS);
    let by = table
        .choice("by", &[("code", CountryBy::Code), ("name", CountryBy::Name), ("either", CountryBy::Either)]);
    let style = NumberStyle { decimal: decimal.unwrap_or('.'), thousands };
    if thousands == Some(style.decimal) {
        table.missing("thousands", "thousands and decimals cannot have the same sign");
        return None;
    }
    let (name, reading) = match kind? {
        FieldKind::Text { .. } | FieldKind::Record | FieldKind::Table(_) => ("text", Reading::Text),
        FieldKind::Decimal => ("decimal", Reading::Decimal(style)),
        FieldKind::Integer { .. } => ("integer", Reading::Integer(style)),
        FieldKind::Time => ("time", Reading::Time),
        FieldKind::Member => ("member", Reading::Member),
        FieldKind::Date => ("date", Reading::Date(date_formats(table, &format_texts)?)),
        FieldKind::Code(list) if list().name == Country::NAME => {
            ("country", Reading::Country(by.unwrap_or(CountryBy::Either)))
        }
        FieldKind::Code(_) => ("code", Reading::Code),
    };
    if let Some(node) = read.filter(|node| node.as_text() != Some(name)) {
        let message = format!("the field holds a {name}, and its cells are read as such");
        table.error("read", node, message, format!("write read = \"{name}\", or leave it out"));
    }
    let is_number = matches!(reading, Reading::Decimal(_) | Reading::Integer(_));
    let idle = [
        ("formats", formats.is_some() && !matches!(reading, Reading::Date(_)), "dates"),
        ("decimal", decimal.is_some() && !is_number, "numbers"),
        ("thousands", thousands.is_some() && !is_number, "numbers"),
        ("by", by.is_some() && !matches!(reading, Reading::Country(_)), "countries"),
    ];
    for (key, _, of) in idle.iter().filter(|(_, is_idle, _)| *is_idle) {
        table.missing(key, format!("{key} is for {of}, and the field holds a {name}: delete the line"));
    }
    Some(reading)
}

fn date_formats(table: &mut Table<'_, '_>, written: &[&str]) -> Option<Vec<DateFormat>> {
    if written.is_empty() {
        table.missing("formats", "say how dates are written: formats = [\"DD/MM/YYYY\", \"YYYY\"]");
        return None;
    }
    let mut formats = Vec::new();
    for text in written {
        match DateFormat::parse(text) {
            Ok(format) => formats.push(format),
            Err(reason) => {
                let advice = "use YYYY, MM or M, MMM, DD or D, and the signs between them";
                table.missing("formats", format!("{}: {reason}; {advice}", excerpt(text)));
            }
        }
    }
    (formats.len() == written.len()).then_some(formats)
}

/// The table by which the cells of a field are translated.
fn translations(
    table: &mut Table<'_, '_>,
    node: &Node,
    kind: FieldKind,
    common: &Common<'_>,
) -> Option<BTreeMap<String, Value>> {
    let Some(name) = node.as_text() else {
        table.error("table", node, "it is no text", "write the name of a table of codes in quotes");
        return None;
    };
    let Some(codes) = common.tables.get(name) else {
        let advice = match nearest(common.tables.keys().copied(), name) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("write it as [codes.{name}]"),
        };
        table.error("table", node, format!("there is no table of codes {}", excerpt(name)), advice);
        return None;
    };
    let mut translated = BTreeMap::new();
    for entry in codes.entries() {
        match stated(kind, &entry.node) {
            Ok(value) => {
                let earlier = translated.insert(entry.key.trim().to_lowercase(), value.clone());
                if earlier.is_some_and(|earlier| earlier != value) {
                    let message = format!("{} is there twice, with two meanings", excerpt(&entry.key));
                    table.findings().push(error(
                        entry.key_at.clone(),
                        &format!("codes.{name}"),
                        message,
                        "capitals do not count here: leave one of them",
                    ));
                }
            }
            Err(Misfit { reason, advice }) => {
                table.findings().push(error(entry.node.at.clone(), &format!("codes.{name}"), reason, advice));
            }
        }
    }
    Some(translated)
}
