//! The passphrase that seals the keys: where it comes from, and the rules for a new one.
//!
//! In this order: a file that was named (`--passphrase-file`), the credential `ecomesh-passphrase` of the service
//! manager (`$CREDENTIALS_DIRECTORY`), the file named by `$ECOMESH_PASSPHRASE_FILE`, and else the person at the
//! terminal. It is never an argument of the command line, where every user of the machine could read it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use ecomesh_seal::key_file::PASSPHRASE_BYTES_MAX;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::home::FileError;
use crate::home::files;

/// Fewest characters of a new passphrase.
pub const CHARACTERS_MIN: usize = 8;
/// Name of the service manager's credential.
pub const CREDENTIAL: &str = "ecomesh-passphrase";

/// A passphrase; wiped when it is dropped, never shown.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes the bytes of a file or of a terminal: one line break at the end is no part of the passphrase.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`], [`PassphraseError::TooLong`].
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, PassphraseError> {
        let mut bytes = bytes;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        match bytes.len() {
            0 => Err(PassphraseError::Empty),
            1..=PASSPHRASE_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(PassphraseError::TooLong),
        }
    }

    /// Refuses a passphrase that is too short to seal new keys with.
    ///
    /// # Errors
    /// [`PassphraseError::TooShort`].
    pub fn fit_for_new_keys(self) -> Result<Self, PassphraseError> {
        // Bytes that are no UTF-8 are counted one by one: such a passphrase comes from a machine.
        let characters = std::str::from_utf8(&self.0).map_or(self.0.len(), |text| text.chars().count());
        if characters < CHARACTERS_MIN { Err(PassphraseError::TooShort) } else { Ok(self) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Where the passphrase comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The person at the terminal.
    Prompt,
}

impl Source {
    /// The source that applies, given `--passphrase-file` and a way to read environment variables.
    pub fn find(file: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Self {
        if let Some(file) = file {
            return Self::File(file.into());
        }
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let credential = set("CREDENTIALS_DIRECTORY").map(|dir| dir.join(CREDENTIAL));
        // A unit may have credentials for other programs only.
        let credential = credential.filter(|path| path.exists());
        credential.or_else(|| set("ECOMESH_PASSPHRASE_FILE")).map_or(Self::Prompt, Self::File)
    }

    /// Reads the passphrase of existing keys. `prompt` asks the person, with the text to show.
    ///
    /// # Errors
    /// [`PassphraseError`].
    pub fn existing(
        &self,
        mut prompt: impl FnMut(&str) -> std::io::Result<String>,
    ) -> Result<Passphrase, PassphraseError> {
        match self {
            Self::File(path) => read_file(path),
            Self::Prompt => ask(&mut prompt, "Passphrase: "),
        }
    }

    /// Reads a passphrase for new keys; a person types it twice.
    ///
    /// # Errors
    /// [`PassphraseError`].
    pub fn new_keys(
        &self,
        mut prompt: impl FnMut(&str) -> std::io::Result<String>,
    ) -> Result<Passphrase, PassphraseError> {
        let first = match self {
            Self::File(path) => return read_file(path)?.fit_for_new_keys(),
            Self::Prompt => {
                ask(&mut prompt, "New passphrase (8 characters or more): ")?.fit_for_new_keys()?
            }
        };
        let again = ask(&mut prompt, "The same again: ")?;
        if first.as_bytes() == again.as_bytes() { Ok(first) } else { Err(PassphraseError::Differ) }
    }
}

/// Why there is no passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PassphraseError {
    /// The file cannot be read.
    #[error("the passphrase file cannot be read: {0}")]
    File(#[from] FileError),
    /// There is no terminal.
    #[error(
        "there is no terminal to ask for the passphrase ({0}); give --passphrase-file FILE, or set \
         ECOMESH_PASSPHRASE_FILE"
    )]
    NoTerminal(String),
    /// Nothing was given.
    #[error("the passphrase is empty; give the one with which the keys were made")]
    Empty,
    /// Too long for any key file.
    #[error("the passphrase is longer than {PASSPHRASE_BYTES_MAX} bytes; this is another file")]
    TooLong,
    /// Too short for new keys.
    #[error(
        "a new passphrase has {CHARACTERS_MIN} characters or more; choose a longer one, such as four random words"
    )]
    TooShort,
    /// Two different ones were typed.
    #[error("the two passphrases differ; nothing was written, type them again")]
    Differ,
}

