//! The API's Unix socket: where it is, and how to reach it when its path is too long for the system.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Longest path in bytes that fits a `sockaddr_un` with its final zero (unix(7)).
const PATH_BYTES_MAX: usize = 107;

/// The folder of the socket in a node's home; the node makes it with mode 0700.
pub const FOLDER: &str = "api";
/// The socket's name in that folder.
pub const NAME: &str = "node.sock";

/// The socket of the node with this home.
pub fn path(home: &Path) -> PathBuf {
    home.join(FOLDER).join(NAME)
}

/// A path by which a socket can be bound or reached. Holds the folder open as long as that is needed.
#[derive(Debug)]
pub struct Reachable {
    path: PathBuf,
    /// The folder, if the path leads through its descriptor.
    _folder: Option<File>,
}

impl Reachable {
    /// A short path to the same socket: `path` itself, or one through the descriptor of its folder.
    ///
    /// # Errors
    /// If the folder cannot be opened, or the name alone is too long.
    pub fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() <= PATH_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket's path has no folder"));
        };
        let folder = File::open(parent)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        if short.as_os_str().as_bytes().len() > PATH_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket's name is too long"));
        }
        Ok(Self { path: short, _folder: Some(folder) })
    }

    /// The path to give to the system.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_socket_in_a_deep_folder_can_be_bound_and_reached() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let path = deep.join(NAME);
        let _listener = UnixListener::bind(Reachable::new(&path).unwrap().as_path()).unwrap();
        assert!(path.exists());
        UnixStream::connect(Reachable::new(&path).unwrap().as_path()).unwrap();
    }

    #[test]
    fn a_short_path_stays_as_it_is() {
        let path = path(Path::new("/home/ke"));
        assert_eq!(Reachable::new(&path).unwrap().as_path(), Path::new("/home/ke/api/node.sock"));
    }
}
