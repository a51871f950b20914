//! A document as a search needs it.

use super::{DecodeError, Document};
use crate::render;

/// A document that came in a record, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadDocument {
    /// The document.
    pub document: Document,
    /// What it says in words, as [`words`](crate::words) gives them. None of a batch, a step and a hit, which are not found by
    /// what they say.
    pub words: String,
}

impl ReadDocument {
    /// Reads the content of a record's body. Costs less than [`Document::decode`] and [`words`](crate::words) one after the
    /// other: the tree of the document is made once.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(kind: u16, content: &[u8]) -> Result<Self, DecodeError> {
        let (document, tree) = Document::decode_with_tree(kind, content)?;
        let words = if document.is_found_by_words() {
            render::words_of(&tree, document.form().1)
        } else {
            String::new()
        };
        Ok(Self { document, words })
    }
}

impl Document {
    fn is_found_by_words(&self) -> bool {
        match self {
            Self::Ecomessage(_)
            | Self::Message(_)
            | Self::Notice(_)
            | Self::Diffusion(_)
            | Self::Entry(_) => true,
            Self::Batch(_) | Self::NoticeStep(_) | Self::EntryStep(_) | Self::Hit(_) => false,
        }
    }
}