fn read_file(path: &Path) -> Result<Passphrase, PassphraseError> {
    // Two more for the line break, which does not count.
    let bytes = files::read(path, PASSPHRASE_BYTES_MAX as u64 + 2);
    match bytes {
        Ok(bytes) => Passphrase::new(Zeroizing::new(bytes)),
        Err(FileError::TooLong { .. }) => Err(PassphraseError::TooLong),
        Err(other) => Err(other.into()),
    }
}

fn ask(
    prompt: &mut impl FnMut(&str) -> std::io::Result<String>,
    text: &str,
) -> Result<Passphrase, PassphraseError> {
    let typed = prompt(text).map_err(|e| PassphraseError::NoTerminal(e.to_string()))?;
    Passphrase::new(Zeroizing::new(typed.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(bytes: &[u8]) -> Result<Vec<u8>, PassphraseError> {
        Passphrase::new(Zeroizing::new(bytes.to_vec())).map(|p| p.as_bytes().to_vec())
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_it() {
        for (given, kept) in [
            ("word\n", "word"),
            ("word\r\n", "word"),
            ("word", "word"),
            ("word\n\n", "word\n"),
            (" word ", " word "),
        ] {
            assert_eq!(passphrase(given.as_bytes()), Ok(kept.as_bytes().to_vec()), "{given:?}");
        }
        assert_eq!(passphrase(b"\n"), Err(PassphraseError::Empty));
        assert_eq!(passphrase(b""), Err(PassphraseError::Empty));
        assert_eq!(passphrase(&[b'a'; 1025]), Err(PassphraseError::TooLong));
        assert_eq!(passphrase(&[0xff; 1024]).map(|p| p.len()), Ok(1024));
    }

    #[test]
    fn a_new_one_has_eight_characters_not_bytes() {
        let fit = |text: &str| {
            Passphrase::new(Zeroizing::new(text.as_bytes().to_vec()))
                .and_then(Passphrase::fit_for_new_keys)
                .map(drop)
        };
        assert_eq!(fit("1234567"), Err(PassphraseError::TooShort));
        assert_eq!(fit("12345678"), Ok(()));
        assert_eq!(fit("كلمةكلم"), Err(PassphraseError::TooShort));
        assert_eq!(fit("كلمةكلمة"), Ok(()));
    }

    #[test]
    fn the_nearest_source_wins() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = dir.path().to_owned();
        let env = |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(credentials.clone().into_os_string()),
            "ECOMESH_PASSPHRASE_FILE" => Some("from-env".into()),
            _ => None,
        };
        assert_eq!(Source::find(Some(Path::new("named")), env), Source::File("named".into()));
        assert_eq!(Source::find(None, env), Source::File("from-env".into()), "no credential of ours");
        let credential = credentials.join(CREDENTIAL);
        std::fs::write(&credential, "correct horse\n").unwrap();
        assert_eq!(Source::find(None, env), Source::File(credential));
        assert_eq!(Source::find(None, |_| None), Source::Prompt);
        assert_eq!(Source::find(None, |_| Some("".into())), Source::Prompt);
        let read = Source::find(None, env).existing(|_| unreachable!("a file is there")).unwrap();
        assert_eq!(read.as_bytes(), b"correct horse");
    }

    #[test]
    fn what_is_typed_is_checked() {
        let typing = |words: &'static [&'static str]| {
            let mut words = words.iter();
            Source::Prompt.new_keys(move |_| Ok((*words.next().unwrap()).to_owned())).map(drop)
        };
        assert_eq!(typing(&["correct horse", "correct horse"]), Ok(()));
        assert_eq!(typing(&["correct horse", "correct house"]), Err(PassphraseError::Differ));
        assert_eq!(typing(&["short"]), Err(PassphraseError::TooShort));
        assert_eq!(typing(&[""]), Err(PassphraseError::Empty));
        let none = Source::Prompt.existing(|_| Err(std::io::Error::other("not a tty"))).map(drop);
        assert_eq!(none, Err(PassphraseError::NoTerminal("not a tty".into())));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let missing = Source::File("/nowhere/passphrase".into());
        let error = missing.existing(|_| unreachable!()).map(drop).unwrap_err();
        assert!(error.to_string().contains("/nowhere/passphrase"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("long");
        std::fs::write(&long, vec![b'a'; 4096]).unwrap();
        assert_eq!(Source::File(long).existing(|_| unreachable!()).map(drop), Err(PassphraseError::TooLong));
    }

    #[test]
    fn it_is_not_shown() {
        let p = Passphrase::new(Zeroizing::new(b"secret words".to_vec())).unwrap();
        assert_eq!(format!("{p:?}"), "Passphrase(..)");
    }
}
