//! Whatever the level, no content of a message, no passphrase and no key gets into the log, and no key into an answer.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use ecomesh_api::{Client, ListingQuery, SendRequest};
use ecomesh_node::config::{LogFormat, LogSettings};
use ecomesh_node::home::Home;
use ecomesh_node::telemetry;
use ecomesh_seal::vault::{Keys, Part, VaultKey, prekeys_from_bytes};
use serde_json::json;
use support::{Network, until};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// The only test of this file: the log belongs to the whole process.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_content_and_no_key() {
    let log = Log::default();
    let writer = log.clone();
    let settings = LogSettings { level: "trace".into(), format: LogFormat::Json };
    telemetry::start_to(&settings, move || writer.clone()).unwrap();
    let network = Network::found(&["KE", "TZ"]);
    let nodes = network.start_all().await;
    let secret = "Wanjiru Kamau-Testperson";
    let request = SendRequest {
        document: json!({ "form": "message", "language": "en", "title": secret, "text": secret }),
        to: vec!["TZ".into()],
        ..SendRequest::default()
    };
    let sent = nodes[0].client().send(&request, Some("key")).await.unwrap();
    until("the message is delivered", || async {
        nodes[0].client().status(&sent.id).await.unwrap().is_delivered().then_some(())
    })
    .await;
    assert_eq!(nodes[1].client().inbox(&ListingQuery::default()).await.unwrap().messages.len(), 1);
    until("its content key is kept", || async {
        nodes[1].client().metrics().await.unwrap().contains("ecomesh_sealed_unopened 0").then_some(())
    })
    .await;
    let answers = answers(&nodes[1].client(), &sent.id).await;
    for node in nodes {
        node.shutdown().await.unwrap();
    }
    let secrets = vault_secrets(&network.homes[1]);
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    // The log is there, and names records by their short ids.
    assert!(log.contains(&sent.id[..8]), "the log is empty or cut");
    for secret in [secret, "Testperson", "correct horse"] {
        let decimal: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        for form in [secret.to_owned(), decimal.join(", "), hex::encode(secret)] {
            let line = log.lines().find(|line| line.contains(&form));
            let at = line.map(|line| line.chars().take(120).collect::<String>());
            assert_eq!(at, None, "{secret} is in the log as {form}");
        }
    }
    // Keys of TZ: node's secrets, keys of the day, private halves, and the content key of the message.
    assert!(secrets.len() > 10, "{} secrets", secrets.len());
    for secret in secrets {
        let decimal: Vec<String> = secret.iter().map(u8::to_string).collect();
        for form in [hex::encode(&secret), decimal.join(", "), decimal.join(",")] {
            assert!(!log.contains(&form), "a key is in the log");
            assert!(!answers.contains(&form), "a key is in an answer of the API");
        }
    }
}

/// What the API answers about a sealed message and about keys.
async fn answers(client: &Client, id: &str) -> String {
    let answers = [
        serde_json::to_string(&client.record(id).await.unwrap()).unwrap(),
        serde_json::to_string(&client.prekeys().await.unwrap()).unwrap(),
        serde_json::to_string(&client.node().await.unwrap()).unwrap(),
        serde_json::to_string(&client.network().await.unwrap()).unwrap(),
        client.metrics().await.unwrap(),
    ];
    answers.join("\n")
}

/// All secrets of a home's vault, in pieces of 16 bytes: who prints one of them prints a piece.
fn vault_secrets(home: &Home) -> Vec<Vec<u8>> {
    let read = |name: &str| std::fs::read(home.vault_dir().join(name)).unwrap();
    let open = |name: &str, part: Part| {
        let file = read(name);
        VaultKey::of_file(&file, part, b"correct horse").unwrap().open(part, &file).unwrap()
    };
    let keys = open("keys.vault", Part::Keys);
    let mut secrets: Vec<Vec<u8>> = keys[..64].chunks(16).map(<[u8]>::to_vec).collect();
    for day in Keys::from_bytes(&keys).unwrap().days {
        let (id, number) = (hex::encode(&day.id[..4]), day.day);
        let file = read(&format!("content-keys/{number}-{id}"));
        for entry in file[28..].chunks(80) {
            let (commitment, wrapped) = entry.split_first_chunk::<32>().unwrap();
            let key = day.unwrap(commitment, wrapped.try_into().unwrap()).unwrap();
            secrets.extend(key.as_bytes().chunks(16).map(<[u8]>::to_vec));
        }
    }
    // The keys of the day themselves: day and id stand before each.
    keys[64..].chunks(52).for_each(|day| secrets.extend(day[20..].chunks(16).map(<[u8]>::to_vec)));
    for kept in prekeys_from_bytes(&open("prekeys.vault", Part::Prekeys)).unwrap() {
        secrets.extend(kept.secret.seed().chunks(16).map(<[u8]>::to_vec));
    }
    secrets
}
