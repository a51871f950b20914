//! Persons who do not exist, and how others write their names: the test set of the name search.
//!
//! **Persons** are drawn from the tables under a seed: Arabic chains, Slavs with and without a patronymic, Greeks, Chinese, and
//! twelve groups of peoples with Latin letters. Of these a third has a family name that is put together from a beginning, at
//! times a middle, and an ending, so that there are tens of thousands of different ones, as in a real register. Half of the
//! persons with another script are stored in it, the others in one of the romanisations of the tables.
//!
//! **Queries** change a stored name in one way each ([`Kind`]). A query finds its person if one of the first ten results is that
//! person or one whom the query describes as well: the same parts of the name (for homophones of Chinese: the same pinyin), all
//! parts of the query and at most one more, the same family name behind given names with these initials in one of their forms.
//!
//! **What it does not say.** The tables are a few hundred names of each script and the romanisations that came to the mind of
//! their author; real registers have local habits, errors of clerks, and names of which none of this is true. Slips are drawn
//! evenly over letters, while fingers and ears have their own. Family names that are put together are spread more evenly than
//! real ones. Cantonese and Hokkien spellings are in the set for family names alone, since the search knows no others.
//! Japanese names in Han characters are not in it: the search reads them as Chinese. So recall here is an upper bound.

pub mod tables;

use std::collections::BTreeMap;

use tables::Latin;

/// What was done to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// As it is stored.
    Same,
    /// One letter too many, too few, another, or two changed places.
    OneSlip,
    /// Two of them, anywhere in the name.
    TwoSlips,
    /// The parts in another order.
    Reordered,
    /// Stored in its script, asked for in Latin letters.
    Transcribed,
    /// Stored in Latin letters, asked for in its script.
    Original,
    /// Stored in Latin letters, asked for in another romanisation.
    Respelt,
    /// Without one of three or more parts, not the last.
    Shortened,
    /// Given names as letters.
    Initials,
    /// In another order, one slip, and another romanisation where there is one.
    Mixed,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Same,
        Self::OneSlip,
        Self::TwoSlips,
        Self::Reordered,
        Self::Transcribed,
        Self::Original,
        Self::Respelt,
        Self::Shortened,
        Self::Initials,
        Self::Mixed,
    ];
}

/// Chance: xorshift64* (Vigna 2016).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1 << 63)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() >> 32) as usize % bound
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A part of a name in all its forms.
struct Forms {
    /// The script's first, if it has one; then Latin ones.
    forms: Vec<String>,
    has_script: bool,
    /// Equal for parts that no Latin query can tell apart.
    key: u32,
}

/// A person.
pub struct Person {
    /// The name as it is stored.
    pub stored: String,
    parts: Vec<u32>,
    /// Stored in the first form, not in a Latin one.
    in_script: bool,
    /// The place of the family name: the last, or the first.
    family_first: bool,
}

/// All persons.
pub struct People {
    pub persons: Vec<Person>,
    forms: Vec<Forms>,
}

/// A query and what it asks for.
pub struct Query {
    pub text: String,
    kind: Kind,
    person: usize,
    /// Of a shortened name: the part that is left out.
    left_out: usize,
}

/// Groups of forms, split at bars, by table.
struct Pool {
    forms: Vec<Forms>,
    keys: BTreeMap<String, u32>,
    by_text: BTreeMap<String, u32>,
}

impl Pool {
    fn add(&mut self, line: &str) -> u32 {
        if let Some(known) = self.by_text.get(line) {
            return *known;
        }
        let forms: Vec<String> = line.split('|').map(str::to_owned).collect();
        let has_script = !forms[0].chars().any(|c| matches!(c as u32, 0x41..=0x24f | 0x1e00..=0x1eff));
        let spoken = forms[usize::from(has_script)].to_lowercase();
        let next = self.keys.len() as u32;
        let key = *self.keys.entry(spoken).or_insert(next);
        let number = self.forms.len() as u32;
        self.forms.push(Forms { forms, has_script, key });
        self.by_text.insert(line.to_owned(), number);
        number
    }
}

impl People {
    /// So many persons, the same under the same seed.
    pub fn generate(count: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut pool = Pool { forms: Vec::new(), keys: BTreeMap::new(), by_text: BTreeMap::new() };
        let persons = (0..count)
            .map(|_| {
                let (lines, family_first) = match rng.below(100) {
                    0..18 => (arab(&mut rng), false),
                    18..33 => (slav(&mut rng), false),
                    33..37 => (of_tables(&mut rng, tables::GREEK_GIVEN, tables::GREEK_FAMILY), false),
                    37..52 => (chinese(&mut rng), true),
                    _ => latin(&mut rng),
                };
                let parts: Vec<u32> = lines.iter().map(|line| pool.add(line)).collect();
                let has_script = pool.forms[parts[0] as usize].has_script;
                let in_script = has_script && rng.percent(50);
                let form = |part: &u32, rng: &mut Rng| {
                    let forms = &pool.forms[*part as usize];
                    if in_script { forms.forms[0].clone() } else { latin_form(forms, rng).to_owned() }
                };
                let words: Vec<String> = parts.iter().map(|part| form(part, &mut rng)).collect();
                // Chinese names in Han characters have no spaces.
                let between = if in_script && family_first { "" } else { " " };
                Person { stored: words.join(between), parts, in_script, family_first }
            })
            .collect();
        Self { persons, forms: pool.forms }
    }

