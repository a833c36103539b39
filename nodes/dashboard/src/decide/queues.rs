//! What waits for a decision.

use super::action::Decider;
use super::folders::{class_folders, folders_in};
use crate::look::{CatalogView, Item, settled};
use crate::safe;
use plugin_api::Workspace;
use plugin_api::decisions::Decision;
use plugin_api::names::{class_name, natural_order};
use plugin_review::{Doubt, Image, SamePixels, Suspect};
use plugin_tables::Rows;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Names of the queues.
pub const QUEUES: [&str; 4] = ["candidates", "conflicts", "suspected", "unsure"];
/// Files of a mixed group that are asked about together; of a larger group the pair that is most alike.
const MOST_ALIKE: usize = 60;
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
    /// What names it, so that an answer can be remembered.
    pub key: String,
    /// The files that an answer is about.
    pub files: Vec<File>,
    /// A file to hold them against, which stays where it is.
    pub beside: Option<File>,
    /// Likely answers, the likeliest first, with their probability where there is one.
    pub likely: Vec<(String, Option<f32>)>,
    /// Of conflicts, which they are.
    pub conflict: Option<Conflict>,
}

/// Images that look alike and stand in several classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Conflict {
    /// Equal pixels: kept out of training until one class is chosen.
    SamePixels {
        /// The classes.
        classes: Vec<String>,
    },
    /// One image of another class than nearly all that look like it.
    Odd {
        /// Images that look alike.
        of: usize,
        /// How many of them are of the class of the file beside it.
        many: usize,
        /// Whether it can be said that they are no copies; of too many it cannot.
        can_differ: bool,
    },
    /// Images of several classes, none of which has nearly all.
    Mixed {
        /// Images of each class.
        shares: Vec<(String, usize)>,
        /// As in [`Conflict::Odd`].
        can_differ: bool,
    },
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
    pub fn of(name: &str, workspace: &Workspace, view: &CatalogView, decider: &Decider) -> Option<Self> {
        let mut questions = match name {
            "candidates" => candidates(workspace),
            "conflicts" => conflicts(view, workspace),
            "suspected" => suspected(view, workspace),
            "unsure" => unsure(workspace),
            _ => return None,
        };
        // Conflicts that were answered are known by the file of decisions.
        questions.retain(|question| question.conflict.is_some() || !decider.is_kept(&question.key));
        let total = questions.len();
        questions.truncate(MOST);
        Some(Self { total, questions, classes: classes(workspace), undoable: decider.undoable() })
    }
}

/// Names of classes: of class folders, in splits too, each once however its folders are spelled; in natural order.
pub fn classes(workspace: &Workspace) -> Vec<String> {
    let named: BTreeSet<String> = class_folders(workspace)
        .into_iter()
        .filter(|folder| folder.above != "seeds")
        .map(|folder| class_name(&folder.name))
        .collect();
    let mut classes: Vec<String> = named.into_iter().collect();
    classes.sort_by(|a, b| natural_order(a, b));
    classes
}

fn names(folder: std::path::PathBuf, wanted: fn(fs::FileType) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named =
        entries.filter(|entry| entry.file_type().is_ok_and(wanted)).filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<String> = named.filter(|name| safe::is_name(name)).collect();
    names.sort();
    names
}

/// Images in a folder: tables that lie beside them are none.
fn images(folder: std::path::PathBuf) -> Vec<String> {
    let table =
        |name: &String| name.to_ascii_lowercase().ends_with(".csv") || name.to_ascii_lowercase().ends_with(".xmp");
    names(folder, |kind| kind.is_file()).into_iter().filter(|name| !table(name)).collect()
}

/// By class, nearest first, as their names are ordered.
fn candidates(workspace: &Workspace) -> Vec<Question> {
    let of_class = |class: String| {
        let files = images(workspace.candidates().join(&class)).into_iter();
        files.map(move |name| {
            let path = format!("candidates/{class}/{name}");
            let file = File { path: path.clone(), digest: None, class: Some(class.clone()) };
            let likely = vec![(class.clone(), None)];
            Question { key: format!("candidate {path}"), files: vec![file], beside: None, likely, conflict: None }
        })
    };
    folders_in(workspace, "candidates").into_iter().flat_map(of_class).collect()
}

