//! Small file systems of their own in the place of a node's folder, unmounted at the end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1024 * 1024;

/// A mounted file system. Keep it below the network in the order of declaration: it must go before the folder that
/// it lies in, and its nodes may still run then.
pub(crate) struct Mount {
    at: PathBuf,
    image: Option<PathBuf>,
}

impl Mount {
    /// Moves a stopped node's folder to a file system in memory. `None`, said aloud, where this user may not mount.
    pub(crate) fn memory_for(home: &Path, mib: u64) -> Option<Self> {
        let mount = Self { at: home.to_owned(), image: None };
        let size = format!("size={mib}m");
        mount.take_the_place_of(home, &["-t", "tmpfs", "-o", &size, "tmpfs"])
    }

    /// Moves a stopped node's folder to an ext4 in a file, which can lose its disk. `None`, said aloud, where this
    /// user may not mount or there is no loop device.
    pub(crate) fn disk_for(home: &Path, mib: u64) -> Option<Self> {
        let image = home.with_extension("image");
        fs::File::create(&image).unwrap().set_len(mib * MIB).unwrap();
        if !quietly(Command::new("mkfs.ext4").arg("-q").arg(&image)) {
            eprintln!("skipped: there is no mkfs.ext4");
            return None;
        }
        let mount = Self { at: home.to_owned(), image: Some(image.clone()) };
        mount.take_the_place_of(home, &["-o", "loop", path(&image)])
    }

    fn take_the_place_of(self, home: &Path, what: &[&str]) -> Option<Self> {
        let kept = home.with_extension("kept");
        fs::rename(home, &kept).unwrap();
        fs::create_dir(home).unwrap();
        if !quietly(Command::new("mount").args(what).arg(home)) {
            eprintln!("skipped: this user may not mount a file system");
            fs::remove_dir(home).unwrap();
            fs::rename(&kept, home).unwrap();
            // Nothing is mounted, so nothing is unmounted.
            std::mem::forget(self);
            return None;
        }
        // -a keeps the modes, which the node looks at, the folder's own one too.
        must(Command::new("cp").arg("-a").arg(kept.join(".")).arg(home));
        must(Command::new("sync").arg("-f").arg(home));
        fs::remove_dir_all(&kept).unwrap();
        Some(self)
    }

    /// Another program writes until so many bytes are free.
    pub(crate) fn leave_free(&self, bytes: u64) {
        self.make_room();
        let surplus = self.free().saturating_sub(bytes);
        let mut hog = fs::File::create(self.hog()).unwrap();
        for _ in 0..surplus / CHUNK.len() as u64 {
            hog.write_all(&CHUNK).unwrap();
        }
    }

    /// Another program writes until not a byte is free.
    pub(crate) fn fill_up(&self) {
        let mut hog = fs::File::create(self.hog()).unwrap();
        while hog.write_all(&CHUNK).is_ok() {}
        while hog.write_all(&[1]).is_ok() {}
    }

    /// The other program's file is gone.
    pub(crate) fn make_room(&self) {
        let _ = fs::remove_file(self.hog());
    }

    /// Bytes that are free.
    pub(crate) fn free(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.at).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or_else(|| panic!("df: {text}"))
    }

    /// The disk fails: the file system takes no write any more, and forgets what was not synced. Works while files
    /// are open, as a failure does.
    pub(crate) fn fail(&self) {
        must(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.at));
    }

    /// The disk is back, with what was on it. Nothing may use it now.
    pub(crate) fn back(&self) {
        let image = self.image.as_ref().expect("only a disk in a file can come back");
        must(Command::new("umount").arg(&self.at));
        must(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&self.at));
    }

    fn hog(&self) -> PathBuf {
        self.at.join("hog")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a node may still run in it.
        quietly(Command::new("umount").arg("-l").arg(&self.at));
    }
}

static CHUNK: [u8; 64 * 1024] = [1; 64 * 1024];

fn quietly(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

#[track_caller]
fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
