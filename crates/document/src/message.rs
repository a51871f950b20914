//! The **plain message** (kind 257): free text from one bureau to others, in one of the four official languages.

use crate::codes::{Code, Confidentiality, Language, Priority};
use crate::ecomessage::Handling;
use crate::file::AttachedFile;
use crate::form::{form, no_rules};
use crate::member::MemberCode;
use crate::text::{Line, MessageText};

form! {
    /// A message in free text.
    struct PlainMessage, rules no_rules {
        /// The sending bureau's own reference of this message.
        optional reference: Line = "Reference";
        /// Sending member. It must be the bureau that sends; the record's header is what counts.
        optional from: MemberCode = "From";
        /// Members to whom it is addressed. Addressees given when sending take precedence.
        list to: MemberCode = "To";
        /// How fast it is carried; routine if absent. A priority given when sending takes precedence.
        optional priority: Code<Priority> = "Priority";
        /// Language of the text.
        required language: Code<Language> = "Language";
        /// Level of confidentiality; FOR OFFICIAL USE ONLY if absent.
        optional confidentiality: Code<Confidentiality> = "Confidentiality";
        /// Restrictions of handling.
        optional handling: Handling = "Handling";
        /// Reference of the message to which this one replies.
        optional reply_to_reference: Line = "In reply to";
        /// Title in a few words, as inboxes show it.
        recommended title: Line = "Title";
        /// The text.
        required text: MessageText = "Text";
        /// Files that go with it. `ecomesh send --attach` fills this in: leave it out.
        list files: AttachedFile = "File";
    }
}
