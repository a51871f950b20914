//! Closed code lists, as data: tables of facts in `codes/*.tsv`, read once, and the types that name them.
//!
//! A [`Code`] holds the letters of a code, not a position in a table, so that a table can be replaced by a newer
//! edition without touching the logic, and a message of a bureau with a newer table is still carried and shown. A
//! code that is not in the table is an error to whoever *writes* a message, and only marked to whoever reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use thiserror::Error;

/// One line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code, as it is written in messages.
    pub code: &'static str,
    columns: Vec<(&'static str, &'static str)>,
}

/// Columns that tell something of a code and are no name of it.
const FACTS: &[&str] = &["units", "dimension", "scheme", "m49", "within", "countries", "also"];

/// A closed list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTable {
    /// Name of the list.
    pub name: &'static str,
    /// What the list is for.
    pub note: &'static str,
    entries: Vec<CodeEntry>,
}

/// Names a list at the type level.
pub trait CodeList: 'static {
    /// Name of its table.
    const NAME: &'static str;
}

/// A code of the list `L`: 1 to 32 letters, digits, `-` and `/`.
pub struct Code<L> {
    code: String,
    list: PhantomData<fn() -> L>,
}

/// A code of a list that real data go beyond: to whoever writes it, a code that is not in the table is a warning with
/// the nearest one, and no error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OpenCode<L: CodeList>(pub Code<L>);

/// Why a text cannot be a code of any list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a code has 1 to 32 letters, digits, - and /")]
pub struct CodeError;

impl CodeEntry {
    /// The column `name` of the table, if it is there and not empty.
    pub fn column(&self, name: &str) -> Option<&'static str> {
        self.columns.iter().find(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| *v)
    }

    /// What it means, in `language` (`en`, `fr`, `es`) if the table has that, else in English.
    pub fn label(&self, language: &str) -> &'static str {
        self.column(language).or_else(|| self.column("en")).unwrap_or(self.code)
    }
}

impl CodeTable {
    /// The entry of a code, written exactly.
    pub fn find(&self, code: &str) -> Option<&CodeEntry> {
        self.entries.iter().find(|e| e.code == code)
    }

    /// All entries in the table's order.
    pub fn entries(&self) -> &[CodeEntry] {
        &self.entries
    }

    /// The code that was probably meant: same letters in another case, a label, or nearly the same letters.
    pub fn nearest(&self, text: &str) -> Option<&CodeEntry> {
        let wanted = text.trim().to_lowercase();
        let same = |candidate: &str| candidate.to_lowercase() == wanted;
        self.entries
            .iter()
            .find(|e| same(e.code) || e.columns.iter().any(|(n, v)| !FACTS.contains(n) && same(v)))
            .or_else(|| self.meant(&wanted))
            .or_else(|| {
                let scored = self
                    .entries
                    .iter()
                    .map(|e| (strsim::damerau_levenshtein(&e.code.to_lowercase(), &wanted), e));
                // Two- and three-letter codes are all near each other: a guess would only mislead.
                scored
                    .filter(|(d, e)| *d <= e.code.len() / 3 && e.code.len() > 3)
                    .min_by_key(|(d, _)| *d)
                    .map(|(_, e)| e)
            })
    }

    /// The one code that others write so (the column `also`), whose label begins so, or with which it begins: `kg`, `tusk`,
    /// `kilo`. `wanted` is in small letters. What fits several codes is no help.
    fn meant(&self, wanted: &str) -> Option<&CodeEntry> {
        let one = |fits: &dyn Fn(&CodeEntry) -> bool| {
            let mut fitting = self.entries.iter().filter(|entry| fits(entry));
            fitting.next().filter(|_| fitting.next().is_none())
        };
        let begins = |entry: &CodeEntry, letters_more: usize| {
            ["en", "fr", "es"].iter().any(|language| {
                let label = entry.label(language).to_lowercase();
                label.strip_prefix(wanted).is_some_and(|rest| rest.chars().count() <= letters_more)
            })
        };
        let also = |entry: &CodeEntry| {
            entry
                .column("also")
                .is_some_and(|also| also.split(' ').any(|other| other.to_lowercase() == wanted))
        };
        // A letter or two begin too much.
        let is_long = wanted.chars().count() > 2;
        let code_and_more = |entry: &CodeEntry| {
            entry.code.len() > 2
                && wanted.strip_prefix(&entry.code.to_lowercase()).is_some_and(|rest| rest.len() <= 2)
        };
        one(&also)
            .or_else(|| one(&|entry| is_long && begins(entry, 2)))
            .or_else(|| one(&|entry| is_long && begins(entry, usize::MAX)))
            .or_else(|| one(&code_and_more))
    }

