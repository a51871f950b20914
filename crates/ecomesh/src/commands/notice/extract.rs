//! Extracts of the public list of notices: what they are for, and what they lack before they can be asked for or sent.
//!
//! The list tells the public who is wanted. What a request rests on (facts, charges, warrant, assurances) it does not tell, and
//! only the country that asks knows it. So an extract is the beginning of that country's request, and nothing that is searched.

use std::collections::BTreeSet;

use ecomesh_document::notice;
use ecomesh_document::report::Report;

/// Fields that no entry of the public list has, or tables of such.
const NOT_PUBLIC: &[&str] = &[
    "request.reference",
    "request.language",
    "request.article_3",
    "person.status",
    "judicial",
    "assurances",
];

/// What an extract lacks.
#[derive(Debug, PartialEq, Eq)]
struct Lacks {
    /// What the public list never tells.
    not_public: BTreeSet<String>,
    /// What it may tell, in the entry in detail.
    other: BTreeSet<String>,
}

/// The first line of the file of an extract, by which it is known.
const HEADING: &str = "An extract of the public list of notices. It is no request and no diffusion: nobody finds it by a search.";

/// The file of an extract: its heading says what it is for and what it lacks.
pub fn file(toml: &str) -> String {
    let Lacks { not_public, other } = lacks(&notice::check(toml));
    let mut lines = vec![
        HEADING.to_owned(),
        "It is where the country that asks for the notice begins: that country fills in what the list does not tell,".to_owned(),
        "and sends it with `ecomesh notice request FILE` or `ecomesh notice diffuse FILE`. `ecomesh notice check FILE`".to_owned(),
        "names each item with its rule. The list does not tell:".to_owned(),
    ];
    lines.extend(not_public.iter().map(|field| format!("  {field}")));
    if !other.is_empty() {
        lines.push("and of this entry, which may be told in the entry in detail:".to_owned());
        lines.extend(other.iter().map(|field| format!("  {field}")));
    }
    let heading: String = lines.iter().map(|line| format!("# {line}\n")).collect();
    format!("{heading}{toml}")
}

/// Why a form that cannot be sent cannot: it is an extract as it was imported.
pub fn help(text: &str, report: &Report) -> Option<String> {
    text.starts_with(&format!("# {HEADING}\n")).then(|| {
        let Lacks { not_public, other } = lacks(report);
        let only = if other.is_empty() { ", and nothing else" } else { ", and more" };
        format!(
            "this is an extract of the public list: it lacks what the list does not tell ({}){only}; the country that asks for \
             the notice fills that in",
            not_public.into_iter().collect::<Vec<_>>().join(", ")
        )
    })
}

fn lacks(report: &Report) -> Lacks {
    let mut lacks = Lacks { not_public: BTreeSet::new(), other: BTreeSet::new() };
    for problem in report.errors() {
        let known = NOT_PUBLIC.iter().find(|field| {
            problem.path == **field
                || problem.path.strip_prefix(**field).is_some_and(|rest| rest.starts_with('.'))
        });
        match known {
            Some(field) => lacks.not_public.insert((*field).to_owned()),
            None => lacks.other.insert(problem.path.clone()),
        };
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extract_says_what_the_list_does_not_tell_and_what_it_may() {
        let toml = "form = \"red-notice\"\n\n[request]\nnotice_number = \"2026/101\"\n\n[person]\nfamily_name = \"EXAMPLE\"\n";
        let text = file(toml);
        assert!(text.ends_with(toml));
        for part in [
            "#   judicial\n",
            "#   assurances\n",
            "#   request.article_3\n",
            "in detail:\n",
            "#   person.sex\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The heading changes nothing of the form, and the fields of a table are told as the table.
        assert_eq!(notice::check(&text).errors().count(), notice::check(toml).errors().count());
        assert!(!text.contains("judicial.facts"), "{text}");
        let help = help(&text, &notice::check(&text)).unwrap_or_default();
        assert!(help.contains("(assurances, judicial,") && help.contains("and more"), "{help}");
        let form = "form = \"red-notice\"\n[request]\n";
        assert_eq!(super::help(form, &notice::check(form)), None);
    }
}
