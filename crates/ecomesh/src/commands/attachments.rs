//! Files that go with a message, a notice or a diffusion: `--attach` uploads them, `ecomesh attachments` lists and saves them.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ecomesh_api::limits::{FILE_BYTES_MAX, FILES_MAX, PART_BYTES};
use ecomesh_api::{FileRequest, FileStatus, FileView, PartQuery, RecordView};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::Global;
use crate::client::Node;
use crate::commands::send;
use crate::exit::{ExitCode, Failure};
use crate::{files, output};

/// List the files that go with a message, a notice or a diffusion, and save them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file is saved only whole, and only if it is what the sender has signed. Nothing is overwritten: a file that is there \
already is left alone if it is the same, else the new one gets a number. Files come after their message; the list tells \
how many of their parts are here. A notice has the files of the text that `ecomesh notice show` shows; those of another \
text are named by the id of that.

Examples:
  ecomesh attachments 3f9a2c71d0
  ecomesh attachments 3f9a2c71d0 --save evidence/")]
pub struct Args {
    /// The id of the message or notice, or the first digits of it (6 at least)
    #[arg(value_name = "ID")]
    id: String,
    /// Save all of them into this folder, which is made if need be
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// A file that was saved, or was there.
#[derive(Debug, Serialize)]
struct Saved {
    name: String,
    path: PathBuf,
    sha256: String,
    /// It was there before.
    unchanged: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let node = Node::of(global)?;
    let record = shown(&node, node.ask(node.api.record(&args.id))?)?;
    let Some(dir) = &args.save else {
        output::either(global, &record.files, |files| list(files))?;
        explain(&record, global);
        return Ok(ExitCode::Ok);
    };
    files::make_private(dir)?;
    let mut saved = Vec::new();
    for (number, file) in (1..).zip(&record.files) {
        output::remark(global, &format!("{} ({} bytes)", output::printable(&file.name), file.bytes));
        let bytes = node.ask(node.api.file(&record.message.id, number))?;
        saved.push(save(dir, file, &bytes)?);
    }
    output::either(global, &saved, |saved| {
        let line = |one: &Saved| {
            let before = if one.unchanged { "  (was there)" } else { "" };
            format!("{}{before}", one.path.display())
        };
        saved.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    explain(&record, global);
    Ok(ExitCode::Ok)
}

/// The record whose files are meant. A notice is named by its first text, and has the files of the text that `ecomesh notice
/// show` shows.
fn shown(node: &Node, named: RecordView) -> anyhow::Result<RecordView> {
    if named.message.standing.is_none() {
        return Ok(named);
    }
    let detail = node.ask(node.api.notice_detail(&named.message.id))?;
    match detail.rendered_id {
        Some(text) if detail.notice.id == named.message.id && text != named.message.id => {
            Ok(node.ask(node.api.record(&text))?)
        }
        _ => Ok(named),
    }
}

fn explain(record: &RecordView, global: &Global) {
    match &record.unreadable {
        Some(why) => output::remark(global, &format!("no files can be shown: {}", output::printable(why))),
        None if record.files.is_empty() => output::remark(global, "no files go with it"),
        None => {}
    }
}

fn list(files: &[FileView]) -> String {
    let line = |(number, file): (usize, &FileView)| {
        let here = if file.here == file.parts {
            String::new()
        } else {
            format!("  {} of {} parts are here", file.here, file.parts)
        };
        let name = output::isolated(&file.name);
        format!(
            "{number:>3}  {:>10}  {}  {name}{here}",
            file.bytes,
            &file.sha256[..file.sha256.len().min(16)]
        )
    };
    (1..).zip(files).map(line).collect::<Vec<_>>().join("\n")
}

/// Files in a line each, for `ecomesh show` and `ecomesh notice show`.
pub fn lines(files: &[FileView]) -> Vec<String> {
    let line = |file: &FileView| {
        let here = if file.here == file.parts { "" } else { " (on its way)" };
        format!("file       {} ({} bytes){here}", output::isolated(&file.name), file.bytes)
    };
    files.iter().map(line).collect()
}

/// How far files have come, for `ecomesh status`.
pub fn status_lines(files: &[FileStatus]) -> Vec<String> {
    let mut lines = Vec::new();
    for file in files {
        lines.push(format!("file       {}", output::isolated(&file.name)));
        let of = |one: &ecomesh_api::FileDelivery| {
            let state = match one.parts {
                parts if parts == file.parts => String::from("delivered"),
                parts => format!("{parts} of {} parts", file.parts),
            };
            format!("  {:<8} {state}", one.member)
        };
        lines.extend(file.delivered.iter().map(of));
    }
    lines
}

/// Saves a file under its own name, or under one with a number.
fn save(dir: &Path, file: &FileView, bytes: &[u8]) -> anyhow::Result<Saved> {
    let hash = hex::encode(Sha256::digest(bytes));
    anyhow::ensure!(
        hash == file.sha256,
        "{} is not what its sender has signed; nothing was saved",
        file.name
    );
    let name = safe_name(&file.name)?;
    for number in 0..1_000 {
        let path = dir.join(numbered(name, number));
        match std::fs::read(&path) {
            Ok(there) if there == bytes => {
                return Ok(Saved { name: name.to_owned(), path, sha256: hash, unchanged: true });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                files::write_private(&path, bytes)?;
                return Ok(Saved { name: name.to_owned(), path, sha256: hash, unchanged: false });
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
    Err(Failure::new(ExitCode::Io, format!("{} has a thousand files called {name}", dir.display()))
        .help("give another folder")
        .into())
}

/// The name as it may be written: what came from elsewhere must lead out of no folder.
fn safe_name(name: &str) -> anyhow::Result<&str> {
    let good = !name.is_empty()
        && !name.starts_with('.')
        && Path::new(name).file_name().is_some_and(|only| only == name)
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'));
    anyhow::ensure!(
        good,
        "a file is called {:?}, which is no name; nothing was saved",
        output::printable(name)
    );
    Ok(name)
}

fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{number}.{extension}"),
        None => format!("{name}-{number}"),
    }
}

/// A file that is to be sent.
#[derive(Debug)]
pub struct Local {
    name: String,
    bytes: Vec<u8>,
    sha256: String,
}

/// Reads the files that are to be sent, before anything is.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Local>, Failure> {
    if paths.len() > FILES_MAX {
        return Err(Failure::new(ExitCode::Usage, format!("{} files are attached", paths.len()))
            .help(format!("at most {FILES_MAX} go with a message; send the others with another")));
    }
    let mut files: Vec<Local> = Vec::new();
    for path in paths {
        let file = read_one(path)?;
        if files.iter().any(|other| (&other.name, &other.sha256) == (&file.name, &file.sha256)) {
            return Err(Failure::new(ExitCode::Usage, format!("{} is attached twice", path.display()))
                .help("name each file once; nothing was sent"));
        }
        files.push(file);
    }
    Ok(files)
}

fn read_one(path: &Path) -> Result<Local, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(ExitCode::Io, format!("cannot read {}: {error}", path.display()))
            .help("check the name; nothing was sent")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.is_empty() || bytes.len() as u64 > FILE_BYTES_MAX {
        let what = if bytes.is_empty() { "is empty" } else { "has more than 16 MiB" };
        return Err(Failure::new(ExitCode::BadInput, format!("{} {what}", path.display()))
            .help("a file that goes with a message has 1 byte to 16 MiB; nothing was sent"));
    }
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        Failure::new(ExitCode::BadInput, format!("{} has no name in UTF-8", path.display()))
            .help("rename it; nothing was sent")
    })?;
    Ok(Local { name: name.to_owned(), sha256: hex::encode(Sha256::digest(&bytes)), bytes })
}

