//! The consonants of a part, by class: what stays of a name in most spellings.
//!
//! A skeleton is a number: four bits for each consonant, the first highest, at most sixteen. Where languages read a letter as
//! different consonants a part has several skeletons.

use super::sounds::is_vowel;
use crate::limits::SKELETONS_MAX;

/// Bits of a consonant's class.
const BITS: u32 = 4;
/// Most consonants.
const CONSONANTS_MAX: usize = 16;

/// The classes; 0 is the end.
const LABIAL: u8 = 1;
const FRICATIVE: u8 = 2;
const DENTAL: u8 = 3;
const BACK: u8 = 4;
const AFFRICATE: u8 = 5;
const SIBILANT: u8 = 6;
const L: u8 = 7;
const R: u8 = 8;
const M: u8 = 9;
const N: u8 = 10;
/// No consonant.
const NONE: u8 = 0;

/// A skeleton; 0 for a part without consonants.
pub(super) type Skeleton = u64;

/// The skeletons of a part's sounds, one to [`SKELETONS_MAX`], all different.
pub(super) fn skeletons(sounds: &[u8]) -> Vec<Skeleton> {
    let mut readings: Vec<Vec<u8>> = vec![Vec::new()];
    for (n, sound) in sounds.iter().enumerate() {
        let is_last = n + 1 == sounds.len();
        let (first, second) = classes(*sound, is_last && n > 0);
        if let Some(second) = second.filter(|_| 2 * readings.len() <= SKELETONS_MAX) {
            let mut others = readings.clone();
            others.iter_mut().for_each(|reading| add(reading, second));
            readings.iter_mut().for_each(|reading| add(reading, first));
            readings.append(&mut others);
        } else {
            readings.iter_mut().for_each(|reading| add(reading, first));
        }
    }
    let mut skeletons: Vec<Skeleton> = readings.iter().map(|reading| packed(reading)).collect();
    skeletons.sort_unstable();
    skeletons.dedup();
    skeletons
}

/// The skeletons with one consonant less, if two or more are left.
pub(super) fn with_one_less(skeleton: Skeleton) -> Vec<Skeleton> {
    let classes = unpacked(skeleton);
    if classes.len() < 3 {
        return Vec::new();
    }
    let mut all: Vec<Skeleton> = (0..classes.len())
        .map(|left_out| {
            let kept = classes.iter().enumerate().filter(|(n, _)| *n != left_out);
            packed(&kept.map(|(_, class)| *class).collect::<Vec<_>>())
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The class of a sound, and another that it may have.
fn classes(sound: u8, is_last: bool) -> (u8, Option<u8>) {
    match sound {
        vowel if is_vowel(vowel) => (NONE, None),
        b'b' | b'p' => (LABIAL, None),
        b'f' | b'v' => (FRICATIVE, None),
        b'w' => (NONE, Some(FRICATIVE)),
        b't' | b'd' => (DENTAL, None),
        // An `h` at the end is not spoken, or hardly.
        b'h' if is_last => (NONE, None),
        b'k' | b'g' | b'q' | b'h' => (BACK, None),
        b'C' => (AFFRICATE, Some(BACK)),
        b'Z' | b'J' => (AFFRICATE, None),
        b'j' => (AFFRICATE, Some(NONE)),
        b'c' => (SIBILANT, Some(AFFRICATE)),
        b's' | b'z' | b'x' | b'S' => (SIBILANT, None),
        b'l' => (L, None),
        b'r' => (R, None),
        b'm' => (M, None),
        b'n' => (N, None),
        _ => (NONE, None),
    }
}

/// Adds a class; of two equal ones in a row one is enough.
fn add(reading: &mut Vec<u8>, class: u8) {
    if class != NONE && reading.last() != Some(&class) && reading.len() < CONSONANTS_MAX {
        reading.push(class);
    }
}

fn packed(classes: &[u8]) -> Skeleton {
    let mut skeleton = 0;
    for (n, class) in classes.iter().take(CONSONANTS_MAX).enumerate() {
        skeleton |= u64::from(*class) << (64 - BITS * (n as u32 + 1));
    }
    skeleton
}

fn unpacked(skeleton: Skeleton) -> Vec<u8> {
    let class = |n: u32| ((skeleton >> (64 - BITS * (n + 1))) & 15) as u8;
    (0..CONSONANTS_MAX as u32).map(class).take_while(|class| *class != NONE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::parts::parts;

    fn of(name: &str) -> Vec<Skeleton> {
        skeletons(&parts(name)[0].sounds)
    }

    fn share(a: &str, b: &str) -> bool {
        of(a).iter().any(|skeleton| of(b).contains(skeleton))
    }

    #[test]
    fn spellings_of_a_name_share_a_skeleton() {
        for (a, b) in [
            ("Mohammed", "Mahomet"),
            ("Mohamed", "محمد"),
            ("Gavrilov", "Gawrilow"),
            ("Yusuf", "Youssef"),
            ("Walid", "Oualid"),
            ("Qasim", "Kassem"),
            ("Jan", "Yan"),
            ("Chaim", "Haim"),
            ("Zhang", "Chang"),
            ("Fatima", "Fatimah"),
        ] {
            assert!(share(a, b), "{a} {b}");
        }
        assert!(!share("Gavrilov", "Petrov"));
    }

    #[test]
    fn no_part_has_more_than_a_few() {
        assert!(of("wjwjwjwjwjwj").len() <= SKELETONS_MAX);
        assert_eq!(of("aeiou"), [0]);
    }

    #[test]
    fn one_less_is_one_less() {
        let skeleton = packed(&[M, BACK, M, DENTAL]);
        assert_eq!(unpacked(skeleton), [M, BACK, M, DENTAL]);
        assert!(with_one_less(skeleton).contains(&packed(&[M, BACK, M])));
        assert_eq!(with_one_less(skeleton).len(), 4);
        assert!(with_one_less(packed(&[M, N])).is_empty());
    }
}
