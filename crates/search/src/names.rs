//! Names of persons: who may be meant by a name that was heard, misread, written in another script or only in part.
//!
//! A name is its **parts**, without order, articles and titles (`names/parts.rs`); a part is its **sounds**
//! (`names/sounds.rs`), to which letters of every script lead (`names/script.rs`). Each distinct part is held once, with the
//! names that have it (`names/dictionary.rs`).
//!
//! A query is read in up to three ways (`names/query.rs`). For each of its parts the most alike distinct parts are found; all
//! names that have one of them add up what their parts count: the rarity of what is asked, less the edits that lie between; the
//! best of these are then compared whole, and in order (`names/order.rs`). A score is 1 for a name with just the parts of the
//! query, in their order.
//!
//! What is found is a suggestion for a person to look at. A high score does not say that two persons are one, and a low one
//! does not say that they are two: see the recall in `docs/PERFORMANCE.md`.

mod dictionary;
mod distance;
mod kin;
mod order;
mod parts;
mod query;
mod script;
mod servant;
mod skeleton;
mod sounds;
mod wade;

use std::collections::{BTreeMap, BTreeSet};

use crate::Hit;
use crate::limits::{CANDIDATES_MAX, POSTINGS_MAX, RESULTS_MAX};
use dictionary::{Dictionary, PartId};
use query::{Reading, bit, readings};

/// What each part of a name too many costs it when candidates are chosen: about what it costs in the score.
const PART_TOO_MANY: f32 = 0.02;
/// A name whose sum is less than this share of the largest is no candidate.
const CANDIDATE_SHARE: f32 = 0.5;
/// Names that share less than this with a query are not shown.
const SCORE_MIN: f32 = 0.3;

/// A name that is held.
#[derive(Default)]
struct Name {
    place: u32,
    /// In order; empty for a number that has no name.
    parts: Box<[PartId]>,
    /// The first sounds of its parts, as bits.
    first_sounds: u64,
}

/// What names add up for one reading of a query. Made once for a query: to wipe it costs more than to fill it.
struct Sums {
    /// By name.
    sums: Vec<(f32, u8)>,
    /// Names with a sum.
    touched: Vec<u32>,
}

impl Sums {
    fn new(names: usize) -> Self {
        Self { sums: vec![(0.0, 0); names], touched: Vec::new() }
    }

    fn clear(&mut self) {
        for number in self.touched.drain(..) {
            self.sums[number as usize] = (0.0, 0);
        }
    }

    /// Adds a share for a part of the query, a bit, unless the name has one for it.
    fn add(&mut self, number: u32, part: u8, share: f32) {
        let (sum, counted) = &mut self.sums[number as usize];
        if *counted == 0 {
            self.touched.push(number);
        }
        if *counted & part == 0 {
            *counted |= part;
            *sum += share;
        }
    }

    fn of(&self, number: u32) -> f32 {
        self.sums[number as usize].0
    }
}

/// An index of names. Each place may have several.
#[derive(Default)]
pub struct Names {
    dictionary: Dictionary,
    names: Vec<Name>,
    /// How many parts each has, in a list of its own: it is read for many that are not compared. 0 for a number that has no
    /// name.
    lengths: Vec<u8>,
    /// Numbers that no list has.
    free: Vec<u32>,
    /// Numbers that the dictionary still has in its lists: free after the next sweep.
    removed: Vec<u32>,
    /// How many entries of lists were looked at to remove names, in all.
    swept: usize,
    /// Place and name.
    by_place: BTreeSet<(u32, u32)>,
}

impl std::fmt::Debug for Names {
    /// Sizes alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names")
            .field("len", &self.len())
            .field("distinct_parts", &self.distinct_parts())
            .finish_non_exhaustive()
    }
}

impl Names {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many names it holds. One of three or four Han or Hangul characters counts twice: it is held with the given name in
    /// one part as well.
    pub fn len(&self) -> usize {
        self.by_place.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// How many different parts the names have: what a query's time depends on first.
    pub fn distinct_parts(&self) -> usize {
        self.dictionary.len()
    }

    /// Adds a name to a place. Tells whether it can be found: it has letters, and the place does not have it yet.
    pub fn add(&mut self, place: u32, name: &str) -> bool {
        let is_new = self.add_parts(place, parts::parts(name));
        if let Some(parts) = parts::with_given_name_joined(name).filter(|_| is_new) {
            self.add_parts(place, parts);
        }
        is_new
    }

    fn add_parts(&mut self, place: u32, parts: Vec<parts::Part>) -> bool {
        if parts.is_empty() || self.has(place, &parts) {
            return false;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.names.push(Name::default());
            self.lengths.push(0);
            // Each name takes more than 64 bytes: 32 bits count 256 GiB of them.
            self.names.len() as u32 - 1
        });
        let first_sounds = parts.iter().fold(0, |bits, part| bits | bit(part.sounds[0]));
        // At most NAME_PARTS_MAX.
        self.lengths[number as usize] = parts.len() as u8;
        let parts = parts.into_iter().map(|part| self.dictionary.add(part, number)).collect();
        self.names[number as usize] = Name { place, parts, first_sounds };
        self.by_place.insert((place, number));
        true
    }

