//! Forms of several kinds that are one thing: notices have colours, entries have databases. Each file names its kind in the
//! field `form`; a register says which kinds there are.

use crate::form::{FormSpec, Mode, Reader};
use crate::reading::{self, FromForm};
use crate::report::{Finding, Report, Severity, excerpt};
use crate::tree::{Entry, Node, Value};

/// A kind, as its register describes it.
pub(crate) trait FormKind: Sized + 'static {
    /// What forms of such kinds are: "notice".
    const WHAT: &'static str;

    /// All kinds.
    fn all() -> &'static [&'static Self];

    /// Value of the field `form`.
    fn form(&self) -> &'static str;

    /// Its fields.
    fn spec(&self) -> &'static FormSpec;
}

/// A form of one of several kinds.
pub(crate) trait OfKind: Sized {
    /// The kinds.
    type Kind: FormKind;

    fn its_kind(&self) -> &'static Self::Kind;

    fn write_fields(&self) -> Vec<Entry>;

    fn read_fields(kind: &'static Self::Kind, table: &Node, reader: &mut Reader) -> Option<Self>;
}

impl<T: OfKind> FromForm for T {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self> {
        read(node, Mode::Author, findings)
    }

    fn to_node(&self) -> Node {
        let mut entries = vec![Entry::new("form", Value::Text(self.its_kind().form().to_owned()))];
        entries.extend(self.write_fields());
        Node::new(Value::Table(entries))
    }
}

/// Takes a form in JSON for its structure alone.
pub(crate) fn carried<T: OfKind>(json: &serde_json::Value) -> Result<T, Report> {
    let node =
        Node::from_json(json).map_err(|error| Report::new(vec![reading::finding(None, error)], None))?;
    let mut findings = Vec::new();
    let form = read(&node, Mode::Carried, &mut findings);
    let report = Report::new(findings, None);
    form.filter(|_| report.is_ok()).ok_or(report)
}

/// Checks a form as its author's is checked, codes and rules included.
pub(crate) fn check<T: OfKind>(form: &T) -> Report {
    let mut findings = Vec::new();
    read::<T>(&form.to_node(), Mode::Author, &mut findings);
    Report::new(findings, None)
}

/// Reads a form that names its kind. Without that nothing more is said of it: the kinds have little in common.
pub(crate) fn read<T: OfKind>(node: &Node, mode: Mode, findings: &mut Vec<Finding>) -> Option<T> {
    let named = node.get("form");
    let of_name = |name: &str| T::Kind::all().iter().copied().find(|kind| kind.form() == name);
    let Some(kind) = named.and_then(Node::as_text).and_then(of_name) else {
        findings.push(no_such_form::<T::Kind>(named));
        return None;
    };
    let fields = node.entries().iter().filter(|entry| entry.key != "form").cloned().collect();
    let table = Node { value: Value::Table(fields), at: node.at.clone() };
    let mut reader = Reader::new(mode, kind.spec());
    let form = T::read_fields(kind, &table, &mut reader);
    findings.extend(reader.into_findings());
    form
}

fn no_such_form<K: FormKind>(named: Option<&Node>) -> Finding {
    let message = match named {
        None => format!("the form does not say which {} it is", K::WHAT),
        Some(node) => {
            let found = excerpt(node.as_text().unwrap_or_else(|| node.type_name()));
            format!("there is no {} {found}", K::WHAT)
        }
    };
    let forms: Vec<_> = K::all().iter().map(|kind| format!("\"{}\"", kind.form())).collect();
    Finding {
        severity: Severity::Error,
        at: named.map_or(Some(0..0), |node| node.at.clone()),
        path: "form".into(),
        message,
        advice: format!("begin the file with form = and one of {}", forms.join(", ")),
        rule: None,
    }
}

/// Describes such forms: an enumeration of the kinds, of which each has the same table first.
///
/// `kinds! { /// doc  enum Name of Kind, kind fn, common fn: Table; /// doc  Variant(Form) = STATIC; … }`
macro_rules! kinds {
    (
        $(#[doc = $doc:literal])*
        enum $name:ident of $kind:ty;
        $(#[doc = $kind_doc:literal])*
        kind $kind_fn:ident;
        $(#[doc = $common_doc:literal])*
        common $common:ident, $common_mut:ident: $common_form:ty;
        $( $(#[doc = $variant_doc:literal])* $variant:ident($form:ident) = $static:path; )*
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $variant_doc])* $variant(Box<$form>), )*
        }

        impl $name {
            $(#[doc = $kind_doc])*
            pub fn $kind_fn(&self) -> &'static $kind {
                match self {
                    $( Self::$variant(_) => &$static, )*
                }
            }

            $(#[doc = $common_doc])*
            pub fn $common(&self) -> Option<&$common_form> {
                match self {
                    $( Self::$variant(form) => form.$common.as_ref(), )*
                }
            }

            /// The same, to write into.
            pub(crate) fn $common_mut(&mut self) -> Option<&mut $common_form> {
                match self {
                    $( Self::$variant(form) => form.$common.as_mut(), )*
                }
            }

            /// Reads a form in TOML; the report holds the warnings.
            ///
            /// # Errors
            /// The report, with at least one error, if it cannot be asked for like this.
            pub fn from_toml(text: &str) -> Result<(Self, $crate::report::Report), $crate::report::Report> {
                $crate::reading::from_toml(text)
            }

            /// Reads a form in JSON; the report holds the warnings.
            ///
            /// # Errors
            /// As for TOML; problems have a path, but no line.
            pub fn from_json(
                json: &serde_json::Value,
            ) -> Result<(Self, $crate::report::Report), $crate::report::Report> {
                $crate::reading::from_json(json)
            }

            /// Takes a form in JSON for its structure alone: what the rules ask of an author may be missing, and codes may
            /// be of newer tables.
            ///
            /// # Errors
            /// The report of what is no such form.
            pub fn carried(json: &serde_json::Value) -> Result<Self, $crate::report::Report> {
                $crate::kinds::carried(json)
            }

            /// Checks it as its author's form is checked, codes and rules included.
            pub fn check(&self) -> $crate::report::Report {
                $crate::kinds::check(self)
            }

            /// The form in TOML. Reading it gives the same.
            pub fn to_toml(&self) -> String {
                $crate::reading::FromForm::to_node(self).to_toml()
            }

            /// The form in JSON.
            pub fn to_json(&self) -> serde_json::Value {
                serde_json::from_str(&$crate::reading::FromForm::to_node(self).to_json())
                    .expect("the writer of canonical bytes writes JSON")
            }

            /// Code of its language: `ar`, `en`, `fr`, `es`; English where it does not say.
            pub fn language(&self) -> &str {
                self.$common().and_then(|common| common.language.as_ref()).map_or("en", |code| code.as_str())
            }

            /// The form in plain text, as [`crate::render()`] prints a document.
            pub fn render(&self) -> String {
                let (kind, node) = (self.$kind_fn(), $crate::reading::FromForm::to_node(self));
                $crate::render::render_form(kind.title, &node, kind.spec, self.language())
            }
        }

        impl $crate::kinds::OfKind for $name {
            type Kind = $kind;

            fn its_kind(&self) -> &'static $kind {
                self.$kind_fn()
            }

            fn write_fields(&self) -> Vec<$crate::tree::Entry> {
                match self {
                    $( Self::$variant(form) => $crate::form::Form::write_table(form.as_ref()), )*
                }
            }

            fn read_fields(
                kind: &'static $kind,
                table: &$crate::tree::Node,
                reader: &mut $crate::form::Reader,
            ) -> Option<Self> {
                $(
                    if *kind == $static {
                        return <$form as $crate::form::Field>::read(table, reader).map(Self::from);
                    }
                )*
                None
            }
        }

        $(
            impl From<$form> for $name {
                fn from(form: $form) -> Self {
                    Self::$variant(Box::new(form))
                }
            }
        )*
    };
}

pub(crate) use kinds;
