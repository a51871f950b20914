//! The bytes of a file of the access log (`docs/STORAGE.md`, section 9).
//!
//! ```text
//! header   magic 8 ‖ number of the file 8 ‖ entries before it 8 ‖ chain value before it 32 ‖ id of the storage key 16 ‖
//!          salt 32 ‖ chain value 32 = SHA-256(tag ‖ the 104 bytes before)
//! entry    length of the ciphertext u32 ‖ chain value 32 ‖ ciphertext with its tag
//!          chain value = SHA-256(tag ‖ chain value before ‖ number of the entry u64 ‖ ciphertext)
//! ```
//!
//! Integers are big-endian. The chain needs no key: where a log ends is known before anybody has typed a passphrase.

use ecomesh_record::tags;
use ecomesh_seal::StorageKey;
use ecomesh_seal::at_rest::{ChunkKey, TAG_BYTES};
use sha2::{Digest, Sha256};

/// Length of a header in bytes.
pub(super) const HEADER_BYTES: usize = 136;
/// What stands before a ciphertext: its length and its chain value, in bytes.
pub(super) const FRAME_BYTES: usize = 4 + 32;
/// Longest ciphertext with its tag in bytes: every text of a consultation at its bound, each byte of it escaped.
pub(super) const ENTRY_BYTES_MAX: usize = 32 * 1024;

const MAGIC: &[u8; 8] = b"ECOACCS1";
const FIELDS_BYTES: usize = HEADER_BYTES - 32;
/// Shorter than any entry is, and no ciphertext without its tag.
const ENTRY_BYTES_MIN: usize = TAG_BYTES + 2;

/// How far a log has come. Who has noted one finds whether anything was cut off since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub entries: u64,
    /// Chain value of the last entry, or of the header after it; zeros before the first file.
    pub hash: [u8; 32],
}

impl Head {
    /// The chain value of the next entry, if this is its ciphertext.
    pub(super) fn chain(&self, ciphertext: &[u8]) -> [u8; 32] {
        let hash = self.begin().chain_update(ciphertext);
        hash.finalize().into()
    }

    fn begin(&self) -> Sha256 {
        let number = self.next_number().to_be_bytes();
        Sha256::new().chain_update(tags::ACCESS).chain_update(self.hash).chain_update(number)
    }

    /// The number of the next entry.
    pub(super) fn next_number(&self) -> u64 {
        self.entries.saturating_add(1)
    }
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Number of the file; the first one of a home has 1.
    pub(super) number: u64,
    /// Where the files before it end.
    pub(super) before: Head,
    /// Names the storage key.
    pub(super) key: [u8; 16],
    /// Random for each file.
    pub(super) salt: [u8; 32],
}

impl Header {
    /// The bytes at the beginning of the file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let fields = self.fields();
        let chain = header_chain(&fields);
        [fields.as_slice(), &chain].concat()
    }

    /// The header of a file; nothing if it has none, or it was altered.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let (fields, rest) = file.split_first_chunk::<FIELDS_BYTES>()?;
        let good = rest.starts_with(&header_chain(fields)) && fields.starts_with(MAGIC);
        let (number, entries) = (fields[8..16].try_into().ok()?, fields[16..24].try_into().ok()?);
        let before = Head { entries: u64::from_be_bytes(entries), hash: fields[24..56].try_into().ok()? };
        let (key, salt) = (fields[56..72].try_into().ok()?, fields[72..].try_into().ok()?);
        good.then_some(Self { number: u64::from_be_bytes(number), before, key, salt })
    }

    /// Where the log stands behind this header.
    pub(super) fn head(&self) -> Head {
        Head { entries: self.before.entries, hash: header_chain(&self.fields()) }
    }

    /// The key of the entries below this header. All of the header goes into it: no other header makes them readable, so
    /// nobody without the storage key can join them to another past.
    pub(super) fn chunk_key(&self, storage: &StorageKey) -> ChunkKey {
        storage.access_log(&self.head().hash)
    }

    fn fields(&self) -> [u8; FIELDS_BYTES] {
        let mut fields = [0; FIELDS_BYTES];
        let mut rest = fields.as_mut_slice();
        let (number, entries) = (self.number.to_be_bytes(), self.before.entries.to_be_bytes());
        for part in [MAGIC.as_slice(), &number, &entries, &self.before.hash, &self.key, &self.salt] {
            let (start, end) = rest.split_at_mut(part.len());
            start.copy_from_slice(part);
            rest = end;
        }
        fields
    }
}

fn header_chain(fields: &[u8; FIELDS_BYTES]) -> [u8; 32] {
    Sha256::new().chain_update(tags::ACCESS).chain_update(fields).finalize().into()
}

/// Seals the next entry after `head` onto `out`, and gives the head behind it.
pub(super) fn seal_entry(key: &ChunkKey, head: Head, plaintext: &[u8], out: &mut Vec<u8>) -> Head {
    let number = head.next_number();
    let mut ciphertext = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    ciphertext.extend_from_slice(plaintext);
    key.seal(number, false, &mut ciphertext);
    let hash = head.chain(&ciphertext);
    let length =
        u32::try_from(ciphertext.len()).expect("a consultation within its bounds has some kilobytes");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&hash);
    out.extend_from_slice(&ciphertext);
    Head { entries: number, hash }
}

