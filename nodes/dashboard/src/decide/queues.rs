//! What waits for a decision.

use super::act::Decider;
use crate::look::Album;
use crate::safe;
use plugin_api::Home;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Names of the queues.
pub const QUEUES: [&str; 4] = ["candidates", "conflicts", "suspected", "unsure"];
/// Questions that are sent at once.
const MOST: usize = 300;

/// A file in question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    /// BLAKE3, where it is known.
    pub digest: Option<String>,
    /// The class folder it lies in.
    pub class: Option<String>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// What names it, so that "it is right as it is" can be remembered.
    pub key: String,
    /// One file, or those that contradict each other.
    pub files: Vec<File>,
    /// Likely answers, the likeliest first, with their probability where there is one.
    pub likely: Vec<(String, Option<f32>)>,
}

/// What waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Queue {
    /// How many questions there are in all.
    pub total: usize,
    /// The first of them.
    pub questions: Vec<Question>,
    /// Classes there are, sorted.
    pub classes: Vec<String>,
    /// How many steps can be undone.
    pub undoable: usize,
}

impl Queue {
    /// The questions of a queue; none when there is no such queue.
    pub fn of(name: &str, home: &Home, album: &Album, decider: &Decider) -> Option<Self> {
        let mut questions = match name {
            "candidates" => candidates(home),
            "conflicts" => conflicts(album),
            "suspected" => suspected(album, home),
            "unsure" => unsure(home),
            _ => return None,
        };
        questions.retain(|question| !decider.is_kept(&question.key));
        let total = questions.len();
        questions.truncate(MOST);
        Some(Self { total, questions, classes: classes(home), undoable: decider.undoable() })
    }
}

/// Names of class folders.
pub fn classes(home: &Home) -> Vec<String> {
    let named = [home.photos(), home.candidates()].into_iter().flat_map(folders);
    named.collect::<BTreeSet<String>>().into_iter().collect()
}

fn names(folder: std::path::PathBuf, wanted: fn(fs::FileType) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named =
        entries.filter(|entry| entry.file_type().is_ok_and(wanted)).filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<String> = named.filter(|name| safe::is_name(name)).collect();
    names.sort();
    names
}

fn folders(folder: std::path::PathBuf) -> Vec<String> {
    names(folder, |kind| kind.is_dir())
}

/// Pictures in a folder: tables that lie beside them are none.
fn pictures(folder: std::path::PathBuf) -> Vec<String> {
    let table =
        |name: &String| name.to_ascii_lowercase().ends_with(".csv") || name.to_ascii_lowercase().ends_with(".xmp");
    names(folder, |kind| kind.is_file()).into_iter().filter(|name| !table(name)).collect()
}

/// By class, nearest first, as their names are ordered.
fn candidates(home: &Home) -> Vec<Question> {
    let of_class = |class: String| {
        let files = pictures(home.candidates().join(&class)).into_iter();
        files.map(move |name| {
            let path = format!("candidates/{class}/{name}");
            let file = File { path: path.clone(), digest: None, class: Some(class.clone()) };
            Question { key: format!("candidate {path}"), files: vec![file], likely: vec![(class.clone(), None)] }
        })
    };
    folders(home.candidates()).into_iter().flat_map(of_class).collect()
}

/// Groups of look-alikes that stand in several classes.
fn conflicts(album: &Album) -> Vec<Question> {
    let mut groups: BTreeMap<u32, Vec<&crate::look::Item>> = BTreeMap::new();
    for item in album.items.iter().filter(|item| item.flags.names().any(|name| name == "conflict")) {
        groups.entry(item.group).or_default().push(item);
    }
    let question = |items: Vec<&crate::look::Item>| {
        let mut votes: BTreeMap<String, usize> = BTreeMap::new();
        let mut digests = BTreeSet::new();
        for item in &items {
            digests.insert(format!("{} {}", item.digest, album.class(item).unwrap_or_default()));
            if let Some(class) = album.class(item) {
                *votes.entry(class.to_owned()).or_default() += 1;
            }
        }
        let mut votes: Vec<(String, usize)> = votes.into_iter().collect();
        votes.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
        let files = items.iter().map(|item| File {
            path: item.path.clone(),
            digest: Some(item.digest.clone()),
            class: album.class(item).map(str::to_owned),
        });
        // Another file in it, and the question is another.
        let key = blake3::hash(digests.into_iter().collect::<Vec<_>>().join("\n").as_bytes());
        Question {
            key: format!("conflict {}", &key.to_hex()[..32]),
            files: files.collect(),
            likely: votes.into_iter().map(|(class, _)| (class, None)).collect(),
        }
    };
    groups.into_values().map(question).collect()
}

