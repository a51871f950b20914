//! The distinct parts of all names, each once, with the names that have it; and which of them are like a part that is asked
//! for.
//!
//! Three ways lead to parts that are worth comparing: the same skeleton of consonants; the same pairs of neighbouring sounds,
//! which finds what one or two slips have left; and a skeleton with one consonant more, less or changed, which finds what is
//! misspelt in a script without vowels. Comparing decides.
//!
//! What is removed stays in the lists that lead to it, and its number is not used again, until all lists are swept at once
//! ([`Dictionary::sweep`]): to look for it in each of them would cost as many steps as they are long, for each removal.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::distance::similarity;
use super::kin::kin;
use super::parts::Part;
use super::skeleton::{Skeleton, skeletons, with_one_less};
use crate::limits::{COMPARED_MAX, MATCHES_MAX};

/// Parts that are less alike than this do not match.
const ALIKE_MIN: f32 = 0.6;
/// Another romanisation of one family name.
const KIN_ALIKE: f32 = 0.93;
/// The sound before the first and the one behind the last, in pairs.
const BEGIN: u8 = 60;
const END: u8 = 61;
/// Values of a sound in a pair.
const SOUNDS: usize = 64;

/// The number of a distinct part.
pub(super) type PartId = u32;

/// A part that is like the one asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    pub(super) part: PartId,
    /// 1 for an equal one.
    pub(super) alike: f32,
    /// How many whole edits lie between them.
    pub(super) edits: f32,
}

#[derive(Default)]
struct Entry {
    /// None for a number that is free.
    part: Option<Arc<Part>>,
    /// Names that have it, each once, and those removed since the last sweep.
    names: Vec<u32>,
    /// How many names have it.
    having: u32,
}

/// See the module.
pub(super) struct Dictionary {
    ids: BTreeMap<Arc<Part>, PartId>,
    entries: Vec<Entry>,
    /// How many sounds each has, in a list of its own: it is read for many that are not compared. 0 for those that are
    /// forgotten.
    lengths: Vec<u8>,
    /// Numbers that no list has.
    free: Vec<PartId>,
    /// Numbers that are free after the next sweep.
    forgotten: Vec<PartId>,
    by_skeleton: BTreeMap<Skeleton, Vec<PartId>>,
    /// From a skeleton to those that have one consonant more.
    one_more: BTreeMap<Skeleton, Vec<Skeleton>>,
    by_pair: Vec<Vec<PartId>>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            ids: BTreeMap::new(),
            entries: Vec::new(),
            lengths: Vec::new(),
            free: Vec::new(),
            forgotten: Vec::new(),
            by_skeleton: BTreeMap::new(),
            one_more: BTreeMap::new(),
            by_pair: vec![Vec::new(); SOUNDS * SOUNDS],
        }
    }
}

impl Dictionary {
    /// How many distinct parts.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The number of a part, if any name has it.
    pub(super) fn id(&self, part: &Part) -> Option<PartId> {
        self.ids.get(part).copied()
    }

    /// The part of a number that is in use.
    pub(super) fn part(&self, id: PartId) -> Option<&Part> {
        self.entries.get(id as usize)?.part.as_deref()
    }

    fn length(&self, id: PartId) -> usize {
        usize::from(self.lengths[id as usize])
    }

    /// The names that have a part, and those that had it and were removed since the last sweep.
    pub(super) fn names(&self, id: PartId) -> &[u32] {
        self.entries.get(id as usize).map_or(&[], |entry| &entry.names)
    }

    /// How many names have a part.
    pub(super) fn having(&self, id: PartId) -> usize {
        self.entries.get(id as usize).map_or(0, |entry| entry.having as usize)
    }

    /// Notes that a name has a part. All parts of a name are added before those of another; its number is new, or was swept.
    pub(super) fn add(&mut self, part: Part, name: u32) -> PartId {
        let id = self.id(&part).unwrap_or_else(|| self.enter(part));
        let entry = &mut self.entries[id as usize];
        if entry.names.last() != Some(&name) {
            entry.names.push(name);
            entry.having += 1;
        }
        id
    }

    /// Notes that a name that has a part is removed; a part that no name has is forgotten.
    pub(super) fn remove(&mut self, id: PartId) {
        let entry = &mut self.entries[id as usize];
        entry.having = entry.having.saturating_sub(1);
        if entry.having == 0 {
            self.forget(id);
        }
    }

