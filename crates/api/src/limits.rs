//! The bounds of the API, and why each number is what it is.

/// Largest body of a request in bytes, imports apart: a document of 1 MiB, escaped as JSON.
pub const REQUEST_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Largest answer that the client takes in bytes, exports apart: a record's document, and it again as text.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most entries of one page of a listing.
pub const LISTING_MAX: usize = 500;
/// Most results of a search.
pub const RESULTS_MAX: usize = 100;
/// Entries of one page of a listing when none are asked for.
pub const LISTING_DEFAULT: usize = 50;
/// Most entries of which is asked at once whether they are there: a quarter of a batch, which is read for each question.
pub const KNOWN_MAX: usize = 1_000;
/// Longest idempotency key in bytes: a UUID has 36.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Bytes of a part of a file: with what sealing adds to it, it fits a record.
pub const PART_BYTES: usize = 768 * 1024;
/// Largest file that goes with a message in bytes.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most files that go with a message.
pub const FILES_MAX: usize = 16;
/// Longest name of a file in bytes: what file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Fewest digits of an abbreviated record id.
pub const ID_PREFIX_MIN: usize = 6;
/// Events kept for clients that come back with `Last-Event-ID`.
pub const EVENTS_KEPT: usize = 1024;
/// Longest line of an event stream that the client takes in bytes: an event takes some 500.
pub const EVENT_LINE_BYTES_MAX: usize = 64 * 1024;
/// Imports, exports and files on their way to clients at once: each holds a page of records, or a file, in memory.
pub const TRANSFERS_MAX: usize = 4;
/// Longest `details` of a problem: a form's report, which is bounded itself.
pub const DETAILS_MAX: usize = 500;
