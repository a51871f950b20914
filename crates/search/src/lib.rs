//! Projections for people.
pub mod exact;
pub mod limits;
pub mod names;

/// A place that answers a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The number that the caller gave it.
    pub place: u32,
    /// How well it answers.
    pub score: f32,
}
