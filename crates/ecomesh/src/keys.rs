//! The passphrase, wherever it comes from.

use std::path::PathBuf;

use ecomesh_node::passphrase::Source;

/// Where the passphrase comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct PassphraseArgs {
    /// File with the passphrase [default: the service manager's credential, else $ECOMESH_PASSPHRASE_FILE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The source that applies.
    pub fn source(&self) -> Source {
        Source::find(self.passphrase_file.as_deref(), |name| std::env::var_os(name))
    }

    /// Whether a file was named.
    pub fn is_given(&self) -> bool {
        self.passphrase_file.is_some()
    }
}

/// Asks the person at the terminal, without echo.
pub fn prompt(text: &str) -> std::io::Result<String> {
    rpassword::prompt_password(text)
}
