//! The parts of a name: its words as sounds, without articles, prepositions and titles.

use super::script::{Word, words};
use super::servant::servants;
use super::sounds::sounds;
use crate::limits::{NAME_PARTS_MAX, PART_SOUNDS_MAX};

/// One part of a name. Parts are ordered as bytes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// Never empty.
    pub(super) sounds: Vec<u8>,
    /// The script does not write all vowels.
    pub(super) abjad: bool,
}

impl Part {
    fn of(word: &Word) -> Option<Self> {
        let sounds = sounds(&word.latin);
        (!sounds.is_empty()).then_some(Self { sounds, abjad: word.abjad })
    }

    /// Two parts as one.
    pub(super) fn joined(&self, next: &Self) -> Self {
        let mut sounds = self.sounds.clone();
        let doubled = sounds.last() == next.sounds.first();
        sounds.extend(&next.sounds[usize::from(doubled)..]);
        sounds.truncate(PART_SOUNDS_MAX);
        Self { sounds, abjad: self.abjad || next.abjad }
    }

    /// Whether it is a single letter.
    pub(super) fn is_initial(&self) -> bool {
        self.sounds.len() == 1
    }
}

/// Articles, prepositions, sons and daughters, titles: they come and go, and tell of nobody.
const PARTICLES: &[&str] = &[
    "af", "al", "av", "bin", "bint", "ben", "ibn", "binti", "bte", "da", "das", "de", "del", "della", "den",
    "der", "des", "di", "do", "dos", "du", "el", "la", "las", "le", "les", "los", "of", "st", "ter", "the",
    "ul", "ur", "und", "van", "von", "vom", "zu", "zum", "zur", "mr", "mrs", "ms", "dr", "prof", "jr", "sr",
    "bn",
];

/// Of them what may stand at the end of a name.
const SUFFIXES: &[&str] = &["jr", "sr"];

/// The parts of a name in order, at most [`NAME_PARTS_MAX`]. Particles are left out where two other parts remain that are not
/// both letters, and something follows that they belong to: `Du Fu`, `Le Van Tam` and `Tam Thi Le` have none.
pub(super) fn parts(name: &str) -> Vec<Part> {
    let all = split(name);
    let last = all.len().saturating_sub(1);
    let is_kept = |(n, word): &(usize, &Word)| {
        !is_particle(word) || *n == last && !SUFFIXES.contains(&word.latin.as_str())
    };
    let kept: Vec<&Word> = all.iter().enumerate().filter(is_kept).map(|(_, word)| word).collect();
    let is_name = kept.len() >= 2 && kept.iter().any(|word| word.latin.len() > 1);
    let words = if is_name { kept } else { all.iter().collect() };
    words.into_iter().filter_map(Part::of).take(NAME_PARTS_MAX).collect()
}

/// The same if `de` in `de Gaulle` is a particle and no part; none if nothing else is there.
pub(super) fn without_particles(name: &str) -> Vec<Part> {
    let kept = split(name).into_iter().filter(|word| !is_particle(word));
    kept.filter_map(|word| Part::of(&word)).take(NAME_PARTS_MAX).collect()
}

/// The parts of a name whose Arabic articles are joined to what stands behind them, as `Alshamari` is, and those of them that are
/// so joined.
pub(super) fn with_articles_joined(name: &str) -> (Vec<Part>, Vec<Part>) {
    let (mut words, mut joined): (Vec<Word>, Vec<Part>) = (Vec::new(), Vec::new());
    let mut article: Option<Word> = None;
    for word in split(name) {
        if let Some(before) = article.take() {
            let whole = Word { latin: before.latin + &word.latin, ..word };
            joined.extend(Part::of(&whole));
            words.push(whole);
        } else if !word.syllable && matches!(word.latin.as_str(), "al" | "el") {
            article = Some(word);
        } else {
            words.push(word);
        }
    }
    words.extend(article);
    let kept = words.iter().filter(|word| !is_particle(word));
    (kept.filter_map(Part::of).take(NAME_PARTS_MAX).collect(), joined)
}