    /// Forgets all names of a place; tells how many they were, as [`Self::len`] counts them.
    pub fn remove(&mut self, place: u32) -> usize {
        let numbers: Vec<u32> = self.numbers(place).collect();
        for number in &numbers {
            let name = std::mem::take(&mut self.names[*number as usize]);
            let distinct: BTreeSet<PartId> = name.parts.iter().copied().collect();
            distinct.into_iter().for_each(|part| self.dictionary.remove(part));
            self.lengths[*number as usize] = 0;
            self.by_place.remove(&(place, *number));
            self.removed.push(*number);
        }
        // A sweep costs as much as all names that are or were held: when most were removed, a few steps for each of these.
        if self.removed.len() > self.len() {
            self.sweep();
        }
        numbers.len()
    }

    /// Takes out of memory what is left of removed names in the lists that lead to them. Looks at all lists once, so many
    /// removals should share one.
    pub fn compact(&mut self) {
        if !self.removed.is_empty() {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let lengths = &self.lengths;
        self.swept += self.dictionary.sweep(|number| lengths[number as usize] > 0);
        self.free.append(&mut self.removed);
    }

    /// The places whose names answer a query best, at most `limit` and [`RESULTS_MAX`], each once, the best first, equal ones by
    /// place. A query of letters alone (`J. R.`) finds nothing.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit> {
        let limit = limit.min(RESULTS_MAX);
        let mut best = BTreeMap::<u32, f32>::new();
        let mut sums = Sums::new(self.names.len());
        for reading in readings(query, &self.dictionary, self.len()) {
            for number in self.candidates(&reading, limit.max(CANDIDATES_MAX), &mut sums) {
                let name = &self.names[number as usize];
                let score = reading.score(&name.parts, &self.dictionary);
                let known = best.entry(name.place).or_default();
                *known = known.max(score);
            }
        }
        let hits = best.into_iter().filter(|(_, score)| *score >= SCORE_MIN);
        let mut hits: Vec<Hit> = hits.map(|(place, score)| Hit { place, score: score.min(1.0) }).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
        hits.truncate(limit);
        hits
    }

