//! Full text: which documents say something, in the four official languages.
//!
//! Each document is indexed in the fields of its language, whose stemmer takes endings away (Snowball's for Arabic, English,
//! French and Spanish); diacritics, case and the forms of Arabic letters are folded first. A query is words and "quoted
//! phrases", and goes through the stemmers of all four languages unless it is given one. Articles, prepositions and the like
//! count in phrases alone. A document must have all phrases, and one word at least if there is no phrase; what it has more often, of rarer words, in the title (twice), counts more (BM25).
//!
//! **Memory.** The index is tantivy's, in its directory in memory; texts themselves are not kept. Two threads index, one
//! merges, and the writer holds [`WRITER_BYTES`] before it makes a segment. What is added or removed shows after
//! [`Text::commit`]. The words of a removed document lie in memory until its segment is merged; [`Text::compact`] merges all,
//! after which nothing of it is left.

mod query;
mod stop;
mod words;

use tantivy::collector::TopDocs;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergePolicy as _, NoMergePolicy, UserOperation};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{self, TokenizerManager};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term};

use crate::Hit;
use crate::limits::{RESULTS_MAX, TEXT_BYTES_MAX, WRITER_BYTES, WRITERS};

/// The name of the field of places, by which the engine's columns go.
const PLACE: &str = "place";
/// A segment of which more than this share is removed is merged at the next occasion.
const REMOVED_SHARE_MAX: f32 = 0.1;

/// Additions and removals that the thread that indexes is given at once.
const GIVEN_AT_ONCE: usize = 128;

/// What the engine could not do. Nothing of the texts is in it.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The engine's own words: memory, or a thread that ended.
    #[error("the index of texts: {0}")]
    Engine(#[from] tantivy::TantivyError),
}

/// The languages of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// `ar`
    Arabic,
    /// `en`
    English,
    /// `fr`
    French,
    /// `es`
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Arabic, Self::English, Self::French, Self::Spanish];

    /// By the code that documents have; None for others.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The code that documents have.
    pub fn code(self) -> &'static str {
        match self {
            Self::Arabic => "ar",
            Self::English => "en",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    fn stemmer(self) -> tokenizer::Language {
        match self {
            Self::Arabic => tokenizer::Language::Arabic,
            Self::English => tokenizer::Language::English,
            Self::French => tokenizer::Language::French,
            Self::Spanish => tokenizer::Language::Spanish,
        }
    }
}

/// The fields of one language.
#[derive(Debug, Clone, Copy)]
struct Fields {
    title: Field,
    body: Field,
}

/// An index of texts, one for each place.
pub struct Text {
    writer: IndexWriter,
    /// Documents that the thread that indexes is given at once: to wake it for each takes longer than to index it.
    given: Vec<UserOperation>,
    /// Which segments become one.
    merging: LogMergePolicy,
    reader: IndexReader,
    place: Field,
    /// As in [`Language::ALL`].
    fields: [Fields; 4],
}