/// A name of three or four characters of a syllable each, with its given name in one part, as Latin letters write it mostly: a
/// slip in `Xiaoming` would hide both of its syllables. None for other names.
pub(super) fn with_given_name_joined(name: &str) -> Option<Vec<Part>> {
    let words = words(name);
    let family = match words.len() {
        3 => 1,
        4 => 2,
        _ => return None,
    };
    if !words.iter().all(|word| word.syllable) {
        return None;
    }
    let parts = [&words[..family], &words[family..]];
    let joined = parts.map(|words| {
        let parts = words.iter().filter_map(Part::of);
        parts.reduce(|before, next| before.joined(&next))
    });
    joined.into_iter().collect()
}

fn split(name: &str) -> Vec<Word> {
    servants(&words(name))
}

/// A Chinese syllable is none, whatever it sounds like: 德 is no `de`.
fn is_particle(word: &Word) -> bool {
    !word.syllable && PARTICLES.contains(&word.latin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        let parts = parts(name);
        parts.iter().map(|part| String::from_utf8_lossy(&part.sounds)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn particles_are_left_out_where_a_name_remains() {
        assert_eq!(text("Ludwig van Bach"), "ludwig baC");
        assert_eq!(text("Osama bin Mohammed al-Sayed"), "osama mohamed sayed");
        assert_eq!(text("K. von der Tann"), "k tan");
        assert_eq!(text("Du Fu"), "du fu");
        assert_eq!(text("Le Van Tam"), "le van tam");
        assert_eq!(text("Tam Thi Le"), "tam ti le");
        assert_eq!(text("T. T. Do"), "t t do");
        assert_eq!(text("John Smith Jr."), "john smit");
        assert_eq!(text("王德芳"), "wang de fang");
        assert_eq!(without_particles("de Gaulle"), parts("Gaulle"));
        assert!(without_particles("Du").is_empty());
    }

    #[test]
    fn given_names_of_syllables_are_one_part_as_well() {
        assert_eq!(with_given_name_joined("王小明"), Some(parts("Wang Xiaoming")));
        assert_eq!(with_given_name_joined("欧阳小明"), Some(parts("Ouyang Xiaoming")));
        assert_eq!(with_given_name_joined("Wang Xiao Ming"), None);
        assert_eq!(with_given_name_joined("王明"), None);
    }

    #[test]
    fn articles_may_be_joined_to_the_name_behind() {
        let (parts_, joined) = with_articles_joined("Osama bin Mohammed Al-Shammari");
        assert_eq!((parts_, joined), (parts("Osama Mohammed Alshammari"), parts("Alshammari")));
        assert_eq!(with_articles_joined("Hasan Al").1, []);
    }

    #[test]
    fn servants_are_written_apart() {
        assert_eq!(text("Abdurrahman Abdulkarim Abd al-Rahman"), "abd rahman abd karim abd rahman");
        assert_eq!(text("Abdullah Abdel"), "abdulah abdel");
        assert_eq!(text("عبدالرحمن عبد الرحمن"), "abd rhmn abd rhmn");
        assert_eq!(text("Abdul Rahman Abdel-Kader Abdulhak"), "abd rahman abd kader abd hak");
    }

    #[test]
    fn the_servant_of_god_is_one_part_however_it_is_written() {
        for written in [
            "Abdullah",
            "Abdalla",
            "Abd Allah",
            "abdou llah",
            "Abd al-Lah",
            "Abdel Lah",
            "عبد الله",
            "عبدالله",
            "Абдулла",
            "Абд Аллах",
        ] {
            assert_eq!(text(&format!("{written} Hasan")), "abdulah hasan", "{written}");
        }
        assert_eq!(text("Abdullahi Abdullatif"), "abdulah abd latif");
        assert_eq!(text("Hasan Abdul"), "hasan abdul");
    }

    #[test]
    fn parts_have_bounds() {
        assert_eq!(parts(&"ab cd ".repeat(1000)).len(), NAME_PARTS_MAX);
        assert!(parts("--- 123").is_empty());
    }

    #[test]
    fn joined_parts_have_no_doubled_sound() {
        let [a, b] = parts("xiam ming").try_into().unwrap();
        assert_eq!(a.joined(&b).sounds, b"xiaming");
    }
}