/// What is to be decided because images look alike: first those that cannot be trained on, then the best suspects.
fn conflicts(view: &CatalogView, workspace: &Workspace) -> Vec<Question> {
    let images = view.images();
    // Of now, not of when the catalog view was read: what was just decided asks no more.
    let review = plugin_review::find(&images, view.notes.labels, &settled(workspace));
    let same = review.same_pixels.iter().map(|same| same_pixels(view, same));
    let alike = review.suspects.iter().map(|suspect| alike(view, suspect));
    // What was moved since is answered, before the catalog knows.
    let is_there = |file: &File| workspace.root().join(&file.path).is_file();
    let is_open = |question: &Question| match question.conflict {
        Some(Conflict::SamePixels { .. }) => {
            let mut there = question.files.iter().filter(|file| is_there(file));
            there.next().is_some_and(|first| there.any(|other| other.class != first.class))
        }
        _ => question.files.iter().chain(&question.beside).all(is_there),
    };
    same.chain(alike).filter(is_open).collect()
}

fn same_pixels(view: &CatalogView, same: &SamePixels) -> Question {
    let files: Vec<File> = same.files.iter().map(|at| file(view, &view.items[*at])).collect();
    let mut likely: Vec<(String, usize)> = same.classes.iter().map(|class| ((*class).to_owned(), 0)).collect();
    for (class, votes) in &mut likely {
        *votes = files.iter().filter(|file| file.class.as_ref() == Some(class)).count();
    }
    likely.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    Question {
        key: format!("same {}", same.pixel_digest),
        files,
        beside: None,
        likely: likely.into_iter().map(|(class, _)| (class, None)).collect(),
        conflict: Some(Conflict::SamePixels {
            classes: same.classes.iter().map(|class| (*class).to_owned()).collect(),
        }),
    }
}

fn alike(view: &CatalogView, suspect: &Suspect) -> Question {
    let pair = [suspect.files[0], suspect.looks_like_file];
    let is_shown_whole = suspect.doubt == Doubt::Odd || suspect.files.len() <= MOST_ALIKE;
    let files = if is_shown_whole { &suspect.files[..] } else { &pair[..] };
    let files = files.iter().map(|at| file(view, &view.items[*at])).collect();
    let can_differ = suspect.decided(Decision::Different).is_some();
    let shares = suspect.classes.iter().map(|share| (share.class.clone(), share.images.len()));
    let (beside, likely, conflict) = match suspect.doubt {
        Doubt::Odd => {
            let many = suspect.classes.first().map_or(0, |share| share.images.len());
            let beside = file(view, &view.items[suspect.looks_like_file]);
            (Some(beside), vec![suspect.in_class.clone()], Conflict::Odd { of: suspect.of, many, can_differ })
        }
        Doubt::Mixed => {
            let classes = shares.clone().map(|(class, _)| class).collect();
            (None, classes, Conflict::Mixed { shares: shares.collect(), can_differ })
        }
    };
    let likely = likely.into_iter().map(|class| (class, None)).collect();
    Question { key: key(suspect), files, beside, likely, conflict: Some(conflict) }
}

/// Another image among them, or another class, and the question is another.
fn key(suspect: &Suspect) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(suspect.pixel_digest.as_bytes());
    for share in suspect.classes.iter() {
        hasher.update(share.class.as_bytes());
        for digest in &share.images {
            hasher.update(digest.as_bytes());
        }
    }
    format!("alike {}", &hasher.finalize().to_hex()[..32])
}

fn file(view: &CatalogView, item: &Item) -> File {
    File { path: item.path.clone(), digest: Some(item.digest.clone()), class: view.class(item).map(str::to_owned) }
}

