//! The description of the API, made from the types and routes themselves.

use utoipa::OpenApi;

use super::{
    archives, entries, erasures, files, find, listings, lock, messages, node, notices, operation, prekeys,
    receipts, records, resend, stream,
};

/// Collects what the routes say of themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ecomesh node",
        description = "The HTTP API of a node: on the Unix socket `api/node.sock` in its folder, and, if that is \
            switched on, on loopback TCP with `Authorization: Bearer TOKEN`. Every answer with a status of 400 and \
            above is a Problem. Times are milliseconds since 1970-01-01 UTC."
    ),
    paths(
        operation::health,
        operation::ready,
        operation::metrics,
        operation::openapi,
        node::node,
        node::peers,
        node::frontier,
        node::network,
        messages::send,
        listings::inbox,
        listings::outbox,
        records::record,
        records::status,
        receipts::receipt,
        resend::resend,
        files::part,
        files::file,
        erasures::erase,
        erasures::extend,
        entries::add,
        entries::known,
        entries::list,
        entries::entry,
        entries::lines,
        entries::withdraw,
        find::find,
        find::report,
        find::list,
        notices::send,
        notices::audience,
        notices::list,
        notices::notice,
        notices::step,
        prekeys::prekeys,
        lock::lock,
        lock::unlock,
        archives::export,
        archives::import,
        stream::events,
    )
)]
struct Description;

/// The OpenAPI document, as JSON.
pub fn document() -> String {
    // A description of fixed types always has a JSON form; `document_describes_all_routes` looks at it.
    Description::openapi().to_pretty_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// All routes, with the method of each.
    const ROUTES: &[(&str, &str)] = &[
        ("get", "/health"),
        ("get", "/ready"),
        ("get", "/metrics"),
        ("get", "/openapi.json"),
        ("get", "/v1/node"),
        ("get", "/v1/peers"),
        ("get", "/v1/frontier"),
        ("get", "/v1/network"),
        ("post", "/v1/messages"),
        ("get", "/v1/inbox"),
        ("get", "/v1/outbox"),
        ("get", "/v1/records/{id}"),
        ("get", "/v1/records/{id}/status"),
        ("post", "/v1/records/{id}/receipt"),
        ("post", "/v1/records/{id}/resend"),
        ("post", "/v1/parts"),
        ("get", "/v1/records/{id}/files/{number}"),
        ("post", "/v1/erasures"),
        ("post", "/v1/extensions"),
        ("post", "/v1/entries"),
        ("get", "/v1/entries"),
        ("post", "/v1/entries/known"),
        ("get", "/v1/entries/{id}"),
        ("get", "/v1/entries/{id}/lines"),
        ("post", "/v1/entries/{id}/withdrawal"),
        ("post", "/v1/find"),
        ("post", "/v1/entries/{id}/hit"),
        ("get", "/v1/hits"),
        ("post", "/v1/notices"),
        ("post", "/v1/notices/audience"),
        ("get", "/v1/notices"),
        ("get", "/v1/notices/{id}"),
        ("post", "/v1/notices/{id}/steps"),
        ("get", "/v1/prekeys"),
        ("get", "/v1/export"),
        ("post", "/v1/import"),
        ("post", "/v1/lock"),
        ("post", "/v1/unlock"),
        ("get", "/v1/events"),
    ];

    #[test]
    fn the_document_describes_all_routes_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(&super::document()).unwrap();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
            })
            .collect();
        let routes: BTreeSet<_> = ROUTES.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
        assert_eq!(described, routes);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in ["Problem", "ProblemCode", "SendRequest", "Sent", "RecordView", "Event", "Listing"] {
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
