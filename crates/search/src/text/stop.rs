//! Words that stand in every text of a language and say nothing: articles, prepositions, conjunctions, pronouns. They are
//! indexed, since "quoted phrases" have them, and do not count as words of a query.
//!
//! A query goes through all languages, and a word that is common in one of them is rare in another, where it would count the
//! more: `de` leads to any English text with Rio de Janeiro in it. So it counts in none of them. Only a word that means something
//! in another language (`car`, `or`, `sur`, `sin`) is left out of its own language alone.

use super::Language;

/// As the words of texts are folded. In order.
const EVERYWHERE: &[&str] = &[
    "a",
    "al",
    "an",
    "and",
    "as",
    "at",
    "aux",
    "avec",
    "be",
    "been",
    "by",
    "cet",
    "cette",
    "dans",
    "de",
    "del",
    "des",
    "du",
    "el",
    "elle",
    "elles",
    "en",
    "entre",
    "et",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "his",
    "il",
    "ils",
    "in",
    "into",
    "is",
    "it",
    "its",
    "la",
    "las",
    "le",
    "les",
    "leur",
    "leurs",
    "lo",
    "los",
    "not",
    "of",
    "on",
    "ou",
    "para",
    "por",
    "que",
    "qui",
    "she",
    "sont",
    "that",
    "the",
    "their",
    "these",
    "they",
    "this",
    "those",
    "to",
    "una",
    "unas",
    "une",
    "unos",
    "upon",
    "was",
    "we",
    "were",
    "which",
    "who",
    "whose",
    "with",
    "y",
    "الا",
    "التي",
    "الذي",
    "الذين",
    "الي",
    "ان",
    "او",
    "بين",
    "تلك",
    "ثم",
    "حتي",
    "ذلك",
    "عن",
    "عند",
    "في",
    "قد",
    "كان",
    "كانت",
    "كل",
    "لا",
    "لم",
    "لن",
    "ما",
    "مع",
    "من",
    "منذ",
    "هذا",
    "هذه",
    "هم",
    "هو",
    "هي",
    "و",
];

/// Of one language each, which mean something in others. In order.
const ENGLISH: &[&str] = &["are", "no", "or"];
const FRENCH: &[&str] = &[
    "au", "car", "ce", "ces", "contre", "est", "mais", "ne", "ni", "ont", "par", "pas", "plus", "pour", "sa",
    "sans", "se", "ses", "son", "sous", "sur", "un", "vers",
];
const SPANISH: &[&str] = &[
    "como", "con", "desde", "e", "era", "es", "fue", "han", "hasta", "hay", "mas", "ni", "no", "o", "pero",
    "se", "sin", "sobre", "su", "sus", "u", "un",
];

/// What French joins to the word behind it.
const ELIDED: [&str; 3] = ["l", "d", "qu"];

/// Whether a word says nothing in the texts of a language. It is given as it was typed and as it is folded: `على` (on) is
/// folded to the name `علي`.
pub(super) fn is_stop(typed: &str, folded: &str, language: Language) -> bool {
    let own = match language {
        Language::Arabic => &[],
        Language::English => ENGLISH,
        Language::French => FRENCH,
        Language::Spanish => SPANISH,
    };
    typed == "على" || [EVERYWHERE, own].iter().any(|words| words.binary_search(&folded).is_ok())
}

/// A word without the article or preposition that French joins to it: `l'ivoire`, `d’éléphants`.
pub(super) fn without_elision(word: &str) -> &str {
    let apart = word.split_once(['\'', '’']);
    let rest = apart.filter(|(before, rest)| {
        !rest.is_empty() && ELIDED.iter().any(|elided| elided.eq_ignore_ascii_case(before))
    });
    rest.map_or(word, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words::folded;

    #[test]
    fn words_are_in_order_and_folded() {
        for words in [EVERYWHERE, ENGLISH, FRENCH, SPANISH] {
            assert!(words.is_sorted(), "{words:?}");
            for word in words {
                assert_eq!(folded(word), [*word]);
            }
        }
    }

    #[test]
    fn what_means_something_elsewhere_is_left_out_of_its_own_language_alone() {
        let is = |word: &str| Language::ALL.map(|language| is_stop(word, word, language));
        assert_eq!(is("de"), [true; 4]);
        assert_eq!(is("car"), [false, false, true, false]);
        assert_eq!(is("ivory"), [false; 4]);
        assert!(is_stop("على", "علي", Language::Arabic) && !is_stop("علي", "علي", Language::Arabic));
    }

    #[test]
    fn an_elided_article_is_no_part_of_the_word() {
        for (word, rest) in
            [("l'ivoire", "ivoire"), ("D’éléphants", "éléphants"), ("O'Brien", "O'Brien"), ("l'", "l'")]
        {
            assert_eq!(without_elision(word), rest);
        }
    }
}
