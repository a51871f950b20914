//! Syllables of Chinese as Wade and Giles wrote them beside pinyin: passports of Taiwan and older books have the former.
//!
//! Without its apostrophes, as it is written mostly, one spelling of theirs is of several syllables: Chi is 季 (ji) and 齐 (qi).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::sounds::sounds;

/// First consonants, pinyin before Wade and Giles.
const INITIALS: &[(&str, &str)] = &[
    ("b", "p"),
    ("p", "p"),
    ("m", "m"),
    ("f", "f"),
    ("d", "t"),
    ("t", "t"),
    ("n", "n"),
    ("l", "l"),
    ("g", "k"),
    ("k", "k"),
    ("h", "h"),
    ("j", "ch"),
    ("q", "ch"),
    ("x", "hs"),
    ("zh", "ch"),
    ("ch", "ch"),
    ("sh", "sh"),
    ("r", "j"),
    ("z", "ts"),
    ("c", "ts"),
    ("s", "s"),
    ("w", "w"),
    ("y", "y"),
];
/// What follows.
const FINALS: &[(&str, &str)] = &[
    ("a", "a"),
    ("ai", "ai"),
    ("an", "an"),
    ("ang", "ang"),
    ("ao", "ao"),
    ("e", "e"),
    ("ei", "ei"),
    ("en", "en"),
    ("eng", "eng"),
    ("i", "i"),
    ("ia", "ia"),
    ("ian", "ien"),
    ("iang", "iang"),
    ("iao", "iao"),
    ("ie", "ieh"),
    ("in", "in"),
    ("ing", "ing"),
    ("iong", "iung"),
    ("iu", "iu"),
    ("o", "o"),
    ("ong", "ung"),
    ("ou", "ou"),
    ("u", "u"),
    ("ua", "ua"),
    ("uai", "uai"),
    ("uan", "uan"),
    ("uang", "uang"),
    ("ue", "ueh"),
    ("ui", "ui"),
    ("un", "un"),
    ("uo", "o"),
];
/// Syllables that are not put together so.
const OTHERS: &[(&str, &str)] = &[
    ("zhi", "chih"),
    ("chi", "chih"),
    ("shi", "shih"),
    ("ri", "jih"),
    ("zi", "tzu"),
    ("ci", "tzu"),
    ("si", "ssu"),
    ("ge", "ko"),
    ("ke", "ko"),
    ("he", "ho"),
    ("guo", "kuo"),
    ("kuo", "kuo"),
    ("huo", "huo"),
    ("shuo", "shuo"),
    ("gui", "kuei"),
    ("kui", "kuei"),
    ("er", "erh"),
    ("yan", "yen"),
    ("ye", "yeh"),
    ("you", "yu"),
];

/// From the sounds of either spelling to those of the other.
static OTHER_SPELLINGS: LazyLock<BTreeMap<Vec<u8>, Vec<Vec<u8>>>> = LazyLock::new(|| {
    let mut others = BTreeMap::<Vec<u8>, Vec<Vec<u8>>>::new();
    let regular = INITIALS.iter().flat_map(|(initial, theirs)| {
        FINALS.iter().map(move |(end, their_end)| (format!("{initial}{end}"), format!("{theirs}{their_end}")))
    });
    let regular = regular.filter(|(pinyin, _)| OTHERS.iter().all(|(other, _)| other != pinyin));
    let others_of = OTHERS.iter().map(|(pinyin, theirs)| ((*pinyin).to_owned(), (*theirs).to_owned()));
    for (pinyin, theirs) in regular.chain(others_of) {
        let (pinyin, theirs) = (sounds(&pinyin), sounds(&theirs));
        if pinyin != theirs {
            others.entry(pinyin.clone()).or_default().push(theirs.clone());
            others.entry(theirs).or_default().push(pinyin);
        }
    }
    others
});

/// The sounds that the other spelling gives a syllable; none for what is no syllable of Chinese, or is one in both.
pub(super) fn other_spellings(sounds: &[u8]) -> &'static [Vec<u8>] {
    OTHER_SPELLINGS.get(sounds).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_lead_to_their_other_spellings() {
        for (pinyin, theirs) in [
            ("xue", "hsueh"),
            ("jie", "chieh"),
            ("ruo", "jo"),
            ("zhi", "chih"),
            ("zi", "tzu"),
            ("si", "ssu"),
            ("gui", "kuei"),
            ("dong", "tung"),
            ("qian", "chien"),
            ("jian", "chien"),
            ("yan", "yen"),
        ] {
            assert!(other_spellings(&sounds(pinyin)).contains(&sounds(theirs)), "{pinyin}");
            assert!(other_spellings(&sounds(theirs)).contains(&sounds(pinyin)), "{theirs}");
        }
        assert!(!other_spellings(&sounds("guo")).contains(&sounds("ko")));
        assert!(other_spellings(&sounds("ma")).is_empty());
        assert!(other_spellings(&sounds("gavrilov")).is_empty());
    }
}
