//! The audit itself: one pass over the archive. Records are examined on other threads, and placed in their order.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use ecomesh_protocol::lives::{Life, Lives, Term};
use ecomesh_protocol::verify::verify_fork;
use ecomesh_protocol::{KeyRing, Roster, Verified, judge};
use ecomesh_record::archive::{ArchiveDecoder, Item, Manifest};
use ecomesh_record::record::RecordFrame;
use ecomesh_record::{Flags, ForkProof, FoundedCharter, Header, NetworkId, Record, RecordId, Time};
use ecomesh_seal::{ContentKey, envelope};
use thiserror::Error;

use crate::chain::{Chains, Placed};
use crate::crew::Crew;
use crate::examine::{Examined, Waiting, of_record_error};
use crate::fault::{Place, What};
use crate::report::{BodyState, Report};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What the auditor knows from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The auditor's clock; it explains bodies that are absent because they expired, and nothing else.
    pub now: Time,
    /// The network id that the archive should have, from a source other than the archive.
    pub network: Option<NetworkId>,
    /// How many faults, and how many void records, the report lists; it counts all.
    pub listed_max: usize,
    /// Threads that verify signatures, besides the calling one, which reads.
    pub threads: usize,
}

impl Options {
    /// Any network, at most 1,000 faults listed, as many threads as this process may use.
    pub fn at(now: Time) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { now, network: None, listed_max: 1_000, threads }
    }
}

/// Why there is no report. Whatever the archive's bytes are, there is one.
#[derive(Debug, Error)]
pub enum AuditError {
    /// Reading failed.
    #[error("the archive cannot be read: {0}; check the file and the disk, then try again")]
    Read(#[from] io::Error),
}

/// Audits an archive. Reads it to its end, or to the point where the container cannot be read any more.
///
/// # Errors
/// [`AuditError::Read`] if the reader fails. A wrong archive is no error, but a report with faults.
pub fn audit(archive: impl Read, options: &Options) -> Result<Report, AuditError> {
    std::thread::scope(|scope| Auditor::new(options, Crew::start(scope, options.threads)).run(archive))
}

struct Auditor<'a> {
    options: &'a Options,
    report: Report,
    manifest: Option<Manifest>,
    /// Absent if the charter founds no network: then no record can be checked.
    trust: Option<(Roster, Arc<KeyRing>)>,
    chains: Chains,
    /// What the archive says of how long bodies live.
    lives: Lives,
    /// Content keys of records that have not come yet.
    keys: BTreeMap<RecordId, ContentKey>,
    crew: Crew,
}

impl<'a> Auditor<'a> {
    fn new(options: &'a Options, crew: Crew) -> Self {
        let report = Report::new(options.listed_max);
        Self {
            options,
            report,
            manifest: None,
            trust: None,
            chains: Chains::default(),
            lives: Lives::default(),
            keys: BTreeMap::new(),
            crew,
        }
    }

