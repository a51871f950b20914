//! The bounds of everything that a node takes from outside, and why each number is what it is.

/// Largest push message in bytes. gossipsub counts up to 8 KiB of the next frame against its limit of 128 KiB.
pub const PUSH_BYTES_MAX: usize = 60 * 1024;
/// A record above this is pushed without its body, which the receiver pulls from the forwarder.
pub const PUSH_RECORD_BYTES_MAX: usize = 48 * 1024;
/// Most records in one push message: the smallest frame takes some 250 bytes.
pub const PUSH_RECORDS_MAX: usize = 256;
/// Most records parked for one author, waiting for their predecessors.
pub const PARKED_RECORDS_PER_AUTHOR: usize = 256;
/// Most bytes parked for one author.
pub const PARKED_BYTES_PER_AUTHOR: usize = 512 * 1024;
/// Most bytes parked in all.
pub const PARKED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Smallest page of a pull in bytes.
pub const PAGE_BYTES_MIN: u32 = 16 * 1024;
/// Largest page of a pull in bytes.
pub const PAGE_BYTES_MAX: u32 = 1024 * 1024;
/// Most records in one page.
pub const PAGE_RECORDS_MAX: usize = 4096;
/// Largest slice of a body in bytes.
pub const SLICE_BYTES_MAX: u32 = 64 * 1024;
/// Largest sync frame, request or answer, in bytes: a page, its last record's header, and lengths.
pub const SYNC_FRAME_BYTES_MAX: usize = 1024 * 1024 + 256 * 1024;
/// Largest hello in bytes.
pub const HELLO_BYTES_MAX: usize = 64 * 1024;
/// Most third members' frontiers that one exchange asks for, and answers with.
pub const THIRD_FRONTIERS_MAX: usize = 64;
/// Most bytes of third members' frontiers in one answer.
pub const THIRD_FRONTIERS_BYTES_MAX: usize = 256 * 1024;
/// Most bodies that one request for holes names.
pub const BODIES_WANTED_MAX: usize = 64;
/// Most generations that one author's log-open record names.
pub const GENERATIONS_MAX: usize = 1024;
/// A page that comes faster than this makes the next one twice as large, in milliseconds.
pub const PAGE_FAST_MS: u64 = 250;
/// A page that comes slower than this halves the next one, in milliseconds.
pub const PAGE_SLOW_MS: u64 = 1_000;
/// First pause between full frontier exchanges with a random peer, in milliseconds.
pub const EXCHANGE_MS_MIN: u64 = 5_000;
/// Longest pause between full frontier exchanges while nothing changes, in milliseconds.
pub const EXCHANGE_MS_MAX: u64 = 60_000;
/// Commits within this time for each link share one delta frontier, in milliseconds.
pub const DELTA_MS_PER_LINK: u64 = 2;
/// Commits share one delta frontier for at least this long, in milliseconds.
pub const DELTA_MS_MIN: u64 = 4;
/// And for at most this long, in milliseconds.
pub const DELTA_MS_MAX: u64 = 50;
/// A request that has no answer after this is given up, in milliseconds: 1 MiB at 64 kbit/s takes 131 s, but
/// pages shrink long before that.
pub const REQUEST_MS_MAX: u64 = 60_000;
/// How long a node that must open a generation asks its peers first, in milliseconds.
pub const RECOVERY_MS_MAX: u64 = 30_000;
/// First exclusion after blame, in milliseconds.
pub const BLAME_MS_MIN: u64 = 10_000;
/// Longest exclusion after blame, in milliseconds. Never for good: only the roster excludes.
pub const BLAME_MS_MAX: u64 = 600_000;
/// Lifetime budget of an author in bytes, at first.
pub const AUTHOR_BUDGET_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// What is added to an author's budget each day, in bytes.
pub const AUTHOR_BUDGET_BYTES_PER_DAY: u64 = 64 * 1024 * 1024;
/// A clock is flagged when it is further than this from the median of the peers, in milliseconds.
pub const CLOCK_SKEW_MS: u64 = 5 * 60 * 1000;
/// Largest journal entry in bytes: header, body and lengths.
pub const JOURNAL_ENTRY_BYTES_MAX: usize = 4 * 1024 + 1024 * 1024 + 1024;
/// Most forked logs of one author whose proofs are kept: all its later logs are disputed as a whole then.
pub const FORKED_LOGS_MAX: usize = 64;
/// Most fork proofs in one notification.
pub const NOTIFY_FORKS_MAX: usize = 64;
