//! What a mapping file says, once it is read: which columns fill which fields, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::codes::{CodeList, Country};
use crate::form::{FieldKind, nearest};
use crate::limits::COLUMNS_MAX;
use crate::mapping::dates::DateFormat;
use crate::mapping::dialect::{ColumnRef, Dialect, columns};
use crate::mapping::forms::FormName;
use crate::mapping::lookup::CountryBy;
use crate::mapping::numbers::NumberStyle;
use crate::mapping::path::Path;
use crate::mapping::value::{Misfit, Reading, stated};
use crate::mapping::written::{Table, error};
use crate::report::{Finding, excerpt};
use crate::tree::{Node, Value};

/// A mapping by fields.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) form: FormName,
    pub(super) constants: Vec<Constant>,
    pub(super) fields: Vec<FieldPlan>,
    pub(super) whens: Vec<When>,
    /// Columns that are left out on purpose.
    pub(super) ignore: Vec<ColumnRef>,
    /// Columns that are kept word for word among the reported cells.
    pub(super) keep: Vec<ColumnRef>,
}

/// A value that the mapping states. `{row}` in a text is the number of the row.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) path: Path,
    pub(super) value: Value,
    at: Option<Range<usize>>,
}

/// How one field is filled from a row.
#[derive(Debug, Clone)]
pub(super) struct FieldPlan {
    pub(super) path: Path,
    pub(super) kind: FieldKind,
    pub(super) is_list: bool,
    pub(super) columns: Vec<ColumnRef>,
    /// Between the cells of several columns.
    pub(super) join: String,
    /// Between the values in one cell of a list.
    pub(super) separator: Option<String>,
    pub(super) reading: Reading,
    /// Cells that the mapping translates, in small letters.
    pub(super) table: Option<BTreeMap<String, Value>>,
    /// Whether a cell that is not in the table is read as if there were none.
    pub(super) read_others: bool,
    /// Texts that count as blank, in small letters.
    pub(super) blank: BTreeSet<String>,
    /// Value of a blank cell.
    pub(super) default: Option<Value>,
    pub(super) on_misfit: OnMisfit,
    /// Value in place of a cell that does not fit and is not refused.
    pub(super) instead: Option<Value>,
    at: Option<Range<usize>>,
}

/// What happens to a cell that does not fit its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnMisfit {
    /// The row is refused.
    Reject,
    /// The cell is kept word for word among the reported cells, with a warning.
    Report,
    /// The field is left out, with a warning that holds the cell.
    Drop,
}

/// Values that depend on whether a cell has filled something.
#[derive(Debug, Clone)]
pub(super) struct When {
    pub(super) filled: Path,
    pub(super) set: Vec<Constant>,
    pub(super) otherwise: Vec<Constant>,
}

const MISFITS: &[(&str, OnMisfit)] =
    &[("reject", OnMisfit::Reject), ("report", OnMisfit::Report), ("drop-with-warning", OnMisfit::Drop)];
const THOUSANDS: &[(&str, char)] = &[(",", ','), (".", '.'), (" ", ' '), ("'", '\'')];

/// What holds for all fields of a mapping.
struct Common<'m> {
    form: FormName,
    dialect: &'m Dialect,
    blank: Vec<&'m str>,
    misfit: OnMisfit,
    tables: BTreeMap<&'m str, &'m Node>,
}

/// Reads the part of a mapping that is about fields; `top` has its form and its dialect already.
pub(super) fn read(top: &mut Table<'_, '_>, form: FormName, dialect: &Dialect, blank: Vec<&str>) -> Plan {
    let misfit = top.choice("misfit", MISFITS).unwrap_or(OnMisfit::Reject);
    let tables = code_tables(top);
    let common = Common { form, dialect, blank, misfit, tables };
    let ignore = columns(top, "ignore", dialect);
    let keep = columns(top, "keep", dialect);
    let constants = top.node("constants").map(|node| constants(node, "constants", form, top.findings()));
    let fields = fields(top, &common);
    let whens = whens(top, form, &fields);
    if !keep.is_empty() && form.spec().field("reported").is_none() {
        let message = "the form has no reported cells, so that nothing can be kept there";
        top.missing("keep", format!("{message}: map the columns to fields, or name them in ignore"));
    }
    let plan = Plan { form, constants: constants.unwrap_or_default(), fields, whens, ignore, keep };
    plan.refuse_doubles(top.findings());
    plan
}

