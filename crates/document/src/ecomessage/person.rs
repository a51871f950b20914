//! Section 6: persons. Everything here is personal data: it stands in the body, never in a record's header.

use crate::codes::{Code, Country, IdentityDocument, PersonRole, ReferenceKind, Sex};
use crate::date::PartialDate;
use crate::form::{Count, Reader, form, no_rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// A person, or several of the same role who are not named.
    struct Person, rules rules {
        /// Role in the case.
        required role: Code<PersonRole> = "Role";
        /// How many persons the entry stands for, if they are not named one by one.
        optional count: Count = "Number of persons";
        /// Family name.
        optional family_name: Line = "Family name";
        /// Given names.
        optional given_names: Line = "Given names";
        /// Full name in its original script.
        optional original_name: Line = "Name in original script";
        /// Other names.
        list aliases: Line = "Alias";
        /// Sex as recorded.
        optional sex: Code<Sex> = "Sex";
        /// Date of birth, or its year.
        optional birth_date: PartialDate = "Born";
        /// Place of birth.
        optional birth_place: Line = "Place of birth";
        /// Nationalities.
        list nationalities: Code<Country> = "Nationality";
        /// Identity documents, one entry each.
        list documents: IdentityPaper = "Identity document";
        /// Addresses.
        list addresses: Line = "Address";
        /// Telephone numbers.
        list phones: Line = "Telephone";
        /// Mail addresses and accounts.
        list mails: Line = "Mail";
        /// Occupation.
        optional occupation: Line = "Occupation";
        /// Physical description.
        optional description: Prose = "Description";
        /// Photographs, fingerprints, DNA profiles, by reference.
        list references: PersonReference = "Reference";
        /// Criminal record in words.
        optional criminal_record: Prose = "Criminal record";
        /// Notice about the person.
        optional notice: Line = "Notice";
        /// What is said of the person in this case.
        optional remarks: Prose = "Remarks";
    }

    /// A document that proves an identity.
    struct IdentityPaper, rules no_rules {
        /// Kind of document.
        required kind: Code<IdentityDocument> = "Kind";
        /// Its number.
        required number: Line = "Number";
        /// Country that issued it.
        optional country: Code<Country> = "Issued by";
        /// Last day of its validity.
        optional expires: PartialDate = "Valid until";
    }

    /// Where a photograph, fingerprints or a DNA profile can be had.
    struct PersonReference, rules no_rules {
        /// What it is.
        required kind: Code<ReferenceKind> = "Kind";
        /// Number or name by which it can be asked for.
        required reference: Line = "Reference";
    }
}

impl Person {
    /// Every name under which the person may be searched.
    pub(crate) fn names(&self) -> Vec<String> {
        let parts: Vec<_> = self.given_names.iter().chain(&self.family_name).map(Line::as_str).collect();
        let listed = (!parts.is_empty()).then(|| parts.join(" "));
        let others = self.original_name.iter().chain(&self.aliases).map(ToString::to_string);
        listed.into_iter().chain(others).collect()
    }
}

fn rules(form: &Node, reader: &mut Reader) {
    let named = ["family_name", "given_names", "original_name"].iter().any(|name| form.get(name).is_some());
    if named && form.get("count").is_some() {
        reader.error(
            form,
            "count",
            "a named person counts as one",
            "delete count, or give the others an entry of their own",
        );
    }
}
