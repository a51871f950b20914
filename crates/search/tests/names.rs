//! The name search against a set of persons and ways to write their names; see `people/mod.rs` for what it is and is not.

mod people;

use ecomesh_search::names::Names;
use people::{Kind, People, Rng};

/// Results that an officer looks at.
const RANK: usize = 10;

fn index(people: &People) -> Names {
    let mut names = Names::new();
    for (place, person) in people.persons.iter().enumerate() {
        assert!(names.add(place as u32, &person.stored), "{}", person.stored);
    }
    names
}

/// The share of queries that find their person, and the first that do not.
fn recall(names: &Names, people: &People, kind: Kind, queries: usize) -> (f64, Vec<String>) {
    let mut rng = Rng::new(17 + kind as u64);
    let mut missed = Vec::new();
    for _ in 0..queries {
        let query = people.query(kind, &mut rng);
        let hits = names.search(&query.text, RANK);
        if !hits.iter().any(|hit| people.answers(&query, hit.place as usize)) {
            missed.push(format!("{} / {}", query.text, people.stored_for(&query)));
        }
    }
    (1.0 - missed.len() as f64 / queries as f64, missed)
}
