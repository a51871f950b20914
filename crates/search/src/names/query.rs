//! What is asked: a query's parts, in the few ways in which they may be meant, and how well a name answers.

use std::ops::Range;

use super::dictionary::{Dictionary, Match, PartId};
use super::distance::similarity;
use super::order::{Order, Place};
use super::parts::{Part, parts, with_articles_joined, without_particles};
use crate::limits::{QUERY_PARTS_MAX, READINGS_MAX};

/// How alike a part and a letter are with which it begins.
const INITIAL_ALIKE: f32 = 0.75;
/// What a letter alone counts, beside a rare name of some fifteen.
const INITIAL_WEIGHT: f32 = 1.5;
/// What a part counts beside its rarity, so that a common name that is missing costs something as well.
const PART_WEIGHT: f32 = 5.0;
/// What counts at the least for rarity.
const RARITY_MIN: f32 = 1.0;
/// What an edit takes from what a part counts. The same of every part: a slip of the fingers does not know how rare or how long
/// the name is.
const EDIT: f32 = 1.5;
/// A reading with a letter joined to the next part: `O Brien` may be O'Brien, but `H. A. Mir` is hardly H. Amir.
const LETTER_JOINED: f32 = 0.9;
/// What a name loses of which the query has no part at all; less in proportion.
const UNASKED: f32 = 0.15;
/// Two parts are joined if a name has one that is so much like both together.
const JOINED_ALIKE_MIN: f32 = 0.8;
/// What `abdul` and `abdel` sound like, how much of it a slip leaves, and the shortest name that may follow.
const SERVANT: &[u8] = b"abdul";
const SERVANT_ALIKE_MIN: f32 = 0.75;
const SERVED_SOUNDS_MIN: usize = 3;
/// The Arabic article as Latin letters join it to a name, the shortest name that may follow, and what a reading is worth that
/// takes it for one: `Alfaro` may be Al-Faro, but is hardly.
const ARTICLES: [&[u8]; 2] = [b"al", b"el"];
const NAMED_SOUNDS_MIN: usize = 4;
const ARTICLE_JOINED: f32 = 0.95;
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
    /// What it counts: the rarer what is written so, the more.
    pub(super) weight: f32,
}

impl Asked {
    fn of(part: Part, dictionary: &Dictionary, names: usize) -> Self {
        if part.is_initial() {
            // A whole part of one sound, as `E` is in Korea, is equal to it all the same.
            let matches: Vec<Match> = dictionary
                .id(&part)
                .map(|id| Match { part: id, alike: 1.0, edits: 0.0 })
                .into_iter()
                .collect();
            return Self { part, by_part: matches.clone(), matches, weight: INITIAL_WEIGHT };
        }
        let mut matches = dictionary.matches(&part);
        let weight = PART_WEIGHT + rarity(&matches, dictionary, names);
        matches.iter_mut().for_each(|found| found.alike = 1.0 - EDIT * found.edits / weight);
        matches.retain(|found| found.alike > 0.0);
        matches.sort_unstable_by(|a, b| b.alike.total_cmp(&a.alike).then(a.part.cmp(&b.part)));
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

/// How unlikely it is that a part of any name is written so by chance, as a logarithm: of names that are less like it some are
/// counted, since they could be meant.
fn rarity(matches: &[Match], dictionary: &Dictionary, names: usize) -> f32 {
    // In 64 bits: the order of equal matches depends on their numbers, and must not be seen in a score.
    let having =
        |found: &Match| dictionary.having(found.part) as f64 * f64::from((-EDIT * found.edits).exp());
    let having: f64 = matches.iter().map(having).sum();
    (((names + 1) as f64 / (having + 1.0)).ln() as f32).max(RARITY_MIN)
}

/// A way to read a query.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) asked: Vec<Asked>,
    /// Of one that is less likely than the others, less than 1.
    likely: f32,
}

impl Reading {
    /// What all parts count together.
    pub(super) fn weight(&self) -> f32 {
        self.asked.iter().map(|asked| asked.weight).sum()
    }

