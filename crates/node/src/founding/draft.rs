//! The draft of a charter: a text that people read, compare and sign, from which the canonical bytes follow.
//!
//! The same cards and the same time always give the same text. The text carries its own fingerprint, so that a
//! slip of the editor is noticed before anyone signs.

mod parse;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ecomesh_protocol::control::CONTROL_KINDS;
use ecomesh_record::charter::{CharterError, CharterMember, Thresholds, VERSION};
use ecomesh_record::header::SUITE;
use ecomesh_record::review::{self, ReviewRuleError};
use ecomesh_record::{Charter, MemberId, NetworkId, Retention, ReviewRule, Time};
use ecomesh_seal::fingerprint;
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::card::Card;
use super::text::{hex, quoted, quoted_list, role_name, time_text};
use crate::address::Address;

pub use parse::DraftError;

/// Longest text of a draft in bytes: 512 members of some 6 KiB each at most.
pub const DRAFT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The version of the text's layout.
const FORMAT: u32 = 1;
/// Retention classes of a charter that this version drafts: 0 is control, whose bodies stay.
const RETENTION_CLASSES: std::ops::RangeInclusive<u8> = 1..=6;

/// A charter that is not signed yet, with the addresses that travel beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The charter. Its hash is the network id.
    pub charter: Charter,
    /// Addresses by member, strictly ascending; members without addresses are left out.
    pub addresses: Vec<(MemberId, Vec<String>)>,
    /// The network id.
    pub network: NetworkId,
}

/// Why cards make no charter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DraftingError {
    /// Two cards of one member.
    #[error("there are two cards of {0}; give only the newest one")]
    DoubledCard(MemberId),
    /// No charter may be so.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// A wrong rule about reviews.
    #[error(transparent)]
    Review(#[from] ReviewRuleError),
    /// Somebody without a card is to take part in a pilot.
    #[error("there is no card of {0}, who is to take part in a pilot")]
    NoCard(MemberId),
}

impl Draft {
    /// A charter of these cards, which may come in any order, drafted at `time`.
    ///
    /// # Errors
    /// [`DraftingError`].
    pub fn new(network: &str, cards: &[Card], time: Time) -> Result<Self, DraftingError> {
        let mut cards: Vec<&Card> = cards.iter().collect();
        cards.sort_by_key(|card| card.member);
        if let Some(pair) = cards.windows(2).find(|pair| pair[0].member == pair[1].member) {
            return Err(DraftingError::DoubledCard(pair[0].member));
        }
        let retention = RETENTION_CLASSES.filter_map(|class| Some((class, Retention(class).days()?)));
        let charter = Charter {
            version: VERSION,
            suite: SUITE,
            network: network.to_owned(),
            drafted_at: time,
            thresholds: Thresholds::default(),
            retention: retention.collect(),
            control_kinds: CONTROL_KINDS.to_vec(),
            members: cards.iter().map(|card| card.to_member()).collect(),
            ext: Vec::new(),
        };
        let hints =
            cards.iter().map(|card| (card.member, card.addresses.iter().map(Address::to_string).collect()));
        let addresses = hints.filter(|(_, list): &(_, Vec<String>)| !list.is_empty()).collect();
        Ok(Self { network: charter.network_id()?, charter, addresses })
    }

    /// The same draft, with a rule for the review of notices.
    ///
    /// # Errors
    /// [`DraftingError`] if nothing or anything could be published by it, or a reviewer has no card.
    pub fn with_review(mut self, rule: &ReviewRule) -> Result<Self, DraftingError> {
        set_extension(&mut self.charter.ext, review::REVIEW, rule.encode()?);
        self.network = self.charter.network_id()?;
        Ok(self)
    }