impl std::fmt::Debug for Text {
    /// The number of documents alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Text {
    /// An empty index, with its two threads.
    ///
    /// # Errors
    ///
    /// The engine's: no thread, no memory.
    pub fn new() -> Result<Self, TextError> {
        let mut schema = Schema::builder();
        let place = schema.add_u64_field(PLACE, INDEXED | FAST);
        // With the engine's own, which it asks for even where no text is indexed.
        let tokenizers = TokenizerManager::default();
        let fields = Language::ALL.map(|language| {
            let code = language.code();
            tokenizers.register(code, words::analyzer(language));
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(code)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions);
            let mut field = |name| {
                let options = TextOptions::default().set_indexing_options(indexing.clone());
                schema.add_text_field(&format!("{name}_{code}"), options)
            };
            Fields { title: field("title"), body: field("body") }
        });
        let index = Index::builder().schema(schema.build()).tokenizers(tokenizers).create_in_ram()?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(WRITERS)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let writer = index.writer_with_options(options)?;
        // Merging is done by `commit`, where it disturbs nothing: a merge that runs by itself cannot be waited for.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut merging = LogMergePolicy::default();
        merging.set_del_docs_ratio_before_merge(REMOVED_SHARE_MAX);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { writer, given: Vec::new(), merging, reader, place, fields })
    }

    /// How many documents are searched: those of the last commit.
    pub fn len(&self) -> usize {
        // As many as places, which 32 bits count.
        self.reader.searcher().num_docs() as usize
    }

    /// Whether none is searched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a text at a place that has none; another text for it comes after [`Text::remove`]. Of title and body the first
    /// [`TEXT_BYTES_MAX`] bytes each are read.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn add(&mut self, place: u32, language: Language, title: &str, body: &str) -> Result<(), TextError> {
        let fields = self.fields[language as usize];
        let mut document = TantivyDocument::new();
        document.add_u64(self.place, u64::from(place));
        document.add_text(fields.title, beginning(title));
        document.add_text(fields.body, beginning(body));
        self.given.push(UserOperation::Add(document));
        if self.given.len() >= GIVEN_AT_ONCE { self.give() } else { Ok(()) }
    }

    /// Has the documents indexed that wait for it.
    fn give(&mut self) -> Result<(), TextError> {
        if !self.given.is_empty() {
            self.writer.run(std::mem::take(&mut self.given))?;
        }
        Ok(())
    }

    /// Removes the text of a place, if there is one.
    pub fn remove(&mut self, place: u32) {
        // In the order in which they came: it concerns what was added before it.
        self.given.push(UserOperation::Delete(Term::from_field_u64(self.place, u64::from(place))));
    }

    /// Shows what was added and removed, once what waits is indexed. Merges small segments, and those of which much is removed:
    /// some commits write a part of the index anew, so many changes should share one.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn commit(&mut self) -> Result<(), TextError> {
        self.give()?;
        self.writer.commit()?;
        let segments = self.writer.index().searchable_segment_metas()?;
        for candidate in self.merging.compute_merge_candidates(&segments) {
            self.writer.merge(&candidate.0).wait()?;
        }
        self.show()
    }

    /// Commits and merges all into one segment, so that nothing of what was removed is left in memory. Writes the whole index
    /// anew.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn compact(&mut self) -> Result<(), TextError> {
        self.give()?;
        self.writer.commit()?;
        let segments = self.writer.index().searchable_segment_ids()?;
        if !segments.is_empty() {
            self.writer.merge(&segments).wait()?;
        }
        self.show()
    }

    /// Searches what is committed from now on, and gives back the memory of segments that are no more.
    fn show(&self) -> Result<(), TextError> {
        self.reader.reload()?;
        self.writer.garbage_collect_files().wait()?;
        Ok(())
    }

    /// The places whose texts answer a query best, at most `limit` and [`RESULTS_MAX`], the best first. Any text is a query; one
    /// without words finds nothing. Scores are BM25's: they order the results of one query and mean nothing beside those of
    /// another.
    ///
    /// # Errors
    ///
    /// The engine's.
    pub fn search(
        &self,
        query: &str,
        language: Option<Language>,
        limit: usize,
    ) -> Result<Vec<Hit>, TextError> {
        let languages = language.map_or_else(|| Language::ALL.to_vec(), |one| vec![one]);
        let mut analysed: Vec<_> = languages
            .into_iter()
            .map(|language| query::Through {
                language,
                fields: self.fields[language as usize],
                analyzer: words::analyzer(language),
            })
            .collect();
        let limit = limit.min(RESULTS_MAX);
        let Some(query) = query::build(&query::read(query), &mut analysed).filter(|_| limit > 0) else {
            return Ok(Vec::new());
        };
        let searcher = self.reader.searcher();
        let mut hits = Vec::new();
        for (score, address) in searcher.search(&query, &TopDocs::with_limit(limit).order_by_score())? {
            let segment = searcher.segment_reader(address.segment_ord);
            let places = segment.fast_fields().u64(PLACE)?;
            let place = places.first(address.doc_id).and_then(|place| u32::try_from(place).ok());
            hits.extend(place.map(|place| Hit { place, score }));
        }
        Ok(hits)
    }
}

/// Whether a query in any language has a word that counts: one of articles and prepositions alone finds nothing.
pub fn says_something(query: &str) -> bool {
    let asked = query::read(query);
    asked.iter().any(|one| Language::ALL.into_iter().any(|language| one.counts_in(language)))
}

