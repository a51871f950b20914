//! Names that begin with `Abd`, "servant of": written in one word or two, with the article or without, and with the article
//! changed by what it stands before.
//!
//! Each is two parts, `Abd` and the name of God, as Arabic writes it. `Abdullah` alone is one part, since more people have that
//! name than any of the others and nobody writes its second half apart from the first.

use super::script::Word;

/// "Servant of the".
const SERVANT: &[&str] = &["abdul", "abdel", "abdal", "abdol", "abdoul", "abdil"];
const SERVANT_ASSIMILATED: &[(&str, &str)] = &[
    ("abdur", "r"),
    ("abder", "r"),
    ("abdou", "r"),
    ("abdus", "s"),
    ("abdes", "s"),
    ("abdun", "n"),
    ("abden", "n"),
];
/// Names of God that are shorter than what else is split off.
const SHORT: &[&str] = &["ali", "aly", "hak", "haq", "hay", "nur"];

/// The first half of `Abdullah` where it stands apart, and the second, with which the article may have grown together.
const ABD: &[&str] = &["abd", "abdu", "abdou", "abdul", "abdel", "abdal", "abdoul"];
const GOD: &[&str] = &["allah", "alla", "allh", "allakh", "ullah", "ulla", "llah", "lla", "llh", "lah"];
/// Both in one word.
const SERVANT_OF_GOD: &[&str] = &[
    "abdullah",
    "abdullahi",
    "abdulahi",
    "abdulla",
    "abdulah",
    "abdullakh",
    "abdallah",
    "abdalla",
    "abdalah",
    "abdallh",
    "abdallakh",
    "abdellah",
    "abdella",
    "abdollah",
    "abdolla",
    "abdoullah",
    "abdoulla",
    "abdoulah",
    "abdillah",
];

/// The words of a name with these names each in one way.
pub(super) fn servants(words: &[Word]) -> Vec<Word> {
    let mut all = Vec::new();
    let mut rest = words;
    while let [word, behind @ ..] = rest {
        if let Some(taken) = of_god(rest) {
            all.push(Word { latin: "abdullah".into(), abjad: false, syllable: false });
            rest = &rest[taken..];
            continue;
        }
        match split(word) {
            Some(halves) => all.extend(halves),
            // What follows is the name of God, whichever it is.
            None if SERVANT.contains(&word.latin.as_str()) && !behind.is_empty() => {
                all.push(Word { latin: "abd".into(), ..word.clone() });
            }
            None => all.push(word.clone()),
        }
        rest = behind;
    }
    all
}

/// How many words at the beginning are `Abdullah`.
fn of_god(words: &[Word]) -> Option<usize> {
    let latin = |n: usize| words.get(n).filter(|word| !word.syllable).map(|word| word.latin.as_str());
    let is = |n: usize, of: &[&str]| latin(n).is_some_and(|word| of.contains(&word));
    if is(0, SERVANT_OF_GOD) {
        return Some(1);
    }
    if !is(0, ABD) {
        return None;
    }
    let article = usize::from(is(1, &["al", "el", "ul"]));
    is(1 + article, GOD).then_some(2 + article)
}

/// `Abdurrahman` is `Abd` and `Rahman`. What is left must be a name.
fn split(word: &Word) -> Option<[Word; 2]> {
    let least = if word.abjad { 3 } else { 4 };
    let plain = SERVANT.iter().find_map(|prefix| word.latin.strip_prefix(prefix));
    let assimilated = SERVANT_ASSIMILATED
        .iter()
        .find_map(|(prefix, first)| word.latin.strip_prefix(prefix).filter(|rest| rest.starts_with(first)));
    let rest = plain.or(assimilated).filter(|rest| rest.len() >= least || SHORT.contains(rest))?;
    Some([Word { latin: "abd".into(), ..word.clone() }, Word { latin: rest.to_owned(), ..word.clone() }])
}