/// Records the parts of files. `message` names what they are sent with, so that the same command, given again after it broke
/// off, goes on where it was.
pub fn upload(
    node: &Node,
    files: &[Local],
    query: &PartQuery,
    message: &str,
    global: &Global,
) -> anyhow::Result<Vec<FileRequest>> {
    let mut requests = Vec::new();
    for file in files {
        let count = file.bytes.len().div_ceil(PART_BYTES);
        let mut parts = Vec::new();
        for (number, part) in file.bytes.chunks(PART_BYTES).enumerate() {
            let key = key_of(message, file, number, query);
            let sent = node.ask(send::repeated(|| node.api.part(part.to_vec(), query, &key)))?;
            parts.push(sent.id);
            let again = if sent.repeated { " (was there)" } else { "" };
            output::remark(
                global,
                &format!("{}: part {} of {count}{again}", output::printable(&file.name), number + 1),
            );
        }
        let bytes = file.bytes.len() as u64;
        requests.push(FileRequest { name: file.name.clone(), bytes, sha256: file.sha256.clone(), parts });
    }
    Ok(requests)
}

/// The same for the same part of the same file of the same message to the same members.
fn key_of(message: &str, file: &Local, number: usize, query: &PartQuery) -> String {
    let hash = Sha256::new()
        .chain_update(Sha256::digest(message))
        .chain_update(&file.sha256)
        .chain_update((number as u64).to_be_bytes())
        .chain_update([query.open, query.exercise, query.group].map(|flag| u8::from(flag == Some(true))))
        .chain_update(query.to.as_deref().unwrap_or_default())
        .finalize();
    format!("part-{}", hex::encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_elsewhere_lead_out_of_no_folder() {
        for good in ["photo.jpg", "Foto 1 (ü).JPG", "صورة.png", "a"] {
            assert_eq!(safe_name(good).unwrap(), good);
        }
        for bad in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "c:x", ".bashrc", "a\nb", "a\u{0}b"]
        {
            assert!(safe_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!((numbered("a.tar.gz", 2), numbered("a", 1)), ("a.tar-2.gz".into(), "a-1".into()));
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let view = |bytes: &[u8]| FileView {
            name: "a.txt".into(),
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
            parts: 1,
            here: 1,
        };
        let first = save(dir.path(), &view(b"one"), b"one").unwrap();
        let again = save(dir.path(), &view(b"one"), b"one").unwrap();
        let other = save(dir.path(), &view(b"two"), b"two").unwrap();
        assert_eq!((first.path.as_path(), first.unchanged), (dir.path().join("a.txt").as_path(), false));
        assert_eq!((again.path, again.unchanged), (first.path, true));
        assert_eq!((other.path, other.unchanged), (dir.path().join("a-1.txt"), false));
        assert!(save(dir.path(), &view(b"one"), b"eno").is_err());
    }

    #[test]
    fn what_was_sealed_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("evidence/photos");
        files::make_private(&folder).unwrap();
        let file = folder.join("a.txt");
        files::write_private(&file, b"one").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        files::make_private(&folder).unwrap();
    }

    #[test]
    fn no_file_is_attached_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for (name, bytes) in [("a.jpg", b"one"), ("b.jpg", b"one")] {
            std::fs::write(path(name), bytes).unwrap();
        }
        assert_eq!(read(&[path("a.jpg"), path("b.jpg")]).unwrap().len(), 2);
        let twice = read(&[path("a.jpg"), path("b.jpg"), path("./a.jpg")]).unwrap_err();
        assert!(twice.code == ExitCode::Usage && twice.what.ends_with("a.jpg is attached twice"), "{twice}");
    }
}
