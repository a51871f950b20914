//! Which lists there are, and what of each may change without a new version of the program.
//!
//! What is said here of a list is checked by the tests: with every list cut down to the codes that must stay, all that the
//! program itself writes (importers, mappings that come with it) is still accepted.

use crate::codes::CodeList;
use crate::form::nearest;

/// What of a list may be replaced. Labels always may: they are shown, and nothing is decided by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayChange {
    /// Codes may be added and taken out.
    Open,
    /// Codes may be added and taken out, but for these: rules, importers or mappings of the program name them.
    Keeps(&'static [&'static str]),
    /// Codes may be added. None is taken out: old cases speak of countries that are no more.
    Grows,
    /// The codes stay as they are. The program acts on each of them, or offers them as arguments, or the rules of the network
    /// rest on them, so that a code of one node alone would be misunderstood or have no effect.
    Fixed,
}

/// A list of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSpec {
    /// Its name.
    pub name: &'static str,
    /// What of it may change.
    pub may_change: MayChange,
}

impl ListSpec {
    /// The list of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        LISTS.iter().find(|list| list.name == name)
    }

    /// The name of a list that was probably meant by an unknown one.
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest(LISTS.iter().map(|list| list.name), name)
    }

    /// Columns that its table must have besides the code and the English label, since the program reads them.
    pub fn columns(&self) -> &'static [&'static str] {
        match self.name {
            "term" => &["units"],
            "unit" => &["dimension", "scheme"],
            "country" => &["alpha3", "scheme"],
            "region" => &["m49", "also", "within", "countries"],
            _ => &[],
        }
    }
}

macro_rules! may_change {
    (open) => {
        MayChange::Open
    };
    (keeps [$($code:literal),*]) => {
        MayChange::Keeps(&[$($code),*])
    };
    (grows) => {
        MayChange::Grows
    };
    (fixed) => {
        MayChange::Fixed
    };
}