    /// What to write instead of a text that is no code of the list: the code that was meant, or the codes that there are.
    pub(crate) fn advice(&self, text: &str) -> String {
        if let Some(near) = self.nearest(text) {
            return format!("did you mean \"{}\" ({})?", near.code, near.label("en"));
        }
        let codes: Vec<_> = self.entries.iter().map(|e| e.code).collect();
        if codes.len() <= 40 {
            format!("choose one of {}", codes.join(", "))
        } else {
            format!("choose one of its {} codes, such as {}", codes.len(), codes[..5].join(", "))
        }
    }
}

impl<L: CodeList> Code<L> {
    /// A code by its letters; whether the list has it is said by [`Code::entry`].
    ///
    /// # Errors
    /// [`CodeError`] if it is no code at all.
    pub fn new(code: &str) -> Result<Self, CodeError> {
        let fits = (1..=32).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'/');
        if fits { Ok(Self { code: code.to_owned(), list: PhantomData }) } else { Err(CodeError) }
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// The table's entry; `None` for a code of a newer table.
    pub fn entry(&self) -> Option<&'static CodeEntry> {
        Self::table().find(&self.code)
    }

    /// The table of this list.
    pub fn table() -> &'static CodeTable {
        table(L::NAME).expect("a test looks up every list that has a type")
    }
}

impl<L> Clone for Code<L> {
    fn clone(&self) -> Self {
        Self { code: self.code.clone(), list: PhantomData }
    }
}

impl<L> PartialEq for Code<L> {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl<L> Eq for Code<L> {}

impl<L> PartialOrd for Code<L> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By letters, not by the table's order: tables may be replaced.
impl<L> Ord for Code<L> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code.cmp(&other.code)
    }
}

impl<L> fmt::Debug for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

impl<L> fmt::Display for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

/// The table of a list, by name.
pub fn table(name: &str) -> Option<&'static CodeTable> {
    tables().get(name)
}

/// All tables, by name.
pub fn tables() -> &'static BTreeMap<&'static str, CodeTable> {
    static TABLES: OnceLock<BTreeMap<&'static str, CodeTable>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let single = [
            single_table("term", include_str!("codes/terms.tsv")),
            single_table("unit", include_str!("codes/units.tsv")),
            single_table("country", include_str!("codes/countries.tsv")),
            single_table("currency", include_str!("codes/currencies.tsv")),
            single_table("spoken-language", include_str!("codes/languages.tsv")),
            single_table("region", include_str!("codes/regions.tsv")),
        ];
        let short = short_tables(include_str!("codes/lists.tsv"));
        single.into_iter().chain(short).map(|t| (t.name, t)).collect()
    })
}

/// A file with one table: a note, the names of the columns, the lines.
fn single_table(name: &'static str, file: &'static str) -> CodeTable {
    let mut lines = file.lines();
    let note = lines.next().unwrap_or_default().trim_start_matches("# ");
    let columns: Vec<_> = lines.next().unwrap_or_default().split('\t').skip(1).collect();
    let entries = lines.map(|line| entry(&columns, line)).collect();
    CodeTable { name, note, entries }
}

/// The file of short tables: each opens with `## name: note`, its lines begin with that name.
fn short_tables(file: &'static str) -> Vec<CodeTable> {
    let mut tables: Vec<CodeTable> = Vec::new();
    let mut lines = file.lines().skip(1);
    let columns: Vec<_> = lines.next().unwrap_or_default().split('\t').skip(2).collect();
    for line in lines {
        if let Some((name, note)) = line.strip_prefix("## ").and_then(|l| l.split_once(": ")) {
            tables.push(CodeTable { name, note, entries: Vec::new() });
        } else if let (Some(table), Some((_, rest))) = (tables.last_mut(), line.split_once('\t')) {
            table.entries.push(entry(&columns, rest));
        }
    }
    tables
}