    /// The same draft, with members that take part in the pilot of a type of notice.
    ///
    /// # Errors
    /// [`DraftingError`] if one of them has no card.
    pub fn with_pilot(mut self, notice_type: &str, participants: &[MemberId]) -> Result<Self, DraftingError> {
        for participant in participants {
            let member = self.charter.members.iter_mut().find(|m| m.member == *participant);
            let member = member.ok_or(DraftingError::NoCard(*participant))?;
            let known = member.pilots();
            let mut names: Vec<&str> = known.into_iter().chain([notice_type]).collect();
            names.sort_unstable();
            names.dedup();
            let bytes = review::encode_names(&names)?;
            set_extension(&mut member.ext, review::PILOTS, bytes);
        }
        self.network = self.charter.network_id()?;
        Ok(self)
    }

    /// Reads the text of a draft, and checks its fingerprint.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn parse(text: &str) -> Result<Self, DraftError> {
        parse::parse(text)
    }

    /// The text of `charter.toml`.
    pub fn to_text(&self) -> String {
        let mut text = self.head();
        self.charter.members.iter().for_each(|member| self.write_member(&mut text, member));
        text
    }

    /// The network id in groups, to read out on the telephone.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.network.as_bytes())
    }

    fn head(&self) -> String {
        let c = &self.charter;
        let retention: Vec<String> =
            c.retention.iter().map(|(class, days)| format!("[{class}, {days}]")).collect();
        let kinds: Vec<String> = c.control_kinds.iter().map(u16::to_string).collect();
        format!(
            "# The charter of a network of ecomesh, as a draft.\n\
             #\n\
             # Every founder: read it, compare the fingerprint with the others over the telephone, then\n\
             # `ecomesh charter sign charter.toml -o MEMBER.sig`. Do not change it: any change makes another network.\n\
             #\n\
             #   {fingerprint}\n\
             \n\
             format = {FORMAT}\n\
             fingerprint = {fingerprint_key}\n\
             network = {network}\n\
             # UTC; makes two networks of the same founders differ.\n\
             drafted_at = {drafted_at}\n\
             # Versions of the charter's layout and of the suite of algorithms.\n\
             version = {version}\n\
             suite = {suite}\n\
             # Longest life of a message's content in days, by retention class.\n\
             retention = [{retention}]\n\
             # Kinds of control records in force (docs/PROTOCOL.md, \"Control records\").\n\
             control_kinds = [{kinds}]\n\
             {review}{pilots}\
             {ext}\
             \n\
             # How many must agree: more than vote_numerator / vote_denominator of the members for a new roster;\n\
             # council_quorum of the council_seats of the duty council to suspend a member.\n\
             [thresholds]\n\
             vote_numerator = {vn}\n\
             vote_denominator = {vd}\n\
             council_seats = {seats}\n\
             council_quorum = {quorum}\n",
            fingerprint = self.fingerprint(),
            fingerprint_key = quoted(&self.fingerprint()),
            network = quoted(&c.network),
            drafted_at = quoted(&time_text(c.drafted_at)),
            version = c.version,
            suite = c.suite,
            retention = retention.join(", "),
            kinds = kinds.join(", "),
            review = review_line(c),
            pilots = pilot_lines(c),
            ext = ext_line(&c.ext),
            vn = c.thresholds.vote_numerator,
            vd = c.thresholds.vote_denominator,
            seats = c.thresholds.council_seats,
            quorum = c.thresholds.council_quorum,
        )
    }

    fn write_member(&self, text: &mut String, m: &CharterMember) {
        let recovery: Vec<String> = m.recovery_keys.iter().map(|key| hex(key)).collect();
        let hints = self.addresses.iter().find(|(member, _)| *member == m.member);
        let addresses = hints.map(|(_, list)| list.as_slice()).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[members]]\n\
             member = {member}\n\
             name = {name}\n\
             role = {role}\n\
             signing_key = \"{signing}\"\n\
             transport_key = \"{transport}\"\n\
             recovery_keys = {recovery}\n\
             fallback_prekey = \"{prekey}\"\n\
             {ext}\
             # Where the node listens; not covered by the fingerprint, since addresses change.\n\
             addresses = {addresses}\n",
            member = quoted(m.member.as_str()),
            name = quoted(&m.name),
            role = quoted(&role_name(m.role)),
            signing = hex(&m.signing_key),
            transport = hex(&m.transport_key),
            recovery = quoted_list(&recovery),
            prekey = hex(&m.fallback_prekey),
            ext = ext_line(&m.ext),
            addresses = quoted_list(addresses),
        );
    }
}

