//! Whether somebody is writing a file.
//!
//! A copy that pauses leaves a file that is cut off and does not change, and only the descriptor that is still open for
//! writing tells it from a broken one. The kernel is asked for a read lease (fcntl(2), `F_SETLEASE`), which it refuses
//! while any process has the file open for writing. It grants leases to the file's owner and root alone, and not on every
//! file system; otherwise the descriptors of all processes that may be looked at are searched (proc(5)).

use std::fs::{self, File};
use std::path::Path;

/// Whether some process has the file at `path` open for writing, as far as that can be found out: not for a writer on
/// another machine, nor for one of another user when this process is neither the file's owner nor root.
pub fn has_writer(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    lease::is_refused(&file).unwrap_or_else(|| has_descriptor_for_writing(path))
}

/// Whether a process has `path` open for writing, by its descriptors.
fn has_descriptor_for_writing(path: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { return false };
        descriptors.flatten().any(|descriptor| {
            let is_this = fs::read_link(descriptor.path()).is_ok_and(|target| target == path);
            is_this && is_open_for_writing(&process.path().join("fdinfo").join(descriptor.file_name()))
        })
    })
}

/// Reads the access mode from `fdinfo`: `flags` is octal, its lowest two bits are the mode, 0 is read-only.
fn is_open_for_writing(fdinfo: &Path) -> bool {
    let text = fs::read_to_string(fdinfo).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
    u32::from_str_radix(flags.trim(), 8).is_ok_and(|flags| flags & 3 != 0)
}

#[cfg(target_os = "linux")]
mod lease {
    #![allow(unsafe_code, reason = "leases and the disposition of a signal are to be had from the C library alone")]

    use rustix::fs::fstatfs;
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::sync::Once;

    /// statfs(2): NFS, SMB, SMB2. There a lease asks the server, which refuses it for reasons of its own.
    const REMOTE: [i64; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];

    static ONCE: Once = Once::new();

    /// Whether a read lease on `file` is refused because somebody has it open for writing. `None` when no lease is to be had
    /// for another reason.
    pub fn is_refused(file: &File) -> Option<bool> {
        let kind = fstatfs(file).ok()?.f_type;
        if REMOTE.contains(&(kind & 0xFFFF_FFFF)) {
            return None;
        }
        // Whoever opens the file for writing in the moment between the two calls below waits for the second, and this
        // process is sent SIGIO, which would end it.
        ONCE.call_once(|| {
            // SAFETY: sets the disposition of a signal for which nothing in this process has a handler.
            unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
        });
        // SAFETY: the descriptor is open as long as `file` is borrowed; the argument is a number.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) } == 0 {
            // SAFETY: as above.
            unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
            return Some(false);
        }
        (io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)).then_some(true)
    }
}

#[cfg(not(target_os = "linux"))]
mod lease {
    use std::fs::File;

    pub fn is_refused(_: &File) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn a_writer_is_seen_and_readers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("a.jpg");
        fs::write(&path, "a").unwrap();
        assert!(!has_writer(&path) && !has_descriptor_for_writing(&path));
        let reader = File::open(&path).unwrap();
        assert!(!has_writer(&path) && !has_descriptor_for_writing(&path));
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(has_writer(&path) && has_descriptor_for_writing(&path));
        drop((reader, writer));
        assert!(!has_writer(&path));
        assert!(!has_writer(&folder.path().join("gone.jpg")));
    }

    #[test]
    fn a_writer_follows_its_file_to_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let writer = File::create(folder.join("a.jpg")).unwrap();
        fs::rename(folder.join("a.jpg"), folder.join("b.jpg")).unwrap();
        assert!(has_writer(&folder.join("b.jpg")) && has_descriptor_for_writing(&folder.join("b.jpg")));
        drop(writer);
    }
}
