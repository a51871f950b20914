//! Paths into a form, as a mapping names its fields: `document.number`, `products[1].quantities[1].unit`.

use std::fmt;

use crate::form::{FieldKind, FieldSpec, FormSpec};
use crate::limits::{ENTRIES_MAX, NESTING_MAX};
use crate::mapping::value::Misfit;
use crate::report::excerpt;

/// A path: keys, and the numbers of entries of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

/// A key; with the number of an entry, from 1, where it is a list of tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) key: String,
    pub(super) entry: Option<usize>,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(text: &str) -> Result<Self, Misfit> {
        let steps: Option<Vec<Step>> = text.split('.').map(step).collect();
        match steps.filter(|steps| steps.len() <= NESTING_MAX) {
            Some(steps) => Ok(Self(steps)),
            None => Err(Misfit {
                reason: format!("{} is no path of a field", excerpt(text)),
                advice: format!(
                    "write keys with points between them, and of lists of tables the number of the entry, 1 to {ENTRIES_MAX}: products[1].quantities[1].unit"
                ),
            }),
        }
    }

    /// The steps.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// True if `self` is `other` or stands above it.
    pub(super) fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The field of a form that can be filled at this path, which holds one value or a list of such.
    ///
    /// # Errors
    /// What is wrong with the path, and the nearest name.
    pub(super) fn leaf(&self, form: &'static FormSpec) -> Result<&'static FieldSpec, Misfit> {
        let field = self.field(form)?;
        let last = self.0.last().and_then(|step| step.entry);
        match field.kind {
            FieldKind::Table(below) => Err(Misfit {
                reason: format!("{self} is a table"),
                advice: format!("name one of its fields: {}", names(below)),
            }),
            _ if last.is_some() => Err(Misfit {
                reason: format!("{} is a list of single values, which has no numbered entries", field.name),
                advice: "leave the number out; several columns add to the list in the order of the mapping"
                    .into(),
            }),
            _ => Ok(field),
        }
    }

    /// The field of a form at this path, be it a table.
    ///
    /// # Errors
    /// As [`Path::leaf`].
    pub(super) fn field(&self, form: &'static FormSpec) -> Result<&'static FieldSpec, Misfit> {
        let (mut spec, mut found) = (form, None);
        for (number, step) in self.0.iter().enumerate() {
            let field = spec.field(&step.key).ok_or_else(|| unknown(&step.key, spec, form))?;
            let is_last = number + 1 == self.0.len();
            match field.kind {
                FieldKind::Table(below) => {
                    entry_fits(step, field)?;
                    spec = below;
                }
                _ if !is_last => {
                    return Err(Misfit {
                        reason: format!("{} is no table, so nothing stands below it", field.name),
                        advice: "end the path there".into(),
                    });
                }
                _ => {}
            }
            found = Some(field);
        }
        found.ok_or_else(|| unknown("", form, form))
    }
}

fn step(text: &str) -> Option<Step> {
    let (key, entry) = match text.split_once('[') {
        None => (text, None),
        Some((key, rest)) => {
            let number: usize = rest.strip_suffix(']')?.parse().ok()?;
            (key, Some(number).filter(|n| (1..=ENTRIES_MAX).contains(n)).map(Some)?)
        }
    };
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_key.then(|| Step { key: key.to_owned(), entry })
}

/// A list of tables is named with the number of an entry, a table without.
fn entry_fits(step: &Step, field: &FieldSpec) -> Result<(), Misfit> {
    match (field.list_max, step.entry) {
        (Some(_), None) => Err(Misfit {
            reason: format!("{} is a list of tables", field.name),
            advice: format!("say which entry is meant: {}[1]", field.name),
        }),
        (None, Some(_)) => Err(Misfit {
            reason: format!("{} is one table and no list", field.name),
            advice: format!("write {} without a number", field.name),
        }),
        _ => Ok(()),
    }
}

fn unknown(key: &str, spec: &'static FormSpec, form: &'static FormSpec) -> Misfit {
    let advice = if let Some(near) = spec.nearest(key) {
        format!("did you mean {near}?")
    } else if let Some(path) = form.elsewhere(key, "") {
        format!("did you mean {path}.{key}?")
    } else {
        format!("the fields here are {}", names(spec))
    };
    Misfit { reason: format!("the form has no field {} here", excerpt(key)), advice }
}

fn names(spec: &FormSpec) -> String {
    spec.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            let point = if number > 0 { "." } else { "" };
            write!(f, "{point}{}", step.key)?;
            if let Some(entry) = step.entry {
                write!(f, "[{entry}]")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecomessage::Ecomessage;

    #[test]
    fn paths_lead_to_fields_or_say_what_was_meant() {
        let leaf = |text: &str| Path::parse(text)?.leaf(Ecomessage::SPEC).map(|field| field.name);
        for good in ["reference", "to", "discovery.place.country", "products[2].quantities[1].unit"] {
            let last = good.rsplit('.').next().unwrap();
            assert_eq!(leaf(good), Ok(last));
            assert_eq!(Path::parse(good).unwrap().to_string(), good);
        }
        for (bad, advice) in [
            ("referense", "did you mean reference?"),
            ("discovery.contry", "the fields here are date"),
            ("discovery.place.contry", "did you mean country?"),
            ("scientific_name", "did you mean products.scientific_name?"),
            ("discovery", "name one of its fields"),
            ("products.term", "products[1]"),
            ("discovery[1].date", "without a number"),
            ("to[1]", "leave the number out"),
            ("reference.x", "end the path there"),
            ("", "write keys"),
            ("a..b", "write keys"),
            ("products[0].term", "write keys"),
            ("products[257].term", "write keys"),
            ("products[1.term", "write keys"),
        ] {
            let misfit = leaf(bad).unwrap_err();
            assert!(misfit.advice.contains(advice), "{bad}: {misfit:?}");
        }
    }
}
