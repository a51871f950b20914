//! Files that go with a document. Their bytes travel in records of their own, which the document names.

use crate::decimal::Decimal;
use crate::form::{form, no_rules};
use crate::text::Line;

/// The field of a document that names its files.
pub(crate) const FIELD: &str = "files";
/// The name of the table, and of the field in it that names the parts.
pub(crate) const TABLE: &str = "AttachedFile";
pub(crate) const PARTS: &str = "parts";

form! {
    /// A file that goes with the message. `ecomesh send --attach` fills this in: leave it out.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    #[test]
    fn files_are_named_in_the_bytes_and_in_no_template() {
        let form = serde_json::json!({ "form": "message", "language": "en", "text": "x" });
        let (document, _) = Document::from_json(&form).unwrap();
        let line = |text: &str| Line::new(text).unwrap();
        let file = AttachedFile {
            name: line("photo.jpg"),
            bytes: Decimal::parse("1000").unwrap(),
            sha256: line(&"ab".repeat(32)),
            parts: vec![line(&"cd".repeat(32))],
        };
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
}