macro_rules! code_lists {
    ($( $(#[doc = $doc:literal])* $list:ident = $name:literal, $may:ident $([$($code:literal),*])?; )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $list {}
            impl CodeList for $list {
                const NAME: &'static str = $name;
            }
        )*
        /// All lists, in the order in which the forms meet them.
        pub const LISTS: &[ListSpec] = &[
            $(ListSpec { name: $name, may_change: may_change!($may $([$($code),*])?) }),*
        ];
    };
}

code_lists! {
    /// CITES trade terms (105): what the thing is.
    Term = "term", keeps ["LIV", "BOD", "SCA"];
    /// Units of quantity: the 38 of CITES and a few of ours.
    Unit = "unit", keeps ["KIL", "GRM", "TON", "LTR", "CUM", "PCS"];
    /// Countries and areas: ISO 3166-1 and special codes.
    Country = "country", grows;
    /// Regions of the world: UN M49. Which countries lie in one: [`crate::region`].
    Region = "region", open;
    /// Currencies: ISO 4217.
    Currency = "currency", open;
    /// The four official languages.
    Language = "language", fixed;
    /// How fast a message is carried.
    Priority = "priority", fixed;
    /// Levels of confidentiality.
    Confidentiality = "confidentiality", fixed;
    /// Families of environmental crime.
    Family = "family", keeps ["fauna", "flora-timber", "fisheries", "waste", "ozone-chemicals", "vessel-pollution", "radioactive"];
    /// Kinds of offence.
    Offence = "offence", open;
    /// International instruments.
    Convention = "convention", keeps ["CITES"];
    /// Standing of a case.
    CaseStatus = "case-status", keeps ["trial"];
    /// Kinds of place.
    PlaceKind = "place-kind", open;
    /// How exact a position is.
    PlacePrecision = "place-precision", keeps ["unknown"];
    /// Methods of discovery.
    DiscoveryMethod = "discovery-method", keeps ["detector-dog", "tip-off", "x-ray", "routine-control", "risk-profiling"];
    /// Kinds of product.
    ProductKind = "product-kind", keeps ["wildlife", "timber", "fish", "waste", "chemical", "vessel-discharge", "radioactive", "other"];
    /// Ranks of scientific names.
    Rank = "rank", keeps ["subspecies", "species", "genus", "family", "order"];
    /// CITES appendices.
    Appendix = "cites-appendix", open;
    /// Live, dead and other states.
    Condition = "condition", keeps ["live", "dead", "parts"];
    /// Kinds of mark.
    MarkKind = "mark-kind", open;
    /// CITES source codes.
    Source = "source", open;
    /// CITES purpose codes.
    Purpose = "purpose", open;
    /// Forms of timber.
    TimberForm = "timber-form", open;
    /// Annexes of the Montreal Protocol.
    MontrealAnnex = "montreal-annex", open;
    /// Annexes of MARPOL.
    MarpolAnnex = "marpol-annex", open;
    /// Exact, at least, estimated, unknown.
    Certainty = "certainty", fixed;
    /// Reported or derived.
    Provenance = "provenance", fixed;
    /// Gross or net.
    WeightBasis = "weight-basis", open;
    /// Basis of a value.
    ValueBasis = "value-basis", open;
    /// Roles of persons.
    PersonRole = "person-role", open;
    /// Sex as recorded.
    Sex = "sex", keeps ["female", "male", "unknown"];
    /// Kinds of identity document.
    IdentityDocument = "identity-document", open;
    /// Photograph, fingerprints, DNA.
    ReferenceKind = "reference-kind", open;
    /// Roles of companies.
    CompanyRole = "company-role", open;
    /// Roles of the legs of a route.
    LegRole = "leg-role", keeps ["origin", "transit", "destination", "unknown"];
    /// Confirmed or unconfirmed.
    LegStatus = "leg-status", fixed;
    /// Means of transport.
    TransportMode = "transport-mode", keeps ["air", "sea", "road", "rail", "river", "mail", "luggage", "on-foot", "other"];
    /// Kinds of document used.
    PaperKind = "paper-kind", open;
    /// Genuine, forged, missing and so on.
    PaperStatus = "paper-status", open;
    /// Ways of concealment.
    Concealment = "concealment", keeps ["hidden", "mis-declared", "mis-described", "luggage"];
    /// Other crime found together with this one.
    Convergence = "convergence", open;
    /// Kinds of agency.
    AgencyKind = "agency-kind", keeps ["other"];
    /// Kinds of request.
    RequestKind = "request-kind", open;
    /// Customs codes of the Harmonized System: chapters, headings and subheadings that bureaus meet.
    Hs = "hs", open;
    /// Languages that people speak: ISO 639-2/B.
    SpokenLanguage = "spoken-language", open;
    /// Declaration on Article 3 of the Constitution.
    Article3 = "article-3", fixed;
    /// Given or not.
    Assurance = "assurance", fixed;
    /// Yes or no.
    Answer = "answer", fixed;
    /// Status of a person in a notice.
    PersonStatus = "person-status", keeps ["convicted", "charged", "suspect", "witness", "victim", "missing", "cannot-identify"];
    /// Warnings about a person.
    Caution = "caution", open;
    /// Colours of eyes.
    EyeColour = "eye-colour", keeps ["black", "brown", "grey"];
    /// Colours of hair.
    HairColour = "hair-colour", keeps ["black", "brown", "grey"];
    /// Kinds of crime on which notices rest.
    Crime = "crime", keeps ["organised-crime", "norms", "family-private", "administrative", "private-dispute"];
    /// Prosecution or sentence.
    WantedFor = "wanted-for", fixed;
    /// Term, life or death.
    PenaltyKind = "penalty-kind", fixed;
    /// Arrest warrant or another decision.
    WarrantKind = "warrant-kind", open;
    /// Missing, or cannot identify himself or herself.
    YellowCase = "yellow-case", fixed;
    /// Of age or minor.
    AgeGroup = "age-group", fixed;
    /// What a missing adult wishes when found.
    WishWhenFound = "wish-when-found", open;
    /// What is asked about a person.
    InformationSought = "information-sought", open;
    /// Sources of a threat.
    ThreatKind = "threat-kind", open;
    /// What a Purple Notice describes.
    MethodKind = "method-kind", keeps ["vessel"];
    /// Open or closed.
    InvestigationState = "investigation-state", open;
    /// Kinds of asset.
    AssetKind = "asset-kind", open;
    /// What is asked about assets.
    AssetRequest = "asset-request", open;
    /// Measures of the UN Security Council.
    UnMeasure = "un-measure", open;
    /// Why a request for a notice is refused, or a notice doubted.
    NoticeRefusal = "notice-refusal", fixed;
    /// What a returned request lacks.
    NoticeMissing = "notice-missing", fixed;
    /// Why a source cancels.
    NoticeCancellation = "notice-cancellation", fixed;
    /// Why reviewers withdraw.
    NoticeWithdrawal = "notice-withdrawal", fixed;
    /// What is done about a notice after it was asked for.
    NoticeStepKind = "notice-step", fixed;
    /// Why a source withdraws an entry.
    EntryWithdrawal = "entry-withdrawal", fixed;
    /// Why somebody searched.
    SearchPurpose = "search-purpose", fixed;
    /// How long an entry is kept.
    RetentionClass = "retention-class", fixed;
    /// Why a travel document is no longer good.
    DocumentState = "document-state", keeps ["stolen-blank"];
    /// Kinds of travel document.
    TravelDocumentKind = "travel-document", keeps ["passport", "diplomatic-passport", "service-passport", "identity-card", "visa"];
    /// What became of an object.
    LossKind = "loss-kind", keeps ["stolen"];
    /// Kinds of vehicle.
    VehicleKind = "vehicle-kind", keeps ["truck", "motorcycle", "van", "machine", "caravan"];
    /// Kinds of vessel.
    VesselKind = "vessel-kind", open;
    /// Kinds of cultural object.
    ArtKind = "art-kind", open;
    /// Kinds of firearm.
    FirearmKind = "firearm-kind", open;
    /// State of the serial number of a firearm.
    SerialState = "serial-state", keeps ["removed", "none"];
    /// Why a person is entered.
    EntryPurpose = "entry-purpose", keeps ["arrest", "missing", "identify"];
}
