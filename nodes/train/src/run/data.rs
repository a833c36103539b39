//! Which images, with which labels, a version of the data set has: what a run keeps of it, and what has changed since.

use plugin_api::files::write_atomically;
use plugin_api::{Message, Workspace};
use plugin_catalog::{CatalogError, Reader};
use plugin_tables::{Rows, StringRecord, Table};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Labels of each image, sorted, by the digest of its pixels, so that other metadata in a file change nothing. Of images
/// that were taken in by an earlier version the digest of the file stands for it, there and in the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data(BTreeMap<String, Vec<String>>);

/// The file in the folder of a run.
pub const FILE: &str = "data.csv";

impl Data {
    /// Reads a version from the catalog of a workspace, which `dataset` may be writing to. None when that cannot be done: what
    /// it is for, a reason in words, is not worth a run.
    pub fn at(workspace: &Workspace, version: u64) -> Option<Self> {
        let read = || -> Result<Option<Self>, CatalogError> {
            let Some(catalog) = Reader::open(workspace)? else { return Ok(None) };
            let mut data = Self::default();
            for row in catalog.samples(version, None)? {
                data.0.entry(row.sample).or_default().push(row.label);
            }
            Ok(Some(data))
        };
        read().inspect_err(|error| tracing::warn!(%error, version, "the catalog cannot be read")).ok().flatten()
    }

    /// Writes it into the folder of a run: a row an image with its digest and its labels.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn write(&self, run: &Path) -> io::Result<()> {
        let mut table = Table::new(["digest", "labels"])?;
        for (digest, labels) in &self.0 {
            // Labels are names of folders, so they have no slash.
            table.row([digest, &labels.join("/")])?;
        }
        write_atomically(&run.join(FILE), &table.finish()?)
    }

    /// Reads it from the folder of a run; none in runs of older versions.
    pub fn read(run: &Path) -> Option<Self> {
        let row =
            |row: StringRecord| Some((row.get(0)?.to_owned(), row.get(1)?.split('/').map(str::to_owned).collect()));
        Rows::open(&run.join(FILE)).ok()?.map(row).collect::<Option<_>>().map(Self)
    }

    /// How many images.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// No image at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has changed since.
    pub fn since(&self, before: &Self) -> Changes {
        let mut changes = Changes::default();
        for (digest, labels) in &self.0 {
            match before.0.get(digest) {
                None => labels.iter().for_each(|label| *changes.new.entry(label.clone()).or_default() += 1),
                Some(old) if old != labels => changes.relabelled += 1,
                Some(_) => {}
            }
            changes.images += u64::from(before.0.get(digest) != Some(labels));
        }
        changes.removed = before.0.keys().filter(|digest| !self.0.contains_key(*digest)).count() as u64;
        changes.images += changes.removed;
        changes
    }
}

/// What has changed between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New images by class.
    new: BTreeMap<String, u64>,
    relabelled: u64,
    removed: u64,
    /// Images that are new, relabelled or removed.
    pub images: u64,
}

impl Changes {
    /// What has changed, by class, the most first.
    pub fn message(&self) -> Message {
        const NAMED: usize = 4;
        let mut most: Vec<(&String, &u64)> = self.new.iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named = most.iter().take(NAMED);
        let mut parts: Vec<Message> = named.map(|(class, count)| Message::new_in(**count, *class)).collect();
        let others = most.iter().skip(NAMED);
        if most.len() > NAMED {
            let sum: u64 = others.map(|(_, count)| **count).sum();
            parts.push(Message::new_in_others(sum, most.len() - NAMED));
        }
        if self.relabelled > 0 {
            parts.push(Message::relabelled(self.relabelled));
        }
        if self.removed > 0 {
            parts.push(Message::removed(self.removed));
        }
        if parts.is_empty() { Message::nothing_changed() } else { Message::changes(parts) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Images and their labels.
    pub fn data(rows: &[(&str, &str)]) -> Data {
        Data(rows.iter().map(|(d, l)| ((*d).to_owned(), l.split('/').map(str::to_owned).collect())).collect())
    }

    #[test]
    fn changes_are_counted_by_image_and_told_by_class() {
        let before = data(&[("1", "いぬ"), ("2", "いぬ"), ("3", "ねこ"), ("4", "ねこ")]);
        let after = data(&[
            ("1", "いぬ"),
            ("2", "ねこ"),
            ("4", "ねこ"),
            ("5", "きゅんきゅん"),
            ("6", "きゅんきゅん"),
            ("7", "いぬ/ねこ"),
        ]);
        let changes = after.since(&before);
        assert_eq!(
            changes.message().to_string(),
            "2 new in きゅんきゅん, 1 new in いぬ, 1 new in ねこ, 1 relabelled, 1 removed"
        );
        assert_eq!(changes.images, 5, "one of the new ones is in two classes");
        assert_eq!(after.since(&after).message().to_string(), "nothing changed");
    }

    #[test]
    fn many_classes_are_summed_up() {
        let names: Vec<(String, String)> = (0..6).map(|i| (format!("d{i}"), format!("c{i}"))).collect();
        let rows: Vec<(&str, &str)> = names.iter().map(|(d, c)| (&d[..], &c[..])).collect();
        let text = data(&rows).since(&Data::default()).message().to_string();
        assert!(text.ends_with("2 new in 2 more classes"), "{text}");
    }

    #[test]
    fn a_run_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let all = data(&[("1", "a \"b\", c"), ("2", "x/y"), ("3", "line\nbreak/=1+2")]);
        all.write(folder.path()).unwrap();
        assert_eq!(Data::read(folder.path()), Some(all));
        assert_eq!(Data::read(&folder.path().join("no")), None);
        // As earlier versions wrote it.
        std::fs::write(folder.path().join(FILE), "digest,labels\n1,\"a \"\"b\"\"\"\n").unwrap();
        assert_eq!(Data::read(folder.path()), Some(data(&[("1", "a \"b\"")])));
    }

    #[test]
    fn a_catalog_is_read_as_it_was() {
        use plugin_catalog::{Image, fixture};
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        assert_eq!(Data::at(&workspace, 1), None);
        fixture::add_plain(
            &workspace,
            &[("photos/a/1", "d1"), ("photos/a/2", "d2"), ("photos/a/copy", "d2"), ("photos/3", "d3")],
        )
        .unwrap();
        fixture::remove(&workspace, &["photos/a/1"]).unwrap();
        fixture::add_plain(&workspace, &[("photos/b/1", "d1")]).unwrap();
        assert_eq!(Data::at(&workspace, 1).unwrap(), data(&[("d1", "a"), ("d2", "a")]));
        assert_eq!(Data::at(&workspace, 3).unwrap(), data(&[("d1", "b"), ("d2", "a")]));
        // The same pixels with other metadata.
        let pixels = |digest: &str| Image { pixel_digest: Some("p".to_owned()), ..fixture::image(digest) };
        let of = |digest: &str| [(fixture::file("photos/a/4", digest), pixels(digest))];
        let before = fixture::add(&workspace, &of("d4")).unwrap();
        let after = fixture::add(&workspace, &of("d5")).unwrap();
        assert!(after > before);
        assert_eq!(Data::at(&workspace, after).unwrap().since(&Data::at(&workspace, before).unwrap()).images, 0);
    }
}
