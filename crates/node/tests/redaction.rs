//! Whatever the level, no content of a message and no passphrase gets into the log.

// Helpers of tests are no tests to clippy; their unwraps are assertions all the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use ecomesh_api::{ListingQuery, SendRequest};
use ecomesh_node::config::{LogFormat, LogSettings};
use ecomesh_node::telemetry;
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
async fn the_log_holds_no_content() {
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
        members: false,
        open: false,
        priority: None,
        reply_to: None,
        expires_at_ms: None,
        exercise: false,
    };
    let sent = nodes[0].client().send(&request, Some("key")).await.unwrap();
    until("the message is delivered", || async {
        nodes[0].client().status(&sent.id).await.unwrap().is_delivered().then_some(())
    })
    .await;
    assert_eq!(nodes[1].client().inbox(&ListingQuery::default()).await.unwrap().messages.len(), 1);
    for node in nodes {
        node.shutdown().await.unwrap();
    }
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
}
