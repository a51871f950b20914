//! What is asked: a query's parts, in the few ways in which they may be meant, and how well a name answers.

use super::dictionary::{Dictionary, Match, PartId};
use super::parts::{Part, parts, without_particles};
use crate::limits::{QUERY_PARTS_MAX, READINGS_MAX};

/// How alike a part and a letter are with which it begins.
const INITIAL_ALIKE: f32 = 0.75;
/// What a letter alone counts, beside a rare name of some ten.
const INITIAL_WEIGHT: f32 = 1.5;
/// What a part counts at the least, however common it is.
const WEIGHT_MIN: f32 = 1.0;
/// What a part at another place of the name loses: enough to be behind an equal one.
const MOVED: f32 = 0.985;
/// What a name loses of which the query has no part at all; less in proportion.
const UNASKED: f32 = 0.15;
/// Two parts are joined if a name has one that is so much like both together.
const JOINED_ALIKE_MIN: f32 = 0.8;
/// Shortest halves of a part that is split: syllables.
const HALF_SOUNDS_MIN: usize = 2;

/// One part of a query.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) part: Part,
    /// By number, so that they are found quickly.
    by_part: Vec<Match>,
    /// The most alike first.
    pub(super) matches: Vec<Match>,
    /// What it counts: its rarity among all names.
    pub(super) weight: f32,
}

impl Asked {
    fn of(part: Part, dictionary: &Dictionary, names: usize) -> Self {
        if part.is_initial() {
            // A whole part of one sound, as `E` is in Korea, is equal to it all the same.
            let matches: Vec<Match> =
                dictionary.id(&part).map(|id| Match { part: id, alike: 1.0 }).into_iter().collect();
            return Self { part, by_part: matches.clone(), matches, weight: INITIAL_WEIGHT };
        }
        let matches = dictionary.matches(&part);
        let having = matches.first().map_or(0, |best| dictionary.names(best.part).len());
        let weight = ((names + 1) as f32 / (having + 1) as f32).ln().max(WEIGHT_MIN);
        let mut by_part = matches.clone();
        by_part.sort_unstable_by_key(|found| found.part);
        Self { part, by_part, matches, weight }
    }

    /// How alike a part of a name is, 0 for one that is not.
    fn alike(&self, id: PartId, part: &Part) -> f32 {
        let found = self.by_part.binary_search_by_key(&id, |found| found.part);
        let alike = found.map_or(0.0, |at| self.by_part[at].alike);
        if alike == 0.0 && (self.part.is_initial() || part.is_initial()) && opens(&self.part, part) {
            return INITIAL_ALIKE;
        }
        alike
    }
}

/// A way to read a query.
#[derive(Debug, Clone)]
pub(super) struct Reading(pub(super) Vec<Asked>);

impl Reading {
    /// What all parts count together.
    pub(super) fn weight(&self) -> f32 {
        self.0.iter().map(|asked| asked.weight).sum()
    }

    /// 1 for a name that has all parts of the query, in order, and no others; 0 for one that has none of them.
    ///
    /// Each part of the query goes to one part of the name at most, so that the sum of likeness times weight is the largest
    /// that any assignment gives.
    pub(super) fn score(&self, name: &[PartId], dictionary: &Dictionary) -> f32 {
        let asked = &self.0;
        let (query_parts, name_parts) = (asked.len(), name.len());
        let mut best = [f32::NEG_INFINITY; 1 << QUERY_PARTS_MAX];
        let best = &mut best[..1 << query_parts];
        best[0] = 0.0;
        for (at, id) in name.iter().enumerate() {
            let Some(part) = dictionary.part(*id) else { continue };
            let mut gains = [0.0; QUERY_PARTS_MAX];
            for (n, asked) in asked.iter().enumerate() {
                let in_place = n == at || query_parts - n == name_parts - at;
                let moved = if in_place { 1.0 } else { MOVED };
                gains[n] = asked.alike(*id, part) * asked.weight * moved;
            }
            // From the fullest set down, so that this part of the name is given once.
            for set in (0..best.len()).rev().filter(|set| *set + 1 < 1 << query_parts) {
                if best[set] == f32::NEG_INFINITY {
                    continue;
                }
                for n in (0..query_parts).filter(|n| set >> n & 1 == 0 && gains[*n] > 0.0) {
                    let with = set | 1 << n;
                    best[with] = best[with].max(best[set] + gains[n]);
                }
            }
        }
        let sum = best.iter().copied().fold(0.0, f32::max);
        let unasked = name_parts.saturating_sub(query_parts) as f32 / name_parts.max(1) as f32;
        sum / self.weight().max(f32::MIN_POSITIVE) * (1.0 - UNASKED * unasked)
    }

