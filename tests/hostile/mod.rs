//! The other side: everything that a test needs to be a bad peer, from TCP upwards.

pub mod arena;
pub mod member;
pub mod offences;
pub mod random;
pub mod stranger;
pub mod wire;
