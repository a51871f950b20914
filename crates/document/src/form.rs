//! How a form is described once and used six times.
//!
//! [`form!`](crate::form::form) turns one description (names, types, what is needed, words for people) into a Rust
//! struct, its reader, its writer and a [`FormSpec`]. Checking, the commented template, the printed layout, the
//! forms in TOML and JSON and the property tests all follow the spec; nothing can be forgotten in one of them.

mod fields;
mod reader;

use crate::codes::CodeTable;
use crate::limits::{GUESS_BYTES_MAX, SHORT_LIST_MAX};
use crate::rule::Rule;
use crate::tree::{Entry, Node, Value};

pub use fields::Count;
pub(crate) use reader::{Mode, Reader};

/// A table of a form: its fields in their order.
#[derive(Debug)]
pub struct FormSpec {
    /// Name of the type.
    pub name: &'static str,
    /// What the table is for.
    pub doc: &'static [&'static str],
    /// Its fields.
    pub fields: &'static [FieldSpec],
    /// Rules over several fields.
    pub(crate) rules: fn(&Node, &mut Reader),
}

/// A field of a form.
#[derive(Debug)]
pub struct FieldSpec {
    /// Its key in TOML and JSON.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What belongs into it.
    pub doc: &'static [&'static str],
    /// Whether it must be there.
    pub need: Need,
    /// What its value is.
    pub kind: FieldKind,
    /// Of a code: whether real data go beyond the list, so that another one is only warned of.
    pub is_open: bool,
    /// Most entries, if it is a list.
    pub list_max: Option<usize>,
    /// Rule of the domain because of which it must be there.
    pub rule: Option<&'static Rule>,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Without it the form cannot be sent.
    Required,
    /// It should be there; a warning asks for it.
    Recommended,
    /// As the case has it.
    Optional,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// Text: its longest length in bytes, and whether it may have several lines.
    Text {
        /// Bytes of UTF-8.
        max: usize,
        /// Line feeds are allowed.
        multiline: bool,
    },
    /// A code of a closed list.
    Code(fn() -> &'static CodeTable),
    /// A decimal number.
    Decimal,
    /// A whole number between two bounds.
    Integer {
        /// Least.
        min: u32,
        /// Greatest.
        max: u32,
    },
    /// A date of any precision.
    Date,
    /// A time in UTC.
    Time,
    /// A member of the mesh.
    Member,
    /// The id of a record: 64 hexadecimal digits.
    Record,
    /// A table of fields.
    Table(&'static FormSpec),
}

impl FormSpec {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The field that was probably meant by an unknown name, as a path to write.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(self.fields.iter().map(|f| f.name), name)
    }

    /// Where in the tables below this one a field of that name stands.
    pub(crate) fn elsewhere(&self, name: &str, path: &str) -> Option<String> {
        for field in self.fields {
            if let FieldKind::Table(spec) = field.kind {
                let path = format!("{path}{}", field.name);
                if spec.field(name).is_some() {
                    return Some(path);
                }
                if let Some(found) = spec.elsewhere(name, &format!("{path}.")) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// The name that was probably meant by an unknown one.
pub(crate) fn nearest<'n>(names: impl IntoIterator<Item = &'n str>, unknown: &str) -> Option<&'n str> {
    // What is longer is nobody's slip, and would take long to compare.
    if unknown.len() > GUESS_BYTES_MAX {
        return None;
    }
    let scored = names.into_iter().map(|name| (strsim::damerau_levenshtein(name, unknown), name));
    scored.filter(|(d, candidate)| *d <= 1 + candidate.len() / 4).min().map(|(_, candidate)| candidate)
}

/// A table that can be read from a tree and written to one.
pub(crate) trait Form: Sized {
    const SPEC: &'static FormSpec;
    fn read_table(node: &Node, reader: &mut Reader) -> Option<Self>;
    fn write_table(&self) -> Vec<Entry>;
}

/// A single value of a field.
pub(crate) trait Field: Sized {
    const KIND: FieldKind;
    const LIST_MAX: usize = SHORT_LIST_MAX;
    /// Whether a code of no list is only warned of.
    const IS_OPEN: bool = false;
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;
    fn write(&self) -> Value;
}

/// A list of values; nothing if it is empty.
pub(crate) fn write_list<T: Field>(values: &[T], name: &str) -> Option<Entry> {
    let items = values.iter().map(|value| Node::new(value.write())).collect();
    (!values.is_empty()).then(|| Entry::new(name, Value::List(items)))
}

/// No rules.
pub(crate) fn no_rules(_: &Node, _: &mut Reader) {}

/// Describes a table: `form! { /// doc  struct Name, rules path { required name: Type = "Label"; … } }`.
///
/// Modes: `required`, `recommended`, `optional` (an `Option`), `list` (a `Vec`, may be empty), `some` (a `Vec` with
/// at least one entry). What a rule of the domain asks of an author, but the structure can do without, is `needed` (an
/// `Option`) or `needed_list` (a `Vec`), and names the rule: `needed warrant: Line = "Warrant" by rules::WARRANT;`.
macro_rules! form {
    ($(
        $(#[doc = $doc:literal])*
        struct $name:ident, rules $rules:path {
            $( $(#[doc = $field_doc:literal])* $mode:ident $field:ident : $ty:ty = $label:literal $(by $rule:path)?; )*
        }
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $crate::form::slot!($mode $ty), )*
        }

        impl $name {
            /// Fields, labels and words for people.
            pub const SPEC: &'static $crate::form::FormSpec = &$crate::form::FormSpec {
                name: stringify!($name),
                doc: &[$($doc),*],
                fields: &[$( $crate::form::FieldSpec {
                    name: stringify!($field),
                    label: $label,
                    doc: &[$($field_doc),*],
                    need: $crate::form::need!($mode),
                    kind: <$ty as $crate::form::Field>::KIND,
                    is_open: <$ty as $crate::form::Field>::IS_OPEN,
                    list_max: $crate::form::list_max!($mode $ty),
                    rule: $crate::form::rule!($($rule)?),
                } ),*],
                rules: $rules,
            };
        }

        impl $crate::form::Form for $name {
            const SPEC: &'static $crate::form::FormSpec = Self::SPEC;

            fn read_table(table: &$crate::tree::Node, reader: &mut $crate::form::Reader) -> Option<Self> {
                $( let $field = reader.by($crate::form::rule!($($rule)?)).$mode::<$ty>(table, stringify!($field)); )*
                reader.finish_table(table, Self::SPEC);
                Some(Self { $( $field: $field?, )* })
            }

            fn write_table(&self) -> Vec<$crate::tree::Entry> {
                let slots: Vec<Option<$crate::tree::Entry>> =
                    vec![$( $crate::form::write_slot!($mode self.$field, stringify!($field)) ),*];
                slots.into_iter().flatten().collect()
            }
        }
    )* };
}

macro_rules! slot {
    (required $ty:ty) => { $ty };
    (recommended $ty:ty) => { Option<$ty> };
    (optional $ty:ty) => { Option<$ty> };
    (list $ty:ty) => { Vec<$ty> };
    (some $ty:ty) => { Vec<$ty> };
    (needed $ty:ty) => { Option<$ty> };
    (needed_list $ty:ty) => { Vec<$ty> };
}

macro_rules! rule {
    () => {
        None
    };
    ($rule:path) => {
        Some(&$rule)
    };
}

macro_rules! need {
    (required) => {
        $crate::form::Need::Required
    };
    (some) => {
        $crate::form::Need::Required
    };
    (recommended) => {
        $crate::form::Need::Recommended
    };
    (optional) => {
        $crate::form::Need::Optional
    };
    (list) => {
        $crate::form::Need::Optional
    };
    (needed) => {
        $crate::form::Need::Required
    };
    (needed_list) => {
        $crate::form::Need::Required
    };
}

macro_rules! list_max {
    (list $ty:ty) => {
        Some(<$ty as $crate::form::Field>::LIST_MAX)
    };
    (some $ty:ty) => {
        Some(<$ty as $crate::form::Field>::LIST_MAX)
    };
    (needed_list $ty:ty) => {
        Some(<$ty as $crate::form::Field>::LIST_MAX)
    };
    ($mode:ident $ty:ty) => {
        None
    };
}

macro_rules! write_slot {
    (required $value:expr, $name:expr) => {
        Some($crate::tree::Entry::new($name, $crate::form::Field::write(&$value)))
    };
    (recommended $value:expr, $name:expr) => {
        $crate::form::write_slot!(optional $value, $name)
    };
    (optional $value:expr, $name:expr) => {
        $value.as_ref().map(|value| $crate::tree::Entry::new($name, $crate::form::Field::write(value)))
    };
    (some $value:expr, $name:expr) => {
        $crate::form::write_slot!(list $value, $name)
    };
    (needed $value:expr, $name:expr) => {
        $crate::form::write_slot!(optional $value, $name)
    };
    (needed_list $value:expr, $name:expr) => {
        $crate::form::write_slot!(list $value, $name)
    };
    (list $value:expr, $name:expr) => {
        $crate::form::write_list(&$value, $name)
    };
}

pub(crate) use {form, list_max, need, rule, slot, write_slot};
