//! The class folders as a zip archive (APPNOTE 6.3.10), written while it is sent. Images are compressed already, so they are stored.

use super::Problem;
use crate::decide::{class_folders, files_below};
use crate::safe;
use axum::body::{Body, Bytes};
use plugin_api::{Message, Workspace};
use std::fs;
use std::io::{self, Read};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Files and bytes that an archive without the 64-bit extension can have.
const MOST_FILES: usize = 65_535;
const MOST_BYTES: u64 = u32::MAX as u64 - (64 << 20);
/// File names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Version 2.0 reads it.
const VERSION: u16 = 20;
/// 1 January 1980: an image's own date is in its metadata.
const DATE: u16 = 0x21;
/// Parts that wait for the browser.
const WAITING: usize = 4;

/// A file that is in the archive.
struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
}

/// What is to be archived: paths relative to the workspace.
fn listed(workspace: &Workspace) -> Result<Vec<String>, Problem> {
    let folders =
        class_folders(workspace).into_iter().map(|folder| folder.path()).filter(|path| path.starts_with("photos/"));
    let files =
        |folder: String| files_below(workspace, &folder).into_iter().map(move |file| format!("{folder}/{file}"));
    let paths: Vec<String> = folders.flat_map(files).collect();
    let bytes: u64 =
        paths.iter().filter_map(|path| fs::metadata(workspace.root().join(path)).ok()).map(|meta| meta.len()).sum();
    if paths.len() > MOST_FILES || bytes > MOST_BYTES {
        let (have, most) = (bytes >> 20, MOST_BYTES >> 20);
        return Err(Problem::conflict(Message::page_archive_large(paths.len(), have, MOST_FILES, most)));
    }
    Ok(paths)
}

/// The archive as the body of an answer. Files that go meanwhile are left out.
///
/// # Errors
/// When it would be too large.
pub fn of_classes(workspace: &Workspace) -> Result<Body, Problem> {
    let (paths, workspace) = (listed(workspace)?, workspace.clone());
    let (sender, receiver) = channel(WAITING);
    std::thread::Builder::new().name("archive".to_owned()).spawn(move || {
        if write(&workspace, &paths, &sender).is_none() {
            tracing::debug!("nobody waits for the archive any more");
        }
    })?;
    let next = |mut receiver: Receiver<Bytes>| async {
        receiver.recv().await.map(|part| (Ok::<_, io::Error>(part), receiver))
    };
    Ok(Body::from_stream(futures::stream::unfold(receiver, next)))
}

/// `None` when the browser has gone.
fn write(workspace: &Workspace, paths: &[String], to: &Sender<Bytes>) -> Option<()> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut offset = 0_u64;
    for path in paths {
        let mut bytes = Vec::new();
        let read = safe::open(workspace.root(), path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
        let is_too_much = offset + bytes.len() as u64 > u64::from(u32::MAX) - (32 << 20);
        if read.is_err() || is_too_much {
            tracing::warn!(path, "left out of the archive");
            continue;
        }
        let name = path.trim_start_matches("photos/").to_owned();
        let entry = Entry { crc: crc32fast::hash(&bytes), size: bytes.len() as u32, offset: offset as u32, name };
        let head = [
            &0x0403_4b50_u32.to_le_bytes()[..],
            &VERSION.to_le_bytes(),
            &common(&entry),
            &0_u16.to_le_bytes(),
            entry.name.as_bytes(),
        ]
        .concat();
        offset += (head.len() + bytes.len()) as u64;
        to.blocking_send(head.into()).ok()?;
        to.blocking_send(bytes.into()).ok()?;
        entries.push(entry);
    }
    let central: Vec<u8> = entries.iter().flat_map(central).collect();
    let count = (entries.len() as u16).to_le_bytes();
    let end = [
        &0x0605_4b50_u32.to_le_bytes()[..],
        &[0; 4],
        &count,
        &count,
        &(central.len() as u32).to_le_bytes(),
        &(offset as u32).to_le_bytes(),
        &[0; 2],
    ];
    to.blocking_send([central, end.concat()].concat().into()).ok()
}

/// What both headers of a file have: flags, method, time, date, CRC, sizes and the length of the name.
fn common(entry: &Entry) -> Vec<u8> {
    let size = entry.size.to_le_bytes();
    [
        &UTF8.to_le_bytes()[..],
        &[0; 4],
        &DATE.to_le_bytes(),
        &entry.crc.to_le_bytes(),
        &size,
        &size,
        &(entry.name.len() as u16).to_le_bytes(),
    ]
    .concat()
}

fn central(entry: &Entry) -> Vec<u8> {
    let start =
        [&0x0201_4b50_u32.to_le_bytes()[..], &VERSION.to_le_bytes(), &VERSION.to_le_bytes(), &common(entry)].concat();
    // No extra field, no comment, disk 0, no attributes.
    [start, vec![0; 12], entry.offset.to_le_bytes().to_vec(), entry.name.as_bytes().to_vec()].concat()
}
