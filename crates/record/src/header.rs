//! The header of a record: what every node reads, hashes and keeps for ever. It holds no personal data.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::codec::{self, DecodeError, TooLarge};
use crate::id::{Lane, LogId, MemberId, NetworkId, Position, RecordId, Time};
use crate::limits::{
    ADDRESSEES_MAX, AUDIENCE_BYTES_MAX, CONTENT_BYTES_MAX, EXTENSION_BYTES_MAX, EXTENSIONS_MAX,
    HEADER_BYTES_MAX,
};
use crate::tags;

/// The version of the header's layout.
pub const VERSION: u8 = 1;
/// Ed25519, SHA-256, and for sealed bodies X25519 with ML-KEM-768. Fixed by the roster, never negotiated.
pub const SUITE: u8 = 1;

/// How urgent a record is. Unknown values are carried and treated as routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u8);

impl Priority {
    /// At once: never waits behind anything.
    pub const FLASH: Self = Self(0);
    /// Soon.
    pub const URGENT: Self = Self(1);
    /// In turn.
    pub const ROUTINE: Self = Self(2);

    /// The topic on which such a record is pushed: 0, 1 or 2.
    pub fn topic(self) -> u8 {
        self.0.min(Self::ROUTINE.0)
    }

    /// `flash`, `urgent`, `routine`; unknown values as a number.
    pub fn name(self) -> String {
        match self.0 {
            0 => "flash".into(),
            1 => "urgent".into(),
            2 => "routine".into(),
            other => format!("priority {other}"),
        }
    }

    /// Reads `flash`, `urgent` or `routine`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "flash" => Some(Self::FLASH),
            "urgent" => Some(Self::URGENT),
            "routine" => Some(Self::ROUTINE),
            _ => None,
        }
    }
}

/// What a record is. Below 256: control records, a closed list per roster epoch. From 256: documents, opaque here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

impl Kind {
    /// Opens a generation of its author's logs: lane 0, sequence number 0.
    pub const LOG_OPEN: Self = Self(1);
    /// A bureau publishes a prekey.
    pub const PREKEY: Self = Self(2);
    /// What became of records at an addressee.
    pub const RECEIPT: Self = Self(3);
    /// Takes back what records of its author say: their bodies are hidden, then destroyed.
    pub const ERASE: Self = Self(4);
    /// Keeps bodies of its author's records beyond their expiry.
    pub const EXTEND: Self = Self(5);
    /// A member has destroyed bodies that were erased.
    pub const ERASED: Self = Self(6);
    /// The first kind of a document.
    pub const FIRST_DOCUMENT: u16 = 256;
    /// An Ecomessage.
    pub const ECOMESSAGE: Self = Self(256);
    /// A plain message.
    pub const MESSAGE: Self = Self(257);
    /// A part of an attachment: no document, but bytes that a document names.
    pub const PART: Self = Self(258);

    /// The text of a notice that a bureau asks for.
    pub const NOTICE: Self = Self(259);
    /// The text of a diffusion.
    pub const DIFFUSION: Self = Self(260);
    /// A step in the life of a notice or diffusion.
    pub const NOTICE_STEP: Self = Self(261);
    /// An entry of a database.
    pub const ENTRY: Self = Self(262);
    /// The withdrawal of an entry.
    pub const ENTRY_STEP: Self = Self(263);
    /// A search that found another country's entry.
    pub const HIT: Self = Self(264);
    /// Many entries of a database.
    pub const ENTRY_BATCH: Self = Self(265);
    /// A key that brings the content keys of other records to a group of members: no document.
    pub const GROUP_KEY: Self = Self(266);

    /// Whether this is a control record.
    pub fn is_control(self) -> bool {
        self.0 < Self::FIRST_DOCUMENT
    }

    /// Whether the body is a document, that is, something that a person reads.
    pub fn is_document(self) -> bool {
        !self.is_control() && !matches!(self, Self::PART | Self::GROUP_KEY)
    }
}

/// How long the body may live at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention(pub u8);

impl Retention {
    /// Control records: their bodies never expire.
    pub const CONTROL: Self = Self(0);
    /// 40 days.
    pub const DAYS_40: Self = Self(1);
    /// Five years: people, and the default.
    pub const YEARS_5: Self = Self(2);

    /// Longest life of a body in days; `None` for control and for classes that this version does not know.
    /// Years are counted as 365.25 days, rounded up.
    pub fn days(self) -> Option<u32> {
        [None, Some(40), Some(1_827), Some(3_653), Some(5_479), Some(10_958), Some(36_160)]
            .get(usize::from(self.0))
            .copied()
            .flatten()
    }
}

