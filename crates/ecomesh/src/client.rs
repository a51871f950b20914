//! The commands' way to the node: its HTTP API on the Unix socket in its folder, and nothing else.

use std::future::Future;
use std::path::{Path, PathBuf};

use ecomesh_api::{Client, ClientError};
use ecomesh_node::home::HomeError;
use tokio::runtime::Runtime;

use crate::cli::Global;

/// A node that is asked one thing after the other.
pub struct Node {
    /// The client; [`Node::ask`] drives its futures.
    pub api: Client,
    home: PathBuf,
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
        Ok(Self { api: Client::for_home(home), home: home.to_owned(), runtime })
    }

    /// Waits for an answer. Of a folder that is not there it is said that it is not there.
    pub fn ask<T>(&self, answer: impl Future<Output = Result<T, ClientError>>) -> anyhow::Result<T> {
        match self.answer(answer) {
            Err(ClientError::NodeNotRunning { .. }) if !self.home.exists() => {
                Err(HomeError::NoHome(self.home.clone()).into())
            }
            other => Ok(other?),
        }
    }

    /// The same, with the client's error as it is.
    pub fn answer<T>(&self, answer: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        self.runtime.block_on(answer)
    }
}
