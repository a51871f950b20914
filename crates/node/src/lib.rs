//! The ecomesh node: everything that turns the pure core into a process.
//!
//! ```text
//!   other nodes ──── net ── net-events thread ──┬─▶ verify pool ──┐
//!                     ▲                         └────────────────┐│
//!                     │                                          ▼▼
//!                     └────────── effects ◀── core thread ◀── bounded queue ◀── HTTP API ◀── clients
//!                                    │             │                               ▲
//!                                    │        store, journal                       │
//!                                    └─▶ views, events, answers to clients ────────┘
//! ```
//!
//! One thread owns the core: it takes a batch of inputs, decides, commits once, and lets every output happen in one
//! function (`shell.rs`). Signatures are checked before it, on a pool (`pool.rs`). Nothing waits in a circle: the
//! network's thread and the pool may wait for the core, the core waits for nobody.
//!
//! [`Daemon`] starts and stops a node, [`run`] makes it the whole process. [`home`] is its folder, [`config`] its
//! settings, [`code_lists`] the lists of codes that a bureau has replaced, [`founding`] how a network begins, [`backup`] and [`doctor`] what an operator does when it is not
//! running, [`access_log`] what supervision reads. Clients see it through the HTTP API (`http.rs`; types in `ecomesh-api`).

pub mod access_log;
pub mod address;
pub mod archives;
pub mod backup;
pub mod code_lists;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod founding;
pub mod home;
pub mod passphrase;
pub mod telemetry;

// The support of the tests names this crate by its name; unit tests that need whole nodes use it as well.
#[cfg(test)]
extern crate self as ecomesh_node;

mod board;
mod clock;
mod core_thread;
mod events;
mod http;
mod metrics;
mod pool;
mod scrub;
mod sealing;
mod shell;
mod storage_key;
mod vault;
mod views;

pub use daemon::{Daemon, RunError, Running, StartError, StopError, StorageError, run};
pub use http::{BindError, TokenError, openapi_document};
pub use storage_key::StorageKeyError;
pub use vault::VaultFault;

// What the command line names of the crates below, so that its arrows stay few.
pub use ecomesh_protocol::Roster;
pub use ecomesh_record as record;
pub use ecomesh_seal as seal;
pub use ecomesh_store::hide_caught_panics;
