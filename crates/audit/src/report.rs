//! What an audit found: for people by `Display`, for programs by `Serialize`.

use std::collections::BTreeMap;
use std::fmt;

use ecomesh_protocol::{Roster, Void};
use ecomesh_record::archive::{Filter, Manifest};
use ecomesh_record::{MemberId, NetworkId, Position, Record, RecordId, Time};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fault::{Fault, Place, What};

/// What the archive is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every log that the archive names is there from its beginning, and all of it is true.
    Whole,
    /// All of it is true, and it was asked for a part of the logs only.
    Partial,
    /// There are faults.
    Broken,
}

impl Verdict {
    /// `whole`, `partial` or `broken`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partial",
            Self::Broken => "broken",
        }
    }

    /// Whether everything that is there is true: whole or partial.
    pub fn is_good(self) -> bool {
        self != Self::Broken
    }
}

/// A record that breaks a rule: carried by all, never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoidRecord {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub id: RecordId,
    /// The first rule that it breaks.
    pub why: Void,
}

/// What was found of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSummary {
    /// The member.
    pub member: MemberId,
    /// The bureau's name by the charter.
    pub name: String,
    /// Records in their place with a good signature.
    pub records: u64,
    /// Of these, with their body.
    pub bodies: u64,
    /// Of these, void in place.
    pub void: u64,
    /// Generations of its logs whose key is proved, with generation 0.
    pub generations: usize,
    /// `created_at` of its records: the earliest and the latest, by its own clock.
    pub span: Option<(Time, Time)>,
}

/// What is known of a record's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyState {
    Present,
    /// Not here because it had expired.
    Expired,
    /// Not here because its author has erased it.
    Erased,
    /// Not here because the exporter need not hold it.
    AddresseesOnly,
    /// Here, and not the one that was signed.
    Wrong,
    /// Not here, and nothing explains it.
    Absent,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The network's id, computed from the charter; absent if there is no good charter.
    pub network: Option<NetworkId>,
    /// The network's name by the charter.
    pub network_name: Option<String>,
    /// Who wrote the archive and when, by its own word.
    pub exported: Option<(MemberId, Time)>,
    /// What was asked for, by its own word.
    pub filter: Option<Filter>,
    /// The members of the charter, ascending.
    pub members: Vec<MemberSummary>,
    /// Record sections in the archive, good or bad.
    pub records: u64,
    /// Records in their place with a good signature and with their body.
    pub bodies_present: u64,
    /// The same without their body, because it had expired.
    pub bodies_expired: u64,
    /// The same without their body, because their author has erased it, by a record in the archive.
    pub bodies_erased: u64,
    /// The same without their body, which only addressees need.
    pub bodies_addressees_only: u64,
    /// The same whose body is missing or wrong; each is a fault too.
    pub bodies_missing: u64,
    /// Fork proofs in the archive.
    pub forks: u64,
    /// The first void records.
    pub void: Vec<VoidRecord>,
    /// The number of all void records.
    pub void_count: u64,
    /// The first faults.
    pub faults: Vec<Fault>,
    /// The number of all faults.
    pub fault_count: u64,
    /// What all that means.
    pub verdict: Verdict,
    listed_max: usize,
}

impl Report {
    pub(crate) fn new(listed_max: usize) -> Self {
        Self {
            network: None,
            network_name: None,
            exported: None,
            filter: None,
            members: Vec::new(),
            records: 0,
            bodies_present: 0,
            bodies_expired: 0,
            bodies_erased: 0,
            bodies_addressees_only: 0,
            bodies_missing: 0,
            forks: 0,
            void: Vec::new(),
            void_count: 0,
            faults: Vec::new(),
            fault_count: 0,
            verdict: Verdict::Broken,
            listed_max,
        }
    }

    pub(crate) fn fault(&mut self, place: Place, what: What) {
        self.fault_count += 1;
        if self.faults.len() < self.listed_max {
            self.faults.push(Fault { place, what });
        }
    }

    pub(crate) fn describe_network(&mut self, roster: &Roster) {
        self.network = Some(roster.network());
        self.network_name = Some(roster.charter().network.clone());
        let summary = |m: &ecomesh_record::CharterMember| MemberSummary {
            member: m.member,
            name: m.name.clone(),
            records: 0,
            bodies: 0,
            void: 0,
            generations: 1,
            span: None,
        };
        self.members = roster.members().map(summary).collect();
    }

    pub(crate) fn describe_export(&mut self, manifest: &Manifest) {
        self.exported = Some((manifest.exporter, manifest.exported_at));
        self.filter = Some(manifest.filter.clone());
    }

    /// Counts a record that stands in its place with a good signature.
    pub(crate) fn count(&mut self, record: &Record, body: BodyState, void: Option<Void>, generations: usize) {
        match body {
            BodyState::Present => self.bodies_present += 1,
            BodyState::Expired => self.bodies_expired += 1,
            BodyState::Erased => self.bodies_erased += 1,
            BodyState::AddresseesOnly => self.bodies_addressees_only += 1,
            BodyState::Wrong | BodyState::Absent => self.bodies_missing += 1,
        }
        if let Some(why) = void {
            self.void_count += 1;
            if self.void.len() < self.listed_max {
                self.void.push(VoidRecord { position: record.position(), id: record.id(), why });
            }
        }
        let header = record.header();
        let Ok(at) = self.members.binary_search_by_key(&header.author, |m| m.member) else { return };
        let Some(member) = self.members.get_mut(at) else { return };
        member.records += 1;
        member.bodies += u64::from(body == BodyState::Present);
        member.void += u64::from(void.is_some());
        member.generations = generations;
        let (first, last) = member.span.unwrap_or((header.created_at, header.created_at));
        member.span = Some((first.min(header.created_at), last.max(header.created_at)));
    }

