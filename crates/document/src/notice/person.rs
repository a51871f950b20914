//! When identity particulars suffice.

use crate::form::Reader;
use crate::items::{at, entries, filled, missing, text};
use crate::notice::rules;
use crate::rule::Rule;
use crate::tree::Node;

/// Names, sex, birth and one particular; or a photograph and further data. Where neither is whole, every item that the
/// first lacks is named, and the second is offered.
pub(crate) fn full_identity(form: &Node, reader: &mut Reader, rule: &'static Rule) {
    let Some(person) = at(form, "person") else {
        return name_all(form, reader, rule);
    };
    let photograph = has_photograph(person);
    blank_names(form, reader, rule);
    let further = ["aliases", "parents", "description", "original_names", "remarks"];
    if photograph && further.iter().any(|path| filled(person, path)) {
        return;
    }
    let instead = if photograph {
        "or, beside the photograph, give an alias, the parents' names, marks or a description"
    } else {
        "or add a good photograph (person.photographs) and further data"
    };
    for (path, item) in NAMED {
        if !states(person, path) && !is_blank(person, path) {
            let path = format!("person.{path}");
            missing(form, reader, &path, rule, item, format!("fill in {path}; {instead}"));
        }
    }
    let particulars = filled(person, "description")
        || filled(person, "documents")
        || has_reference(person, "fingerprint")
        || has_reference(person, "dna");
    if !particulars {
        name_particulars(form, reader, rule, instead);
    }
}

/// A name, or a photograph.
pub(crate) fn identity_or_photograph(form: &Node, reader: &mut Reader, rule: &'static Rule) {
    blank_names(form, reader, rule);
    let person = at(form, "person");
    if !person.is_some_and(|person| is_named(person) || has_photograph(person)) {
        let advice = "fill in person.family_name and person.given_names, or add person.photographs";
        missing(form, reader, "person", rule, "identity or photograph", advice.into());
    }
}

/// A name.
pub(crate) fn identity(form: &Node, reader: &mut Reader, rule: &'static Rule) {
    blank_names(form, reader, rule);
    if !at(form, "person").is_some_and(is_named) {
        let advice = "fill in person.family_name and person.given_names";
        missing(form, reader, "person", rule, "the identity", advice.into());
    }
}

/// A request or an entry of the country from which a person is protected as a refugee.
pub(crate) fn refuse_against_refugees(form: &Node, reader: &mut Reader, from: &str) {
    let Some(from) = text(form, from) else { return };
    if entries(form, "person.refugee_from").iter().filter_map(Node::as_text).any(|country| country == from) {
        reader.by(Some(&rules::REFUGEE)).error(
            form,
            "person.refugee_from",
            format!("{from} asks for somebody who is protected from it as a refugee"),
            "such a request is not processed",
        );
    }
}

/// What the full identity names one by one.
const NAMED: [(&str, &str); 4] = [
    ("family_name", "the family name"),
    ("given_names", "the given names"),
    ("sex", "the sex"),
    ("birth_date", "the date of birth, or its year"),
];

/// Without a table of the person nothing of it is there.
fn name_all(form: &Node, reader: &mut Reader, rule: &'static Rule) {
    let instead = "or add a good photograph (person.photographs) and further data";
    for (path, item) in NAMED {
        let path = format!("person.{path}");
        missing(form, reader, &path, rule, item, format!("fill in {path}; {instead}"));
    }
    name_particulars(form, reader, rule, instead);
}

fn name_particulars(form: &Node, reader: &mut Reader, rule: &'static Rule, instead: &str) {
    let advice = format!("fill in person.description, person.references or person.documents; {instead}");
    let item = "one of description, DNA profile, fingerprints and identity document";
    missing(form, reader, "person.description", rule, item, advice);
}

/// A name of blanks is no name: it is missing by the same rule.
fn blank_names(form: &Node, reader: &mut Reader, rule: &'static Rule) {
    let Some(person) = at(form, "person") else { return };
    for (path, item) in NAMED {
        if is_blank(person, path) {
            let path = format!("person.{path}");
            missing(
                form,
                reader,
                &path,
                rule,
                item,
                format!("fill in {path}; if nobody knows it, delete the line"),
            );
        }
    }
}

fn is_blank(person: &Node, path: &str) -> bool {
    person.get(path).and_then(Node::as_text).is_some_and(|text| text.trim().is_empty())
}

/// True if a field says something: "unknown" does not.
fn states(person: &Node, path: &str) -> bool {
    filled(person, path) && text(person, path) != Some("unknown")
}

fn is_named(person: &Node) -> bool {
    ["family_name", "given_names", "original_names", "aliases"].iter().any(|path| filled(person, path))
}

fn has_photograph(person: &Node) -> bool {
    filled(person, "photographs") || has_reference(person, "photo")
}

fn has_reference(person: &Node, kind: &str) -> bool {
    entries(person, "references").iter().any(|reference| text(reference, "kind") == Some(kind))
}
