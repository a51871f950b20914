//! One row through a mapping: each cell is read as stated, the form is filled and checked, and what does not fit goes where
//! the mapping says.

mod kept;
mod verdict;

use crate::mapping::build::{Branch, Renumbered};
use crate::mapping::forms::MappedForm;
use crate::mapping::outcome::{Mapped, Rejected};
use crate::mapping::path::Path;
use crate::mapping::plan::{Constant, FieldPlan, OnMisfit, Plan};
use crate::mapping::value::{Misfit, Reading};
use crate::report::{Finding, Report};
use crate::tree::{Entry, Node, Value};

/// A row and what is known of its sheet.
pub(super) struct Row<'r> {
    pub(super) plan: &'r Plan,
    pub(super) columns: &'r [String],
    pub(super) cells: &'r [&'r str],
    /// Of each field, the places of its columns.
    pub(super) fields: &'r [Vec<usize>],
    /// Places of the columns that are kept word for word.
    pub(super) keep: &'r [usize],
    /// As a spreadsheet shows it.
    pub(super) number: u64,
    /// As of when its dates are looked at, milliseconds since 1970.
    pub(super) now_ms: u64,
}

/// What a field got from its cells.
enum Filling {
    /// Nothing: they are blank.
    Blank,
    /// A value.
    Value(Value),
    /// A default, in place of blank cells.
    Default(Value),
    /// They do not fit.
    Misfit(Misfit),
}

