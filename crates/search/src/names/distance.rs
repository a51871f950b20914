//! How alike two parts of names are, by their sounds.

use super::parts::Part;
use super::sounds::{WHOLE, insertion, is_vowel, substitution};
use crate::limits::PART_SOUNDS_MAX;

/// Two sounds in each other's place.
const TRANSPOSITION: u16 = 75;
/// A vowel that only one of two parts has, where the other's script writes none.
const UNWRITTEN: u16 = 8;
/// Vowels and half-vowels of such a script are written now and then: any stands for any.
const MATER: u16 = 12;

/// 1 for equal parts, 0 for parts that share nothing: one less the least cost of edits over the length of the longer.
pub(super) fn similarity(a: &Part, b: &Part) -> f32 {
    if a.sounds == b.sounds {
        // With vowels and without them no equal sounds are a proof.
        return if a.abjad == b.abjad { 1.0 } else { 0.98 };
    }
    let longer = a.sounds.len().max(b.sounds.len());
    let most = f32::from(WHOLE) * longer as f32;
    (1.0 - f32::from(cost(a, b)) / most).max(0.0)
}

/// The least cost of edits: optimal string alignment with weights, in hundredths.
fn cost(a: &Part, b: &Part) -> u16 {
    let vowels_missing = a.abjad != b.abjad;
    let too_many = |part: &Part, sound: u8| {
        if !vowels_missing {
            insertion(sound)
        } else if part.abjad {
            if is_mater(sound) { MATER } else { insertion(sound) }
        } else if is_vowel(sound) {
            UNWRITTEN
        } else {
            insertion(sound)
        }
    };
    let (long, short) = (&a.sounds, &b.sounds);
    let width = short.len() + 1;
    let mut rows = [[0_u16; PART_SOUNDS_MAX + 1]; 3];
    for (n, sound) in short.iter().enumerate() {
        rows[0][n + 1] = rows[0][n] + too_many(b, *sound);
    }
    for (i, ours) in long.iter().enumerate() {
        let (now, before, earlier) = ((i + 1) % 3, i % 3, (i + 2) % 3);
        let our_cost = too_many(a, *ours);
        rows[now][0] = rows[before][0] + our_cost;
        for j in 1..width {
            let theirs = short[j - 1];
            let mut changed = substitution(*ours, theirs);
            if vowels_missing && changed > MATER && is_mater(*ours) && is_mater(theirs) {
                changed = MATER;
            }
            let mut best = rows[before][j - 1] + changed;
            best = best.min(rows[before][j] + our_cost);
            best = best.min(rows[now][j - 1] + too_many(b, theirs));
            if i > 0 && j > 1 && *ours == short[j - 2] && long[i - 1] == theirs {
                best = best.min(rows[earlier][j - 2] + TRANSPOSITION);
            }
            rows[now][j] = best;
        }
    }
    rows[long.len() % 3][short.len()]
}

fn is_mater(sound: u8) -> bool {
    is_vowel(sound) || matches!(sound, b'w' | b'y')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::parts::parts;

    fn alike(a: &str, b: &str) -> f32 {
        let (a, b) = (parts(a), parts(b));
        let (there, back) = (similarity(&a[0], &b[0]), similarity(&b[0], &a[0]));
        assert!((there - back).abs() < 1e-6, "{there} {back}");
        there
    }

    #[test]
    fn one_name_in_several_spellings_is_alike() {
        for (a, b) in [
            ("Gavrilov", "Gawrilow"),
            ("Gavrilov", "Гаврилов"),
            ("Mohamed", "Muhammad"),
            ("Mohamed", "محمد"),
            ("Yusuf", "يوسف"),
            ("Ibrahim", "إبراهيم"),
            ("Jurij", "Юрий"),
            ("Papadopoulos", "Παπαδόπουλος"),
            ("Tschaikowski", "Чайковский"),
        ] {
            assert!(alike(a, b) >= 0.8, "{a} {b}: {}", alike(a, b));
        }
    }

    #[test]
    fn two_names_are_not() {
        for (a, b) in [("Hamid", "Ahmed"), ("Peter", "Hans"), ("Gavrilov", "Petrov"), ("محمد", "حسن")]
        {
            assert!(alike(a, b) < 0.8, "{a} {b}: {}", alike(a, b));
        }
    }

    #[test]
    fn edits_cost_what_they_are() {
        assert!((alike("kamal", "kamal") - 1.0).abs() < 1e-6);
        let (vowel, near, far) = (alike("kamal", "kamil"), alike("kabal", "kapal"), alike("kamal", "katal"));
        assert!(near > vowel && vowel > far && far >= 0.8, "{near} {vowel} {far}");
        assert!(alike("kamal", "kaaml") > alike("kamal", "kanil"));
    }
}