/// Marks on a record, 16 bits; unknown bits are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// Bit 0: an exercise, not a real case.
    pub const EXERCISE: u16 = 1;
    /// Bit 1: only the author, the addressees and keepers must hold the body.
    pub const ADDRESSEES_ONLY: u16 = 1 << 1;

    /// Whether all bits of `mask` are set.
    pub fn has(self, mask: u16) -> bool {
        self.0 & mask == mask
    }
}

/// Who can read the body. Which members a record is *for* is [`Header::to`], apart from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All members.
    Open,
    /// The named addressees only.
    Sealed {
        /// One 16-byte prekey id for each entry of `to`, in its order.
        prekeys: Vec<[u8; 16]>,
        /// Commitment to the content key.
        key_commitment: [u8; 32],
    },
    /// The members of a group (`docs/PROTOCOL.md`, section 28). The header is addressed to all members: who reads it stands in
    /// the key record alone.
    Group {
        /// The record that wraps the group's key, of kind [`Kind::GROUP_KEY`] and of the same author.
        key_record: RecordId,
        /// Commitment to the content key.
        key_commitment: [u8; 32],
    },
    /// A value that this version does not know: carried as it is.
    Unknown {
        /// Its number, 3 or more.
        number: u8,
        /// Its fields.
        fields: Vec<u8>,
    },
}

impl Audience {
    /// The commitment to the content key, if the body is sealed to some.
    pub fn key_commitment(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Sealed { key_commitment, .. } | Self::Group { key_commitment, .. } => Some(key_commitment),
            Self::Open | Self::Unknown { .. } => None,
        }
    }

    /// The record with the key of the group to which the body is sealed, if it is.
    pub fn key_record(&self) -> Option<RecordId> {
        match self {
            Self::Group { key_record, .. } => Some(*key_record),
            _ => None,
        }
    }

    /// Whether only some can read the body.
    pub fn is_closed(&self) -> bool {
        self.key_commitment().is_some()
    }
}

/// An extension: carried by all, understood by some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// What it is. Extensions of a header are in strictly ascending order of this.
    pub kind: u16,
    /// At most 256 bytes.
    pub bytes: Vec<u8>,
}

/// The header of a record (`docs/PROTOCOL.md`, "Header").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The member in whose log this record stands; never one of `to`.
    pub author: MemberId,
    /// Lane of that log.
    pub lane: Lane,
    /// Generation of that log.
    pub generation: u32,
    /// Starts at 0, raised by one for each record of the log.
    pub seq: u64,
    /// Id of the record before it in the log; zeros at sequence number 0.
    pub prev: RecordId,
    /// The author's clock when it was written. Raises flags, never decides.
    pub created_at: Time,
    /// When the body expires; 0 (never) for control records only.
    pub expires_at: Time,
    /// The roster epoch that the author knew.
    pub roster_epoch: u32,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is.
    pub kind: Kind,
    /// Bounds `expires_at`.
    pub retention: Retention,
    /// Marks.
    pub flags: Flags,
    /// For whom it is: strictly ascending, at most 64, without the author; empty means all members.
    pub to: Vec<MemberId>,
    /// Who can read the body.
    pub audience: Audience,
    /// Commitment to the body, see [`crate::body::Body::commitment`].
    pub body_commit: [u8; 32],
    /// Length of the body's content in bytes, without the salt; at most 1 MiB.
    pub body_len: u32,
    /// At most 8, strictly ascending by kind.
    pub ext: Vec<Extension>,
}

/// Why bytes are no header. All of these are the sender's fault: no honest peer passes such bytes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The bytes do not decode.
    #[error("header: {0}")]
    Bytes(#[from] DecodeError),
    /// Another version of the layout.
    #[error("header: version {0} is unknown; this software reads version {VERSION}")]
    UnknownVersion(u8),
    /// Another suite of algorithms.
    #[error("header: suite {0} is unknown; this network uses suite {SUITE}")]
    UnknownSuite(u8),
    /// The author is no member id.
    #[error("header: the author is no member id")]
    Author,
    /// Lane above 3.
    #[error("header: lane {0} does not exist; lanes are 0 to 3")]
    Lane(u8),
    /// Sequence number 0 with a predecessor.
    #[error("header: sequence number 0 names a predecessor")]
    Predecessor,
    /// An addressee is no member id.
    #[error("header: an addressee is no member id")]
    Addressee,
    /// More than 64 addressees.
    #[error("header: {0} addressees where at most {ADDRESSEES_MAX} are allowed")]
    TooManyAddressees(usize),
    /// Addressees out of order or doubled.
    #[error("header: addressees are not in strictly ascending order")]
    AddresseeOrder,
    /// The author addresses itself.
    #[error("header: the author is among the addressees")]
    ToItself,
    /// The audience's fields have the wrong length.
    #[error("header: audience {number} has {length} bytes of fields")]
    AudienceFields {
        /// Number of the audience.
        number: u8,
        /// Length of its fields in bytes.
        length: usize,
    },
    /// Longer content than 1 MiB.
    #[error("header: a content of {0} bytes where at most {CONTENT_BYTES_MAX} are allowed")]
    ContentTooLong(u32),
    /// More than 8 extensions.
    #[error("header: {0} extensions where at most {EXTENSIONS_MAX} are allowed")]
    TooManyExtensions(usize),
    /// An extension of more than 256 bytes.
    #[error("header: an extension of {0} bytes where at most {EXTENSION_BYTES_MAX} are allowed")]
    ExtensionTooLong(usize),
    /// Extensions out of order or doubled.
    #[error("header: extensions are not in strictly ascending order")]
    ExtensionOrder,
}

