//! Files that go with a document. Their bytes travel in records of their own, which the document names.

use crate::decimal::Decimal;
use crate::document::Document;
use crate::ecomessage::Attachment;
use crate::form::{FieldKind, FormSpec, form, no_rules};
use crate::reading::FromForm;
use crate::text::Line;
use crate::tree::Node;

/// The field of a document that names its files.
pub(crate) const FIELD: &str = "files";
/// The name of the table, and of the field in it that names the parts.
pub(crate) const TABLE: &str = "AttachedFile";
pub(crate) const PARTS: &str = "parts";

form! {
    /// A file that goes with the document. `--attach` fills this in: leave it out.
    struct AttachedFile, rules no_rules {
        /// Name of the file, without folders.
        required name: Line = "Name";
        /// Its length.
        required bytes: Decimal = "Bytes";
        /// SHA-256 of its bytes, 64 digits.
        required sha256: Line = "SHA-256";
        /// The records that hold its parts, in their order.
        list parts: Line = "Part";
    }
}

/// Names of files that a document says belong to it, in whatever field: photographs, copies of warrants, reports. Whether
/// files of these names go with it is another matter.
pub fn named(document: &Document) -> Vec<String> {
    let mut names = Vec::new();
    collect_named(&document.to_node(), document.form().1, &mut names);
    names
}

fn collect_named(table: &Node, spec: &FormSpec, names: &mut Vec<String>) {
    if spec.name == Attachment::SPEC.name {
        names.extend(table.get("name").and_then(Node::as_text).map(str::to_owned));
        return;
    }
    for field in spec.fields {
        let (Some(value), FieldKind::Table(inner)) = (table.get(field.name), field.kind) else { continue };
        let several = value.items();
        let each = if several.is_empty() { std::slice::from_ref(value) } else { several };
        for one in each {
            collect_named(one, inner, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> AttachedFile {
        let line = |text: &str| Line::new(text).unwrap();
        AttachedFile {
            name: line("photo.jpg"),
            bytes: Decimal::parse("1000").unwrap(),
            sha256: line(&"ab".repeat(32)),
            parts: vec![line(&"cd".repeat(32))],
        }
    }

    #[test]
    fn files_are_named_in_the_bytes_and_in_no_template() {
        let form = serde_json::json!({ "form": "message", "language": "en", "text": "x" });
        let (document, _) = Document::from_json(&form).unwrap();
        let file = photo();
        let with = document.clone().with_files(vec![file.clone()]);
        let bytes = with.encode().unwrap();
        assert_eq!(Document::decode(257, &bytes).unwrap().files(), [file]);
        assert_eq!(AttachedFile::SPEC.name, TABLE);
        assert!(AttachedFile::SPEC.fields.iter().any(|field| field.name == PARTS));
        let text = crate::render(&with);
        assert!(text.contains("photo.jpg") && !text.contains("cdcd"), "{text}");
        for spec in [crate::ecomessage::Ecomessage::SPEC, crate::message::PlainMessage::SPEC] {
            assert!(spec.fields.iter().any(|field| field.name == FIELD), "{}", spec.name);
        }
        // Without files its bytes are what they were before there were any.
        assert!(!String::from_utf8(document.encode().unwrap()).unwrap().contains("files"));
    }

    #[test]
    fn files_of_a_notice_are_named_in_its_request() {
        let form = serde_json::json!({
            "form": "blue-notice",
            "request": { "reference": "KE/1", "language": "en", "article_3": "conforms" },
            "person": {
                "status": "suspect", "family_name": "DOE",
                "photographs": [{ "name": "photo.jpg" }, { "name": "profile.jpg" }],
            },
            "investigation": { "facts": "Seen at the port with 12 tusks." },
            "asked": ["locate"],
        });
        let (document, _) = Document::from_json(&form).unwrap();
        let file = photo();
        let with = document.clone().with_files(vec![file.clone()]);
        assert_eq!(with.files(), std::slice::from_ref(&file));
        assert_eq!(named(&with), ["photo.jpg", "profile.jpg"]);
        assert_eq!(with.to_json()["request"]["files"][0]["name"], "photo.jpg");
        let bytes = with.encode().unwrap();
        assert_eq!(Document::decode(259, &bytes).unwrap().files(), [file]);
        let text = crate::render(&with);
        assert!(text.contains("photo.jpg") && !text.contains("cdcd"), "{text}");
        assert!(!String::from_utf8(document.encode().unwrap()).unwrap().contains("files"));
        for colour in crate::notice::colour::ALL {
            assert!(!crate::notice::template(colour, None).contains("request.files"), "{}", colour.name);
        }
    }
}
