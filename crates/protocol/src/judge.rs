//! Judgement: is a carried record valid, or *void in place*?
//!
//! A pure function of the record's bytes and the roster. No clock, configuration or order of arrival changes a
//! verdict, so that all nodes come to the same one. A void record is stored, served and covered by frontiers like
//! any other, marked in the audit, and never shown or acted upon: one bad record never blocks a log.

use ecomesh_record::{Audience, Flags, Header, Kind, Lane, MemberId, Priority, Record, Retention};
use thiserror::Error;

use crate::control::{LogOpen, OpenMode};
use crate::erasure::{Erase, Erased, Extend, TARGETS_FRAME_BYTES_MAX, TargetsError};
use crate::prekeys::Announcement;
use crate::receipt::Receipt;
use crate::roster::Roster;

/// Why a record is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Void {
    /// A control kind that its roster epoch does not have.
    #[error("control kind {0} is not in force")]
    UnknownControl(u16),
    /// A control record outside lane 0, or a document in it.
    #[error("a record of this kind does not belong into this lane")]
    WrongLane,
    /// A priority that does not exist.
    #[error("priority {0} does not exist")]
    Priority(u8),
    /// A retention class that does not exist or does not fit the kind.
    #[error("retention class {0} does not fit a record of this kind")]
    Retention(u8),
    /// It expires too late, before it was written, or never.
    #[error("the expiry does not fit the retention class")]
    Expiry,
    /// An addressee that is no member.
    #[error("{0} is addressed but is no member")]
    UnknownAddressee(MemberId),
    /// An audience that does not exist, is reserved, or has no addressees.
    #[error("the audience does not exist in this network or names nobody")]
    Audience,
    /// The body is for addressees only, and there are none.
    #[error("the body is marked for addressees only, and there are none")]
    NobodyNeedsIt,
    /// A log-open record in a wrong place or with a wrong content.
    #[error("a log-open record stands in a wrong place or has a wrong content")]
    LogOpen,
    /// A receipt with a wrong content.
    #[error("a receipt has a wrong content")]
    Receipt,
    /// A prekey record with a wrong content.
    #[error("a prekey record has a wrong content")]
    Prekey,
    /// An erasure, an extension, or a member's word that it has destroyed bodies, with a wrong content.
    #[error("a record about bodies has a wrong content")]
    Erasure,
}

/// Judges a record against the roster of the epoch that it names, which must be known.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge(roster: &Roster, record: &Record) -> Result<(), Void> {
    let header = record.header();
    if header.kind.is_control() {
        judge_addressing(roster, header)?;
        judge_control(roster, record)
    } else {
        judge_document(roster, header)
    }
}

fn judge_addressing(roster: &Roster, header: &Header) -> Result<(), Void> {
    if header.priority > Priority::ROUTINE {
        return Err(Void::Priority(header.priority.0));
    }
    if let Some(stranger) = header.to.iter().find(|m| !roster.contains(**m)) {
        return Err(Void::UnknownAddressee(*stranger));
    }
    judge_audience(header)
}

fn judge_audience(header: &Header) -> Result<(), Void> {
    match header.audience {
        Audience::Open => {}
        Audience::Sealed { .. } if !header.to.is_empty() => {}
        // Who reads it stands in the record with the group's key.
        Audience::Group { .. } if header.to.is_empty() => {}
        _ => return Err(Void::Audience),
    }
    let nobody = header.flags.has(Flags::ADDRESSEES_ONLY) && header.to.is_empty();
    if nobody { Err(Void::NobodyNeedsIt) } else { Ok(()) }
}

/// Judges a document, of which the header says all: also one that is not written yet.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge_document(roster: &Roster, header: &Header) -> Result<(), Void> {
    judge_addressing(roster, header)?;
    if header.lane == Lane::CONTROL {
        return Err(Void::WrongLane);
    }
    let class = header.retention;
    let table = &roster.charter().retention;
    let days = table.iter().find(|(c, _)| *c == class.0).map(|(_, days)| *days);
    let days = days.or_else(|| class.days()).ok_or(Void::Retention(class.0))?;
    let longest = u64::from(days) * 24 * 60 * 60 * 1000;
    let good = header.expires_at > header.created_at && header.expires_at.since(header.created_at) <= longest;
    if good { Ok(()) } else { Err(Void::Expiry) }
}

fn judge_control(roster: &Roster, record: &Record) -> Result<(), Void> {
    let header = record.header();
    if !roster.allows_control(header.roster_epoch, header.kind) {
        return Err(Void::UnknownControl(header.kind.0));
    }
    if header.lane != Lane::CONTROL {
        return Err(Void::WrongLane);
    }
    if header.retention != Retention::CONTROL {
        return Err(Void::Retention(header.retention.0));
    }
    if header.expires_at.0 != 0 {
        return Err(Void::Expiry);
    }
    match header.kind {
        Kind::LOG_OPEN => judge_log_open(record),
        Kind::PREKEY => judge_prekey(record),
        Kind::RECEIPT => judge_receipt(record),
        Kind::ERASE => judge_targets(record, TARGETS_FRAME_BYTES_MAX, Erase::decode),
        Kind::EXTEND => judge_targets(record, TARGETS_FRAME_BYTES_MAX, Extend::decode),
        Kind::ERASED => judge_targets(record, usize::MAX, Erased::decode),
        _ => Ok(()),
    }
}

fn judge_prekey(record: &Record) -> Result<(), Void> {
    let content = record.body().ok_or(Void::Prekey)?.content();
    Announcement::decode(content).map(drop).map_err(|_| Void::Prekey)
}

fn judge_receipt(record: &Record) -> Result<(), Void> {
    let content = record.body().ok_or(Void::Receipt)?.content();
    Receipt::decode(content).map(drop).map_err(|_| Void::Receipt)
}

fn judge_targets<T>(
    record: &Record,
    longest: usize,
    decode: fn(&[u8]) -> Result<T, TargetsError>,
) -> Result<(), Void> {
    let content = record.body().ok_or(Void::Erasure)?.content();
    let fits = record.frame_len() <= longest;
    if fits && decode(content).is_ok() { Ok(()) } else { Err(Void::Erasure) }
}

fn judge_log_open(record: &Record) -> Result<(), Void> {
    let header = record.header();
    let content = record.body().ok_or(Void::LogOpen)?.content();
    let open = LogOpen::decode(header.author, content).map_err(|_| Void::LogOpen)?;
    let older = |generation| generation < header.generation;
    let good = header.seq == 0
        && open.mode == OpenMode::RESTORE
        && older(open.base)
        && open.heads.iter().all(|head| older(head.log.generation));
    if good { Ok(()) } else { Err(Void::LogOpen) }
}
