//! Builds the tree of a form out of values at paths. Entries of lists that nothing filled are left out, and what the form
//! calls an entry is found again as what the mapping calls it.

use std::collections::BTreeMap;

use crate::mapping::path::{Path, Step};
use crate::tree::{Entry, Node, Value};

/// A form while it is filled.
#[derive(Debug, Default)]
pub(super) struct Branch {
    tables: BTreeMap<String, Self>,
    lists: BTreeMap<String, BTreeMap<usize, Self>>,
    values: BTreeMap<String, Value>,
}

/// What the entries of lists are called in the form, and what the mapping calls them, where that differs.
#[derive(Debug, Default)]
pub(super) struct Renumbered(Vec<(String, String)>);

impl Branch {
    /// Puts a value at a path. Values of a list are added to it.
    pub(super) fn put(&mut self, path: &Path, value: Value) {
        let Some((last, above)) = path.steps().split_last() else { return };
        let branch = above.iter().fold(self, Self::below);
        match (branch.values.get_mut(&last.key), value) {
            (Some(Value::List(present)), Value::List(more)) => present.extend(more),
            (_, value) => _ = branch.values.insert(last.key.clone(), value),
        }
    }

    fn below(&mut self, step: &Step) -> &mut Self {
        match step.entry {
            None => self.tables.entry(step.key.clone()).or_default(),
            Some(entry) => self.lists.entry(step.key.clone()).or_default().entry(entry).or_default(),
        }
    }

    /// The entries of the tree.
    pub(super) fn into_entries(self) -> (Vec<Entry>, Renumbered) {
        let mut renumbered = Renumbered::default();
        let entries = self.entries("", "", &mut renumbered);
        (entries, renumbered)
    }

    fn entries(self, in_form: &str, in_mapping: &str, renumbered: &mut Renumbered) -> Vec<Entry> {
        let below = |above: &str, key: &str| {
            if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
        };
        let mut entries: Vec<Entry> =
            self.values.into_iter().map(|(key, value)| Entry::new(&key, value)).collect();
        for (key, branch) in self.tables {
            let table = branch.entries(&below(in_form, &key), &below(in_mapping, &key), renumbered);
            entries.push(Entry::new(&key, Value::Table(table)));
        }
        for (key, branches) in self.lists {
            let mut items = Vec::new();
            for (number, branch) in branches {
                let in_form = format!("{}[{}]", below(in_form, &key), items.len() + 1);
                let in_mapping = format!("{}[{number}]", below(in_mapping, &key));
                if in_form != in_mapping {
                    renumbered.0.push((in_form.clone(), in_mapping.clone()));
                }
                items.push(Node::new(Value::Table(branch.entries(&in_form, &in_mapping, renumbered))));
            }
            entries.push(Entry::new(&key, Value::List(items)));
        }
        entries
    }
}

impl Renumbered {
    /// What the mapping calls a place of the form.
    pub(super) fn in_mapping(&self, path: &str) -> String {
        let starts =
            |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('.'));
        let deepest = self.0.iter().filter_map(|(form, mapping)| Some((form, mapping, starts(form)?)));
        match deepest.max_by_key(|(form, ..)| form.len()) {
            Some((_, mapping, rest)) => format!("{mapping}{rest}"),
            None => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_close_up_and_their_entries_are_found_again() {
        let mut branch = Branch::default();
        for (path, value) in [("a", "1"), ("b.c", "2"), ("l[2].x", "3"), ("l[5].m[3].y", "4")] {
            branch.put(&Path::parse(path).unwrap(), Value::Text(value.into()));
        }
        let one = |text: &str| Value::List(vec![Node::new(Value::Text(text.into()))]);
        branch.put(&Path::parse("t").unwrap(), one("5"));
        branch.put(&Path::parse("t").unwrap(), one("6"));
        let (entries, renumbered) = branch.into_entries();
        let json = Node::new(Value::Table(entries)).to_json();
        assert_eq!(json, r#"{"a":"1","t":["5","6"],"b":{"c":"2"},"l":[{"x":"3"},{"m":[{"y":"4"}]}]}"#);
        assert_eq!(renumbered.in_mapping("l[1].x"), "l[2].x");
        assert_eq!(renumbered.in_mapping("l[2].m[1].y"), "l[5].m[3].y");
        assert_eq!(renumbered.in_mapping("l[2]"), "l[5]");
        assert_eq!(renumbered.in_mapping("b.c"), "b.c");
    }
}