impl Plan {
    /// A field that holds one value is filled once: which of two would count is not for us to say.
    fn refuse_doubles(&self, findings: &mut Vec<Finding>) {
        let mut filled: BTreeSet<&Path> = BTreeSet::new();
        let is_list = |path: &Path| path.leaf(self.form.spec()).is_ok_and(|field| field.list_max.is_some());
        let constants = self.constants.iter().map(|constant| (&constant.path, &constant.at));
        let fields = self.fields.iter().map(|field| (&field.path, &field.at));
        for (path, at) in constants.chain(fields) {
            if !filled.insert(path) && !is_list(path) {
                findings.push(twice(path, at));
            }
        }
        for when in &self.whens {
            let mut set_here: BTreeSet<&Path> = BTreeSet::new();
            for constant in when.set.iter().chain(&when.otherwise) {
                if filled.contains(&constant.path) {
                    findings.push(twice(&constant.path, &constant.at));
                }
                set_here.insert(&constant.path);
            }
            filled.extend(set_here);
        }
    }
}

fn twice(path: &Path, at: &Option<Range<usize>>) -> Finding {
    let advice = "leave one of them; a value for blank cells is the default of the field";
    error(at.clone(), &path.to_string(), "the mapping fills this field twice", advice)
}

/// The tables of codes, by name.
fn code_tables<'n>(top: &mut Table<'n, '_>) -> BTreeMap<&'n str, &'n Node> {
    let Some(node) = top.node("codes") else { return BTreeMap::new() };
    if !matches!(node.value, Value::Table(_)) {
        top.error("codes", node, "it is no table", "write each table of codes as [codes.NAME]");
    }
    node.entries().iter().map(|entry| (entry.key.as_str(), &entry.node)).collect()
}

fn fields(top: &mut Table<'_, '_>, common: &Common<'_>) -> Vec<FieldPlan> {
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
    let on_misfit = table.choice("misfit", MISFITS).unwrap_or(common.misfit);
    let read_others = table.choice("otherwise", &[("misfit", false), ("read", true)]);
    let codes = table.node("table");
    let (default, instead) = (table.node("default"), table.node("instead"));
    let reading = reading(table, target.as_ref().map(|(_, kind, _)| *kind));
    let (path, kind, is_list) = target?;
    if let Some(code_table) = codes.and_then(Node::as_text) {
        used.extend(common.tables.get_key_value(code_table).map(|(name, _)| *name));
    }
    if separator.is_some_and(str::is_empty) || separator.is_some() && !is_list {
        table.missing("separator", "a separator of one character or more belongs to a field that is a list");
    }
    if instead.is_some() && on_misfit == OnMisfit::Reject {
        table.missing("instead", "with misfit = \"reject\" nothing stands instead: write another misfit, or delete it");
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
fn target(table: &mut Table<'_, '_>, form: FormName) -> Option<(Path, FieldKind, bool)> {
    let Some(written) = table.node("to") else {
        table.missing("to", "name the field of the form that the column fills");
        return None;
    };
    let resolve = |text: &str| {
        let path = Path::parse(text)?;
        let field = fillable(&path, form)?;
        Ok((path, field.kind, field.list_max.is_some()))
    };
    match written.as_text().map(resolve) {
        Some(Ok(target)) => return Some(target),
        Some(Err(Misfit { reason, advice })) => table.error("to", written, reason, advice),
        None => table.error("to", written, "it is no text", "write the path of the field in quotes"),
    }
    None
}

/// The field under a path. Reported cells are the import's own.
fn fillable(path: &Path, form: FormName) -> Result<&'static crate::form::FieldSpec, Misfit> {
    match path.steps().first() {
        Some(first) if first.key == "reported" => Err(Misfit::new(
            "the import itself fills the reported cells",
            "name the column in keep; it is kept there word for word",
        )),
        _ => path.leaf(form.spec()),
    }
}

/// How the cells are read. The form decides that, the mapping says what is left open.
fn reading(table: &mut Table<'_, '_>, kind: Option<FieldKind>) -> Option<Reading> {
    let read = table.node("read");
    let formats = table.node("formats");
    let format_texts = table.texts("formats");
    let decimal = table.choice("decimal", &[("point", '.'), ("comma", ',')]);
    let thousands = table.choice("thousands", THOUSANDS);
    let by = table.choice("by", &[("code", CountryBy::Code), ("name", CountryBy::Name), ("either", CountryBy::Either)]);
    let style = NumberStyle { decimal: decimal.unwrap_or('.'), thousands };
    if thousands == Some(style.decimal) {
        table.missing("thousands", "thousands and decimals cannot have the same sign");
        return None;
    }
    let (name, reading) = match kind? {
        FieldKind::Text { .. } | FieldKind::Table(_) => ("text", Reading::Text),
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
    let name = node.as_text()?;
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

fn whens(top: &mut Table<'_, '_>, form: FormName, fields: &[FieldPlan]) -> Vec<When> {
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
fn constants(node: &Node, name: &str, form: FormName, findings: &mut Vec<Finding>) -> Vec<Constant> {
    if !matches!(node.value, Value::Table(_)) {
        findings.push(error(node.at.clone(), name, "it is no table", "write paths and values: \"path\" = \"value\""));
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
                let shown = format!("{name}.{}", crate::text::neutralise(&path));
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
