//! The only ways to a file from outside: a path that is checked twice, once as text and once by the kernel.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Folders of the workspace whose images the page may show.
const SHOWN: [&str; 7] = ["photos", "seeds", "pool", "candidates", "inbox", "review", "trash"];

/// Whether a relative path, with `/`, names an image the page may show, as text: in one of the folders of images, without
/// empty, hidden, `.` and `..` parts.
pub fn is_shown(path: &str) -> bool {
    let mut parts = path.split('/');
    let folder = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    SHOWN.contains(&folder) && !rest.is_empty() && rest.iter().all(|part| is_name(part))
}

/// Whether a text is the name of a file or a class folder, and nothing but that.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && !text.starts_with('.') && !text.contains(['/', '\\', '\0'])
}

/// Opens a file of the workspace that [`is_shown`] lets through. The kernel resolves the path and refuses symbolic links and
/// whatever leads out of the workspace, also when somebody swaps a folder at that moment.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] for whatever is not a plain file there, so that nobody learns what else there is.
pub fn open(root: &Path, path: &str) -> io::Result<File> {
    if is_shown(path) { resolved(root, path) } else { Err(refused()) }
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no such file to be shown")
}

/// Opens a plain file below the workspace; no part of the path is a symbolic link.
fn resolved(root: &Path, path: &str) -> io::Result<File> {
    let folder = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(openat2(&folder, path, how, Mode::empty(), resolve).map_err(|_| refused())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}

/// The whole of such a file, when it has `max_bytes` at most.
///
/// # Errors
/// As [`open`].
pub fn read(root: &Path, path: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
    whole(open(root, path)?, max_bytes)
}

/// A page that a node wrote, at a path whose parts are ours or names by [`is_name`].
///
/// # Errors
/// As [`read`].
pub fn document(root: &Path, path: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
    if !path.split('/').all(is_name) {
        return Err(refused());
    }
    whole(resolved(root, path)?, max_bytes)
}

fn whole(file: File, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than allowed, so that a file that grows meanwhile is noticed.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too large to be shown"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_plain_files_in_the_folders_of_images_are_opened() {
        let workspace = tempfile::tempdir().unwrap();
        let root = workspace.path().join("home");
        for folder in ["photos/きゅん/sub", "models", "photos/.hidden"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let write = |path: &str| std::fs::write(root.join(path), path).unwrap();
        for path in ["photos/きゅん/sub/a b%2F&#.jpg", "models/m.jpg", "photos/.hidden/a.jpg", "photos/.b.jpg"] {
            write(path);
        }
        std::fs::write(workspace.path().join("secret.jpg"), "s").unwrap();
        symlink(workspace.path().join("secret.jpg"), root.join("photos/きゅん/link.jpg")).unwrap();
        symlink(workspace.path(), root.join("photos/out")).unwrap();
        symlink("photos/きゅん", root.join("photos/in")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(root.join("photos/pipe")).status().unwrap().success());

        assert_eq!(
            read(&root, "photos/きゅん/sub/a b%2F&#.jpg", 99).unwrap(),
            "photos/きゅん/sub/a b%2F&#.jpg".as_bytes()
        );
        for path in [
            "",
            "photos",
            "photos/",
            "photos/きゅん",
            "photos/きゅん/sub",
            "photos/きゅん/none.jpg",
            "photos//きゅん/sub/a.jpg",
            "photos/./きゅん/sub/a b%2F&#.jpg",
            "photos/../models/m.jpg",
            "photos/../../secret.jpg",
            "../secret.jpg",
            "/etc/passwd",
            "models/m.jpg",
            "photos/.hidden/a.jpg",
            "photos/.b.jpg",
            "photos/きゅん/link.jpg",
            "photos/out/secret.jpg",
            "photos/in/sub/a b%2F&#.jpg",
            "photos/pipe",
            "photos\\..\\models\\m.jpg",
            "photos/a\0.jpg",
        ] {
            assert!(read(&root, path, 99).is_err(), "{path:?}");
        }
        assert_eq!(read(&root, "photos/きゅん/sub/a b%2F&#.jpg", 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn names_are_names() {
        assert!(is_name("きゅんきゅん") && is_name("a b.jpg") && is_name("R&B"));
        for odd in ["", ".", "..", ".x", "a/b", "a\\b", "a\0", &"x".repeat(256)] {
            assert!(!is_name(odd), "{odd:?}");
        }
    }
}