    /// Draws the verdict.
    pub(crate) fn conclude(mut self) -> Self {
        self.verdict = match &self.filter {
            _ if self.fault_count > 0 => Verdict::Broken,
            Some(filter) if filter.is_whole() => Verdict::Whole,
            _ => Verdict::Partial,
        };
        self
    }

    /// What the verdict does not cover, in sentences.
    pub fn not_covered(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(filter) = &self.filter {
            if !filter.members.is_empty() {
                said.push(format!("Only logs of {} were asked for.", names(&filter.members)));
            }
            if filter.since != Time(0) {
                let since = show_time(filter.since);
                said.push(format!("Outside the control lanes, records before {since} were left out."));
            }
        }
        if self.network.is_some() {
            said.push(
                "An archive cannot show that nothing was written after its last records, nor that a whole log was \
                 left out: compare it with another node's frontier."
                    .into(),
            );
        }
        said
    }
}

fn names(members: &[MemberId]) -> String {
    members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn show_time(time: Time) -> String {
    let nanos = i128::from(time.0) * 1_000_000;
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{} ms since 1970", time.0))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(network), Some(name)) = (self.network, &self.network_name) {
            writeln!(f, "network    {name}")?;
            writeln!(f, "id         {network}")?;
        }
        if let Some((exporter, at)) = self.exported {
            writeln!(f, "written    by {exporter} at {}", show_time(at))?;
        }
        writeln!(
            f,
            "records    {} ({} with body, {} expired, {} erased, {} for addressees only, {} bodies missing)",
            self.records,
            self.bodies_present,
            self.bodies_expired,
            self.bodies_erased,
            self.bodies_addressees_only,
            self.bodies_missing
        )?;
        for m in &self.members {
            let generations = if m.generations == 1 { "generation" } else { "generations" };
            writeln!(
                f,
                "  {:<8} {:>8} records {:>8} bodies {:>4} void  {} {generations}  {}",
                m.member, m.records, m.bodies, m.void, m.generations, m.name
            )?;
        }
        list(f, "void", self.void_count, &self.void, |v| {
            format!("{} ({}): {}", v.position, v.id.short(), v.why)
        })?;
        list(f, "faults", self.fault_count, &self.faults, ToString::to_string)?;
        writeln!(f, "verdict    {}", self.verdict)?;
        self.not_covered().iter().try_for_each(|said| writeln!(f, "  {said}"))
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    count: u64,
    listed: &[T],
    show: impl Fn(&T) -> String,
) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(f, "{what:<10} {count}")?;
    listed.iter().try_for_each(|one| writeln!(f, "  {}", show(one)))?;
    let rest = count - listed.len() as u64;
    if rest > 0 { writeln!(f, "  … and {rest} more") } else { Ok(()) }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for VoidRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut void = serializer.serialize_struct("VoidRecord", 3)?;
        void.serialize_field("position", &self.position.to_string())?;
        void.serialize_field("id", &self.id.to_string())?;
        void.serialize_field("why", &self.why.to_string())?;
        void.end()
    }
}

impl Serialize for MemberSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut member = serializer.serialize_struct("MemberSummary", 8)?;
        member.serialize_field("member", self.member.as_str())?;
        member.serialize_field("name", &self.name)?;
        member.serialize_field("records", &self.records)?;
        member.serialize_field("bodies", &self.bodies)?;
        member.serialize_field("void", &self.void)?;
        member.serialize_field("generations", &self.generations)?;
        member.serialize_field("first_created_at_ms", &self.span.map(|(first, _)| first.0))?;
        member.serialize_field("last_created_at_ms", &self.span.map(|(_, last)| last.0))?;
        member.end()
    }
}

/// Ids as hexadecimal digits, positions as `KE/1/0/7`, times as milliseconds since 1970.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bodies = BTreeMap::from([
            ("present", self.bodies_present),
            ("expired", self.bodies_expired),
            ("erased", self.bodies_erased),
            ("addressees_only", self.bodies_addressees_only),
            ("missing", self.bodies_missing),
        ]);
        let asked = self.filter.as_ref();
        let from: Option<Vec<&str>> = asked.map(|f| f.members.iter().map(MemberId::as_str).collect());
        let mut report = serializer.serialize_struct("Report", 16)?;
        report.serialize_field("verdict", &self.verdict)?;
        report.serialize_field("network", &self.network.map(|id| id.to_string()))?;
        report.serialize_field("network_name", &self.network_name)?;
        report.serialize_field("exporter", &self.exported.as_ref().map(|(member, _)| member.as_str()))?;
        report.serialize_field("exported_at_ms", &self.exported.map(|(_, at)| at.0))?;
        report.serialize_field("from", &from)?;
        report.serialize_field("since_ms", &asked.map(|filter| filter.since.0))?;
        report.serialize_field("members", &self.members)?;
        report.serialize_field("records", &self.records)?;
        report.serialize_field("bodies", &bodies)?;
        report.serialize_field("forks", &self.forks)?;
        report.serialize_field("void_count", &self.void_count)?;
        report.serialize_field("void", &self.void)?;
        report.serialize_field("fault_count", &self.fault_count)?;
        report.serialize_field("faults", &self.faults)?;
        report.serialize_field("not_covered", &self.not_covered())?;
        report.end()
    }
}
