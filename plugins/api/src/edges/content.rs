//! The bytes of the file that a row is about, wherever they are: in the message, or, for a file larger than a message may
//! be, where the file lies.

use super::{EncodedImages, HashedImages};
use crate::{ContentError, FileVersion, Home};
use arrow::array::{Int64Array, LargeBinaryArray, StringArray, UInt64Array};
use std::borrow::Cow;

/// The columns that say which file a row is about.
struct Columns<'a> {
    path: &'a StringArray,
    size_bytes: &'a UInt64Array,
    modified_ns: &'a Int64Array,
    changed_ns: &'a Int64Array,
    inode: &'a UInt64Array,
    data: &'a LargeBinaryArray,
}

impl<'a> Columns<'a> {
    fn version(&self, row: usize) -> FileVersion {
        FileVersion {
            size_bytes: self.size_bytes.value(row),
            modified_ns: self.modified_ns.value(row),
            changed_ns: self.changed_ns.value(row),
            inode: self.inode.value(row),
        }
    }

    fn content(&self, row: usize, home: &Home) -> Result<Cow<'a, [u8]>, ContentError> {
        let data = self.data.value(row);
        let version = self.version(row);
        if !data.is_empty() || version.size_bytes == 0 {
            return Ok(Cow::Borrowed(data));
        }
        let mut data = Vec::new();
        crate::version::read(&home.root().join(self.path.value(row)), &version, &mut data)?;
        Ok(Cow::Owned(data))
    }
}

macro_rules! rows_of_files {
    ($edge:ty) => {
        impl $edge {
            fn columns(&self) -> Columns<'_> {
                Columns {
                    path: &self.path,
                    size_bytes: &self.size_bytes,
                    modified_ns: &self.modified_ns,
                    changed_ns: &self.changed_ns,
                    inode: &self.inode,
                    data: &self.data,
                }
            }

            /// The version of the file that the row is about.
            pub fn version(&self, row: usize) -> FileVersion {
                self.columns().version(row)
            }

            /// The content of the file that the row is about. `watch` sends a file that is larger than a message may be by
            /// reference, alone in its message; it is read from the workspace here, if it is still the version that was sent.
            ///
            /// # Errors
            /// [`ContentError`], whose [`reason`](ContentError::reason) is that of the reject to answer with.
            pub fn content(&self, row: usize, home: &Home) -> Result<Cow<'_, [u8]>, ContentError> {
                self.columns().content(row, home)
            }
        }
    };
}

rows_of_files!(EncodedImages);
rows_of_files!(HashedImages);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// One row, with its data or by reference.
    fn message(path: &str, version: FileVersion, data: &[u8]) -> EncodedImages {
        EncodedImages {
            path: StringArray::from_iter_values([path]),
            label: StringArray::from_iter_values(["cat"]),
            split: [None::<&str>].into_iter().collect(),
            modified_ns: vec![version.modified_ns].into(),
            changed_ns: vec![version.changed_ns].into(),
            inode: vec![version.inode].into(),
            size_bytes: vec![version.size_bytes].into(),
            data: LargeBinaryArray::from_iter_values([data]),
        }
    }

    #[test]
    fn content_is_in_the_message_or_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let path = home.photos().join("a.jpg");
        fs::write(&path, b"large").unwrap();
        let version = FileVersion::from(&fs::metadata(&path).unwrap());
        let content = |message: &EncodedImages| message.content(0, &home).map(Cow::into_owned);
        assert_eq!(content(&message("photos/a.jpg", version, b"")).unwrap(), b"large");
        assert_eq!(content(&message("photos/gone.jpg", version, b"inline")).unwrap(), b"inline");
        let empty = FileVersion { size_bytes: 0, ..version };
        assert_eq!(content(&message("photos/gone.jpg", empty, b"")).unwrap(), b"");

        let gone = content(&message("photos/gone.jpg", version, b"")).unwrap_err();
        assert_eq!(gone.reason(), ContentError::CHANGED);
        fs::write(&path, b"other").unwrap();
        let earlier = FileVersion { modified_ns: version.modified_ns - 1, ..version };
        assert_eq!(content(&message("photos/a.jpg", earlier, b"")).unwrap_err().reason(), ContentError::CHANGED);
    }
}
