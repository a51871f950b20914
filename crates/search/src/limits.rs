//! The bounds of everything that is indexed or asked, and why each number is what it is.

/// Entries of [`crate::exact`] that wait, sorted, before they become a run: an insertion moves half of them, 6 KiB, on
/// average, which costs about what the look-up before it costs.
pub const TAIL_ENTRIES_MAX: usize = 1024;
/// How much larger each run is than the next: five million entries are at most seven runs, and an entry is copied some
/// ten times in its life.
pub const RUN_GROWTH: usize = 4;
/// Entries of a fingerprint's bucket, on average: two lines of the processor's cache.
pub const BUCKET_ENTRIES: usize = 16;
/// Entries that a bulk insertion sorts at once, 16 bytes each: 16 MiB beside the index.
pub const BATCH_ENTRIES_MAX: usize = 1 << 20;
/// Most entries: places within a run are counted in 32 bits.
pub const ENTRIES_MAX: usize = 1 << 31;

/// Longest name or query that is read, in characters; the rest is not seen. Longest name of a person in an entry: 1,024
/// bytes, of which a name of eight long parts is a tenth.
pub const NAME_CHARS_MAX: usize = 256;
/// Most parts of a name that are indexed. An Arabic chain of six forefathers with its nisba has nine.
pub const NAME_PARTS_MAX: usize = 12;
/// Most parts of a query. The best assignment of parts to parts takes 2 to this power steps for each part of a name.
pub const QUERY_PARTS_MAX: usize = 8;
/// Longest part in sounds; the rest is not compared. Long German and Malagasy family names have 20 to 25.
pub const PART_SOUNDS_MAX: usize = 24;
/// Most skeletons of one part: four readings of one letter that languages speak in different ways.
pub const SKELETONS_MAX: usize = 4;
/// Most readings of a query: as it is written, with two parts joined, one part split, or without particles.
pub const READINGS_MAX: usize = 3;
/// Most distinct parts that are compared with one part of a query, some 0.2 µs each.
pub const COMPARED_MAX: usize = 3_000;
/// Most distinct parts that count as matches of one part of a query.
pub const MATCHES_MAX: usize = 300;
/// Most entries of posting lists that one reading of a query walks: 3 ns each.
pub const POSTINGS_MAX: usize = 1_500_000;
/// Names that are compared whole, for each reading of a query.
pub const CANDIDATES_MAX: usize = 400;

/// Most results of any search. A list that is longer is not read.
pub const RESULTS_MAX: usize = 1_000;

/// Longest title or body that is indexed, in bytes: the longest content of a record. The rest is not seen.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Longest query for full text that is read, in characters; the rest is not seen.
pub const TEXT_QUERY_CHARS_MAX: usize = 1_024;
/// Most words and phrases of a query for full text.
pub const TEXT_QUERY_TERMS_MAX: usize = 32;
/// Most words of a phrase.
pub const PHRASE_WORDS_MAX: usize = 16;
/// Longest word that is indexed, in bytes: longer ones are numbers, keys and hashes, which are looked up exactly.
pub const WORD_BYTES_MAX: usize = 64;
/// Threads of the text engine that index. A second one makes the end of reading many logs shorter, when nothing else is left
/// to do.
pub const WRITERS: usize = 2;
/// Memory of each, in bytes; 15 million are the least that the engine accepts. What is beyond becomes a segment: with less, a
/// node that reads its logs makes more of them, and merging them takes longer.
pub const WRITER_BYTES: usize = 25_000_000;
