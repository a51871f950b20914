//! The documents that clients of a register write: small, whole by the rules of their forms, each unlike the others.

use ecomesh_document::{Document, RecordRef};
use ecomesh_record::RecordId;
use serde_json::{Value, json};

use crate::rng::Rng;

/// Steps on notices, as their forms name them.
pub(super) const STEPS: [&str; 8] =
    ["approve", "return", "refuse", "suspend", "reinstate", "renew", "cancel", "withdraw"];

/// A request for a notice of one of two colours.
pub(super) fn notice(rng: &mut Rng) -> Option<Document> {
    let mut request = json!({ "reference": reference(rng), "language": "en", "article_3": "conforms" });
    if rng.percent(40) {
        // It ends so soon that it can be renewed at once.
        request["valid_until"] = "2027-02-01".into();
    }
    let form = if rng.percent(50) {
        json!({
            "form": "purple-notice", "request": request, "facts": "Hides in tanks.", "investigation": "open",
            "methods": [{ "kind": "modus-operandi", "description": "A second tank." }],
        })
    } else {
        json!({
            "form": "orange-notice", "request": request,
            "threat": { "kind": "object", "description": "A drum of acid is missing.", "object": "A blue drum.",
                "target": "Harbours", "areas": [{ "text": "The coast", "country": "KE" }], "time": "2026-11" },
        })
    };
    read(&form)
}

/// A stolen vehicle.
pub(super) fn vehicle(rng: &mut Rng) -> Option<Document> {
    read(&json!({
        "form": "vehicle-entry", "source": { "reference": reference(rng) },
        "vehicle": { "kind": "car", "make": "Make", "plate": format!("K{}", rng.below(10_000)), "plate_country": "KE" },
        "theft": { "kind": "stolen", "date": "2026-10-01", "place": { "text": "A street", "country": "KE" } },
    }))
}

/// A travel document of a country.
pub(super) fn passport(rng: &mut Rng, country: &str) -> Option<Document> {
    read(&json!({
        "form": "sltd-entry", "source": { "reference": reference(rng) }, "status": "stolen", "date": "2026-10-01",
        "document": { "kind": "passport", "number": format!("P{}", rng.below(1_000_000)), "country": country },
    }))
}

/// A step on a notice or a diffusion, about the text that was read.
pub(super) fn step(rng: &mut Rng, step: &str, notice: RecordId, text: RecordId) -> Option<Document> {
    let mut form = json!({ "form": "notice-step", "notice": notice.to_string(), "step": step });
    let more = match step {
        "approve" => json!({ "version": text.to_string() }),
        "return" => json!({ "version": text.to_string(), "missing": [among(rng, &["facts", "identity"])] }),
        "refuse" => {
            json!({ "version": text.to_string(), "refusal": among(rng, &["article-3", "facts", "inaccurate"]) })
        }
        "suspend" => json!({ "refusal": among(rng, &["facts", "inaccurate"]) }),
        "renew" => json!({ "until": among(rng, &["2027-12-31", "2028-06-30"]), "reason": "Still wanted." }),
        "cancel" => json!({ "cancellation": among(rng, &["found", "purpose-achieved"]) }),
        "withdraw" => json!({ "withdrawal": among(rng, &["not-compliant", "no-answer"]) }),
        _ => json!({}),
    };
    for (key, value) in more.as_object().into_iter().flatten() {
        form[key] = value.clone();
    }
    read(&form)
}

/// The withdrawal of an entry.
pub(super) fn withdrawal(rng: &mut Rng, entry: RecordId) -> Option<Document> {
    let reason = among(rng, &["recovered", "error", "superseded"]);
    read(&json!({ "form": "entry-withdrawal", "entry": entry.to_string(), "reason": reason }))
}

/// Another document of the same kind that speaks of the same record: what a member shows to the other half.
pub(super) fn twin(rng: &mut Rng, of: &Document, own_code: &str) -> Option<Document> {
    let same_place = |twin: Document| match of.replaces() {
        Some(replaced) => twin.replacing(replaced),
        None => Some(twin),
    };
    match of {
        Document::Notice(_) => same_place(notice(rng)?),
        Document::Diffusion(_) => same_place(notice(rng)?.into_diffusion()),
        Document::Entry(_) if rng.percent(50) => same_place(passport(rng, own_code)?),
        Document::Entry(_) => same_place(vehicle(rng)?),
        Document::NoticeStep(told) => {
            let text = told.version.map_or(told.notice.0, |version| version.0);
            let other = among(rng, &STEPS);
            step(rng, other, told.notice.0, text)
        }
        Document::EntryStep(told) => withdrawal(rng, told.entry.0),
        _ => None,
    }
}

/// A document as a new text of another.
pub(super) fn new_text(document: Document, of: RecordId) -> Option<Document> {
    document.replacing(RecordRef(of))
}

fn reference(rng: &mut Rng) -> String {
    format!("R/{}", rng.below(1_000_000_000))
}

fn among<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    rng.pick(from).copied().unwrap_or_default()
}

fn read(form: &Value) -> Option<Document> {
    Document::from_json(form).ok().map(|(document, _)| document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_paper_can_be_sent_and_read_and_has_a_twin() {
        let mut rng = Rng::stream(1, "papers");
        let (one, two) = (RecordId([1; 32]), RecordId([2; 32]));
        for _ in 0..20 {
            let mut papers = vec![
                notice(&mut rng).unwrap(),
                notice(&mut rng).unwrap().into_diffusion(),
                new_text(notice(&mut rng).unwrap(), one).unwrap(),
                vehicle(&mut rng).unwrap(),
                passport(&mut rng, "KE").unwrap(),
                new_text(vehicle(&mut rng).unwrap(), one).unwrap(),
                withdrawal(&mut rng, one).unwrap(),
            ];
            papers.extend(STEPS.map(|name| step(&mut rng, name, one, two).unwrap()));
            for paper in papers {
                let bytes = paper.encode().unwrap();
                assert_eq!(Document::decode(paper.kind().number, &bytes).unwrap(), paper);
                let twin = twin(&mut rng, &paper, "KE").unwrap();
                assert_eq!((twin.kind().number, twin.replaces()), (paper.kind().number, paper.replaces()));
            }
        }
    }
}
