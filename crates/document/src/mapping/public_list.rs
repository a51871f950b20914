//! The public list of notices: its entries in whatever the interface wraps them, each as an extract of a notice.

use serde_json::Value;

use crate::mapping::forms::MappedForm;
use crate::mapping::outcome::{CellProblem, CellWarning, Mapped, Rejected};
use crate::notice::public::red_notice;
use crate::report::Problem;

/// The entries of a file of the public list.
#[derive(Debug, Clone)]
pub struct PublicList(Vec<Value>);

impl PublicList {
    /// Finds the entries: in a page of the interface (`_embedded.notices`), in a list, or one entry alone. `None` if the
    /// file is nothing of the sort.
    pub fn new(file: Value) -> Option<Self> {
        match file {
            Value::Array(entries) => Some(Self(entries)),
            Value::Object(mut page) => {
                let embedded = page.get_mut("_embedded").and_then(|embedded| embedded.get_mut("notices"));
                if let Some(Value::Array(entries)) = embedded {
                    return Some(Self(std::mem::take(entries)));
                }
                page.contains_key("entity_id").then(|| Self(vec![Value::Object(page)]))
            }
            _ => None,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes a notice of each entry, in their order. It is an extract: what the public does not see is left out, and the
    /// check of the notice says what a request would have to add. Its dates are looked at as of `now_ms`, milliseconds since
    /// 1970.
    pub fn notices(&self, now_ms: u64) -> impl Iterator<Item = Result<Mapped, Rejected>> {
        self.0.iter().map(move |entry| notice(entry).and_then(|mapped| with_dates(mapped, now_ms)))
    }
}

/// Adds what is wrong with the dates, by the fields of the form: they may be of several fields of the list.
fn with_dates(mut mapped: Mapped, now_ms: u64) -> Result<Mapped, Rejected> {
    let report = mapped.form.check_dates(now_ms);
    if !report.is_ok() {
        let problem = |p: &Problem| CellProblem::new("", &*p.path, "", &*p.message, &*p.advice);
        return Err(Rejected { problems: report.errors().map(problem).collect() });
    }
    mapped.warnings.extend(report.warnings().map(|warning| CellWarning {
        column: String::new(),
        field: warning.path.clone(),
        cell: String::new(),
        reason: warning.message.clone(),
        advice: warning.advice.clone(),
    }));
    Ok(mapped)
}

fn notice(entry: &Value) -> Result<Mapped, Rejected> {
    let said = |key: &str| match entry.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match red_notice(entry) {
        Ok(public) => {
            let warning = |(key, reason): (String, &str)| CellWarning {
                cell: said(&key),
                column: key,
                field: String::new(),
                reason: reason.to_owned(),
                advice: String::new(),
            };
            let warnings = public.notes.into_iter().map(warning).collect();
            Ok(Mapped { form: MappedForm::Notice(public.notice), warnings })
        }
        Err(problems) => {
            let problem = |problem: crate::notice::public::EntryProblem| {
                let advice = "ask for the entry again; if it stays so, enter it by hand";
                CellProblem::new(&*problem.key, "", &said(&problem.key), problem.reason, advice)
            };
            Err(Rejected { problems: problems.into_iter().map(problem).collect() })
        }
    }
}
