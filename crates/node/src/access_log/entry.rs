//! What one line of the access log says.

use ecomesh_record::Time;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Bounds of a [`Consultation`], in bytes of UTF-8. What is longer is cut, and ends with [`limits::CUT`].
pub mod limits {
    /// What was done.
    pub const ACTION_BYTES_MAX: usize = 32;
    /// Who did it.
    pub const OFFICER_BYTES_MAX: usize = 128;
    /// Why.
    pub const PURPOSE_BYTES_MAX: usize = 512;
    /// Where the officer was.
    pub const PLACE_BYTES_MAX: usize = 256;
    /// What was asked for.
    pub const QUERY_BYTES_MAX: usize = 2048;
    /// What the answer was narrowed to.
    pub const FILTERS_BYTES_MAX: usize = 512;
    /// Ends what was cut; it counts into the bound.
    pub const CUT: &str = "…";
}

/// One consultation of the databases: who, what and why. When it was is said by who logs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consultation {
    /// What was done: `find-number`, `find-name`, `find-text`, `show`, `hit`, `batch`.
    pub action: String,
    /// Who did it, as the bureau names its officers; empty if nobody was named.
    pub officer: String,
    /// Why: the case, the law, or what the bureau asks its officers to give.
    pub purpose: String,
    /// Where the officer was, if it is known: a border post, a desk.
    pub place: Option<String>,
    /// What was asked for, as it was typed; of what was shown its id.
    pub query: String,
    /// The databases and sources that the answer was narrowed to; none means all.
    pub filters: Option<String>,
    /// How many entries were found.
    pub found: u64,
    /// How many of them were told as hits to their owners.
    pub hits: u64,
}

impl Consultation {
    /// The same with every text within its bound: a long query is no reason to let a consultation go unlogged, nor to
    /// refuse it.
    fn bounded(&self) -> Self {
        Self {
            action: cut(&self.action, limits::ACTION_BYTES_MAX),
            officer: cut(&self.officer, limits::OFFICER_BYTES_MAX),
            purpose: cut(&self.purpose, limits::PURPOSE_BYTES_MAX),
            place: self.place.as_deref().map(|place| cut(place, limits::PLACE_BYTES_MAX)),
            query: cut(&self.query, limits::QUERY_BYTES_MAX),
            filters: self.filters.as_deref().map(|filters| cut(filters, limits::FILTERS_BYTES_MAX)),
            found: self.found,
            hits: self.hits,
        }
    }
}

impl Zeroize for Consultation {
    fn zeroize(&mut self) {
        let texts = [&mut self.action, &mut self.officer, &mut self.purpose, &mut self.query];
        texts.into_iter().for_each(Zeroize::zeroize);
        self.place.zeroize();
        self.filters.zeroize();
    }
}

/// An entry of the access log as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first one of a home has 1.
    pub number: u64,
    /// When it was logged, by the clock of this node.
    pub at: Time,
    /// What was consulted.
    pub consultation: Consultation,
}

/// The plaintext of an entry, in JSON: a log is read years later, also without this software.
#[derive(Serialize, Deserialize)]
struct Line<C> {
    at_ms: u64,
    #[serde(flatten)]
    consultation: C,
}

/// The plaintext of an entry, its texts within their bounds.
pub(super) fn encode(at: Time, consultation: &Consultation) -> Zeroizing<Vec<u8>> {
    let bounded = Zeroizing::new(consultation.bounded());
    let line = serde_json::to_vec(&Line { at_ms: at.0, consultation: &*bounded });
    Zeroizing::new(line.expect("texts and numbers are always JSON"))
}

/// The entry with this plaintext; nothing if it is none.
pub(super) fn decode(number: u64, plaintext: &[u8]) -> Option<Entry> {
    let line: Line<Consultation> = serde_json::from_slice(plaintext).ok()?;
    Some(Entry { number, at: Time(line.at_ms), consultation: line.consultation })
}

/// At most `max` bytes of a text: whole characters, and the mark where something is missing.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max.saturating_sub(limits::CUT.len()));
    [&text[..end], limits::CUT].concat()
}

#[cfg(test)]
mod tests {
    use super::super::format::ENTRY_BYTES_MAX;
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        assert_eq!(cut("1234567890", 10), "1234567890");
        assert_eq!(cut("12345678901", 10), "1234567…");
        assert_eq!(cut("ضبط عاج", 8), "ضب…");
        let long = "é".repeat(5_000);
        let consultation = Consultation {
            action: long.clone(),
            officer: long.clone(),
            purpose: long.clone(),
            place: Some(long.clone()),
            query: long.clone(),
            filters: Some(long),
            found: u64::MAX,
            hits: u64::MAX,
        };
        let entry = decode(7, &encode(Time(u64::MAX), &consultation)).unwrap();
        assert_eq!((entry.number, entry.at, entry.consultation.found), (7, Time(u64::MAX), u64::MAX));
        let Consultation { action, officer, purpose, place, query, filters, .. } = entry.consultation;
        for (text, max) in [
            (action, limits::ACTION_BYTES_MAX),
            (officer, limits::OFFICER_BYTES_MAX),
            (purpose, limits::PURPOSE_BYTES_MAX),
            (place.unwrap(), limits::PLACE_BYTES_MAX),
            (query, limits::QUERY_BYTES_MAX),
            (filters.unwrap(), limits::FILTERS_BYTES_MAX),
        ] {
            assert!(
                text.ends_with('…') && text.len() <= max && text.len() + 2 > max,
                "{} of {max}",
                text.len()
            );
        }
    }

    #[test]
    fn the_longest_entry_fits_its_frame() {
        // A control character takes six bytes in JSON.
        let long = "\u{1}".repeat(10_000);
        let consultation = Consultation {
            action: long.clone(),
            officer: long.clone(),
            purpose: long.clone(),
            place: Some(long.clone()),
            query: long.clone(),
            filters: Some(long),
            found: u64::MAX,
            hits: u64::MAX,
        };
        let longest = encode(Time(u64::MAX), &consultation).len();
        assert!(longest + 16 <= ENTRY_BYTES_MAX, "{longest} bytes");
    }
}
