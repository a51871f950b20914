//! Real shells on loopback. Every wait is for a condition and has a deadline; none is for luck.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;
mod gate;
mod links;
mod mesh;
mod proxy;
mod recovery;
mod stranger;
