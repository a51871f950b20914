//! Projections for people.
pub mod exact;
pub mod limits;
