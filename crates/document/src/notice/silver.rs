//! The **Silver Notice**: to identify, to trace and to learn more of criminal assets. A pilot since January 2025, in which
//! some fifty countries take part; crime against the environment is named among what it is for.

use crate::codes::{AssetKind, AssetRequest, Code, Country, Crime, OpenCode};
use crate::ecomessage::{Additional, Attachment, Reported, Worth};
use crate::form::{Count, Reader, form, no_rules};
use crate::items::{ask_one, number};
use crate::notice::entity::Entity;
use crate::notice::identity::Identity;
use crate::notice::request::NoticeRequest;
use crate::notice::{colour, rules};
use crate::text::{Line, Prose};
use crate::tree::Node;

/// Least maximum penalty of the offence behind a Silver Notice, in months.
pub const SILVER_MONTHS_MIN: u32 = 48;

form! {
    /// A Silver Notice.
    struct SilverNotice, rules silver_rules {
        /// Who asks, and what the bureau declares.
        needed request: NoticeRequest = "Request" by rules::ENTRY_SOURCE;
        /// The offence from which the assets come.
        needed offence: AssetOffence = "Offence" by rules::SILVER_OFFENCE;
        /// The assets, one entry each.
        needed_list assets: Asset = "Asset" by rules::SILVER_ASSET;
        /// The person to whom the assets are linked.
        optional person: Identity = "Person";
        /// Companies to which they are linked, one entry each.
        list entities: Entity = "Entity";
        /// The financial dimension in words.
        needed finance: Prose = "Financial dimension" by rules::SILVER_FINANCE;
        /// The financial dimension in figures.
        list values: Worth = "Value";
        /// What is asked.
        needed_list asked: Code<AssetRequest> = "Asked" by rules::SILVER_ASKED;
        /// What else there is to say.
        optional additional: Additional = "Additional information";
        /// What a source said that fits no field, word for word.
        list reported: Reported = "As reported";
    }

    /// The offence from which assets come.
    struct AssetOffence, rules offence_rules {
        /// The facts.
        needed facts: Prose = "Facts" by rules::SILVER_OFFENCE;
        /// Kinds of crime, by code.
        list crimes: OpenCode<Crime> = "Kind of crime";
        /// The law and its article.
        recommended law: Line = "Law";
        /// Maximum penalty that the law sets, in months; 1200 for life.
        needed maximum_penalty_months: Count = "Maximum penalty (months)" by rules::SILVER_OFFENCE;
    }

    /// An asset.
    struct Asset, rules no_rules {
        /// Kind of asset.
        needed kind: Code<AssetKind> = "Kind" by rules::SILVER_ASSET;
        /// Description, with everything by which it can be found: account, plate, register, address.
        needed description: Prose = "Description" by rules::SILVER_ASSET;
        /// Country where it is thought to be.
        recommended country: OpenCode<Country> = "Country";
        /// Numbers by which it is known: IBAN, plate, land register, IMO number.
        list identifiers: Line = "Identifier";
        /// What it is worth.
        optional worth: Worth = "Worth";
        /// Photographs and papers, by their names; `--attach` sends the files.
        list photographs: Attachment = "Photograph";
    }
}

fn silver_rules(form: &Node, reader: &mut Reader) {
    colour::request_rules(&colour::SILVER, form, reader);
    ask_one(
        form,
        reader,
        &["person", "entities"],
        &rules::SILVER_PERSON,
        "the person or entity behind the assets",
    );
}

fn offence_rules(form: &Node, reader: &mut Reader) {
    if let Some(months) = number(form, "maximum_penalty_months").filter(|months| *months < SILVER_MONTHS_MIN)
    {
        reader.by(Some(&rules::SILVER_OFFENCE)).error(
            form,
            "maximum_penalty_months",
            format!("a maximum penalty of {months} months is below the threshold of {SILVER_MONTHS_MIN}"),
            "such an offence is none for a Silver Notice; send a message",
        );
    }
}
