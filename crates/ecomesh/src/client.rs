//! The commands' way to the node: its HTTP API on the Unix socket in its folder, and nothing else.

use std::future::Future;
use std::path::Path;

use ecomesh_api::{Client, ClientError};
use tokio::runtime::Runtime;

use crate::cli::Global;

/// A node that is asked one thing after the other.
pub struct Node {
    /// The client; [`Node::ask`] drives its futures.
    pub api: Client,
    runtime: Runtime,
}

impl Node {
    /// The node whose folder the global options name. It is not contacted yet.
    pub fn of(global: &Global) -> anyhow::Result<Self> {
        Self::at(&global.home()?)
    }

    /// The node with this folder.
    pub fn at(home: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { api: Client::for_home(home), runtime })
    }

    /// Waits for an answer.
    pub fn ask<T>(&self, answer: impl Future<Output = Result<T, ClientError>>) -> anyhow::Result<T> {
        Ok(self.answer(answer)?)
    }

    /// The same, with the client's error as it is.
    pub fn answer<T>(&self, answer: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        self.runtime.block_on(answer)
    }
}