/// Files whose label is probably wrong, the most suspicious first. What was moved since, in the album or not yet, is none.
fn suspected(album: &Album, home: &Home) -> Vec<Question> {
    let flagged = album.items.iter().filter(|item| item.flags.names().any(|name| name == "suspected"));
    let mut found: Vec<_> = flagged.filter_map(|item| Some((item, album.notes.suspects.get(&item.path)?))).collect();
    found.sort_by(|(_, a), (_, b)| (b.other - b.own).total_cmp(&(a.other - a.own)));
    found.retain(|(item, _)| home.root().join(&item.path).is_file());
    let question = |(item, suspect): (&crate::look::Item, &crate::look::Suspect)| Question {
        key: format!("suspected {} {} {}", item.digest, suspect.class, suspect.suggested),
        files: vec![File {
            path: item.path.clone(),
            digest: Some(item.digest.clone()),
            class: Some(suspect.class.clone()),
        }],
        likely: vec![(suspect.suggested.clone(), Some(suspect.other)), (suspect.class.clone(), Some(suspect.own))],
    };
    found.into_iter().map(question).collect()
}

/// Pictures of the inbox that the champion asks about, the least sure first, as their names are ordered.
fn unsure(home: &Home) -> Vec<Question> {
    let mut said: BTreeMap<String, Vec<(String, Option<f32>)>> = BTreeMap::new();
    if let Ok(mut table) = csv::Reader::from_path(home.review().join("review.csv")) {
        for row in table.records().flatten() {
            let guess = |at: usize| Some((row.get(at)?.to_owned(), row.get(at + 1)?.parse().ok()));
            let guesses = [3, 5].into_iter().filter_map(guess).filter(|(class, _)| !class.is_empty());
            said.insert(row.get(0).unwrap_or_default().to_owned(), guesses.collect());
        }
    }
    let question = |name: String| {
        let path = format!("review/{name}");
        let file = File { path: path.clone(), digest: None, class: None };
        Question { key: format!("unsure {path}"), files: vec![file], likely: said.remove(&name).unwrap_or_default() }
    };
    pictures(home.review()).into_iter().map(question).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Act;
    use crate::look::Notes;
    use crate::look::tests::{add, catalog, reader};

    #[test]
    fn each_queue_asks_about_its_files_until_they_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let write = |path: &str, text: &str| {
            let file = home.root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let db = catalog(&home);
        for (path, digest, group) in [
            ("photos/cat/1.jpg", "d1", "g1"),
            ("photos/dog/1.jpg", "d1", "g1"),
            ("photos/dog/2.jpg", "d2", "g1"),
            ("photos/cat/3.jpg", "d3", "g3"),
        ] {
            write(path, digest);
            add(&db, path, digest, group, "train", 1);
        }
        write("candidates/cat/02_b.jpg", "b");
        write("candidates/cat/01_a.jpg", "a");
        write("candidates/candidates.csv", "class,name");
        write("review/0.01_u.jpg", "u");
        write(
            "review/review.csv",
            "name,path,margin,class_1,probability_1,class_2,probability_2,model\n0.01_u.jpg,inbox/u.jpg,0.01,dog,0.5,cat,0.49,m\n",
        );
        write(
            "dataset/report/label_errors.csv",
            "path,class,suggested,probability_of_class,probability_of_suggested,digest,what_to_do\nphotos/cat/3.jpg,cat,dog,0.1,0.8,d3,x\n",
        );
        let album = Album::read(&reader(&db), Notes::read(&home), None).unwrap();
        let decider = Decider::new(home.clone());
        let ask = |name: &str| Queue::of(name, &home, &album, &decider).unwrap();
        let candidates = ask("candidates");
        let paths: Vec<_> = candidates.questions.iter().map(|q| q.files[0].path.as_str()).collect();
        assert_eq!(paths, ["candidates/cat/01_a.jpg", "candidates/cat/02_b.jpg"]);
        assert_eq!(candidates.classes, ["cat", "dog"]);
        let conflict = &ask("conflicts").questions[0];
        assert_eq!((conflict.files.len(), conflict.likely[0].0.as_str()), (3, "dog"));
        assert_eq!(ask("suspected").questions[0].likely[0], ("dog".to_owned(), Some(0.8)));
        assert_eq!(ask("unsure").questions[0].likely, [("dog".to_owned(), Some(0.5)), ("cat".to_owned(), Some(0.49))]);
        assert!(Queue::of("others", &home, &album, &decider).is_none());

        decider.decide(&[Act::Keep { key: conflict.key.clone() }]).unwrap();
        assert_eq!(ask("conflicts").total, 0);
        decider.undo().unwrap();
        assert_eq!(ask("conflicts").total, 1);
        decider.decide(&[Act::Label { path: "photos/cat/3.jpg".into(), class: "dog".into() }]).unwrap();
        assert_eq!(ask("suspected").total, 0, "before the catalog knows");
    }
}