fn entry(columns: &[&'static str], line: &'static str) -> CodeEntry {
    let mut cells = line.split('\t');
    let code = cells.next().unwrap_or_default();
    CodeEntry { code, columns: columns.iter().copied().zip(cells).collect() }
}

macro_rules! code_lists {
    ($( $(#[doc = $doc:literal])* $list:ident = $name:literal; )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub enum $list {}
            impl CodeList for $list {
                const NAME: &'static str = $name;
            }
        )*
        #[cfg(test)]
        const TYPED: &[&str] = &[$($name),*];
    };
}

code_lists! {
    /// CITES trade terms (105): what the thing is.
    Term = "term";
    /// Units of quantity: the 38 of CITES and a few of ours.
    Unit = "unit";
    /// Countries and areas: ISO 3166-1 and special codes.
    Country = "country";
    /// Regions of the world: UN M49. Which countries lie in one: [`crate::region`].
    Region = "region";
    /// Currencies: ISO 4217.
    Currency = "currency";
    /// The four official languages.
    Language = "language";
    /// How fast a message is carried.
    Priority = "priority";
    /// Levels of confidentiality.
    Confidentiality = "confidentiality";
    /// Families of environmental crime.
    Family = "family";
    /// Kinds of offence.
    Offence = "offence";
    /// International instruments.
    Convention = "convention";
    /// Standing of a case.
    CaseStatus = "case-status";
    /// Kinds of place.
    PlaceKind = "place-kind";
    /// How exact a position is.
    PlacePrecision = "place-precision";
    /// Methods of discovery.
    DiscoveryMethod = "discovery-method";
    /// Kinds of product.
    ProductKind = "product-kind";
    /// Ranks of scientific names.
    Rank = "rank";
    /// CITES appendices.
    Appendix = "cites-appendix";
    /// Live, dead and other states.
    Condition = "condition";
    /// Kinds of mark.
    MarkKind = "mark-kind";
    /// CITES source codes.
    Source = "source";
    /// CITES purpose codes.
    Purpose = "purpose";
    /// Forms of timber.
    TimberForm = "timber-form";
    /// Annexes of the Montreal Protocol.
    MontrealAnnex = "montreal-annex";
    /// Annexes of MARPOL.
    MarpolAnnex = "marpol-annex";
    /// Exact, at least, estimated, unknown.
    Certainty = "certainty";
    /// Reported or derived.
    Provenance = "provenance";
    /// Gross or net.
    WeightBasis = "weight-basis";
    /// Basis of a value.
    ValueBasis = "value-basis";
    /// Roles of persons.
    PersonRole = "person-role";
    /// Sex as recorded.
    Sex = "sex";
    /// Kinds of identity document.
    IdentityDocument = "identity-document";
    /// Photograph, fingerprints, DNA.
    ReferenceKind = "reference-kind";
    /// Roles of companies.
    CompanyRole = "company-role";
    /// Roles of the legs of a route.
    LegRole = "leg-role";
    /// Confirmed or unconfirmed.
    LegStatus = "leg-status";
    /// Means of transport.
    TransportMode = "transport-mode";
    /// Kinds of document used.
    PaperKind = "paper-kind";
    /// Genuine, forged, missing and so on.
    PaperStatus = "paper-status";
    /// Ways of concealment.
    Concealment = "concealment";
    /// Other crime found together with this one.
    Convergence = "convergence";
    /// Kinds of agency.
    AgencyKind = "agency-kind";
    /// Kinds of request.
    RequestKind = "request-kind";
    /// Languages that people speak: ISO 639-2/B.
    SpokenLanguage = "spoken-language";
    /// Declaration on Article 3 of the Constitution.
    Article3 = "article-3";
    /// Given or not.
    Assurance = "assurance";
    /// Yes or no.
    Answer = "answer";
    /// Status of a person in a notice.
    PersonStatus = "person-status";
    /// Warnings about a person.
    Caution = "caution";
    /// Colours of eyes.
    EyeColour = "eye-colour";
    /// Colours of hair.
    HairColour = "hair-colour";
    /// Kinds of crime on which notices rest.
    Crime = "crime";
    /// Prosecution or sentence.
    WantedFor = "wanted-for";
    /// Term, life or death.
    PenaltyKind = "penalty-kind";
    /// Arrest warrant or another decision.
    WarrantKind = "warrant-kind";
    /// Missing, or cannot identify himself or herself.
    YellowCase = "yellow-case";
    /// Of age or minor.
    AgeGroup = "age-group";
    /// What a missing adult wishes when found.
    WishWhenFound = "wish-when-found";
    /// What is asked about a person.
    InformationSought = "information-sought";
    /// Sources of a threat.
    ThreatKind = "threat-kind";
    /// What a Purple Notice describes.
    MethodKind = "method-kind";
    /// Open or closed.
    InvestigationState = "investigation-state";
    /// Kinds of asset.
    AssetKind = "asset-kind";
    /// What is asked about assets.
    AssetRequest = "asset-request";
    /// Measures of the UN Security Council.
    UnMeasure = "un-measure";
    /// Why a request for a notice is refused, or a notice doubted.
    NoticeRefusal = "notice-refusal";
    /// What a returned request lacks.
    NoticeMissing = "notice-missing";
    /// Why a source cancels.
    NoticeCancellation = "notice-cancellation";
    /// Why reviewers withdraw.
    NoticeWithdrawal = "notice-withdrawal";
    /// What is done about a notice after it was asked for.
    NoticeStepKind = "notice-step";
    /// Why a source withdraws an entry.
    EntryWithdrawal = "entry-withdrawal";
    /// Why somebody searched.
    SearchPurpose = "search-purpose";
    /// How long an entry is kept.
    RetentionClass = "retention-class";
    /// Why a travel document is no longer good.
    DocumentState = "document-state";
    /// Kinds of travel document.
    TravelDocumentKind = "travel-document";
    /// What became of an object.
    LossKind = "loss-kind";
    /// Kinds of vehicle.
    VehicleKind = "vehicle-kind";
    /// Kinds of vessel.
    VesselKind = "vessel-kind";
    /// Kinds of cultural object.
    ArtKind = "art-kind";
    /// Kinds of firearm.
    FirearmKind = "firearm-kind";
    /// State of the serial number of a firearm.
    SerialState = "serial-state";
    /// Why a person is entered.
    EntryPurpose = "entry-purpose";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_typed_list_has_a_table_and_every_table_a_type() {
        let mut typed = TYPED.to_vec();
        typed.sort_unstable();
        assert_eq!(tables().keys().copied().collect::<Vec<_>>(), typed);
        for (name, table) in tables() {
            assert!(!table.note.is_empty() && table.entries.len() > 1, "{name}");
            let mut seen = std::collections::BTreeSet::new();
            for entry in &table.entries {
                assert!(seen.insert(entry.code), "{name}: {} is there twice", entry.code);
                assert!(entry.column("en").is_some(), "{name}: {} has no label", entry.code);
                assert!(Code::<Term>::new(entry.code).is_ok(), "{name}: {}", entry.code);
            }
        }
    }

    #[test]
    fn the_tables_have_the_sizes_of_their_sources() {
        let count = |name: &str, column: &str, value: &str| {
            table(name).unwrap().entries().iter().filter(|e| e.column(column) == Some(value)).count()
        };
        assert_eq!(Code::<Term>::table().entries().len(), 105);
        assert_eq!(count("unit", "scheme", "cites"), 38);
        assert_eq!(count("country", "scheme", "iso"), 249);
        for special in ["XX", "ZZ", "XV", "XK", "KV", "ZC", "ZR", "YD", "NT", "AN", "SU", "YU"] {
            assert!(Code::<Country>::table().find(special).is_some(), "{special}");
        }
        for list in ["term", "unit", "family", "source", "purpose", "leg-role", "convention"] {
            for entry in table(list).unwrap().entries() {
                assert!(
                    entry.column("fr").is_some() && entry.column("es").is_some(),
                    "{list}: {}",
                    entry.code
                );
            }
        }
    }

    #[test]
    fn the_units_of_a_term_are_units() {
        for term in Code::<Term>::table().entries() {
            for unit in term.column("units").unwrap_or("-").split(' ') {
                assert!(unit == "-" || Code::<Unit>::table().find(unit).is_some(), "{}: {unit}", term.code);
            }
        }
    }

    #[test]
    fn a_near_miss_finds_what_was_meant() {
        let nearest = |list: &str, text: &str| table(list).unwrap().nearest(text).map(|e| e.code);
        assert_eq!(nearest("term", "sca"), Some("SCA"));
        assert_eq!(nearest("term", "scales"), Some("SCA"));
        assert_eq!(nearest("term", "écailles"), None);
        assert_eq!(nearest("unit", "kilograms"), Some("KIL"));
        assert_eq!(nearest("country", "Kenya"), Some("KE"));
        assert_eq!(nearest("leg-role", "transist"), Some("transit"));
        assert_eq!(nearest("term", "XQZ"), None);
        for (text, code) in
            [("TUSK", "TUS"), ("scale", "SCA"), ("pangolin", "none"), ("iv", "none"), ("ivory", "none")]
        {
            assert_eq!(nearest("term", text).unwrap_or("none"), code, "{text}");
        }
        let units = [
            ("KG", "KIL"),
            ("kg", "KIL"),
            ("KGM", "KIL"),
            ("kilo", "KIL"),
            ("MTQ", "CUM"),
            ("m3", "CUM"),
            ("m³", "CUM"),
        ];
        let more = [
            ("g", "GRM"),
            ("t", "TON"),
            ("l", "LTR"),
            ("LITER", "LTR"),
            ("gram", "GRM"),
            ("pcs", "PCS"),
            ("m", "MTR"),
        ];
        for (text, code) in units.into_iter().chain(more) {
            assert_eq!(nearest("unit", text), Some(code), "{text}");
        }
        assert_eq!(nearest("country", "KEN"), Some("KE"));
    }
}
