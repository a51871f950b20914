//! The sample messages of `node-config/demo`: each is correct, and together they show what the forms can say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ecomesh_document::{Document, ECOMESSAGE, check};

/// File name, text and document of every sample.
fn samples() -> Vec<(String, String, Document)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node-config/demo");
    let mut samples: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of samples is part of the project")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a sample is UTF-8");
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            let document = Document::from_toml(&text).map_err(|report| format!("{name}:\n{report}"));
            (name, text, document.expect("a sample has no errors").0)
        })
        .collect();
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    samples
}

const MEMBERS: [&str; 5] = ["KE", "TZ", "TH", "FR", "CN"];

#[test]
fn every_sample_passes_the_check_and_survives_all_forms() {
    for (name, text, document) in samples() {
        assert!(check(&text).is_ok(), "{name}:\n{}", check(&text));
        let bytes = document.encode().unwrap();
        assert_eq!(Document::decode(document.kind().number, &bytes).as_ref(), Ok(&document), "{name}");
        assert_eq!(Document::from_toml(&document.to_toml()).unwrap().0, document, "{name}");
        assert_eq!(Document::from_json(&document.to_json()).unwrap().0, document, "{name}");
    }
}

#[test]
fn senders_and_addressees_are_members_of_the_demo() {
    for (name, text, document) in samples() {
        let sender = document.sender().expect("a sample names its sender").as_str().to_owned();
        assert!(MEMBERS.contains(&sender.as_str()), "{name}");
        assert!(name.starts_with(&format!("{}-", sender.to_lowercase())), "{name} is sent by {sender}");
        assert!(text.lines().next().unwrap().contains(&sender), "{name}: the first line says who sends it");
        assert!(!document.addressees().is_empty(), "{name}");
        assert!(
            document.addressees().iter().all(|to| MEMBERS.contains(&to.as_str()) && to.as_str() != sender),
            "{name}"
        );
    }
}

#[test]
fn together_they_show_all_languages_priorities_and_the_main_families() {
    let samples = samples();
    let messages = samples.iter().filter(|(_, _, d)| d.kind().number == ECOMESSAGE.number).count();
    assert!(messages >= 14, "{messages}");
    let languages: BTreeSet<_> = samples.iter().map(|(_, _, d)| d.language()).collect();
    assert_eq!(languages, BTreeSet::from(["ar", "en", "es", "fr"]));
    let priorities: BTreeSet<_> = samples.iter().filter_map(|(_, _, d)| d.priority()).collect();
    assert_eq!(priorities, BTreeSet::from(["flash", "routine", "urgent"]));
    let families: BTreeSet<_> = samples
        .iter()
        .filter_map(|(_, _, d)| match d {
            Document::Ecomessage(m) => Some(m.subject.family.as_str()),
            _ => None,
        })
        .collect();
    for family in
        ["fauna", "flora-timber", "fisheries", "waste", "ozone-chemicals", "vessel-pollution", "radioactive"]
    {
        assert!(families.contains(family), "{family}");
    }
    let senders: BTreeSet<_> = samples.iter().filter_map(|(_, _, d)| d.sender()).collect();
    assert_eq!(senders.len(), MEMBERS.len());
}

#[test]
fn references_are_distinct_and_a_reply_names_one_of_them() {
    let samples = samples();
    let mut names = BTreeMap::new();
    for (name, _, document) in &samples {
        let twin = names.insert(document.reference().expect("a sample has a reference"), name);
        assert_eq!(twin, None, "{name}");
    }
    let replies: Vec<_> = samples.iter().filter_map(|(_, _, d)| d.reply_to_reference()).collect();
    assert!(!replies.is_empty());
    assert!(replies.iter().all(|reference| names.contains_key(reference)));
}

#[test]
fn samples_name_no_private_person() {
    for (name, _, document) in samples() {
        if let Document::Ecomessage(message) = document {
            for person in &message.persons {
                assert!(
                    person.family_name.is_none()
                        && person.given_names.is_none()
                        && person.original_name.is_none(),
                    "{name}"
                );
            }
        }
    }
}
