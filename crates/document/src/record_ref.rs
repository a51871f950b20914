//! A record as documents name it: its id in 64 hexadecimal digits.

use ecomesh_record::RecordId;

use crate::form::{Field, FieldKind, Reader};
use crate::tree::{Node, Value};

/// The field that names the record whose text a form replaces.
pub(crate) const REPLACES: &str = "replaces";

/// The id of a record, in small hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef(pub RecordId);

impl Field for RecordRef {
    const KIND: FieldKind = FieldKind::Record;

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.as_text() else {
            return reader.wrong_type(node, "the id of a record", "put it in quotes");
        };
        // One spelling alone, so that every document has one encoding.
        let id = RecordId::parse(text).ok().filter(|id| id.to_string() == text);
        if id.is_none() {
            let message = format!("{} is no id of a record", crate::report::excerpt(text));
            reader.error_here(node, message, "give all of its 64 digits, 0 to 9 and a to f");
        }
        id.map(Self)
    }

    fn write(&self) -> Value {
        Value::Text(self.0.to_string())
    }
}

impl std::fmt::Display for RecordRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
