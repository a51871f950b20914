//! What a mapping file says, once it is read: which columns fill which fields, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::form::{FieldKind, FieldSpec};
use crate::mapping::constants::{constants, whens};
use crate::mapping::dialect::{ColumnRef, Dialect, columns};
use crate::mapping::fields::fields;
use crate::mapping::forms::FormName;
use crate::mapping::path::Path;
use crate::mapping::value::{Misfit, Reading};
use crate::mapping::written::{Table, error};
use crate::report::Finding;
use crate::tree::Value;

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
    pub(super) at: Option<Range<usize>>,
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
    pub(super) at: Option<Range<usize>>,
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

/// Reads the part of a mapping that is about fields; `top` has its form and its dialect already.
pub(super) fn read(top: &mut Table<'_, '_>, form: FormName, dialect: &Dialect, blank: &[&str]) -> Plan {
    let ignore = columns(top, "ignore", dialect);
    let keep = columns(top, "keep", dialect);
    let constants = top.node("constants").map(|node| constants(node, "constants", form, top.findings()));
    let fields = fields(top, form, dialect, blank);
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

/// The field under a path. Reported cells are the import's own.
pub(super) fn fillable(path: &Path, form: FormName) -> Result<&'static FieldSpec, Misfit> {
    match path.steps().first() {
        Some(first) if first.key == "reported" => Err(Misfit::new(
            "the import itself fills the reported cells",
            "name the column in keep; it is kept there word for word",
        )),
        _ => path.leaf(form.spec()),
    }
}