impl Header {
    /// The log in which it stands.
    pub fn log(&self) -> LogId {
        LogId { author: self.author, lane: self.lane, generation: self.generation }
    }

    /// Its place in that log.
    pub fn position(&self) -> Position {
        self.log().at(self.seq)
    }

    /// Whether the record is for `member`: named in `to`, or `to` is empty and it is not the author.
    pub fn is_for(&self, member: MemberId) -> bool {
        member != self.author && (self.to.is_empty() || self.to.contains(&member))
    }

    /// What a sealed body is bound to: everything that the header says, but where the record stands (lane, generation,
    /// sequence number, predecessor, roster epoch), the commitment to the content key, and the commitment to the body
    /// (`docs/PROTOCOL.md`, section 23). So a body can be sealed before its record has a place.
    pub fn core_hash(&self, network: NetworkId) -> [u8; 32] {
        let (audience, mut fields) = write_audience(&self.audience);
        if self.audience.is_closed() {
            fields.truncate(fields.len().saturating_sub(32));
        }
        let to: Vec<u8> = self.to.iter().flat_map(|member| *member.as_bytes()).collect();
        let mut ext = Vec::new();
        for one in &self.ext {
            ext.extend(one.kind.to_be_bytes());
            ext.extend((one.bytes.len() as u64).to_be_bytes());
            ext.extend(&one.bytes);
        }
        Sha256::new()
            .chain_update(tags::CORE)
            .chain_update(network.as_bytes())
            .chain_update([VERSION, SUITE])
            .chain_update(self.author.as_bytes())
            .chain_update(self.created_at.0.to_be_bytes())
            .chain_update(self.expires_at.0.to_be_bytes())
            .chain_update([self.priority.0])
            .chain_update(self.kind.0.to_be_bytes())
            .chain_update([self.retention.0])
            .chain_update(self.flags.0.to_be_bytes())
            .chain_update(Sha256::digest(&to))
            .chain_update([audience])
            .chain_update(Sha256::digest(&fields))
            .chain_update(self.body_len.to_be_bytes())
            .chain_update(Sha256::digest(&ext))
            .finalize()
            .into()
    }

    /// The canonical bytes, at most 4 KiB.
    ///
    /// # Errors
    /// [`TooLarge`] if the fields do not fit.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        codec::encode(&HeaderWire::from(self), HEADER_BYTES_MAX)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        // The first byte is the version, whatever follows.
        match bytes.first() {
            Some(&VERSION) | None => {}
            Some(&other) => return Err(HeaderError::UnknownVersion(other)),
        }
        codec::decode::<HeaderWire>(bytes, HEADER_BYTES_MAX)?.check()
    }
}

/// The fields as they are written, in order.
#[derive(Serialize, Deserialize)]
struct HeaderWire {
    version: u8,
    suite: u8,
    author: [u8; 8],
    lane: u8,
    generation: u32,
    seq: u64,
    prev: [u8; 32],
    created_at: u64,
    expires_at: u64,
    roster_epoch: u32,
    priority: u8,
    kind: u16,
    retention: u8,
    flags: u16,
    to: Vec<[u8; 8]>,
    audience: u8,
    audience_fields: ByteBuf,
    body_commit: [u8; 32],
    body_len: u32,
    ext: Vec<(u16, ByteBuf)>,
}

impl From<&Header> for HeaderWire {
    fn from(header: &Header) -> Self {
        let (audience, audience_fields) = write_audience(&header.audience);
        Self {
            version: VERSION,
            suite: SUITE,
            author: *header.author.as_bytes(),
            lane: header.lane.number(),
            generation: header.generation,
            seq: header.seq,
            prev: header.prev.0,
            created_at: header.created_at.0,
            expires_at: header.expires_at.0,
            roster_epoch: header.roster_epoch,
            priority: header.priority.0,
            kind: header.kind.0,
            retention: header.retention.0,
            flags: header.flags.0,
            to: header.to.iter().map(|m| *m.as_bytes()).collect(),
            audience,
            audience_fields: ByteBuf::from(audience_fields),
            body_commit: header.body_commit,
            body_len: header.body_len,
            ext: header.ext.iter().map(|e| (e.kind, ByteBuf::from(e.bytes.clone()))).collect(),
        }
    }
}