/// The first [`TEXT_BYTES_MAX`] bytes, or a few less, so that no letter is cut.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Text {
        let mut texts = Text::new().unwrap();
        for (place, language, title, body) in [
            (
                1,
                Language::English,
                "Seizure of ivory",
                "2,152 kg of ivory were seized in a warehouse in Mombasa.",
            ),
            (2, Language::French, "Saisie d’ivoire", "Les trafiquants ont été interpellés à Abidjan."),
            (
                3,
                Language::Spanish,
                "Vehículo robado",
                "Un camión robado con matrícula KAA 123X; dos detenidos.",
            ),
            (4, Language::Arabic, "ضبط أسلحة", "ضُبطت الأسلحة في المستودع في مومباسا"),
            (5, Language::English, "Stolen vehicle", "A truck was stolen; the warehouse is empty."),
        ] {
            texts.add(place, language, title, body).unwrap();
        }
        texts.commit().unwrap();
        texts
    }

    fn places(texts: &Text, query: &str) -> Vec<u32> {
        texts.search(query, None, 10).unwrap().iter().map(|hit| hit.place).collect()
    }

    #[test]
    fn words_are_found_in_all_four_languages_without_endings_and_accents() {
        let texts = texts();
        for (query, expected) in [
            ("warehouses", vec![5, 1]),
            ("interpelle", vec![2]),
            ("trafiquant", vec![2]),
            ("VEHICULOS", vec![3]),
            ("camion", vec![3]),
            ("اسلحه", vec![4]),
            ("سلاح", vec![]),
            ("الاسلحة", vec![4]),
            ("mombasa ivory", vec![1]),
            ("\"empty warehouse\"", vec![]),
            ("\"warehouse is empty\"", vec![5]),
            ("\"KAA 123X\" warehouse", vec![3]),
            ("kaa-123x", vec![3]),
        ] {
            assert_eq!(places(&texts, query), expected, "{query}");
        }
    }

    #[test]
    fn articles_and_prepositions_lead_to_nothing_but_in_phrases() {
        let mut texts = Text::new().unwrap();
        for (place, language, body) in [
            (1, Language::Spanish, "Aletas del tiburón, sin permiso, en el puerto de Callao."),
            (2, Language::French, "Pollution de la mer par le pétrole de l'Erika, au large de la Bretagne."),
            (3, Language::English, "The oil spill of Rio de Janeiro: the car of the captain."),
            (4, Language::Arabic, "ضبط عاج في ميناء مومباسا على متن سفينة"),
        ] {
            texts.add(place, language, "", body).unwrap();
        }
        texts.commit().unwrap();
        for (query, expected) in [
            ("aleta de tiburón", vec![1]),
            ("the", vec![]),
            ("de la the of في على", vec![]),
            ("le large", vec![2]),
            ("d'Erika", vec![2]),
            ("the car", vec![3]),
            ("عاج في", vec![4]),
            ("\"de la mer\"", vec![2]),
            ("\"of the captain\" de", vec![3]),
            ("\"de la\"", vec![2]),
        ] {
            assert_eq!(places(&texts, query), expected, "{query}");
        }
        for (query, says) in
            [("the", false), ("", false), ("- ?", false), ("\"the\"", true), ("or", true), ("ivory", true)]
        {
            assert_eq!(says_something(query), says, "{query}");
        }
    }

    #[test]
    fn a_query_may_have_a_language() {
        let texts = texts();
        let found = |language| texts.search("ivoire", Some(language), 10).unwrap().len();
        assert_eq!((found(Language::French), found(Language::English)), (1, 0));
    }

    #[test]
    fn odd_queries_are_no_errors() {
        let texts = texts();
        for query in [
            "",
            " ",
            "\"",
            "\"\"",
            "\"\"\"",
            "title_en:",
            "+-!(){}[]^~*?:\\/",
            "AND OR NOT",
            "a AND",
            "\u{0}",
            "*",
            "[a TO",
            "place:1",
            "\"- -\"",
            "🙂",
            "«»",
            "\u{202e}\"x",
        ] {
            places(&texts, query);
        }
        places(&texts, &"\"a b\" ".repeat(10_000));
        assert!(places(&texts, "place:1").is_empty());
        assert!(texts.search("ivory", None, 0).unwrap().is_empty());
        assert_eq!(texts.search("ivory", None, usize::MAX).unwrap().len(), 1);
    }

    #[test]
    fn what_is_removed_or_replaced_is_not_found() {
        let mut texts = texts();
        texts.remove(1);
        texts.add(1, Language::English, "Nothing", "more").unwrap();
        texts.remove(5);
        assert_eq!(places(&texts, "ivory"), [1], "nothing shows before the commit");
        texts.commit().unwrap();
        assert!(places(&texts, "ivory").is_empty() && places(&texts, "stolen").is_empty());
        assert_eq!(places(&texts, "nothing"), [1]);
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn nothing_of_what_was_removed_is_left_after_compacting() {
        let mut texts = texts();
        texts.remove(1);
        texts.compact().unwrap();
        let searcher = texts.reader.searcher();
        assert_eq!(searcher.segment_readers().len(), 1);
        for segment in searcher.segment_readers() {
            assert_eq!(segment.num_deleted_docs(), 0);
            for fields in texts.fields {
                let inverted = segment.inverted_index(fields.body).unwrap();
                let gone = Term::from_field_text(fields.body, "2");
                assert!(inverted.get_term_info(&gone).unwrap().is_none());
            }
        }
        assert_eq!(places(&texts, "warehouse"), [5]);
    }

    #[test]
    fn codes_are_those_of_documents() {
        for language in Language::ALL {
            assert_eq!(Language::of_code(language.code()), Some(language));
        }
        assert_eq!(Language::of_code("de"), None);
    }

    #[test]
    fn texts_are_cut_between_letters() {
        let long = "é".repeat(TEXT_BYTES_MAX);
        assert_eq!(beginning(&long).len(), TEXT_BYTES_MAX);
        assert_eq!(beginning(&format!("a{long}")).len(), TEXT_BYTES_MAX - 1);
    }
}
