//! New transport keys among real nodes: whoever was away in the meantime gets back in.

#![allow(clippy::unwrap_used, reason = "helpers outside of test functions unwrap as tests do")]

mod support;

use ecomesh_api::{Client, SendRequest};
use ecomesh_node::founding::transport::rotate;
use ecomesh_seal::key_file::Params;
use serde_json::json;
use support::{Network, passphrase, until};

async fn send(client: &Client, to: &str) -> String {
    let request = SendRequest {
        document: json!({ "form": "message", "language": "en", "title": "Test", "text": "Good morning." }),
        to: vec![to.to_owned()],
        ..SendRequest::default()
    };
    client.send(&request, None).await.unwrap().id
}

async fn delivered(client: &Client, id: &str) {
    until("the message is delivered", || async {
        client.status(id).await.ok().filter(ecomesh_api::StatusView::is_delivered).map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bureau_that_was_away_while_others_changed_their_keys_gets_back_in() {
    let network = Network::found(&["KE", "TZ", "TH"]);
    let mut running = network.start_all().await;
    let first = send(&running[0].client(), "TZ").await;
    delivered(&running[0].client(), &first).await;
    // All are down, and the keys of two change, of one twice: nobody can have told KE.
    for node in running.drain(..) {
        node.shutdown().await.unwrap();
    }
    let params = Params::new(8, 1, 1).unwrap();
    for n in [1, 1, 2] {
        rotate(&network.homes[n], &passphrase("correct horse"), params).unwrap();
    }
    let running = network.start_all().await;
    let (ke, tz, th) = (running[0].client(), running[1].client(), running[2].client());
    for (from, to) in [(&ke, "TZ"), (&tz, "KE"), (&th, "KE"), (&tz, "TH")] {
        let id = send(from, to).await;
        delivered(from, &id).await;
    }
    for node in running {
        node.shutdown().await.unwrap();
    }
}