impl HeaderWire {
    fn check(self) -> Result<Header, HeaderError> {
        if self.suite != SUITE {
            return Err(HeaderError::UnknownSuite(self.suite));
        }
        let author = MemberId::from_bytes(self.author).map_err(|_| HeaderError::Author)?;
        let lane = Lane::new(self.lane).ok_or(HeaderError::Lane(self.lane))?;
        let prev = RecordId(self.prev);
        if self.seq == 0 && prev != RecordId::ZERO {
            return Err(HeaderError::Predecessor);
        }
        if self.body_len as usize > CONTENT_BYTES_MAX {
            return Err(HeaderError::ContentTooLong(self.body_len));
        }
        let to = read_addressees(&self.to, author)?;
        let audience = read_audience(self.audience, self.audience_fields.into_vec(), to.len())?;
        let ext = read_extensions(self.ext)?;
        Ok(Header {
            author,
            lane,
            generation: self.generation,
            seq: self.seq,
            prev,
            created_at: Time(self.created_at),
            expires_at: Time(self.expires_at),
            roster_epoch: self.roster_epoch,
            priority: Priority(self.priority),
            kind: Kind(self.kind),
            retention: Retention(self.retention),
            flags: Flags(self.flags),
            to,
            audience,
            body_commit: self.body_commit,
            body_len: self.body_len,
            ext,
        })
    }
}

fn read_addressees(raw: &[[u8; 8]], author: MemberId) -> Result<Vec<MemberId>, HeaderError> {
    if raw.len() > ADDRESSEES_MAX {
        return Err(HeaderError::TooManyAddressees(raw.len()));
    }
    let to: Vec<MemberId> = raw
        .iter()
        .map(|bytes| MemberId::from_bytes(*bytes))
        .collect::<Result<_, _>>()
        .map_err(|_| HeaderError::Addressee)?;
    if !to.is_sorted_by(|a, b| a < b) {
        return Err(HeaderError::AddresseeOrder);
    }
    if to.contains(&author) { Err(HeaderError::ToItself) } else { Ok(to) }
}

fn read_extensions(raw: Vec<(u16, ByteBuf)>) -> Result<Vec<Extension>, HeaderError> {
    if raw.len() > EXTENSIONS_MAX {
        return Err(HeaderError::TooManyExtensions(raw.len()));
    }
    if let Some((_, bytes)) = raw.iter().find(|(_, bytes)| bytes.len() > EXTENSION_BYTES_MAX) {
        return Err(HeaderError::ExtensionTooLong(bytes.len()));
    }
    if !raw.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(HeaderError::ExtensionOrder);
    }
    Ok(raw.into_iter().map(|(kind, bytes)| Extension { kind, bytes: bytes.into_vec() }).collect())
}

fn write_audience(audience: &Audience) -> (u8, Vec<u8>) {
    match audience {
        Audience::Open => (0, Vec::new()),
        Audience::Sealed { prekeys, key_commitment } => {
            (1, [prekeys.concat(), key_commitment.to_vec()].concat())
        }
        Audience::Group { key_record, key_commitment } => {
            (2, [key_record.as_bytes().as_slice(), key_commitment].concat())
        }
        Audience::Unknown { number, fields } => (*number, fields.clone()),
    }
}

fn read_audience(number: u8, fields: Vec<u8>, addressees: usize) -> Result<Audience, HeaderError> {
    let wrong = HeaderError::AudienceFields { number, length: fields.len() };
    let wanted = match number {
        0 => 0,
        1 => 16 * addressees + 32,
        2 => 64,
        _ if fields.len() <= AUDIENCE_BYTES_MAX => return Ok(Audience::Unknown { number, fields }),
        _ => return Err(wrong),
    };
    if fields.len() != wanted {
        return Err(wrong);
    }
    let (front, commitment) = fields.split_at(wanted.saturating_sub(32));
    let (Ok(key_commitment), 1 | 2) = (commitment.try_into(), number) else { return Ok(Audience::Open) };
    if number == 1 {
        let prekeys = front.as_chunks::<16>().0.to_vec();
        return Ok(Audience::Sealed { prekeys, key_commitment });
    }
    let key_record = RecordId(front.try_into().map_err(|_| wrong)?);
    Ok(Audience::Group { key_record, key_commitment })
}
