//! Which kinds of document there are, and which forms each has.

use crate::ecomessage::Ecomessage;
use crate::entry::{Database, EntryStep};
use crate::form::FormSpec;
use crate::hit::Hit;
use crate::message::PlainMessage;
use crate::notice::{Colour, NoticeStep};

/// A kind of document, as a record's header names it.
#[derive(Debug)]
pub struct Kind {
    /// Number in the header, 256 or more: lower ones are control records. 258 is a part of a file, and no document.
    pub number: u16,
    /// What people call it.
    pub title: &'static str,
    /// Retention class that a record of this kind gets unless the document asks for another: 2 is five years.
    pub retention: u8,
    /// Its forms.
    pub forms: Forms,
}

/// The forms of a kind.
#[derive(Debug)]
pub enum Forms {
    /// One form.
    One {
        /// Value of the field `form`, which opens it.
        name: &'static str,
        /// Its fields.
        spec: &'static FormSpec,
    },
    /// A form for each colour of notices.
    Notices,
    /// A form for each database.
    Entries,
}

/// The Ecomessage.
pub const ECOMESSAGE: Kind = Kind {
    number: 256,
    title: "Ecomessage",
    retention: 2,
    forms: Forms::One { name: "ecomessage", spec: Ecomessage::SPEC },
};
/// The plain message.
pub const MESSAGE: Kind = Kind {
    number: 257,
    title: "Message",
    retention: 2,
    forms: Forms::One { name: "message", spec: PlainMessage::SPEC },
};
/// The text of a notice that a bureau asks for.
pub const NOTICE: Kind =
    Kind { number: 259, title: "Request for a notice", retention: 2, forms: Forms::Notices };
/// The text of a diffusion.
pub const DIFFUSION: Kind = Kind { number: 260, title: "Diffusion", retention: 2, forms: Forms::Notices };
/// A step in the life of a notice or diffusion. It is kept for 30 years: it must outlive what it speaks of, however often
/// that is renewed, and says nothing of persons.
pub const NOTICE_STEP: Kind = Kind {
    number: 261,
    title: "Step on a notice",
    retention: 5,
    forms: Forms::One { name: "notice-step", spec: NoticeStep::SPEC },
};
/// An entry of a database.
pub const ENTRY: Kind = Kind { number: 262, title: "Database entry", retention: 2, forms: Forms::Entries };
/// The withdrawal of an entry. It is kept as long as a step.
pub const ENTRY_STEP: Kind = Kind {
    number: 263,
    title: "Withdrawal of an entry",
    retention: 5,
    forms: Forms::One { name: "entry-withdrawal", spec: EntryStep::SPEC },
};
/// A search that found another country's entry.
pub const HIT: Kind =
    Kind { number: 264, title: "Hit", retention: 2, forms: Forms::One { name: "hit", spec: Hit::SPEC } };
/// Many entries of a database in one record.
pub const ENTRY_BATCH: Kind = Kind {
    number: 265,
    title: "Batch of entries",
    retention: 2,
    forms: Forms::One { name: "entry-batch", spec: crate::entry::batch::SPEC },
};
/// All kinds, ascending.
pub const KINDS: &[Kind] =
    &[ECOMESSAGE, MESSAGE, NOTICE, DIFFUSION, NOTICE_STEP, ENTRY, ENTRY_STEP, HIT, ENTRY_BATCH];

impl Kind {
    /// The kind of a number.
    pub fn from_number(number: u16) -> Option<&'static Self> {
        KINDS.iter().find(|k| k.number == number)
    }

    /// The kind of a form's name. Notices and diffusions share their forms: it is that of the notice.
    pub fn from_form(form: &str) -> Option<&'static Self> {
        KINDS.iter().find(|k| k.has_form(form))
    }

    /// Whether a form of this name is of this kind.
    pub fn has_form(&self, form: &str) -> bool {
        match self.forms {
            Forms::One { name, .. } => name == form,
            Forms::Notices => Colour::from_form(form).is_some(),
            Forms::Entries => Database::from_form(form).is_some(),
        }
    }

    /// The names of its forms, as the field `form` has them, and the fields of each.
    pub fn all_forms(&self) -> Vec<(&'static str, &'static FormSpec)> {
        match self.forms {
            Forms::One { name, spec } => vec![(name, spec)],
            Forms::Notices => crate::notice::colour::ALL.iter().map(|c| (c.form, c.spec)).collect(),
            Forms::Entries => crate::entry::database::ALL.iter().map(|d| (d.form, d.spec)).collect(),
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Kind {}
