//! Who a notice is about: identity particulars. All of it is personal data and stands in the body, never in a header.

use crate::codes::{
    Caution, Code, Country, EyeColour, HairColour, IdentityDocument, OpenCode, PersonStatus, Sex,
    SpokenLanguage,
};
use crate::date::PartialDate;
use crate::ecomessage::{Attachment, PersonReference};
use crate::form::{Count, Reader, form, no_rules};
use crate::items::number;
use crate::notice::rules;
use crate::text::{Line, Prose};
use crate::tree::Node;

form! {
    /// The person. What is not known is left out; what is in doubt is said to be.
    struct Identity, rules identity_rules {
        /// Status in the case.
        needed status: Code<PersonStatus> = "Status" by rules::PERSON_STATUS;
        /// Family name, in Latin letters.
        optional family_name: Line = "Family name";
        /// Given names, in Latin letters.
        optional given_names: Line = "Given names";
        /// Family name at birth, if another.
        optional birth_name: Line = "Name at birth";
        /// Names in their original script, one entry for each script.
        list original_names: OriginalName = "Name in original script";
        /// Other names.
        list aliases: Line = "Alias";
        /// Sex as recorded.
        optional sex: Code<Sex> = "Sex";
        /// Date of birth, or its year alone.
        optional birth_date: PartialDate = "Born";
        /// Place of birth.
        optional birth_place: Line = "Place of birth";
        /// Country of birth.
        optional birth_country: OpenCode<Country> = "Country of birth";
        /// Nationalities, all of them.
        list nationalities: OpenCode<Country> = "Nationality";
        /// Languages spoken, ISO 639-2: "FRE".
        list languages: OpenCode<SpokenLanguage> = "Language spoken";
        /// Names of the parents.
        optional parents: Parents = "Parents";
        /// Physical description.
        optional description: PhysicalDescription = "Physical description";
        /// Photographs, by their names; `--attach` sends the files.
        list photographs: Attachment = "Photograph";
        /// Fingerprints and DNA profiles, by reference. Biometric data are particularly sensitive.
        list references: PersonReference = "Biometric reference";
        /// Identity documents, one entry each.
        list documents: IdentityRecord = "Identity document";
        /// Addresses.
        list addresses: Line = "Address";
        /// Telephone numbers.
        list phones: Line = "Telephone";
        /// Mail addresses and accounts.
        list mails: Line = "Mail";
        /// Occupation.
        optional occupation: Line = "Occupation";
        /// What whoever meets the person should be warned of.
        list cautions: Code<Caution> = "Caution";
        /// Countries from which the person is protected as a refugee, if that is known.
        list refugee_from: OpenCode<Country> = "Refugee from";
        /// What else is to be said of the person.
        optional remarks: Prose = "Remarks";
    }

    /// A name in its original script beside its transliteration.
    struct OriginalName, rules no_rules {
        /// The name as it is written there.
        required text: Line = "Name";
        /// Language or script, ISO 639-2: "ARA".
        optional language: OpenCode<SpokenLanguage> = "Language";
        /// The same name in Latin letters.
        recommended transliteration: Line = "Transliteration";
        /// Standard of the transliteration: "ISO 233", "BGN/PCGN", "as in the passport".
        optional standard: Line = "Standard";
    }

    /// Names of the parents.
    struct Parents, rules no_rules {
        /// Father's family name.
        optional father_family_name: Line = "Father's family name";
        /// Father's given names.
        optional father_given_names: Line = "Father's given names";
        /// Mother's family name, at birth if known.
        optional mother_family_name: Line = "Mother's family name";
        /// Mother's given names.
        optional mother_given_names: Line = "Mother's given names";
    }

    /// What somebody looks like. Never guessed; nothing on race or religion.
    struct PhysicalDescription, rules physical_rules {
        /// Height in centimetres.
        optional height_cm: Count = "Height (cm)";
        /// Weight in kilograms.
        optional weight_kg: Count = "Weight (kg)";
        /// Build.
        optional build: Line = "Build";
        /// Colours of the eyes.
        list eyes: Code<EyeColour> = "Eyes";
        /// Colours of the hair.
        list hair: Code<HairColour> = "Hair";
        /// Scars, tattoos and other distinguishing marks.
        optional marks: Prose = "Distinguishing marks";
        /// Anything else.
        optional other: Prose = "Other";
    }

    /// A document that proves an identity.
    struct IdentityRecord, rules no_rules {
        /// Kind of document.
        required kind: Code<IdentityDocument> = "Kind";
        /// Its number.
        required number: Line = "Number";
        /// Country that issued it.
        optional country: OpenCode<Country> = "Issued by";
        /// Last day of its validity.
        optional expires: PartialDate = "Valid until";
    }
}

fn identity_rules(form: &Node, reader: &mut Reader) {
    if form.get("birth_date").and_then(Node::as_text) == Some("unknown") {
        reader.warn(
            form,
            "birth_date",
            "the date of birth is unknown",
            "give at least the year, with ~ behind it if it is estimated, or leave the line out",
        );
    }
}

/// Slips of units: metres for centimetres, grams for kilograms.
fn physical_rules(form: &Node, reader: &mut Reader) {
    for (field, least, most, unit) in
        [("height_cm", 30, 260, "centimetres"), ("weight_kg", 1, 500, "kilograms")]
    {
        if number(form, field).is_some_and(|n| n < least || n > most) {
            reader.warn(
                form,
                field,
                format!("it is not between {least} and {most}"),
                format!("write whole {unit}"),
            );
        }
    }
}