    /// 1 for a name that has all parts of the query, in order, and no others; 0 for one that has none of them.
    ///
    /// Each part of the query goes to one part of the name at most, so that the sum of likeness times weight is the largest
    /// that any assignment gives.
    pub(super) fn score(&self, name: &[PartId], dictionary: &Dictionary) -> f32 {
        let asked = &self.asked;
        let (query_parts, name_parts) = (asked.len(), name.len());
        let mut best = [f32::NEG_INFINITY; 1 << QUERY_PARTS_MAX];
        let best = &mut best[..1 << query_parts];
        best[0] = 0.0;
        let order = self.order(name, dictionary);
        for (at, id) in name.iter().enumerate() {
            let Some(part) = dictionary.part(*id) else { continue };
            let mut gains = [0.0; QUERY_PARTS_MAX];
            for (n, asked) in asked.iter().enumerate() {
                gains[n] = asked.alike(*id, part) * asked.weight * order.share(Place { asked: n, at });
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
        sum / self.weight().max(f32::MIN_POSITIVE) * (1.0 - UNASKED * unasked) * self.likely
    }

    /// The order in which most of the query stands in a name.
    fn order(&self, name: &[PartId], dictionary: &Dictionary) -> Order {
        let parts = name.iter().enumerate().filter_map(|(at, id)| Some((at, *id, dictionary.part(*id)?)));
        let gains = parts.flat_map(|(at, id, part)| {
            let gain = move |(n, asked): (usize, &Asked)| {
                (Place { asked: n, at }, asked.alike(id, part) * asked.weight)
            };
            self.asked.iter().enumerate().map(gain)
        });
        Order::best(self.asked.len(), name.len(), gains)
    }

    /// Whether a part is a letter.
    pub(super) fn has_initials(&self) -> bool {
        self.asked.iter().any(|asked| asked.part.is_initial())
    }

    /// What the initials among the parts add to a name that has parts with these first sounds.
    pub(super) fn initials(&self, first_sounds: u64) -> f32 {
        let initials = self.asked.iter().filter(|asked| asked.part.is_initial());
        let found = initials.filter(|asked| first_sounds & may_open(asked.part.sounds[0]) != 0);
        found.map(|asked| asked.weight * INITIAL_ALIKE).sum()
    }
}

/// Another way to read some parts of a query.
struct Other {
    /// How much what is found so is like what was asked: of many ways the best are taken.
    alike: f32,
    /// The parts that are read so.
    place: Range<usize>,
    parts: Vec<Part>,
    /// As of a [`Reading`].
    likely: f32,
}

/// The ways to read a query: as it is written, with two parts joined, with one split, without particles, with an article joined
/// or taken off; at most [`READINGS_MAX`], the first as it is written. None for a query without letters.
pub(super) fn readings(query: &str, dictionary: &Dictionary, names: usize) -> Vec<Reading> {
    let mut parts = parts(query);
    parts.truncate(QUERY_PARTS_MAX);
    if parts.is_empty() {
        return Vec::new();
    }
    let asked: Vec<Asked> = parts.into_iter().map(|part| Asked::of(part, dictionary, names)).collect();
    let mut others = Vec::new();
    for n in 1..asked.len() {
        if let Some((alike, joined)) = joined(&asked[n - 1].part, &asked[n].part, dictionary) {
            let likely = of_letters(&asked[n - 1..=n]);
            others.push(Other { alike, place: n - 1..n + 1, parts: vec![joined], likely });
        }
    }
    for (n, whole) in asked.iter().enumerate().filter(|_| asked.len() < QUERY_PARTS_MAX) {
        let mut push = |alike, parts, likely| others.push(Other { alike, place: n..n + 1, parts, likely });
        if let Some((common, halves)) = halves(&whole.part, dictionary) {
            // The more names have both halves the likelier it is; less likely than what was found joined.
            push(JOINED_ALIKE_MIN * common as f32 / (names + 1) as f32, halves.into(), 1.0);
        }
        if let Some((alike, halves)) = servant(&whole.part, dictionary) {
            push(alike, halves.into(), 1.0);
        }
        if let Some(named) = without_article(&whole.part, dictionary) {
            push(1.0, vec![named], ARTICLE_JOINED);
        }
    }
    let all = 0..asked.len();
    if let Some(parts) = with_article(query, dictionary).filter(|parts| parts.len() <= QUERY_PARTS_MAX) {
        others.push(Other { alike: 1.0, place: all.clone(), parts, likely: ARTICLE_JOINED });
    }
    let parts = without_particles(query);
    if !parts.is_empty() && parts.len() < asked.len() && asked.len() < QUERY_PARTS_MAX {
        others.push(Other { alike: 1.0, place: all, parts, likely: of_letters(&asked) });
    }
    others.sort_by(|a, b| b.alike.total_cmp(&a.alike));
    others.truncate(READINGS_MAX - 1);
    let others = others.into_iter().map(|Other { place, parts, likely, .. }| {
        let mut reading = asked.clone();
        reading.splice(place, parts.into_iter().map(|part| Asked::of(part, dictionary, names)));
        Reading { asked: reading, likely }
    });
    let mut readings: Vec<Reading> = others.collect();
    readings.insert(0, Reading { asked, likely: 1.0 });
    readings
}

/// How likely it is that two parts are one, or only one of them counts.
fn of_letters(asked: &[Asked]) -> f32 {
    let is_letter = asked.len() == 2 && asked.iter().any(|asked| asked.part.is_initial());
    if is_letter { LETTER_JOINED } else { 1.0 }
}

/// Two parts as one that names have, and how alike it is. A letter is joined only to what it makes a known part with: in
/// `K. Sow` it would be gone without a trace in the S of `S. Sow`.
fn joined(first: &Part, second: &Part, dictionary: &Dictionary) -> Option<(f32, Part)> {
    let joined = first.joined(second);
    if first.is_initial() || second.is_initial() {
        let is_whole = joined.sounds.len() == first.sounds.len() + second.sounds.len();
        return (is_whole && dictionary.id(&joined).is_some()).then_some((1.0, joined));
    }
    Some((dictionary.has_like(&joined, JOINED_ALIKE_MIN)?, joined))
}

/// A part that begins nearly as `abdul`, as `abd` and the known name behind it: without a slip it would have been split.
fn servant(part: &Part, dictionary: &Dictionary) -> Option<(f32, [Part; 2])> {
    let of = |sounds: &[u8]| Part { sounds: sounds.to_vec(), abjad: part.abjad };
    let last = part.sounds.len().checked_sub(SERVED_SOUNDS_MIN)?;
    let splits = (SERVANT.len() - 1..=last.min(SERVANT.len() + 1)).filter_map(|at| {
        let (servant, served) = (of(&part.sounds[..at]), of(&part.sounds[at..]));
        dictionary.id(&served)?;
        let alike = similarity(&servant, &of(SERVANT), SERVANT_ALIKE_MIN);
        (alike > 0.0).then(|| (alike, [of(b"abd"), served]))
    });
    splits.max_by(|a, b| a.0.total_cmp(&b.0))
}

/// A part that nobody has, without the article with which it begins: a known name.
fn without_article(part: &Part, dictionary: &Dictionary) -> Option<Part> {
    let named = ARTICLES.iter().find_map(|article| part.sounds.strip_prefix(*article))?;
    let named = Part { sounds: named.to_vec(), abjad: part.abjad };
    let is_known = named.sounds.len() >= NAMED_SOUNDS_MIN && dictionary.id(&named).is_some();
    (is_known && dictionary.id(part).is_none()).then_some(named)
}

/// A query whose articles are joined to the names behind them, if somebody has one that is written so.
fn with_article(query: &str, dictionary: &Dictionary) -> Option<Vec<Part>> {
    let (parts, joined) = with_articles_joined(query);
    joined.iter().any(|part| dictionary.id(part).is_some()).then_some(parts)
}

/// A part as the two known ones that are most common, and how many names have the rarer.
fn halves(part: &Part, dictionary: &Dictionary) -> Option<(usize, [Part; 2])> {
    let known = |sounds: &[u8]| {
        let half = Part { sounds: sounds.to_vec(), abjad: part.abjad };
        dictionary.id(&half).map(|id| (dictionary.having(id), half))
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
