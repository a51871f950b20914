//! The rules that an entry of a database must obey, as those of [notices](crate::notice::rules): each with its source, and
//! `verified` where the source was at hand. Entries also obey `entry.source` and, of persons, `article-3`, `person.status` and
//! `refugee`.

use crate::rule::rules;

const RETENTION: &str = "retention of each database, RPD";
const MESH: &str = "this project";
const ACCESS: &str = "restrictions of access, RPD";
const SLTD: &str = "minimum data of SLTD";
const VEHICLES: &str = "minimum data of stolen vehicles (SMV)";
const VESSELS: &str = "minimum data of stolen vessels";
const ART: &str = "minimum data of works of art, Object ID";
const FIREARMS: &str = "minimum data of firearms (iARMS)";
const NOMINAL: &str = "conditions to record data of persons, RPD";
const SEIZURES: &str = "the Ecomessage's products and discovery, this project";

rules! {
    RETENTION_FIVE_YEARS = "retention.five-years", "kept for five years or less, and then reassessed", RETENTION, false;
    RETENTION_UNTIL_RECOVERED = "retention.until-recovered", "kept until it is recovered or the source withdraws it",
        RETENTION, false;
    RESTRICTION = "restriction", "the source may close an entry to countries that it names", ACCESS, false;

    ENTRY_SOURCE_OWNS = "entry.source-owns", "only the source alters or withdraws its entry",
        "ownership of data, RPD", false;
    ENTRY_WITHDRAWN = "entry.withdrawn", "what is withdrawn stays so; its source enters it anew", MESH, true;
    ENTRY_DATABASE = "entry.database", "a new text stays in the database of the old one", MESH, true;

    NUMBER_MRZ = "number.mrz", "letters, digits and check digits as in a machine readable zone", "ICAO Doc 9303", false;
    NUMBER_VIN = "number.vin", "17 capitals and digits without I, O, Q; in North America with a check digit",
        "ISO 3779, 49 CFR 565", false;
    NUMBER_IMO = "number.imo", "seven digits, the last of them a check digit", "IMO resolution A.1117(30)", false;
    NUMBER_MMSI = "number.mmsi", "nine digits that a ship can have", "ITU-R M.585", false;

    SLTD_ISSUER = "sltd.issuer", "only the country that issued a document enters it", "rules of SLTD", true;
    SLTD_DOCUMENT = "sltd.document", "kind, number and issuing country of the document", SLTD, false;
    SLTD_STATUS = "sltd.status", "stolen, lost, revoked, invalid or a stolen blank", SLTD, false;
    SLTD_DATE = "sltd.date", "since when it is so", SLTD, false;

    VEHICLE_DESCRIPTION = "vehicle.description", "kind and make of the vehicle", VEHICLES, false;
    VEHICLE_NUMBER = "vehicle.number", "one of VIN, plate with its country, engine number, numbers of parts", VEHICLES, false;
    VEHICLE_THEFT = "vehicle.theft", "what happened, date and place", VEHICLES, false;

    VESSEL_DESCRIPTION = "vessel.description", "kind and make of the vessel", VESSELS, false;
    VESSEL_NUMBER = "vessel.number", "one of hull, IMO, MMSI, call sign, registration and engine number", VESSELS, false;
    VESSEL_THEFT = "vessel.theft", "what happened, date and place", VESSELS, false;

    ART_DESCRIPTION = "art.description", "kind, subject, materials and techniques", ART, false;
    ART_IDENTIFIABLE = "art.identifiable", "the object can be told from others: a photograph, markings or features", ART, false;
    ART_THEFT = "art.theft", "what happened, date and place", ART, false;

    FIREARM_DESCRIPTION = "firearm.description", "kind, make and calibre", FIREARMS, false;
    FIREARM_SERIAL = "firearm.serial", "the serial number, or why there is none and what else marks it", FIREARMS, false;
    FIREARM_LOSS = "firearm.loss", "whether it was stolen, lost or smuggled, date and place", FIREARMS, false;

    NOMINAL_PURPOSE = "nominal.purpose", "the purpose is stated when data enter", NOMINAL, false;
    NOMINAL_IDENTITY = "nominal.identity", "identity; to arrest somebody as much of it as a Red Notice asks", NOMINAL, false;
    NOMINAL_FACTS = "nominal.facts", "the facts for which a person is of interest", NOMINAL, false;

    SEIZURE_FAMILY = "seizure.family", "the family of crime", SEIZURES, true;
    SEIZURE_DISCOVERY = "seizure.discovery", "date and place of the discovery", SEIZURES, true;
    SEIZURE_PRODUCT = "seizure.product", "what was seized", SEIZURES, true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_told_in_the_domain_document() {
        let told = include_str!("../../../../docs/DOMAIN.md");
        let notices = crate::notice::rules::ALL.iter().map(|rule| rule.id);
        let mut seen: std::collections::BTreeSet<_> = notices.collect();
        for rule in ALL {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            assert!(told.contains(&format!("`{}`", rule.id)), "docs/DOMAIN.md does not tell {}", rule.id);
        }
    }
}