    /// Whether a part is a letter.
    pub(super) fn has_initials(&self) -> bool {
        self.0.iter().any(|asked| asked.part.is_initial())
    }

    /// What the initials among the parts add to a name that has parts with these first sounds.
    pub(super) fn initials(&self, first_sounds: u64) -> f32 {
        let initials = self.0.iter().filter(|asked| asked.part.is_initial());
        let found = initials.filter(|asked| first_sounds & may_open(asked.part.sounds[0]) != 0);
        found.map(|asked| asked.weight * INITIAL_ALIKE).sum()
    }
}

/// The ways to read a query: as it is written, with two parts joined, with one split, without particles; at most [`READINGS_MAX`], the first as it
/// is written. None for a query without letters.
pub(super) fn readings(query: &str, dictionary: &Dictionary, names: usize) -> Vec<Reading> {
    let mut parts = parts(query);
    parts.truncate(QUERY_PARTS_MAX);
    if parts.is_empty() {
        return Vec::new();
    }
    let asked: Vec<Asked> = parts.into_iter().map(|part| Asked::of(part, dictionary, names)).collect();
    let mut others = Vec::new();
    for n in 1..asked.len() {
        let joined = asked[n - 1].part.joined(&asked[n].part);
        if let Some(alike) = dictionary.has_like(&joined, JOINED_ALIKE_MIN) {
            others.push((alike, n - 1..n + 1, vec![joined]));
        }
    }
    for (n, whole) in asked.iter().enumerate().filter(|_| asked.len() < QUERY_PARTS_MAX) {
        if let Some((common, halves)) = halves(&whole.part, dictionary) {
            // The more names have both halves the likelier it is; less likely than what was found joined.
            others.push((JOINED_ALIKE_MIN * common as f32 / (names + 1) as f32, n..n + 1, halves.into()));
        }
    }
    let named = without_particles(query);
    if !named.is_empty() && named.len() < asked.len() && asked.len() < QUERY_PARTS_MAX {
        others.push((1.0, 0..asked.len(), named));
    }
    others.sort_by(|a, b| b.0.total_cmp(&a.0));
    others.truncate(READINGS_MAX - 1);
    let others = others.into_iter().map(|(_, place, parts)| {
        let mut reading = asked.clone();
        reading.splice(place, parts.into_iter().map(|part| Asked::of(part, dictionary, names)));
        Reading(reading)
    });
    let mut readings: Vec<Reading> = others.collect();
    readings.insert(0, Reading(asked));
    readings
}

/// A part as the two known ones that are most common, and how many names have the rarer.
fn halves(part: &Part, dictionary: &Dictionary) -> Option<(usize, [Part; 2])> {
    let known = |sounds: &[u8]| {
        let half = Part { sounds: sounds.to_vec(), abjad: part.abjad };
        dictionary.id(&half).map(|id| (dictionary.names(id).len(), half))
    };
    let last = part.sounds.len().checked_sub(HALF_SOUNDS_MIN)?;
    let splits = (HALF_SOUNDS_MIN..=last).filter_map(|at| {
        let (first, second) = (known(&part.sounds[..at])?, known(&part.sounds[at..])?);
        Some((first.0.min(second.0), [first.1, second.1]))
    });
    splits.max_by_key(|(common, _)| *common)
}

/// Whether one of two parts is a letter with which the other begins.
fn opens(a: &Part, b: &Part) -> bool {
    may_open(a.sounds[0]) & bit(b.sounds[0]) != 0 || may_open(b.sounds[0]) & bit(a.sounds[0]) != 0
}

/// A first sound as one bit.
pub(super) fn bit(sound: u8) -> u64 {
    1 << (sound & 63)
}

/// The first sounds that a letter may stand for, as bits: `C.` is Carlos, Cecilia and Charles, `P.` is Philip.
fn may_open(letter: u8) -> u64 {
    let others: &[u8] = match letter {
        b'k' => b"Csh",
        b's' => b"SZc",
        b'd' => b"J",
        b'p' => b"f",
        b'g' => b"jJ",
        b'j' => b"yJZ",
        b'y' => b"ji",
        b'i' => b"y",
        b'o' => b"u",
        b'w' => b"v",
        b'v' => b"w",
        b't' => b"cC",
        b'z' => b"ZJ",
        b'h' => b"x",
        b'x' => b"kS",
        _ => b"",
    };
    others.iter().fold(bit(letter), |bits, other| bits | bit(*other))
}