/// What the extension about reviews says, for the founders who sign it.
fn review_line(charter: &Charter) -> String {
    let Ok(Some(rule)) = charter.review_rule() else { return String::new() };
    let reviewers: Vec<&str> = rule.reviewers.iter().map(MemberId::as_str).collect();
    let own = if rule.own_review { ", also what they ask for themselves" } else { "" };
    format!("# Requests for notices are reviewed by {} of {}{own}.\n", rule.quorum, reviewers.join(", "))
}

/// Who takes part in pilots, for the founders who sign it: it stands on nobody's card.
fn pilot_lines(charter: &Charter) -> String {
    let mut pilots: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for member in &charter.members {
        for pilot in member.pilots() {
            pilots.entry(pilot).or_default().push(member.member.as_str());
        }
    }
    let line = |(pilot, members): (&str, Vec<&str>)| {
        format!("# In the pilot of the type of notice {pilot} take part {}.\n", members.join(", "))
    };
    pilots.into_iter().map(line).collect()
}

fn set_extension(ext: &mut Vec<(u16, ByteBuf)>, kind: u16, bytes: ByteBuf) {
    ext.retain(|(k, _)| *k != kind);
    ext.push((kind, bytes));
    ext.sort_by_key(|(k, _)| *k);
}

/// Where there are no extensions, the line is left out.
fn ext_line(ext: &[(u16, ByteBuf)]) -> String {
    if ext.is_empty() {
        return String::new();
    }
    let items: Vec<String> =
        ext.iter().map(|(kind, bytes)| format!("[{kind}, \"{}\"]", hex(bytes))).collect();
    format!("ext = [{}]\n", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::founding::card::tests::card;

    fn draft() -> Draft {
        let cards = [card("TZ", 20), card("KE", 10), card("CITES", 30)];
        Draft::new("Test network", &cards, Time(1_764_000_000_000)).unwrap()
    }

    #[test]
    fn a_draft_survives_its_text_and_is_the_same_for_any_order_of_cards() {
        let one = draft();
        assert_eq!(Draft::parse(&one.to_text()), Ok(one.clone()));
        let cards = [card("KE", 10), card("CITES", 30), card("TZ", 20)];
        let other = Draft::new("Test network", &cards, Time(1_764_000_000_000)).unwrap();
        assert_eq!(other.to_text(), one.to_text());
        assert_eq!(one.charter.retention, [(1, 40), (2, 1827), (3, 3653), (4, 5479), (5, 10958), (6, 36160)]);
        let later = Draft::new("Test network", &cards, Time(1_764_000_001_000)).unwrap();
        assert_ne!(later.network, one.network);
    }

    #[test]
    fn fields_that_this_version_never_drafts_survive_too() {
        let mut odd = draft();
        odd.charter.ext = vec![(7, ByteBuf::from(vec![1, 2])), (9, ByteBuf::new())];
        odd.charter.members[0].ext = vec![(1, ByteBuf::from(vec![0xff; 256]))];
        odd.charter.members[1].role = 200;
        odd.charter.members[2].fallback_prekey = ByteBuf::from(vec![3; 40]);
        odd.charter.members[2].recovery_keys.clear();
        odd.charter.drafted_at = Time(u64::MAX);
        odd.addresses.clear();
        odd.network = odd.charter.network_id().unwrap();
        assert_eq!(Draft::parse(&odd.to_text()), Ok(odd));
    }

    #[test]
    fn a_rule_for_reviews_is_told_to_who_signs_it() {
        let member = |name: &str| MemberId::parse(name).unwrap();
        let rule = |reviewers: &[&str], quorum| ReviewRule {
            quorum,
            own_review: false,
            reviewers: reviewers.iter().map(|name| member(name)).collect(),
        };
        let with = draft().with_review(&rule(&["KE", "TZ"], 2)).unwrap();
        assert_ne!(with.network, draft().network);
        assert!(with.to_text().contains("# Requests for notices are reviewed by 2 of KE, TZ.\n"));
        let with = with.with_pilot("silver", &[member("TZ")]).unwrap();
        assert_eq!(Draft::parse(&with.to_text()), Ok(with.clone()));
        let told = "# In the pilot of the type of notice silver take part TZ.\n";
        assert!(with.to_text().contains(told), "{}", with.to_text());
        assert_eq!(with.charter.member(member("TZ")).unwrap().pilots(), ["silver"]);
        assert!(matches!(draft().with_review(&rule(&["KE"], 2)), Err(DraftingError::Review(_))));
        let stranger = draft().with_review(&rule(&["FR"], 1));
        let error = CharterError::Review(ReviewRuleError::Stranger(member("FR")));
        assert_eq!(stranger, Err(DraftingError::Charter(error)));
        assert_eq!(draft().with_pilot("silver", &[member("FR")]), Err(DraftingError::NoCard(member("FR"))));
    }

    #[test]
    fn cards_that_make_no_charter_are_named() {
        let at = Time(0);
        let ke = card("KE", 10);
        let twice = Draft::new("x", &[ke.clone(), card("TZ", 20), card("KE", 40)], at);
        assert_eq!(twice, Err(DraftingError::DoubledCard(ke.member)));
        let same_keys = Draft::new("x", &[ke.clone(), card("TZ", 10)], at);
        let tz = MemberId::parse("TZ").unwrap();
        assert_eq!(same_keys, Err(CharterError::SharedKey(ke.member, tz).into()));
        assert_eq!(Draft::new("x", &[], at), Err(CharterError::MemberCount(0).into()));
        assert!(matches!(
            Draft::new("\u{7}", &[ke], at),
            Err(DraftingError::Charter(CharterError::Bound(_)))
        ));
    }

    #[test]
    fn any_change_of_the_text_is_seen() {
        let draft = draft();
        let text = draft.to_text();
        for (from, to) in [
            ("NCB of KE", "NCB of KX"),
            ("[1, 40]", "[1, 41]"),
            ("council_seats = 13", "council_seats = 12"),
            ("16:00:00Z", "16:00:01Z"),
            ("\"Test network\"", "\"Test netwerk\""),
            ("role = \"entity\"", "role = \"keeper\""),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Draft::parse(&text.replace(from, to)).unwrap_err();
            assert!(matches!(error, DraftError::Changed { .. }), "{from}: {error}");
        }
        // Addresses are outside the network id on purpose.
        let moved = Draft::parse(&text.replace("192.0.2.10", "192.0.2.77")).unwrap();
        assert_eq!(moved.network, draft.network);
    }

    #[test]
    fn garbage_is_no_draft() {
        let text = draft().to_text();
        for end in (0..text.trim_end().len()).filter(|end| text.is_char_boundary(*end)) {
            // Cut inside the addresses of the last member the text is still a whole draft in every other line.
            if let Ok(short) = Draft::parse(&text[..end]) {
                panic!("cut at {end}: {short:?}");
            }
        }
        assert!(matches!(Draft::parse("\u{0}"), Err(DraftError::Syntax(_))));
        assert!(matches!(Draft::parse(&format!("x = 1\n{text}")), Err(DraftError::Syntax(_))));
        assert_eq!(
            Draft::parse(&text.replace("format = 1", "format = 9")),
            Err(DraftError::UnknownFormat(9))
        );
        let read = |from: &str, to: &str| Draft::parse(&text.replace(from, to)).unwrap_err();
        assert!(matches!(read("\"entity\"", "\"king\""), DraftError::Field { field: "role", .. }));
        assert!(matches!(
            read("member = \"KE\"", "member = \"K3\""),
            DraftError::Field { field: "member", .. }
        ));
        assert!(matches!(read("2025-11", "2025-13"), DraftError::Field { field: "drafted_at", .. }));
        assert!(matches!(
            read("signing_key = \"", "signing_key = \"z"),
            DraftError::Field { field: "signing_key", .. }
        ));
        assert!(matches!(read("tcp/4001", "udp/4001"), DraftError::Field { field: "addresses", .. }));
    }
}