    /// Takes what was removed out of all lists; tells how many of their entries were looked at.
    pub(super) fn sweep(&mut self, is_held: impl Fn(u32) -> bool) -> usize {
        let mut looked_at = 0;
        for entry in self.entries.iter_mut().filter(|entry| entry.having as usize != entry.names.len()) {
            looked_at += entry.names.len();
            entry.names.retain(|name| is_held(*name));
            entry.names.shrink_to(2 * entry.names.len());
        }
        let lengths = &self.lengths;
        let mut sweep = |parts: &mut Vec<PartId>| {
            looked_at += parts.len();
            parts.retain(|id| lengths[*id as usize] > 0);
        };
        self.by_pair.iter_mut().for_each(&mut sweep);
        self.by_skeleton.values_mut().for_each(&mut sweep);
        self.by_skeleton.retain(|_, parts| !parts.is_empty());
        let skeletons = &self.by_skeleton;
        for more in self.one_more.values_mut() {
            looked_at += more.len();
            more.retain(|skeleton| skeletons.contains_key(skeleton));
        }
        self.one_more.retain(|_, more| !more.is_empty());
        self.free.append(&mut self.forgotten);
        looked_at
    }

    fn enter(&mut self, part: Part) -> PartId {
        let part = Arc::new(part);
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            self.lengths.push(0);
            // Fewer than the bytes of all names, which 32 bits count.
            self.entries.len() as u32 - 1
        });
        for skeleton in skeletons(&part.sounds) {
            let same = self.by_skeleton.entry(skeleton).or_default();
            if same.is_empty() {
                for less in with_one_less(skeleton) {
                    self.one_more.entry(less).or_default().push(skeleton);
                }
            }
            same.push(id);
        }
        for pair in pairs(&part.sounds) {
            self.by_pair[pair].push(id);
        }
        self.ids.insert(Arc::clone(&part), id);
        // At most PART_SOUNDS_MAX.
        self.lengths[id as usize] = part.sounds.len() as u8;
        self.entries[id as usize].part = Some(part);
        id
    }

    fn forget(&mut self, id: PartId) {
        let entry = std::mem::take(&mut self.entries[id as usize]);
        let Some(part) = entry.part else { return };
        self.ids.remove(&part);
        self.lengths[id as usize] = 0;
        self.forgotten.push(id);
    }

    /// The parts most like this one, at most [`MATCHES_MAX`], the most alike first.
    pub(super) fn matches(&self, part: &Part) -> Vec<Match> {
        let kin: Vec<PartId> = kin(part).iter().filter_map(|other| self.id(other)).collect();
        let mut seen = vec![false; self.entries.len()];
        let mut compared = 0;
        let mut matches = Vec::new();
        let longest = longest_like(part);
        let is_near = |id: &PartId| (1..=longest).contains(&self.length(*id));
        let mut compare = |id: PartId| {
            if !is_near(&id) || compared >= COMPARED_MAX || std::mem::replace(&mut seen[id as usize], true) {
                return;
            }
            compared += 1;
            let Some(other) = self.part(id) else { return };
            let alike = similarity(part, other, ALIKE_MIN);
            let alike = if kin.contains(&id) { alike.max(KIN_ALIKE) } else { alike };
            if alike >= ALIKE_MIN {
                let edits = (1.0 - alike) * self.length(id).max(part.sounds.len()) as f32;
                matches.push(Match { part: id, alike, edits });
            }
        };
        self.id(part).into_iter().chain(kin.iter().copied()).for_each(&mut compare);
        let skeletons = skeletons(&part.sounds);
        let same = skeletons.iter().filter_map(|skeleton| self.by_skeleton.get(skeleton)).flatten();
        same.copied().filter(is_near).take(COMPARED_MAX / 2).for_each(&mut compare);
        self.with_pairs_of(part, COMPARED_MAX / 4).into_iter().for_each(&mut compare);
        for near in skeletons.iter().flat_map(|skeleton| self.near(*skeleton)) {
            self.by_skeleton.get(&near).into_iter().flatten().copied().for_each(&mut compare);
        }
        matches.sort_unstable_by(|a: &Match, b| b.alike.total_cmp(&a.alike).then(a.part.cmp(&b.part)));
        matches.truncate(MATCHES_MAX);
        matches
    }

    /// Whether a part is there that is like this one and has its skeleton: cheaper than all matches.
    pub(super) fn has_like(&self, part: &Part, least: f32) -> Option<f32> {
        if self.ids.contains_key(part) {
            return Some(1.0);
        }
        let skeletons = skeletons(&part.sounds);
        let same = skeletons.iter().filter_map(|skeleton| self.by_skeleton.get(skeleton)).flatten();
        let others = same.filter_map(|id| self.part(*id)).take(COMPARED_MAX / 8);
        let alike = others.map(|other| similarity(part, other, least)).fold(0.0, f32::max);
        (alike >= least).then_some(alike)
    }

    /// Skeletons with one consonant less, more, or another one.
    fn near(&self, skeleton: Skeleton) -> Vec<Skeleton> {
        let longer = |shorter: &Skeleton| self.one_more.get(shorter).map_or(&[][..], Vec::as_slice);
        let less = with_one_less(skeleton);
        let mut near: Vec<Skeleton> = less.iter().flat_map(longer).copied().collect();
        near.extend(longer(&skeleton));
        near.extend(less);
        near.sort_unstable();
        near.dedup();
        near
    }

    /// The parts that share the most pairs of sounds with this one, for their lengths.
    fn with_pairs_of(&self, part: &Part, most: usize) -> Vec<PartId> {
        let asked = pairs(&part.sounds);
        let least = (asked.len() / 3).max(2);
        let mut shared = vec![0_u8; self.entries.len()];
        let mut enough = Vec::new();
        for id in asked.iter().flat_map(|pair| &self.by_pair[*pair]) {
            shared[*id as usize] += 1;
            if usize::from(shared[*id as usize]) == least && self.length(*id) > 0 {
                enough.push(*id);
            }
        }
        // Dice's coefficient, in thousandths; the most first.
        let rank = |id: &PartId| {
            let pairs = usize::from(self.lengths[*id as usize]) + 1;
            2000 * usize::from(shared[*id as usize]) / (asked.len() + pairs)
        };
        let mut ranked: Vec<(Reverse<usize>, PartId)> =
            enough.into_iter().map(|id| (Reverse(rank(&id)), id)).collect();
        if ranked.len() > most {
            ranked.select_nth_unstable(most);
            ranked.truncate(most);
        }
        ranked.into_iter().map(|(_, id)| id).collect()
    }
}

