//! The file that a row is about: its version, and its bytes as long as it is that version.

use super::{DecodedImages, ImageFiles};
use crate::edge::Edge;
use crate::version::{ContentError, FileVersion};
use crate::workspace::Workspace;

macro_rules! rows_of_files {
    ($edge:ty) => {
        impl $edge {
            /// The version of the file that the row is about.
            pub fn version(&self, row: usize) -> FileVersion {
                FileVersion {
                    size_bytes: self.size_bytes.value(row),
                    modified_ns: self.modified_ns.value(row),
                    changed_ns: self.changed_ns.value(row),
                    inode: self.inode.value(row),
                }
            }

            /// Reads the file that the row is about, if it still is the version that `watch` saw.
            ///
            /// # Errors
            /// [`ContentError`], whose [`reason`](ContentError::reason) is that of the reject to answer with.
            pub fn content(&self, row: usize, workspace: &Workspace) -> Result<Vec<u8>, ContentError> {
                let mut data = Vec::new();
                crate::version::read(&workspace.root().join(self.path.value(row)), &self.version(row), &mut data)?;
                Ok(data)
            }
        }
    };
}

impl ImageFiles {
    /// Which version of which file each row is about, as one string: a file that was replaced is another.
    pub fn keys(&self) -> Vec<String> {
        let key = |row: usize| {
            let version = self.version(row);
            let (size_bytes, modified_ns, changed_ns) = (version.size_bytes, version.modified_ns, version.changed_ns);
            format!("{size_bytes} {modified_ns} {changed_ns} {}", self.path.value(row))
        };
        (0..self.rows()).map(key).collect()
    }
}

rows_of_files!(ImageFiles);
rows_of_files!(DecodedImages);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject_reason::RejectReason;
    use arrow::array::StringArray;
    use std::fs;

    fn message(path: &str, version: FileVersion) -> ImageFiles {
        ImageFiles {
            path: StringArray::from_iter_values([path]),
            label: StringArray::from_iter_values(["cat"]),
            split: [None::<&str>].into_iter().collect(),
            modified_ns: vec![version.modified_ns].into(),
            changed_ns: vec![version.changed_ns].into(),
            inode: vec![version.inode].into(),
            size_bytes: vec![version.size_bytes].into(),
        }
    }

    #[test]
    fn content_is_that_of_the_version_seen() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let path = workspace.photos().join("a.jpg");
        fs::write(&path, b"large").unwrap();
        let version = FileVersion::from(&fs::metadata(&path).unwrap());
        let content = |message: &ImageFiles| message.content(0, &workspace);
        assert_eq!(content(&message("photos/a.jpg", version)).unwrap(), b"large");
        let gone = content(&message("photos/gone.jpg", version)).unwrap_err();
        assert_eq!(gone.reason(), RejectReason::Changed);
        fs::write(&path, b"other").unwrap();
        let earlier = FileVersion { modified_ns: version.modified_ns - 1, ..version };
        assert_eq!(content(&message("photos/a.jpg", earlier)).unwrap_err().reason(), RejectReason::Changed);
    }
}