/// How long an entry with this plaintext is in the file, in bytes.
pub(super) fn entry_len(plaintext: &[u8]) -> usize {
    FRAME_BYTES + plaintext.len() + TAG_BYTES
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// As many bytes as an entry says that it has.
    Frame {
        /// The chain value that stands there.
        chain: [u8; 32],
        /// The ciphertext with its tag.
        ciphertext: &'a [u8],
    },
    /// The end of the file.
    End,
    /// A part of an entry: it is just being written, or its writing was cut short and never acknowledged.
    Torn,
    /// Nothing that an append can leave behind. Where the next entry begins is not known.
    Garbage,
}

/// What stands behind the entries up to `head`, at the beginning of `rest`.
pub(super) fn next<'a>(rest: &'a [u8], head: &Head) -> Next<'a> {
    if rest.is_empty() {
        return Next::End;
    }
    // Some file systems extend a file before its bytes are there: after a loss of power they are zeros.
    if rest.iter().all(|byte| *byte == 0) {
        return Next::Torn;
    }
    let Some((length, text)) = rest.split_first_chunk::<4>() else { return Next::Torn };
    let length = u32::from_be_bytes(*length) as usize;
    if !(ENTRY_BYTES_MIN..=ENTRY_BYTES_MAX).contains(&length) {
        return Next::Garbage;
    }
    let Some((chain, text)) = text.split_first_chunk::<32>() else { return Next::Torn };
    match text.get(..length) {
        Some(ciphertext) => Next::Frame { chain: *chain, ciphertext },
        None if is_whole_and_shorter(text, chain, head) => Next::Garbage,
        None => Next::Torn,
    }
}

/// Whether a text that is too short for its length is an entry whose length was altered: a beginning of it has the chain
/// value that stands before it.
fn is_whole_and_shorter(text: &[u8], chain: &[u8; 32], head: &Head) -> bool {
    let mut hash = head.begin();
    text.iter().any(|byte| {
        hash.update([*byte]);
        hash.clone().finalize()[..] == *chain
    })
}

/// Where the whole entries of a file end, by its chain alone: the head, and their end in bytes.
pub(super) fn whole_entries(header: &Header, file: &[u8]) -> (Head, usize) {
    let (mut head, mut at) = (header.head(), HEADER_BYTES);
    while let Next::Frame { chain, ciphertext } = next(&file[at..], &head) {
        if head.chain(ciphertext) != chain {
            break;
        }
        head = Head { entries: head.next_number(), hash: chain };
        at += FRAME_BYTES + ciphertext.len();
    }
    (head, at)
}

/// The name of a file of the log: its number in eight digits.
pub(super) fn name(number: u64) -> String {
    format!("{number:08}{SUFFIX}")
}

/// The number in the name of a file of the log; nothing if it is the name of something else.
pub(crate) fn number(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(SUFFIX)?;
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
    (number > 0 && name(number) == file_name).then_some(number)
}

const SUFFIX: &str = ".access";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_to_each_other() {
        for at in [1, 42, 99_999_999, 100_000_000, u64::MAX] {
            assert_eq!(number(&name(at)), Some(at));
        }
        for none in [
            "",
            ".access",
            "00000000.access",
            "1.access",
            ".00000001.access.new",
            "00000001",
            "0000000a.access",
        ] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn a_header_comes_back_and_no_bit_of_it_may_change() {
        let before = Head { entries: 258, hash: [3; 32] };
        let header = Header { number: 7, before, key: [4; 16], salt: [5; 32] };
        let bytes = header.encode();
        assert_eq!((bytes.len(), Header::decode(&bytes)), (HEADER_BYTES, Some(header)));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bad), None, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(Header::decode(&bytes[..cut]), None, "{cut} bytes");
        }
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let storage = StorageKey::from_bytes(&[1; 32]);
        let header = Header { number: 1, before: Head::default(), key: storage.id(), salt: [9; 32] };
        let fields =
            [b"ECOACCS1".as_slice(), &1u64.to_be_bytes(), &[0; 40], &storage.id(), &[9; 32]].concat();
        let chain: [u8; 32] = Sha256::digest([b"ecomesh/1/access", fields.as_slice()].concat()).into();
        assert_eq!(header.encode(), [fields.as_slice(), &chain].concat());
        let mut out = Vec::new();
        let head = seal_entry(&header.chunk_key(&storage), header.head(), b"text", &mut out);
        let mut ciphertext = b"text".to_vec();
        storage.access_log(&chain).seal(1, false, &mut ciphertext);
        let hashed = [b"ecomesh/1/access".as_slice(), &chain, &1u64.to_be_bytes(), &ciphertext].concat();
        let hash: [u8; 32] = Sha256::digest(hashed).into();
        assert_eq!(head, Head { entries: 1, hash });
        assert_eq!(out, [20u32.to_be_bytes().as_slice(), &hash, &ciphertext].concat());
        assert_eq!(out.len(), entry_len(b"text"));
    }
}
