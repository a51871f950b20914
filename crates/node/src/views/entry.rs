//! What a listing knows of a record without reading its body.

use ecomesh_api::DocumentKind;
use ecomesh_protocol::judge::Void;
use ecomesh_protocol::lives::Term;
use ecomesh_record::{Kind, MemberId, Position, Priority, Record, RecordId, Time};

use super::{Folder, Key};

/// A record in a listing.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) position: Position,
    pub(crate) created_at: Time,
    pub(crate) first_seen: Time,
    /// What decides about the life of its body.
    pub(crate) term: Term,
    pub(crate) kind: Kind,
    pub(crate) priority: Priority,
    pub(crate) exercise: bool,
    /// Empty: all members.
    pub(crate) to: Box<[MemberId]>,
    pub(crate) body_len: u32,
    pub(crate) sealed: bool,
    pub(crate) void: Option<Void>,
}

impl Entry {
    pub(crate) fn new(record: &Record, void: Option<Void>, first_seen: Time) -> Self {
        let header = record.header();
        Self {
            id: record.id(),
            position: header.position(),
            created_at: header.created_at,
            first_seen,
            term: Term::of(record),
            kind: header.kind,
            priority: header.priority,
            exercise: header.flags.has(ecomesh_record::Flags::EXERCISE),
            to: header.to.clone().into_boxed_slice(),
            body_len: header.body_len,
            sealed: header.audience.is_closed(),
            void,
        }
    }

    /// Its place in a listing.
    pub(crate) fn key(&self) -> Key {
        Key { first_seen: self.first_seen, position: self.position }
    }

    /// Who wrote it.
    pub(crate) fn author(&self) -> MemberId {
        self.position.log.author
    }

    /// Whether it is from (inbox) or for (outbox) this member.
    pub(crate) fn concerns(&self, folder: Folder, member: MemberId) -> bool {
        match folder {
            Folder::Inbox => self.author() == member,
            Folder::Outbox => self.to.is_empty() || self.to.contains(&member),
        }
    }
}

/// Whether records of this kind are what officers write to each other, and read in inbox and outbox. Entries of databases
/// are looked up, and parts of files go with a document.
pub(crate) fn is_correspondence(kind: Kind) -> bool {
    kind.is_document() && !matches!(kind, Kind::ENTRY | Kind::ENTRY_STEP | Kind::ENTRY_BATCH)
}

/// A kind by its name.
pub(crate) fn kind_view(kind: Kind) -> DocumentKind {
    match kind {
        Kind::ECOMESSAGE => DocumentKind::Ecomessage,
        Kind::MESSAGE => DocumentKind::Message,
        Kind::NOTICE => DocumentKind::Notice,
        Kind::DIFFUSION => DocumentKind::Diffusion,
        Kind::NOTICE_STEP => DocumentKind::NoticeStep,
        Kind::ENTRY => DocumentKind::Entry,
        Kind::ENTRY_STEP => DocumentKind::EntryStep,
        Kind::HIT => DocumentKind::Hit,
        Kind::ENTRY_BATCH => DocumentKind::EntryBatch,
        _ => DocumentKind::Other,
    }
}
