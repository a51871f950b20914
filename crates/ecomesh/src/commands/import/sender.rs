//! Who imports: some entries are entered by one member only, so each row is asked whether that is this one.

use ecomesh_document::entry::{DatabaseEntry, may_enter};
use ecomesh_document::mapping::{CellProblem, MappedForm};
use ecomesh_document::member::MemberCode;

use crate::cli::Global;
use crate::commands::{forms, listing};
use crate::output;

/// The member who would enter the rows, if it is known.
pub(super) struct Sender {
    member: Option<MemberCode>,
    /// Rows of which it was not asked.
    unasked: u64,
}

impl Sender {
    /// The member of the card in the node's folder. A dry run needs no node, and then nobody knows who will import.
    pub(super) fn of(global: &Global) -> Self {
        Self { member: forms::own_member(global), unasked: 0 }
    }

    /// Whether the sender may enter a form.
    pub(super) fn check(&mut self, form: &MappedForm) -> Result<(), CellProblem> {
        let MappedForm::Entry(entry) = form else { return Ok(()) };
        let Some(member) = &self.member else {
            self.unasked += u64::from(matches!(entry, DatabaseEntry::Sltd(_)));
            return Ok(());
        };
        let Err(rule) = may_enter(entry, member) else { return Ok(()) };
        let issuer = match entry {
            DatabaseEntry::Sltd(entry) => {
                entry.document.as_ref().and_then(|document| document.country.as_ref())
            }
            _ => None,
        };
        let issuer = issuer.map_or("", |country| country.0.as_str());
        let reason = format!("{member} may not enter it: {rule}");
        let advice = "leave the row out, and tell the country that issued the document in a message: that country enters it";
        Err(CellProblem::new("", "document.country", issuer, reason, advice))
    }

    /// Rows of which nobody knows whether this bureau may enter them; none if that is known of all.
    pub(super) fn unasked(&self) -> Option<u64> {
        (self.unasked > 0).then_some(self.unasked)
    }

    /// Says what was not looked at.
    pub(super) fn finish(&self, global: &Global) {
        if self.unasked > 0 {
            let rows = listing::counted(self.unasked, "row", "rows");
            output::remark(
                global,
                &format!(
                    "whether this bureau issued the documents of {rows} was not checked, since there is no node here; name its folder with --home"
                ),
            );
        }
    }
}
