//! The bounds of everything that a document may hold, and why each number is what it is.

/// Longest content of a record's body in bytes (1 MiB), as `ecomesh-record` bounds it. Attachments travel apart.
pub const CONTENT_BYTES_MAX: usize = 1024 * 1024;
/// Longest TOML or JSON text that is read, in bytes: four times a content, since comments and layout take room.
pub const FORM_BYTES_MAX: usize = 4 * CONTENT_BYTES_MAX;
/// Deepest nesting of tables and lists. The Ecomessage needs 6 (`products` › entry › `quantities` › entry › field).
pub const NESTING_MAX: usize = 16;
/// Longest one-line text in bytes of UTF-8: a name or a title of 160 Arabic letters fits three times over.
pub const LINE_BYTES_MAX: usize = 1024;
/// Longest text of several lines in bytes of UTF-8: about 20 pages in Latin letters.
pub const PROSE_BYTES_MAX: usize = 64 * 1024;
/// Longest text of a plain message in bytes of UTF-8. A quarter of a content, so that escaping can never break it.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Most entries of a list of tables (products, persons, legs, reported cells): the largest joint operations list
/// a few dozen; more belong into several messages.
pub const ENTRIES_MAX: usize = 256;
/// Most entries of a list of single values: aliases, codes, the container numbers of one bill of lading.
pub const SHORT_LIST_MAX: usize = 128;
/// Most entries of a batch: at some 200 bytes each they fill a content.
pub const BATCH_ENTRIES_MAX: usize = 4096;
/// Most addressees and excluded members, as a record's header bounds them.
pub const MEMBERS_MAX: usize = 64;
/// Most digits of a decimal number, before and after the point together.
pub const DECIMAL_DIGITS_MAX: usize = 18;
/// Most digits after the point of a decimal number: a microgram in kilograms.
pub const DECIMAL_SCALE_MAX: u8 = 9;
/// Earliest and latest year of a date: births of living people, deadlines of a generation.
pub const YEARS: std::ops::RangeInclusive<u16> = 1800..=2199;
/// Most problems that one report lists; a file with more is better started anew.
pub const PROBLEMS_MAX: usize = 500;
/// Most events of one author that count in the life of one notice: updates every week for five years.
pub const LIFE_EVENTS_MAX: usize = 256;
/// Most documents of one author that a projection keeps while what they speak of has not come: steps, new texts,
/// withdrawals. They take some 200 bytes each. An honest author has some: what it says of texts that are sealed to others waits
/// for ever where these cannot be read, and INTERPOL counted 49,000 diffusions in 2011.
pub const WAITING_MAX: usize = 262_144;
/// Most documents of others about an entry that are kept as evidence.
pub const FOREIGN_MAX: usize = 16;
/// Longest excerpt of a wrong value in a problem, in characters.
pub const EXCERPT_CHARS_MAX: usize = 60;
/// Longest mapping file in bytes: a table of all countries in several languages fits ten times over.
pub const MAPPING_BYTES_MAX: usize = 256 * 1024;
/// Longest table of a list of codes in bytes: all 8,000 languages of ISO 639-3, with names in three languages, fit twice.
pub const CODE_TABLE_BYTES_MAX: usize = 1024 * 1024;
/// Most lines of such a table: all 5,600 subheadings of the Harmonized System fit three times.
pub const CODE_TABLE_LINES_MAX: usize = 20_000;
/// Most columns of a sheet that is imported, and most fields that a mapping fills: spreadsheets in use have 40.
pub const COLUMNS_MAX: usize = 512;
/// Longest row of a sheet in bytes: the form that is made of it has at most as much. A quote that is not closed would
/// otherwise make a row of the whole file.
pub const ROW_BYTES_MAX: usize = CONTENT_BYTES_MAX;
/// Longest file of the public list in bytes. Its interface gives 160 entries a page; all 6,000 together have 3 MiB, brief.
pub const PUBLIC_LIST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest key of a number in a document, in characters: a permit, a bill of lading and an account have some thirty. Each is
/// held in memory.
pub const KEY_CHARS_MAX: usize = 48;
/// Most keys of numbers of one document that is no batch: a seizure of hundreds of containers with their seals has a thousand.
/// Each is held in memory, and a content has room for a hundred thousand. What is beyond is found by its words.
pub const KEYS_MAX: usize = 4096;
/// Most names of one document under which it is searched: a list of sanctions has a hundred aliases of one person. Each is
/// held in memory, and compared with the others of its document. What is beyond is found by its words.
pub const NAMES_MAX: usize = 1024;
/// Longest text in bytes for which the code or label is guessed that was meant: nearly all labels are shorter. What it costs
/// grows with this length and with the table.
pub const GUESS_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #[test]
    fn the_bounds_shared_with_records_agree() {
        assert_eq!(super::CONTENT_BYTES_MAX, ecomesh_record::limits::CONTENT_BYTES_MAX);
        assert_eq!(super::MEMBERS_MAX, ecomesh_record::limits::ADDRESSEES_MAX);
    }
}
