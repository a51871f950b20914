//! Whether a form excludes reviewers: what `notice check` knows only of a network, and asks the node for, if one runs.

use ecomesh_api::NetworkView;
use ecomesh_document::Document;
use ecomesh_document::report::{Problem, Report, Severity};

use crate::cli::Global;
use crate::client::Node;

/// The report, and what the network's reviewers add to it. Without a node nothing is added: a form is checked anywhere.
pub(super) fn check(report: Report, text: &str, global: &Global) -> Report {
    let Ok((document, _)) = Document::from_toml(text) else { return report };
    if document.excluded().next().is_none() {
        return report;
    }
    let network = Node::of(global).and_then(|node| node.ask(node.api.network()));
    match network.ok().and_then(|network| too_few(&document, &network)) {
        Some(problem) => report.and(problem.into()),
        None => report,
    }
}

/// A warning, and no error: a diffusion of the form is not held up.
fn too_few(document: &Document, network: &NetworkView) -> Option<Problem> {
    let (excluded, left): (Vec<&String>, Vec<&String>) = network
        .reviewers
        .iter()
        .partition(|reviewer| document.excluded().any(|country| country == *reviewer));
    if excluded.is_empty() || left.len() as u64 >= network.quorum {
        return None;
    }
    let excluded = excluded.into_iter().cloned().collect::<Vec<_>>().join(", ");
    Some(Problem {
        severity: Severity::Warning,
        line: None,
        column: None,
        path: "request.handling.excluded".into(),
        message: format!(
            "asked for as a notice it could never be published: {} of {} must approve it, and the form excludes {excluded}",
            network.quorum,
            network.reviewers.join(", "),
        ),
        advice: format!("take {excluded} out, or send it with `ecomesh notice diffuse`"),
        rule: None,
    })
}
