//! From a Latin word to its sounds, and how far apart two sounds are.
//!
//! A **sound** is a byte: a small letter, or `S` (sh), `Z` (zh), `C` (ch), `J` (dj). What several languages spell in several
//! ways is one sound where they agree (`ou` and `oo` are `u`, `ph` is `f`, `kh` is `h`, doubled letters are one), and two near
//! sounds where they do not (`w` and `v`, `j` and `y`).

use crate::limits::PART_SOUNDS_MAX;

/// What one sound too many or too few, or two sounds that have nothing in common, cost at the most.
pub(super) const WHOLE: u16 = 100;

/// Spellings of more than one letter, the longer ones first.
const SPELLINGS: &[(&str, &str)] = &[
    ("dzsch", "J"),
    ("dsch", "J"),
    ("tsch", "C"),
    ("shch", "S"),
    ("sch", "S"),
    ("tch", "C"),
    ("dzh", "J"),
    ("sh", "S"),
    ("sz", "S"),
    ("ch", "C"),
    ("cz", "C"),
    ("zh", "Z"),
    ("rz", "Z"),
    ("dj", "J"),
    ("kh", "h"),
    ("gh", "g"),
    ("ph", "f"),
    ("th", "t"),
    ("bh", "b"),
    ("dh", "d"),
    ("ck", "k"),
    ("qu", "kw"),
    ("ts", "c"),
    ("tz", "c"),
    ("ou", "u"),
    ("oo", "u"),
    ("ee", "i"),
    ("ie", "i"),
];

/// The sounds of a word in small Latin letters, at most [`PART_SOUNDS_MAX`].
pub(super) fn sounds(latin: &str) -> Vec<u8> {
    let mut sounds: Vec<u8> = Vec::with_capacity(latin.len());
    let mut rest = latin;
    // Wade and Giles wrote what pinyin writes x; elsewhere `hs` opens no word.
    if let Some(after) = rest.strip_prefix("hs") {
        sounds.push(b'x');
        rest = after;
    }
    while let Some(first) = rest.bytes().next() {
        // Most letters begin none of them, which their first bytes tell without a comparison of texts.
        let mut same_begin =
            SPELLINGS.iter().filter(|(spelling, _)| spelling.as_bytes().first() == Some(&first));
        let known = same_begin.find(|(spelling, _)| rest.starts_with(spelling));
        let (length, spoken) = match known {
            Some((spelling, sound)) => (spelling.len(), sound.as_bytes()),
            None => (1, &[letter(first, rest.as_bytes().get(1).copied(), sounds.is_empty())][..]),
        };
        for sound in spoken {
            if sounds.last() != Some(sound) {
                sounds.push(*sound);
            }
        }
        rest = &rest[length..];
    }
    sounds.truncate(PART_SOUNDS_MAX);
    sounds
}

fn letter(letter: u8, next: Option<u8>, opens: bool) -> u8 {
    match letter {
        b'q' => b'k',
        b'c' if matches!(next, Some(b'e' | b'i' | b'y')) => b's',
        b'c' => b'k',
        // Before a vowel it is a consonant.
        b'y' if !opens && !next.is_some_and(is_vowel) => b'i',
        other => other,
    }
}

/// Whether a sound is a vowel.
pub(super) fn is_vowel(sound: u8) -> bool {
    matches!(sound, b'a' | b'e' | b'i' | b'o' | b'u')
}

/// Pairs of sounds that languages or ears take for each other, and what one for the other costs.
const NEAR: &[(&str, u8)] = &[
    ("ie yi jy fv vw jJ", 20),
    ("ou ae wu sx Sx cx jZ JZ sz", 25),
    ("bp dt gk sS sc zc ZC jC JC ZS ji hx", 35),
    ("ao ai eo iu au eu ei wo fw kh hC hj bv Jg jg SC Cc zZ hg kC CX dz zJ tc gJ", 45),
    ("mn lr kc pf ks nl ts", 65),
];

/// What it costs that one sound stands for another, by both.
static COSTS: [[u8; 64]; 64] = costs();

/// Made when the program is compiled: a look into the table is all that comparing does.
const fn costs() -> [[u8; 64]; 64] {
    let mut costs = [[95; 64]; 64];
    let vowels = b"aeiou";
    let mut n = 0;
    while n < vowels.len() * vowels.len() {
        costs[index(vowels[n / vowels.len()])][index(vowels[n % vowels.len()])] = 50;
        n += 1;
    }
    n = 0;
    while n < NEAR.len() {
        let (pairs, cost) = (NEAR[n].0.as_bytes(), NEAR[n].1);
        // Two letters and a space.
        let mut at = 0;
        while at < pairs.len() {
            let (a, b) = (index(pairs[at]), index(pairs[at + 1]));
            (costs[a][b], costs[b][a]) = (cost, cost);
            at += 3;
        }
        n += 1;
    }
    n = 0;
    while n < costs.len() {
        costs[n][n] = 0;
        n += 1;
    }
    costs
}

const fn index(sound: u8) -> usize {
    (sound & 63) as usize
}

/// What it costs that one sound stands for another, in hundredths.
#[inline]
pub(super) fn substitution(a: u8, b: u8) -> u16 {
    u16::from(COSTS[index(a)][index(b)])
}

/// What a sound too many costs, in hundredths.
#[inline]
pub(super) fn insertion(sound: u8) -> u16 {
    match sound {
        b'a' | b'e' | b'i' | b'o' | b'u' => 45,
        b'h' | b'y' | b'w' | b'j' => 50,
        _ => 95,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        sounds(a) == sounds(b)
    }

    #[test]
    fn spellings_of_one_sound_are_one() {
        for (a, b) in [
            ("youssef", "yusef"),
            ("mohammed", "mohamed"),
            ("schmidt", "shmidt"),
            ("philip", "filip"),
            ("djamel", "dzhamel"),
            ("khaled", "haled"),
            ("hsiaoming", "xiaoming"),
            ("qasim", "kasim"),
            ("andrey", "andrei"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        assert!(!same("hamid", "ahmed"));
    }

    #[test]
    fn sounds_of_one_place_in_the_mouth_are_near() {
        assert_eq!(substitution(b'v', b'v'), 0);
        assert!(substitution(b'v', b'w') < substitution(b'b', b'v'));
        assert!(substitution(b'b', b'v') < substitution(b'k', b'm'));
        for a in b'a'..=b'z' {
            for b in b'a'..=b'z' {
                assert_eq!(substitution(a, b), substitution(b, a));
                assert!(substitution(a, b) <= WHOLE && insertion(a) <= WHOLE);
            }
        }
    }

    #[test]
    fn all_sounds_have_a_row_of_their_own() {
        let all: std::collections::BTreeSet<usize> = (b'a'..=b'z').chain(*b"SZCJ").map(index).collect();
        assert_eq!(all.len(), 30);
    }

    #[test]
    fn a_word_without_end_has_few_sounds() {
        assert_eq!(sounds(&"ab".repeat(500)).len(), PART_SOUNDS_MAX);
    }
}