/// What an answer is about, for the file of decisions: the pixel digests of each line. None where it is not offered, or the
/// question is there no more.
pub fn decided(key: &str, decision: Decision, workspace: &Workspace, view: &CatalogView) -> Option<Vec<Vec<String>>> {
    if let Some(rest) = key.strip_prefix("suspected ") {
        let item = view.find(rest.split(' ').next()?)?;
        return (decision == Decision::Keep).then(|| vec![vec![item.pixel_digest.clone()]]);
    }
    // Images that a person has chosen, by the digests of their files.
    if let Some(rest) = key.strip_prefix("images ") {
        let pixels: BTreeSet<String> =
            rest.split(' ').map(|digest| Some(view.find(digest)?.pixel_digest.clone())).collect::<Option<_>>()?;
        let can = decision == Decision::Different && (2..=MOST_ALIKE).contains(&pixels.len());
        return can.then(|| vec![pixels.into_iter().collect()]);
    }
    let images: Vec<Image> = view.images();
    let review = plugin_review::find(&images, view.notes.labels, &settled(workspace));
    review.suspects.iter().find(|suspect| self::key(suspect) == key)?.decided(decision)
}

/// Files whose label is probably wrong, the most suspicious first. What was moved since, in the catalog view or not yet, is none.
fn suspected(view: &CatalogView, workspace: &Workspace) -> Vec<Question> {
    let flagged = view.items.iter().filter(|item| item.flags.names().any(|name| name == "suspected"));
    let settled = settled(workspace);
    let open = flagged.filter(|item| !settled.is_kept(&item.pixel_digest));
    let mut found: Vec<_> = open.filter_map(|item| Some((item, view.notes.suspects.get(&item.path)?))).collect();
    found.sort_by(|(_, a), (_, b)| (b.other - b.own).total_cmp(&(a.other - a.own)));
    found.retain(|(item, _)| workspace.root().join(&item.path).is_file());
    let question = |(item, suspect): (&Item, &crate::look::Suspect)| Question {
        key: format!("suspected {} {} {}", item.digest, suspect.class, suspect.suggested),
        files: vec![File {
            path: item.path.clone(),
            digest: Some(item.digest.clone()),
            class: Some(suspect.class.clone()),
        }],
        beside: None,
        likely: vec![(suspect.suggested.clone(), Some(suspect.other)), (suspect.class.clone(), Some(suspect.own))],
        conflict: None,
    };
    found.into_iter().map(question).collect()
}

