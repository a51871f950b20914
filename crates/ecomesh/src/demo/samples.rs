//! The sample documents: real seizures from public sources, without private persons' names.

use anyhow::Context;
use ecomesh_document::Document;

macro_rules! samples {
    ($($name:literal,)*) => {
        /// File name and text, embedded so that an installed binary has them.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../../node-config/demo/", $name, ".toml"))),)*];
    };
}

samples! {
    "ke-01-ivory-mombasa",
    "th-01-ivory-in-tea",
    "fr-01-civelles",
    "cn-01-ivory-hong-kong-2006",
    "tz-01-ivory-dar-es-salaam",
    "ke-02-bois-de-rose-mombasa",
    "fr-02-probo-koala",
    "th-02-scales-suvarnabhumi",
    "cn-02-scales-and-ivory-hong-kong-2019",
    "tz-02-aj-zanjibar",
    "ke-03-timber-thunder-2024",
    "fr-03-erika",
    "th-03-toothfish-kunlun",
    "cn-03-aletas-ecuador",
    "tz-03-scales-nigeria-2024",
    "fr-04-toothfish-thunder",
    "ke-04-reply-ivory-in-tea",
    "th-04-caesium-prachin-buri",
    "cn-04-totoaba",
    "fr-05-nifayat-tunis",
    "fr-06-hfc-rotterdam",
    "th-05-scales-singapore-2019",
    "fr-07-message",
}

/// A document, and who sends it to whom in this network.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The document.
    pub document: Document,
    /// The sender's place in the list of countries.
    pub from: usize,
    /// The addressees that are in this network; empty means all members.
    pub to: Vec<String>,
    /// A test message, not one of the samples.
    pub exercise: bool,
}

/// The samples for these countries, in the order of sending, and remarks on what was left out or changed.
pub fn for_countries(countries: &[String]) -> anyhow::Result<(Vec<Sample>, Vec<String>)> {
    let (mut samples, mut remarks) = (Vec::new(), Vec::new());
    let mut left_out = 0;
    for (name, text) in FILES {
        let (document, _) = Document::from_toml(text)
            .map_err(|report| anyhow::anyhow!("{report}"))
            .with_context(|| format!("the sample {name}"))?;
        let sender = document.sender().map(ToString::to_string).unwrap_or_default();
        let Some(from) = countries.iter().position(|country| *country == sender) else {
            left_out += 1;
            continue;
        };
        let named: Vec<String> = document.addressees().iter().map(ToString::to_string).collect();
        let to: Vec<String> = named.iter().filter(|member| countries.contains(member)).cloned().collect();
        if to.is_empty() {
            remarks.push(format!(
                "{name}: none of {} is in this network, so it goes to all members",
                named.join(", ")
            ));
        }
        samples.push(Sample { document, from, to, exercise: false });
    }
    if left_out > 0 {
        remarks.push(format!("{left_out} samples are left out: their senders are not in this network"));
    }
    for (from, country) in countries.iter().enumerate() {
        if !samples.iter().any(|sample| sample.from == from) {
            remarks.push(format!(
                "{country} has no sample of its own and sends test messages, marked as an exercise"
            ));
            for number in 1..=3 {
                samples.push(Sample {
                    document: test_message(country, number)?,
                    from,
                    to: Vec::new(),
                    exercise: true,
                });
            }
        }
    }
    Ok((samples, remarks))
}

fn test_message(country: &str, number: u32) -> anyhow::Result<Document> {
    let form = serde_json::json!({
        "form": "message",
        "language": "en",
        "title": format!("Test message {number} from {country}"),
        "text": format!("This is test message {number} from {country}."),
    });
    Document::from_json(&form)
        .map(|(document, _)| document)
        .map_err(|report| anyhow::anyhow!("a test message: {report}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn countries(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn every_sample_is_sent_among_the_five_countries() {
        let (samples, remarks) =
            for_countries(&countries("KE,TZ,TH,FR,CN")).expect("samples that can be sent");
        assert_eq!(samples.len(), FILES.len());
        assert_eq!(remarks, Vec::<String>::new());
        assert!(
            samples.iter().filter(|sample| matches!(sample.document, Document::Ecomessage(_))).count() >= 12
        );
        for language in ["en", "fr", "es", "ar"] {
            assert!(samples.iter().any(|sample| sample.document.language() == language), "{language}");
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../node-config/demo");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of samples")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        let mut embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        found.sort();
        embedded.sort_unstable();
        assert_eq!(found, embedded);
    }

    #[test]
    fn countries_without_samples_send_test_messages() {
        let (samples, remarks) = for_countries(&countries("BR,PE")).expect("samples");
        assert_eq!(samples.len(), 6);
        assert!(samples.iter().all(|sample| sample.exercise && sample.to.is_empty()));
        assert_eq!(remarks.len(), 3, "{remarks:?}");
    }
}