    /// A query of a kind for a random person to whom it applies.
    pub fn query(&self, kind: Kind, rng: &mut Rng) -> Query {
        loop {
            let person = rng.below(self.persons.len());
            if let Some(query) = self.query_for(kind, person, rng) {
                return query;
            }
        }
    }

    fn query_for(&self, kind: Kind, number: usize, rng: &mut Rng) -> Option<Query> {
        let person = &self.persons[number];
        let forms: Vec<&Forms> = person.parts.iter().map(|part| &self.forms[*part as usize]).collect();
        let has_script = forms[0].has_script;
        let mut left_out = usize::MAX;
        let text = match kind {
            Kind::Same => person.stored.clone(),
            Kind::OneSlip => slip(&person.stored, rng)?,
            Kind::TwoSlips => slip(&slip(&person.stored, rng)?, rng)?,
            Kind::Reordered => {
                let mut words: Vec<&str> = person.stored.split(' ').collect();
                if words.len() < 2 {
                    return None;
                }
                let by = 1 + rng.below(words.len() - 1);
                words.rotate_left(by);
                words.join(" ")
            }
            Kind::Transcribed => (has_script && person.in_script)
                .then(|| spelt(&forms, rng))
                .filter(|text| *text != person.stored)?,
            Kind::Original => {
                let between = if person.family_first { "" } else { " " };
                (has_script && !person.in_script).then(|| written(&forms, between))?
            }
            Kind::Respelt => (has_script && !person.in_script)
                .then(|| spelt(&forms, rng))
                .filter(|text| *text != person.stored)?,
            Kind::Shortened => {
                if forms.len() < 3 || person.family_first {
                    return None;
                }
                left_out = rng.below(forms.len() - 1);
                self.stored_words(person, |at, word| (at != left_out).then(|| word.to_owned()))?
            }
            Kind::Initials => {
                if person.in_script || person.family_first {
                    return None;
                }
                let last = forms.len() - 1;
                self.stored_words(person, |at, word| {
                    let stays = at == last || word.starts_with(char::is_lowercase);
                    if stays {
                        Some(word.to_owned())
                    } else {
                        word.chars().next().map(|first| format!("{first}."))
                    }
                })?
            }
            Kind::Mixed => {
                let text = if has_script { spelt(&forms, rng) } else { person.stored.clone() };
                let mut words: Vec<&str> = text.split(' ').collect();
                words.rotate_left(1);
                slip(&words.join(" "), rng)?
            }
        };
        Some(Query { text, kind, person: number, left_out })
    }

    /// The stored name by its parts, each of which may have several words.
    fn stored_words(
        &self,
        person: &Person,
        change: impl Fn(usize, &str) -> Option<String>,
    ) -> Option<String> {
        let mut rest = person.stored.as_str();
        let mut words = Vec::new();
        for (at, part) in person.parts.iter().enumerate() {
            let forms = &self.forms[*part as usize].forms;
            let form =
                forms.iter().filter(|form| rest.starts_with(form.as_str())).max_by_key(|form| form.len())?;
            rest = rest[form.len()..].trim_start();
            words.extend(change(at, form));
        }
        Some(words.join(" "))
    }

    /// The stored name of the person asked for.
    pub fn stored_for(&self, query: &Query) -> &str {
        &self.persons[query.person].stored
    }

    /// Whether a person is the one asked for, or described as well.
    pub fn answers(&self, query: &Query, other: usize) -> bool {
        if other == query.person {
            return true;
        }
        let keys = |person: usize| -> Vec<u32> {
            self.persons[person].parts.iter().map(|part| self.forms[*part as usize].key).collect()
        };
        let (mut asked, mut found) = (keys(query.person), keys(other));
        match query.kind {
            Kind::Reordered | Kind::Mixed => {
                asked.sort_unstable();
                found.sort_unstable();
                asked == found
            }
            Kind::Shortened => {
                asked.remove(query.left_out);
                let mut rest = found.iter();
                found.len() <= asked.len() + 1 && asked.iter().all(|key| rest.any(|other| other == key))
            }
            Kind::Initials => {
                let mut letters = query.text.split(' ').map(|word| word.chars().next());
                let found = &self.persons[other].parts;
                let may_be = |(at, part): (usize, &u32)| {
                    let forms = &self.forms[*part as usize].forms;
                    at + 1 == found.len() || {
                        let letter = letters.next().flatten();
                        forms.iter().any(|form| form.chars().next() == letter)
                    }
                };
                let (asked_parts, last) = (asked.len(), asked.last());
                asked_parts == found.len()
                    && last == found.last().map(|part| &self.forms[*part as usize].key)
                    && found.iter().enumerate().all(may_be)
            }
            _ => asked == found,
        }
    }
}

fn latin_form<'a>(forms: &'a Forms, rng: &mut Rng) -> &'a str {
    let latin = &forms.forms[usize::from(forms.has_script)..];
    rng.pick(latin).as_str()
}