/// Images of the inbox that the champion asks about, the least sure first, as their names are ordered.
fn unsure(workspace: &Workspace) -> Vec<Question> {
    let mut said: BTreeMap<String, Vec<(String, Option<f32>)>> = BTreeMap::new();
    if let Ok(rows) = Rows::open(&workspace.review().join("review.csv")) {
        for row in rows {
            let guess = |at: usize| Some((row.get(at)?.to_owned(), row.get(at + 1)?.parse().ok()));
            let guesses = [3, 5].into_iter().filter_map(guess).filter(|(class, _)| !class.is_empty());
            said.insert(row.get(0).unwrap_or_default().to_owned(), guesses.collect());
        }
    }
    let question = |name: String| {
        let path = format!("review/{name}");
        let file = File { path: path.clone(), digest: None, class: None };
        let likely = said.remove(&name).unwrap_or_default();
        Question { key: format!("unsure {path}"), files: vec![file], beside: None, likely, conflict: None }
    };
    images(workspace.review()).into_iter().map(question).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Action;
    use crate::look::Notes;
    use crate::look::tests::{add, catalog, reader};

    #[test]
    fn each_queue_asks_about_its_files_until_they_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let write = |path: &str, text: &str| {
            let file = workspace.root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let db = catalog(&workspace);
        for (path, digest, group) in [("photos/cat/3.jpg", "d3", "g3"), ("photos/dog/2.jpg", "d2", "g2")] {
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
        let view = CatalogView::read(&reader(&db), Notes::read(&workspace), None).unwrap();
        let decider = Decider::new(workspace.clone());
        let ask = |name: &str| Queue::of(name, &workspace, &view, &decider).unwrap();
        let candidates = ask("candidates");
        let paths: Vec<_> = candidates.questions.iter().map(|q| q.files[0].path.as_str()).collect();
        assert_eq!(paths, ["candidates/cat/01_a.jpg", "candidates/cat/02_b.jpg"]);
        assert_eq!(candidates.classes, ["cat", "dog"]);
        assert_eq!(ask("suspected").questions[0].likely[0], ("dog".to_owned(), Some(0.8)));
        assert_eq!(ask("unsure").questions[0].likely, [("dog".to_owned(), Some(0.5)), ("cat".to_owned(), Some(0.49))]);
        assert!(Queue::of("others", &workspace, &view, &decider).is_none());

        let resolve = |key: &str, decision| decided(key, decision, &workspace, &view);
        let key = ask("suspected").questions[0].key.clone();
        decider.decide(&[Action::Keep { key }], &resolve).unwrap();
        assert_eq!(ask("suspected").total, 0, "its label is right");
        decider.undo().unwrap();
        decider.decide(&[Action::Label { path: "photos/cat/3.jpg".into(), class: "dog".into() }], &resolve).unwrap();
        assert_eq!(ask("suspected").total, 0, "before the catalog knows");
    }

    #[test]
    fn conflicts_say_which_kind_and_what_can_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let db = catalog(&workspace);
        add(&db, "photos/cat/same.jpg", "d1", "d1", "train", 1);
        add(&db, "photos/dog/same.jpg", "d1", "d1", "train", 1);
        for n in 0..5 {
            add(&db, &format!("photos/open/{n}.jpg"), &format!("o{n}"), "g", "train", 1);
        }
        add(&db, "photos/closed/odd.jpg", "odd", "g", "train", 1);
        add(&db, "photos/good/1.jpg", "g1", "h", "train", 1);
        add(&db, "photos/bad/1.jpg", "b1", "h", "train", 1);
        let known = CatalogView::read(&reader(&db), Notes::default(), None).unwrap();
        for item in &known.items {
            let file = workspace.root().join(&item.path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        let view = CatalogView::read(&reader(&db), Notes::read(&workspace), None).unwrap();
        let decider = Decider::new(workspace.clone());
        let ask = |decider: &Decider| Queue::of("conflicts", &workspace, &view, decider).unwrap().questions;
        let [same, odd, mixed] = <[Question; 3]>::try_from(ask(&decider)).unwrap();
        assert_eq!(same.conflict, Some(Conflict::SamePixels { classes: vec!["cat".to_owned(), "dog".to_owned()] }));
        assert_eq!(odd.conflict, Some(Conflict::Odd { of: 6, many: 5, can_differ: true }));
        assert_eq!((odd.files[0].path.as_str(), odd.files.len()), ("photos/closed/odd.jpg", 1), "the five stay");
        assert_eq!(odd.beside.as_ref().unwrap().class.as_deref(), Some("open"));
        let shares = vec![("bad".to_owned(), 1), ("good".to_owned(), 1)];
        assert_eq!(mixed.conflict, Some(Conflict::Mixed { shares, can_differ: true }));

        let resolve = |key: &str, decision| decided(key, decision, &workspace, &view);
        assert!(
            decider.decide(&[Action::Keep { key: same.key.clone() }], &resolve).is_err(),
            "it cannot be trained on"
        );
        decider.decide(&[Action::Keep { key: odd.key.clone() }], &resolve).unwrap();
        decider.decide(&[Action::Different { key: mixed.key.clone() }], &resolve).unwrap();
        assert_eq!(ask(&Decider::new(workspace.clone())), std::slice::from_ref(&same), "after a restart too");
        decider.undo().unwrap();
        assert_eq!(ask(&decider), [same.clone(), mixed.clone()]);
        decider.undo().unwrap();
        assert_eq!(ask(&decider), [same, odd, mixed]);
    }
}