impl Row<'_> {
    /// Makes the form. A cell that the form itself refuses does not fit either; then the form is filled again without it,
    /// if the mapping wants that.
    pub(super) fn map(&self) -> Result<Mapped, Rejected> {
        let mut fillings: Vec<Filling> = (0..self.fields.len()).map(|field| self.read_cells(field)).collect();
        loop {
            let (form, findings, renumbered) = self.fill(&fillings);
            let report = Report::new(findings, None);
            let refused = self.droppable(&report, &renumbered, &fillings);
            if refused.is_empty() {
                return self.finish(form, &report, &renumbered, &fillings);
            }
            // Each round takes at least one field out, so it ends.
            for (field, misfit) in refused {
                fillings[field] = Filling::Misfit(misfit);
            }
        }
    }

    /// Reads the cells of a field.
    fn read_cells(&self, field: usize) -> Filling {
        let plan = &self.plan.fields[field];
        let cells: Vec<&str> = self.fields[field].iter().map(|place| self.cells[*place].trim()).collect();
        let is_blank = |cell: &&str| cell.is_empty() || plan.blank.contains(&cell.to_lowercase());
        let filled: Vec<&str> = cells.iter().copied().filter(|cell| !is_blank(cell)).collect();
        if filled.is_empty() {
            return match &plan.default {
                Some(value) => Filling::Default(as_field(plan, value.clone())),
                None => Filling::Blank,
            };
        }
        // A date whose month is blank is not one of its year and day.
        let gap = cells.iter().position(is_blank).is_some_and(|first| first < filled.len());
        if gap && !matches!(plan.reading, Reading::Text) {
            let misfit = Misfit::new("one of its columns is blank before a filled one", "fill it in");
            return Filling::Misfit(misfit);
        }
        match self.read_text(plan, &filled.join(&plan.join)) {
            Ok(value) => Filling::Value(value),
            Err(misfit) => Filling::Misfit(misfit),
        }
    }

    fn read_text(&self, plan: &FieldPlan, text: &str) -> Result<Value, Misfit> {
        let parts: Vec<&str> = match &plan.separator {
            Some(separator) => {
                text.split(separator.as_str()).map(str::trim).filter(|p| !p.is_empty()).collect()
            }
            None => vec![text],
        };
        if parts.is_empty() {
            return Err(Misfit::new("there are separators and nothing between them", "empty the cell"));
        }
        if !plan.is_list {
            return read_one(plan, text);
        }
        let values = parts.into_iter().map(|part| read_one(plan, part).map(Node::new));
        values.collect::<Result<_, _>>().map(Value::List)
    }

    /// Fills the form and reads it.
    fn fill(&self, fillings: &[Filling]) -> (Option<MappedForm>, Vec<Finding>, Renumbered) {
        let mut tree = Branch::default();
        for constant in &self.plan.constants {
            tree.put(&constant.path, self.numbered(constant));
        }
        for (plan, filling) in self.plan.fields.iter().zip(fillings) {
            match (filling, &plan.instead) {
                (Filling::Value(value) | Filling::Default(value), _) => tree.put(&plan.path, value.clone()),
                (Filling::Misfit(_), Some(value)) => tree.put(&plan.path, as_field(plan, value.clone())),
                (Filling::Misfit(_), None) | (Filling::Blank, _) => {}
            }
        }
        for when in &self.plan.whens {
            let holds = self.is_filled(&when.filled, fillings);
            for constant in if holds { &when.set } else { &when.otherwise } {
                tree.put(&constant.path, self.numbered(constant));
            }
        }
        let (mut entries, renumbered) = tree.into_entries();
        let reported = self.reported(fillings);
        if !reported.is_empty() {
            entries.push(Entry::new("reported", Value::List(reported)));
        }
        let mut findings = Vec::new();
        let form = self.plan.form.read(entries, self.now_ms, &mut findings);
        (form, findings, renumbered)
    }

    /// The value of a constant in this row.
    fn numbered(&self, constant: &Constant) -> Value {
        match &constant.value {
            Value::Text(text) => Value::Text(text.replace("{row}", &self.number.to_string())),
            other => other.clone(),
        }
    }

    /// True if a cell has filled a field at this path or below it.
    fn is_filled(&self, path: &Path, fillings: &[Filling]) -> bool {
        let mut fields = self.plan.fields.iter().zip(fillings);
        fields.any(|(plan, filling)| path.contains(&plan.path) && matches!(filling, Filling::Value(_)))
    }

    /// Fields whose cells the form refuses and that the mapping lets go.
    fn droppable(
        &self,
        report: &Report,
        renumbered: &Renumbered,
        fillings: &[Filling],
    ) -> Vec<(usize, Misfit)> {
        let mut refused = Vec::new();
        for problem in report.errors() {
            let path = renumbered.in_mapping(&problem.path);
            let field = self.field_at(&path, fillings).filter(|field| {
                self.plan.fields[*field].on_misfit != OnMisfit::Reject
                    && matches!(fillings[*field], Filling::Value(_))
                    && !refused.iter().any(|(refused, _)| refused == field)
            });
            let misfit = || Misfit::new(problem.message.clone(), verdict::advice(problem, true));
            refused.extend(field.map(|field| (field, misfit())));
        }
        refused
    }

    /// The field that a problem at a path is about. Entries of a list are those of its constants, then those of its columns.
    fn field_at(&self, path: &str, fillings: &[Filling]) -> Option<usize> {
        let at_path = |field: &usize| is_at(&self.plan.fields[*field].path, path);
        let mut candidates = (0..self.plan.fields.len()).filter(at_path);
        let Some(entry) = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) else {
            return candidates.next();
        };
        let stated = self.plan.constants.iter().filter(|constant| is_at(&constant.path, path));
        let mut before = stated.map(|constant| entries(Some(&constant.value))).sum::<usize>();
        let number: usize = entry.1.parse().ok()?;
        candidates.find(|field| {
            before += entries(match &fillings[*field] {
                Filling::Value(value) | Filling::Default(value) => Some(value),
                Filling::Misfit(_) => self.plan.fields[*field].instead.as_ref(),
                Filling::Blank => None,
            });
            number <= before
        })
    }
}

/// Reads one value: by the table of the mapping, else as the field is read.
fn read_one(plan: &FieldPlan, text: &str) -> Result<Value, Misfit> {
    if let Some(table) = &plan.table {
        if let Some(value) = table.get(&text.to_lowercase()) {
            return Ok(value.clone());
        }
        if !plan.read_others {
            let known: Vec<_> = table.keys().take(20).map(|key| format!("\"{key}\"")).collect();
            return Err(Misfit::new(
                "it is not in the table of the mapping",
                format!("add it to the table, or correct it; there are {}", known.join(", ")),
            ));
        }
    }
    plan.reading.read(plan.kind, text)
}

/// Number of values in the value of a list.
fn entries(value: Option<&Value>) -> usize {
    match value {
        Some(Value::List(items)) => items.len(),
        Some(_) => 1,
        None => 0,
    }
}

/// A value of a list is a list.
fn as_field(plan: &FieldPlan, value: Value) -> Value {
    if plan.is_list { Value::List(vec![Node::new(value)]) } else { value }
}

/// True if a problem is at a field: at its path, or at an entry of its list.
fn is_at(field: &Path, problem: &str) -> bool {
    let field = field.to_string();
    problem.strip_prefix(field.as_str()).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('[') && rest.ends_with(']') && !rest.contains('.')
    })
}