    fn run(mut self, mut archive: impl Read) -> Result<Report, AuditError> {
        let mut decoder = ArchiveDecoder::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match archive.read(&mut chunk) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            decoder.push(&chunk[..length]);
            if !self.take_items(&mut decoder) {
                break;
            }
            if length == 0 {
                self.end_of_file(&decoder);
                break;
            }
        }
        Ok(self.report.conclude())
    }

    /// Takes what the decoder has; whether it can go on.
    fn take_items(&mut self, decoder: &mut ArchiveDecoder) -> bool {
        loop {
            match decoder.next() {
                Ok(None) => return true,
                Ok(Some(item)) => self.take(item),
                Err(error) => {
                    self.settle();
                    self.report.fault(Place::Archive, What::Container(error));
                    return false;
                }
            }
        }
    }

    fn end_of_file(&mut self, decoder: &ArchiveDecoder) {
        self.settle();
        if let Err(error) = decoder.finish() {
            self.report.fault(Place::Archive, What::Container(error));
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Charter(founded) => self.take_charter(founded),
            Item::Manifest(manifest) => self.take_manifest(manifest),
            Item::Key { id, key } => {
                self.keys.insert(id, ContentKey::from_bytes(&key));
            }
            Item::Record { offset, frame: Ok(frame) } => self.take_record(offset, frame),
            Item::Record { offset, frame: Err(error) } => {
                self.settle();
                self.report.records += 1;
                self.report.fault(Place::Offset(offset), What::Frame(error));
            }
            Item::Fork(proof) => self.take_fork(&proof),
            Item::End => self.take_end(),
        }
    }

    fn take_end(&mut self) {
        self.settle();
        // Without a charter no record was placed, and all logs would seem to be cut.
        if self.trust.is_some() {
            self.chains.cut().for_each(|(log, what)| self.report.fault(Place::Log(log), what));
            let stray = std::mem::take(&mut self.keys).into_keys();
            stray.for_each(|id| self.report.fault(Place::Archive, What::StrayKey(id)));
        }
    }

    fn take_charter(&mut self, founded: FoundedCharter) {
        match Roster::found(founded) {
            Err(error) => self.report.fault(Place::Archive, What::Founding(error)),
            Ok(roster) => {
                let found = roster.network();
                if let Some(expected) = self.options.network.filter(|expected| *expected != found) {
                    self.report.fault(Place::Archive, What::OtherNetwork { expected, found });
                }
                self.report.describe_network(&roster);
                let ring = KeyRing::of_roster(&roster);
                self.lives = Lives::new(&roster);
                self.trust = Some((roster, Arc::new(ring)));
            }
        }
    }

    fn take_manifest(&mut self, manifest: Manifest) {
        if let Some((roster, _)) = &self.trust {
            let charter = roster.network();
            if charter != manifest.network {
                let what = What::Network { charter, manifest: manifest.network };
                self.report.fault(Place::Archive, what);
            }
            if !roster.contains(manifest.exporter) {
                self.report.fault(Place::Archive, What::UnknownMember(manifest.exporter));
            }
        }
        for range in &manifest.logs {
            let late = range.first > 0 && manifest.filter.since == Time(0);
            if late || !manifest.filter.wants(range.log) {
                self.report.fault(Place::Log(range.log), What::OutsideFilter);
            }
        }
        self.chains = Chains::new(&manifest);
        self.report.describe_export(&manifest);
        self.manifest = Some(manifest);
    }

    /// Examines a record, together with others if that can be. A control record may bring the key under which the
    /// next ones are signed, so it waits for those before it, and is done before those after it.
    fn take_record(&mut self, offset: u64, frame: RecordFrame) {
        self.report.records += 1;
        let RecordFrame { header, signature, body } = frame;
        let Some((_, ring)) = &self.trust else {
            // What cannot be read is told even if nothing can be checked.
            if let Err(error) = Header::decode(&header) {
                self.report.fault(Place::Offset(offset), What::Header(error));
            }
            return;
        };
        let record = match Record::from_parts(ring.network(), header.into_vec(), signature, &[]) {
            Ok(record) => record,
            Err(error) => {
                self.settle();
                return self.report.fault(Place::Offset(offset), of_record_error(error));
            }
        };
        let alone = record.header().kind.is_control();
        if alone {
            self.settle();
        }
        let Some((_, ring)) = &self.trust else { return };
        let done = self.crew.give(Waiting { record, body: body.into_vec() }, ring);
        done.into_iter().for_each(|done| self.place_record(done));
        if alone {
            self.settle();
        }
    }

    /// Waits for the records that are being examined.
    fn settle(&mut self) {
        let Some((_, ring)) = &self.trust else { return };
        let done = self.crew.finish(ring);
        done.into_iter().for_each(|done| self.place_record(done));
    }

    /// Puts an examined record into its chain. What is wrong with one that has no place in it is not told.
    fn place_record(&mut self, found: Examined) {
        let Examined { header, id, faults: wrong, good } = found;
        let position = header.position();
        let place = Place::Record(position, id);
        let placed = self.chains.place(&header, id);
        if let Placed::Misplaced(what) = placed {
            return self.report.fault(place, what);
        }
        if let Placed::Next(faults) = &placed {
            faults.iter().for_each(|what| self.report.fault(place, what.clone()));
        }
        wrong.into_iter().for_each(|what| self.report.fault(place, what));
        let Some((verified, body)) = good else { return };
        self.learn(&verified);
        if let Placed::Second { first_is_good } = placed {
            let what = if first_is_good { What::Forked } else { What::Doubled };
            return self.report.fault(place, what);
        }
        self.chains.trust(position.log, id);
        self.judge_record(place, &verified, body);
    }

    fn learn(&mut self, verified: &Verified) {
        if let Some((_, ring)) = &mut self.trust
            && ring.would_learn(verified)
        {
            Arc::make_mut(ring).learn(verified);
        }
    }

    fn judge_record(&mut self, place: Place, verified: &Verified, mut body: BodyState) {
        let Some((roster, ring)) = &self.trust else { return };
        let record = verified.record();
        if let Some(body) = record.body()
            && let Some(key) = self.keys.remove(&record.id())
            && let Err(error) = envelope::open(ring.network(), record.header(), body.content(), &key)
        {
            self.report.fault(place, What::ContentKey(error));
        }
        let generations = ring.generations(record.header().author);
        // A rule about a body can be judged only if the body is here.
        let void = if body == BodyState::Wrong { None } else { judge(roster, record).err() };
        if void.is_none() {
            // Control lanes stand before the others of their author.
            self.lives.learn(record, record.header().created_at, true);
        }
        if body == BodyState::Absent {
            body = self.explain_absence(record);
        }
        self.report.count(record, body, void, generations);
        if body == BodyState::Absent {
            self.report.fault(place, What::MissingBody);
        }
    }

    /// Why an honest exporter may have left out a body: a record before it in the archive erases it, it had expired when
    /// the archive was written, or only addressees need it and the exporter is none of them.
    fn explain_absence(&self, record: &Record) -> BodyState {
        let header = record.header();
        let (Some(manifest), Some((roster, _))) = (&self.manifest, &self.trust) else {
            return BodyState::Absent;
        };
        let latest = manifest.exported_at.min(self.options.now);
        match self.lives.life(&Term::of(record), latest) {
            Life::Living => {}
            Life::Expired => return BodyState::Expired,
            Life::Erased => return BodyState::Erased,
        }
        let exporter = manifest.exporter;
        let needs_it = exporter == header.author || header.is_for(exporter) || roster.is_keeper(exporter);
        if header.flags.has(Flags::ADDRESSEES_ONLY) && !needs_it {
            return BodyState::AddresseesOnly;
        }
        BodyState::Absent
    }

    fn take_fork(&mut self, proof: &ForkProof) {
        self.settle();
        self.report.forks += 1;
        let Some((_, ring)) = &self.trust else { return };
        let position = proof.position();
        let log = position.log;
        let what = match verify_fork(ring, proof) {
            Some(true) => What::Forked,
            Some(false) => What::FalseForkProof,
            None if ring.key(log.author, 0).is_none() => What::UnknownMember(log.author),
            None => What::UnknownGeneration(log.author, log.generation),
        };
        self.report.fault(Place::Position(position), what);
    }
}