fn spelt(forms: &[&Forms], rng: &mut Rng) -> String {
    forms.iter().map(|forms| latin_form(forms, rng)).collect::<Vec<_>>().join(" ")
}

fn written(forms: &[&Forms], between: &str) -> String {
    forms.iter().map(|forms| forms.forms[0].as_str()).collect::<Vec<_>>().join(between)
}

fn of_tables(rng: &mut Rng, given: &[&str], family: &[&str]) -> Vec<String> {
    vec![rng.pick(given).to_string(), rng.pick(family).to_string()]
}

fn arab(rng: &mut Rng) -> Vec<String> {
    let mut parts: Vec<String> =
        (0..1 + rng.below(3)).map(|_| rng.pick(tables::ARABIC_GIVEN).to_string()).collect();
    parts.push(rng.pick(tables::ARABIC_FAMILY).to_string());
    parts
}

fn slav(rng: &mut Rng) -> Vec<String> {
    let mut parts = vec![rng.pick(tables::CYRILLIC_GIVEN).to_string()];
    if rng.percent(50) {
        parts.push(rng.pick(tables::CYRILLIC_FATHERS).to_string());
    }
    let stem: Vec<&str> = rng.pick(tables::CYRILLIC_STEMS).split('|').collect();
    let ending: Vec<&str> = rng.pick(tables::CYRILLIC_ENDINGS).split('|').collect();
    let many = stem.len().max(ending.len());
    let last = |of: &[&str], n: usize| of[n.min(of.len() - 1)].to_owned();
    let forms: Vec<String> = (0..many).map(|n| last(&stem, n) + &last(&ending, n)).collect();
    parts.push(forms.join("|"));
    parts
}

fn chinese(rng: &mut Rng) -> Vec<String> {
    let family = rng.pick(tables::CHINESE_FAMILY).to_string();
    let syllable = |rng: &mut Rng| -> Vec<&str> { rng.pick(tables::CHINESE_GIVEN).split('|').collect() };
    let first = syllable(rng);
    if rng.percent(20) {
        return vec![family, first.join("|")];
    }
    let second = syllable(rng);
    let wade = |of: &[&str]| of.get(2).unwrap_or(&of[1]).to_string();
    let forms = [
        format!("{}{}", first[0], second[0]),
        format!("{}{}", first[1], second[1].to_lowercase()),
        format!("{} {}", first[1], second[1]),
        format!("{}-{}", wade(&first), wade(&second).to_lowercase()),
    ];
    vec![family, forms.join("|")]
}

fn latin(rng: &mut Rng) -> (Vec<String>, bool) {
    let people: &Latin = rng.pick(tables::LATIN);
    let word = |rng: &mut Rng, of: &str| {
        let words: Vec<&str> = of.split(' ').collect();
        rng.pick(&words).to_string()
    };
    let is_vietnamese = people.begins.is_empty();
    let mut parts = vec![word(rng, people.given)];
    if rng.percent(40) {
        parts.push(word(rng, people.given));
    }
    if !people.between.is_empty() && rng.percent(if is_vietnamese { 70 } else { 12 }) {
        let between: Vec<&str> = people.between.split(',').collect();
        parts.push(rng.pick(&between).to_string());
    }
    for _ in 0..if rng.percent(20) { 2 } else { 1 } {
        let family = if !is_vietnamese && rng.percent(35) {
            let middle =
                if rng.percent(50) { word(rng, people.begins).to_lowercase() } else { String::new() };
            word(rng, people.begins) + &middle + &word(rng, people.ends)
        } else {
            word(rng, people.family)
        };
        parts.push(family);
    }
    (parts, false)
}

/// One slip in a word of four letters or more, or in a Chinese one; none if there is no such word.
fn slip(text: &str, rng: &mut Rng) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let mut places = Vec::new();
    let mut begin = 0;
    for end in 0..=letters.len() {
        if end == letters.len() || letters[end] == ' ' || letters[end] == '-' {
            if end - begin >= 4 {
                places.extend(begin..end);
            }
            begin = end + 1;
        }
    }
    if places.is_empty() || letters.iter().any(|c| *c as u32 >= 0x4e00) {
        return None;
    }
    let at = *rng.pick(&places);
    let alphabet: Vec<char> = match letters[at] as u32 {
        0x370..=0x3ff => "αβγδεζηθικλμνξοπρστυφχψω".chars().collect(),
        0x400..=0x4ff => "абвгдежзийклмнопрстуфхцчшщыэюя".chars().collect(),
        0x600..=0x6ff => "ابتثجحخدذرزسشصضطظعغفقكلمنهوي".chars().collect(),
        _ => ('a'..='z').collect(),
    };
    let letter = *rng.pick(&alphabet);
    match rng.below(4) {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at + 1, letter),
        2 => letters[at] = letter,
        _ => {
            let other = if places.contains(&(at + 1)) { at + 1 } else { at - 1 };
            letters.swap(at, other);
        }
    }
    let changed: String = letters.into_iter().collect();
    (changed != text).then_some(changed)
}