    /// The names with the largest sums of what their parts count.
    fn candidates(&self, reading: &Reading, most: usize, sums: &mut Sums) -> Vec<u32> {
        sums.clear();
        let mut walked = 0;
        let mut order: Vec<usize> = (0..reading.asked.len()).collect();
        // The rarest first: what is beyond the bound is of parts that say the least.
        order.sort_by(|a, b| reading.asked[*b].weight.total_cmp(&reading.asked[*a].weight));
        for n in order {
            let asked = &reading.asked[n];
            // Names that have several matches of this part count the first, which is the most alike.
            let this = 1 << n;
            for found in &asked.matches {
                let names = self.dictionary.names(found.part);
                walked += names.len();
                if walked > POSTINGS_MAX {
                    break;
                }
                let share = found.alike * asked.weight;
                names.iter().for_each(|number| sums.add(*number, this, share));
            }
        }
        let parts = reading.asked.len();
        // Names far below the best are not looked at: most have one common part, or a part that is hardly alike.
        let held = || sums.touched.iter().copied().filter(|number| self.lengths[*number as usize] > 0);
        let best = held().map(|number| sums.of(number)).fold(0.0, f32::max);
        let least = best * CANDIDATE_SHARE;
        let has_initials = reading.has_initials();
        let likely = held().filter(|number| sums.of(*number) >= least);
        let mut ranked: Vec<(f32, u32)> = likely
            .map(|number| {
                let mut sum = sums.of(number);
                if has_initials {
                    sum += reading.initials(self.names[number as usize].first_sounds);
                }
                let too_many = usize::from(self.lengths[number as usize]).saturating_sub(parts) as f32;
                (sum * (1.0 - PART_TOO_MANY * too_many), number)
            })
            .collect();
        if ranked.len() > most {
            ranked.select_nth_unstable_by(most, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            ranked.truncate(most);
        }
        ranked.into_iter().map(|(_, number)| number).collect()
    }

    fn has(&self, place: u32, parts: &[parts::Part]) -> bool {
        let same = |number: u32| {
            let held = &self.names[number as usize].parts;
            let mut pairs = held.iter().zip(parts);
            held.len() == parts.len() && pairs.all(|(id, part)| self.dictionary.part(*id) == Some(part))
        };
        self.numbers(place).any(same)
    }

    fn numbers(&self, place: u32) -> impl Iterator<Item = u32> {
        self.by_place.range((place, 0)..=(place, u32::MAX)).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Names {
        let mut names = Names::new();
        for (place, name) in of.iter().enumerate() {
            assert!(names.add(place as u32, name), "{name}");
        }
        names
    }

    fn first(names: &Names, query: &str) -> Option<u32> {
        names.search(query, 10).first().map(|hit| hit.place)
    }

    #[test]
    fn persons_are_found_however_their_names_are_written() {
        let names = names(&[
            "Ivan Petrovich Gavrilov",
            "محمد عبد الرحمن السيد",
            "王小明",
            "Charles André de Gaulle",
            "Γεώργιος Παπαδόπουλος",
            "María José Hernández Núñez",
            "Ng Siew Mei",
            "Ludwig van Beethoven",
            "Yusuf Islam",
            "Kim Min-ho",
        ]);
        for (query, place) in [
            ("Гаврилов Иван", 0),
            ("I. P. Gawrilow", 0),
            ("Gavrillof, Iwan", 0),
            ("Mohamed Abdurrahman El-Sayed", 1),
            ("Muhammad Abdul Rahman", 1),
            ("Wang Xiaoming", 2),
            ("Wang Hsiao-ming", 2),
            ("XIAO MING WONG", 2),
            ("degaulle charles", 3),
            ("George Papadopoulos", 4),
            ("hernandez nunez maria", 5),
            ("吳 Siew Mei", 6),
            ("Bethoven", 7),
            ("Youssouf Islam", 8),
            ("김민호", 9),
        ] {
            assert_eq!(first(&names, query), Some(place), "{query}: {:?}", names.search(query, 3));
        }
    }

    #[test]
    fn a_servant_of_god_is_found_as_well_written_together_as_apart() {
        let names = names(&["محمد عبد الله, خالد", "Ahmed Abdel Kader", "عبد الرحمن علي"]);
        for (query, place) in [
            ("Khaled Mohammed Abdullah", 0),
            ("Khalid Muhammad Abd Allah", 0),
            ("Khalid Mohamed Abdalla", 0),
            ("Abdelkader Ahmed", 1),
            ("Ahmad Abdul Qader", 1),
            ("Abdul Rahman Ali", 2),
            ("Abdurrahman Ali", 2),
        ] {
            let hits = names.search(query, 3);
            let best = hits.first().map(|hit| (hit.place, hit.score >= 0.85));
            assert_eq!(best, Some((place, true)), "{query}: {hits:?}");
        }
    }

    #[test]
    fn an_article_may_be_joined_to_the_name_behind_it() {
        let names = names(&["AL-SHAMMARI, Mohammed", "Khaled Elmasri", "Jorge Alfaro", "Jorge Faro"]);
        for (query, place) in [
            ("Mohammed Alshamari", 0),
            ("Muhammad Alshamari", 0),
            ("Alshamari Muhammad", 0),
            ("Khalid El-Masri", 1),
            ("Khaled el Masri", 1),
            ("Jorge Alfaro", 2),
            ("Jorge Faro", 3),
        ] {
            let hits = names.search(query, 3);
            let best = hits.first().map(|hit| (hit.place, hit.score >= 0.85));
            assert_eq!(best, Some((place, true)), "{query}: {hits:?}");
        }
    }

    #[test]
    fn letters_are_names_and_not_lost_in_the_next_one() {
        let names = names(&[
            "Kofi Sow",
            "Kofi Sipho Sow",
            "Sean O'Brien",
            "Long Thị Đỗ",
            "Hassan Amir",
            "Hassan Ali Mir",
        ]);
        for (query, place) in
            [("K. S. Sow", 1), ("Sean O Brien", 2), ("S. O'Brien", 2), ("L. T. Đỗ", 3), ("H. A. Mir", 5)]
        {
            assert_eq!(first(&names, query), Some(place), "{query}: {:?}", names.search(query, 3));
        }
    }

    #[test]
    fn what_a_slip_hides_is_found() {
        let names = names(&["عبد العزيز خوري", "Ng Ruolong", "سمير السيد", "Fang Mingxiao", "Fang Xiaoming"]);
        for (query, place) in [
            ("Abdielaziz Khoury", 0),
            ("Ng Jo-lung", 1),
            ("سميط السيد", 2),
            ("Xiaoming Fang", 4),
            ("Fang Mingxiao", 3),
        ] {
            assert_eq!(first(&names, query), Some(place), "{query}: {:?}", names.search(query, 3));
        }
    }

    #[test]
    fn the_name_itself_has_a_score_of_one_and_stands_before_others() {
        let names = names(&["Ali Hassan Mohamed", "Hassan Ali", "Ali Hassan", "Ali Hussein", "Bob Stone"]);
        let hits = names.search("Ali Hassan", 10);
        assert_eq!(hits.iter().map(|hit| hit.place).collect::<Vec<_>>()[..3], [2, 1, 0]);
        assert!((hits[0].score - 1.0).abs() < 1e-6, "{hits:?}");
        assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
        assert!(hits.iter().all(|hit| hit.place != 4));
    }

    #[test]
    fn a_place_has_several_names_and_is_found_once() {
        let mut names = names(&["Ivan Gavrilov"]);
        assert!(names.add(0, "Johann Gabriel"));
        assert!(names.add(0, "Гаврилов"));
        assert!(!names.add(0, "IVAN  Gavrilov"), "the same parts");
        assert!(!names.add(0, " - "));
        assert_eq!(names.search("Gavrilov", 10).len(), 1);
        assert_eq!(first(&names, "Johann Gabriel"), Some(0));
        assert_eq!((names.remove(0), names.len(), names.distinct_parts()), (3, 0, 0));
        assert!(names.search("Gavrilov", 10).is_empty());
        assert_eq!(names.remove(0), 0);
    }

    #[test]
    fn removing_many_names_costs_a_few_steps_for_each() {
        const MANY: u32 = 5_000;
        let mut names = Names::new();
        let letter = |n: u32| char::from(b'a' + (n % 20) as u8);
        let name = |n: u32| format!("Ivan Gav{}o{}i{}ov", letter(n), letter(n / 20), letter(n / 400));
        // All have a part, its sounds and pairs of sounds in common, and all lists are as long as there are names.
        (0..MANY).for_each(|n| assert!(names.add(n, &name(n)), "{}", name(n)));
        (0..MANY).for_each(|n| assert_eq!(names.remove(n), 1));
        assert_eq!((names.len(), names.distinct_parts()), (0, 0));
        assert!(names.swept > 0 && names.swept < 100 * MANY as usize, "{}", names.swept);
        // Numbers are used again, and lead to nobody else.
        assert!(names.add(7, "Petrov"));
        assert_eq!((names.names.len(), names.search("Gavrilov", 10)), (MANY as usize, Vec::new()));
        assert_eq!(first(&names, "Petrov"), Some(7));
    }

    #[test]
    fn what_was_removed_is_in_no_answer_before_a_sweep() {
        let mut names = names(&["Ivan Gavrilov", "Ivan Petrov", "Gavrilov", "Olga Petrov"]);
        names.remove(0);
        assert_eq!(names.swept, 0);
        assert!(names.search("Ivan Gavrilov", 10).iter().all(|hit| hit.place != 0));
        assert!(names.add(4, "Ivan Gavrilov"));
        assert_eq!(first(&names, "Ivan Gavrilov"), Some(4));
        names.compact();
        assert!(names.swept > 0 && names.removed.is_empty());
        assert_eq!(first(&names, "Ivan Gavrilov"), Some(4));
    }

    #[test]
    fn odd_queries_find_nothing_and_do_no_harm() {
        let names = names(&["Ivan Gavrilov", "A", "Li"]);
        for query in ["", " ", "\u{0}", "....", "\u{202e}", "🙂🙂", "((((\"", "J. R."] {
            assert!(names.search(query, 10).is_empty(), "{query:?}");
        }
        names.search(&"ab cd ".repeat(100_000), 10);
        names.search(&"王".repeat(100_000), usize::MAX);
        assert!(names.search("Gavrilov", 0).is_empty());
    }

    #[test]
    fn nothing_personal_is_printed() {
        assert_eq!(format!("{:?}", names(&["Ivan Gavrilov"])), "Names { len: 1, distinct_parts: 2, .. }");
    }
}