/// How many sounds a part may have that is like this one: longer ones are not worth their place among those that are compared.
/// Where this one's script writes no vowels, others may have as many again.
fn longest_like(part: &Part) -> usize {
    let sounds = part.sounds.len();
    let more = if part.abjad { sounds } else { sounds / 4 };
    sounds + more + 2
}

/// The pairs of neighbouring sounds, with begin and end, each once.
fn pairs(sounds: &[u8]) -> Vec<usize> {
    let codes: Vec<u8> =
        std::iter::once(BEGIN).chain(sounds.iter().map(|sound| sound & 63)).chain([END]).collect();
    let mut pairs: Vec<usize> =
        codes.windows(2).map(|pair| usize::from(pair[0]) * SOUNDS + usize::from(pair[1])).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::parts::parts;

    fn dictionary(names: &[&str]) -> Dictionary {
        let mut dictionary = Dictionary::default();
        for (n, name) in names.iter().enumerate() {
            dictionary.add(parts(name).remove(0), n as u32);
        }
        dictionary
    }

    #[test]
    fn what_is_like_a_part_is_found() {
        let names = ["Gavrilov", "Petrov", "محمد", "Wong", "Kowalczyk", "Smith"];
        let dictionary = dictionary(&names);
        for (asked, expected) in [
            ("Gawrilow", 0),
            ("Gavirlov", 0),
            ("Gabrilof", 0),
            ("Mahomet", 2),
            ("王", 3),
            ("Kovalcik", 4),
            ("Smyth", 5),
        ] {
            let matches = dictionary.matches(&parts(asked)[0]);
            assert_eq!(matches.first().map(|m| m.part), Some(expected), "{asked}: {matches:?}");
        }
        assert!(dictionary.matches(&parts("Xuereb")[0]).is_empty());
    }

    #[test]
    fn what_no_name_has_is_forgotten() {
        let mut dictionary = dictionary(&["Gavrilov", "Gavrilov", "Jwjw"]);
        assert_eq!(dictionary.len(), 2);
        [0, 0, 1].into_iter().for_each(|id| dictionary.remove(id));
        assert!(dictionary.ids.is_empty() && dictionary.matches(&parts("Gavrilov")[0]).is_empty());
        dictionary.sweep(|_| false);
        assert!(
            dictionary.ids.is_empty() && dictionary.by_skeleton.is_empty() && dictionary.one_more.is_empty()
        );
        assert!(dictionary.by_pair.iter().all(Vec::is_empty));
        assert_eq!(dictionary.add(parts("Ivan").remove(0), 7), 1, "numbers are used again");
    }
}
