//! What is told of a row: its form with warnings, or every problem with its column, cell and advice.

use crate::mapping::build::Renumbered;
use crate::mapping::forms::MappedForm;
use crate::mapping::outcome::{CellProblem, CellWarning, Mapped, Rejected};
use crate::mapping::plan::{FieldPlan, OnMisfit};
use crate::mapping::row::{Filling, Row};
use crate::mapping::value::Misfit;
use crate::report::{Problem, Report, Severity};
use crate::tree::Value;

impl Row<'_> {
    /// The form with its warnings, or everything that is wrong.
    pub(super) fn finish(
        &self,
        form: Option<MappedForm>,
        report: &Report,
        renumbered: &Renumbered,
        fillings: &[Filling],
    ) -> Result<Mapped, Rejected> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        for (field, (plan, filling)) in self.plan.fields.iter().zip(fillings).enumerate() {
            let Filling::Misfit(misfit) = filling else { continue };
            let (column, cell) = (self.column_of(field), self.cell_of(field));
            if plan.on_misfit == OnMisfit::Reject {
                let path = plan.path.to_string();
                problems.push(CellProblem::new(column, path, &cell, &misfit.reason, &misfit.advice));
            } else {
                warnings.push(self.let_go(plan, column, cell, misfit));
            }
        }
        // A field without value because its cell was refused is not missing. One that was let go may be: that is an error.
        let refused: Vec<String> =
            problems.iter().map(|problem: &CellProblem| problem.field.clone()).collect();
        let let_go: Vec<String> =
            warnings.iter().map(|warning: &CellWarning| warning.field.clone()).collect();
        for problem in report.problems() {
            let path = renumbered.in_mapping(&problem.path);
            let is_told = match problem.severity {
                Severity::Error => refused.contains(&path),
                Severity::Warning => refused.contains(&path) || let_go.contains(&path),
            };
            if is_told && is_of_absence(&problem.message) {
                continue;
            }
            let (column, cell) = self.place_of(&path, fillings);
            let reason = self.reason(problem, &path, fillings);
            let advice = advice(problem, !column.is_empty());
            match problem.severity {
                Severity::Error => problems.push(CellProblem::new(column, path, &cell, reason, advice)),
                Severity::Warning => warnings.push(CellWarning { column, field: path, cell, reason, advice }),
            }
        }
        match form.filter(|_| report.is_ok()) {
            Some(form) if problems.is_empty() => Ok(Mapped { form, warnings }),
            _ if problems.is_empty() => {
                let advice = "report it with the mapping and this row";
                Err(Rejected { problems: vec![CellProblem::of_row("the form cannot be made of it", advice)] })
            }
            _ => Err(Rejected { problems }),
        }
    }

    /// What is wrong, and that a cell was let go before, if that is why.
    fn reason(&self, problem: &Problem, path: &str, fillings: &[Filling]) -> String {
        match self.field_at(path, fillings).map(|field| &fillings[field]) {
            Some(Filling::Misfit(misfit)) if problem.severity == Severity::Error => {
                format!("{}, since its cell does not fit: {}", problem.message, misfit.reason)
            }
            _ => problem.message.clone(),
        }
    }

    /// The warning of a cell that does not fit and is let go.
    fn let_go(&self, plan: &FieldPlan, column: String, cell: String, misfit: &Misfit) -> CellWarning {
        let is_kept = plan.on_misfit == OnMisfit::Report && self.plan.form.spec().field("reported").is_some();
        let mut done =
            if is_kept { "kept word for word among the reported cells" } else { "left out" }.to_owned();
        if let Some(Value::Text(value) | Value::Number(value)) = &plan.instead {
            done.push_str(&format!(", {value} stands instead"));
        }
        CellWarning {
            column,
            field: plan.path.to_string(),
            cell,
            reason: format!("{}: {done}", misfit.reason),
            advice: misfit.advice.clone(),
        }
    }

    /// Columns and cells that a problem of the form is about: those of the field at its path, or of the fields in a table.
    fn place_of(&self, path: &str, fillings: &[Filling]) -> (String, String) {
        if let Some(field) = self.field_at(path, fillings) {
            return (self.column_of(field), self.cell_of(field));
        }
        if let Some(place) = self.reported_at(path, fillings) {
            return (self.column(place), self.cells[place].trim().to_owned());
        }
        let below = format!("{path}.");
        let is_below = |plan: &FieldPlan| !path.is_empty() && plan.path.to_string().starts_with(&below);
        let mut places: Vec<usize> = Vec::new();
        for (plan, columns) in self.plan.fields.iter().zip(self.fields) {
            if is_below(plan) {
                places.extend(
                    columns.iter().filter(|place| !places.contains(place)).copied().collect::<Vec<_>>(),
                );
            }
        }
        let names: Vec<String> = places.iter().map(|place| self.column(*place)).collect();
        (names.join(" + "), String::new())
    }

    fn column_of(&self, field: usize) -> String {
        let names = self.fields[field].iter().map(|place| self.column(*place));
        names.collect::<Vec<_>>().join(" + ")
    }

    fn cell_of(&self, field: usize) -> String {
        let cells = self.fields[field].iter().map(|place| self.cells[*place].trim());
        cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(&self.plan.fields[field].join)
    }
}

/// True of what the form says of a field that is not there: its advice speaks of lines of a form, and here are cells.
fn is_of_absence(message: &str) -> bool {
    ["a required ", "a recommended ", "missing: "].iter().any(|opening| message.starts_with(opening))
}

/// What to do about a problem of the form, for whoever has a sheet before the eyes.
pub(super) fn advice(problem: &Problem, has_column: bool) -> String {
    // The form's own words name other fields that would do as well.
    let names_others = problem.rule.is_some() && problem.message.starts_with("missing: ");
    match (is_of_absence(&problem.message), has_column) {
        (true, true) if !names_others => "fill it in".to_owned(),
        (true, false) => "map a column to it, or state it in the constants of the mapping".to_owned(),
        // A line of a form is a cell here, or a constant of the mapping: nobody is to delete the row.
        (_, true) => problem.advice.replace("delete the line", "leave it blank"),
        (_, false) => problem.advice.replace("delete the line", "leave it out"),
    }
}
