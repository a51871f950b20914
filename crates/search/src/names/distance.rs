//! How alike two parts of names are, by their sounds.

use super::parts::Part;
use super::sounds::{WHOLE, insertion, is_vowel, substitution};
use crate::limits::PART_SOUNDS_MAX;

/// Two sounds in each other's place.
const TRANSPOSITION: u16 = 75;
/// A vowel that only one of two parts has, where the other's script writes none.
const UNWRITTEN: u16 = 9;
/// Vowels and half-vowels of such a script are written now and then: any stands for any.
const MATER: u16 = 12;

/// 1 for equal parts, less for parts that share less: one less the least cost of edits over the length of the longer, without the
/// vowels that the other's script does not write: in `Balwinder` they would hide how much is not in `بلال`. 0 if it would be below
/// `least`, of which much of the work is spared.
pub(super) fn similarity(a: &Part, b: &Part, least: f32) -> f32 {
    if a.sounds == b.sounds {
        // With vowels and without them no equal sounds are a proof.
        return if a.abjad == b.abjad { 1.0 } else { 0.98 };
    }
    let longer = written(a, b).max(written(b, a));
    let whole = f32::from(WHOLE) * longer as f32;
    let most = ((1.0 - least) * whole) as u16;
    cost(a, b, most).map_or(0.0, |cost| 1.0 - f32::from(cost) / whole)
}

/// How many sounds of a part the script of the other would write.
fn written(part: &Part, other: &Part) -> usize {
    let unwritten = |sound: &&u8| other.abjad && !part.abjad && is_vowel(**sound);
    part.sounds.len() - part.sounds.iter().filter(unwritten).count()
}

/// What each sound of a part costs if the other has none in its place.
fn too_many(part: &Part, other: &Part) -> [u16; PART_SOUNDS_MAX] {
    let mut costs = [0; PART_SOUNDS_MAX];
    for (cost, sound) in costs.iter_mut().zip(&part.sounds) {
        *cost = match (part.abjad, other.abjad) {
            (true, false) if is_mater(*sound) => MATER,
            (false, true) if is_vowel(*sound) => UNWRITTEN,
            _ => insertion(*sound),
        };
    }
    costs
}

/// The least cost of edits: optimal string alignment with weights, in hundredths. None if it is more than `most`.
fn cost(a: &Part, b: &Part, most: u16) -> Option<u16> {
    let vowels_missing = a.abjad != b.abjad;
    let (ours, theirs) = (&a.sounds, &b.sounds);
    let (our_costs, their_costs) = (too_many(a, b), too_many(b, a));
    let mut rows = [[0_u16; PART_SOUNDS_MAX + 1]; 3];
    for n in 0..theirs.len() {
        rows[0][n + 1] = rows[0][n] + their_costs[n];
    }
    for i in 0..ours.len() {
        let (now, before, earlier) = ((i + 1) % 3, i % 3, (i + 2) % 3);
        rows[now][0] = rows[before][0] + our_costs[i];
        let mut least = rows[now][0];
        for j in 0..theirs.len() {
            let mut changed = substitution(ours[i], theirs[j]);
            if vowels_missing && changed > MATER && is_mater(ours[i]) && is_mater(theirs[j]) {
                changed = MATER;
            }
            let mut best = rows[before][j] + changed;
            best = best.min(rows[before][j + 1] + our_costs[i]);
            best = best.min(rows[now][j] + their_costs[j]);
            if i > 0 && j > 0 && ours[i] == theirs[j - 1] && ours[i - 1] == theirs[j] {
                best = best.min(rows[earlier][j - 1] + TRANSPOSITION);
            }
            rows[now][j + 1] = best;
            least = least.min(best);
        }
        // Two sounds in each other's place cost less together than apart: by less than one of them.
        if least > most + TRANSPOSITION {
            return None;
        }
    }
    Some(rows[ours.len() % 3][theirs.len()]).filter(|cost| *cost <= most)
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
        let (there, back) = (similarity(&a[0], &b[0], 0.0), similarity(&b[0], &a[0], 0.0));
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
