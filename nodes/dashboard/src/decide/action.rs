//! Decisions become moves.

use super::folders::{self, ClassFolder, class_folders, files_below, folder_of};
use super::journal::{Entry, Journal, Moved};
use super::moves::{ImageDirs, Renamed};
use crate::localized::LocalizedText;
use crate::safe;
use plugin_api::decisions::{self, Decided, Decision};
use plugin_api::message::Arg;
use plugin_api::names::{class_name, folder_counts};
use plugin_api::{Message, Text, Workspace};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::io::{self, ErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Decisions of a step at most.
pub const MOST: usize = 5_000;
/// Where images can be labelled from.
const LABELLED_FROM: [&str; 7] = ["photos", "seeds", "candidates", "inbox", "pool", "review", "trash"];
/// Where they can be thrown away from.
const THROWN_FROM: [&str; 6] = ["photos", "seeds", "candidates", "inbox", "pool", "review"];

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Action {
    /// The image is of this class: it goes to `photos/<class>/`.
    Label {
        /// Relative to the workspace.
        path: String,
        /// The class.
        class: String,
    },
    /// It is not wanted: it goes to `trash/`, where it lies until a person empties that.
    Throw {
        /// Relative to the workspace.
        path: String,
    },
    /// A question is answered: it is right as it is.
    Keep {
        /// The question's key.
        key: String,
    },
    /// A question is answered: these look alike and are no copies of each other.
    Different {
        /// The question's key, or `images ` and the digests of the files that are meant.
        key: String,
    },
    /// There is to be a class of this name, without an image yet.
    Create {
        /// The class.
        class: String,
    },
    /// A class is to be called otherwise; when there is one of that name, the two become one.
    Rename {
        /// The class.
        class: String,
        /// Its new name.
        to: String,
    },
    /// A class is not wanted: all its files go to `trash/`.
    Delete {
        /// The class.
        class: String,
    },
}

/// Gives what an answer to a question is about: the pixel digests of each line for the file of decisions. None where it is not
/// offered, or the question is there no more.
pub type Resolve<'a> = &'a dyn Fn(&str, Decision) -> Option<Vec<Vec<String>>>;

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Files that were moved, from and to.
    pub moved: Vec<(String, String)>,
    /// What could not be done, for a person.
    pub problems: Vec<LocalizedText>,
    /// How many steps can be undone now.
    pub undoable: usize,
}

/// Does what was decided, one step at a time.
pub struct Decider {
    workspace: Workspace,
    journal: Mutex<Journal>,
}

impl Decider {
    /// With what was done before.
    pub fn new(workspace: Workspace) -> Self {
        let journal = Mutex::new(Journal::open(workspace.root()));
        Self { workspace, journal }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many steps can be undone.
    pub fn undoable(&self) -> usize {
        self.journal().len()
    }

    /// Where the files were that were moved and not moved back.
    pub fn moved(&self) -> HashSet<String> {
        self.journal().moved().map(|one| one.from.clone()).collect()
    }

    /// Whether a question was answered with "it is right as it is".
    pub fn is_kept(&self, key: &str) -> bool {
        self.journal().kept().contains(key)
    }

    /// Does all of these as one step. What cannot be done is told; the rest is done all the same.
    ///
    /// # Errors
    /// When nothing at all was done: a decision makes no sense, or the journal cannot be written.
    pub fn decide(&self, actions: &[Action], resolve: Resolve) -> io::Result<Done> {
        let mut journal = self.journal();
        if actions.is_empty() || actions.len() > MOST {
            return Err(refused(Message::page_step_size(MOST)));
        }
        let dirs = ImageDirs::open(self.workspace.root())?;
        let ms = now_ms();
        let mut plan = Plan::new(&self.workspace, &dirs);
        let mut kept = Vec::new();
        let mut decided = Vec::new();
        let mut problems = Vec::new();
        for action in actions {
            match action {
                Action::Keep { key } | Action::Different { key } => {
                    let decision =
                        if matches!(action, Action::Keep { .. }) { Decision::Keep } else { Decision::Different };
                    match resolve(key, decision) {
                        Some(lists) => {
                            kept.push(key.clone());
                            decided.extend(lists.into_iter().map(|digests| Decided { at_ms: ms, decision, digests }));
                        }
                        None => problems.push(Message::page_question_gone().into()),
                    }
                }
                other => {
                    if let Err(error) = plan.add(other) {
                        problems.push(Text::from(&error));
                    }
                }
            }
        }
        if plan.is_empty() && kept.is_empty() {
            let told = Message::plain(Arg::List(problems.into_iter().map(Arg::from).collect()));
            return Err(told.into_error(ErrorKind::NotFound));
        }
        let Plan { moved: planned, make, close, .. } = plan;
        let id = journal.next();
        let entry = |moved: &[Moved], made: &[String], closed: &[String]| Entry::Step {
            id,
            ms,
            moved: moved.to_vec(),
            kept: kept.clone(),
            decided: decided.clone(),
            made: made.to_vec(),
            closed: closed.to_vec(),
        };
        journal.write(entry(&planned, &make, &close))?;
        if !decided.is_empty()
            && let Err(error) = decisions::append_all(&self.workspace, &decided)
        {
            journal.write(Entry::Undone { id })?;
            return Err(error);
        }
        let mut made = Vec::new();
        for folder in make {
            match dirs.make(&folder) {
                Ok(true) => made.push(folder),
                Ok(false) => {}
                Err(error) => problems.push(Text::from(&error)),
            }
        }
        let mut moved = Vec::new();
        for one in planned {
            match dirs.rename(&one.from, &one.to) {
                Ok(Renamed { is_new_folder, version }) => {
                    moved.push(Moved { new_folder: is_new_folder, version, ..one });
                }
                Err(error) => problems.push(Text::from(&error)),
            }
        }
        dirs.sync(moved.iter().flat_map(|one| [above(&one.to), above(&one.from)]))?;
        let closed: Vec<String> = close.into_iter().filter(|folder| dirs.close(folder)).collect();
        if moved.is_empty() && kept.is_empty() && made.is_empty() && closed.is_empty() {
            journal.write(Entry::Undone { id })?;
        } else {
            journal.write(entry(&moved, &made, &closed))?;
        }
        tracing::info!(step = id, files = moved.len(), "decided on the page");
        let moved = moved.into_iter().map(|one| (one.from, one.to)).collect();
        Ok(Done { moved, problems: problems.iter().map(LocalizedText::from).collect(), undoable: journal.len() })
    }

    /// Undoes the last step. A file that was moved on since, or whose old name is taken, stays and is told.
    ///
    /// # Errors
    /// Not found when there is nothing to undo.
    pub fn undo(&self) -> io::Result<Done> {
        let mut journal = self.journal();
        let nothing = || Message::page_nothing_to_undo().into_error(ErrorKind::NotFound);
        let step = journal.last().ok_or_else(nothing)?;
        let dirs = ImageDirs::open(self.workspace.root())?;
        let (mut moved, mut problems) = (Vec::new(), Vec::new());
        for folder in step.closed.iter().rev() {
            if let Err(error) = dirs.make(folder) {
                problems.push(Text::from(&error));
            }
        }
        let mut new_folders = Vec::new();
        for one in step.moved.into_iter().rev() {
            // Never done: written down, then killed.
            if dirs.version(&one.from).is_ok_and(|version| version == one.version) {
                continue;
            }
            let back = match dirs.version(&one.to) {
                Ok(version) if version == one.version => dirs.rename(&one.to, &one.from).map(drop),
                Ok(_) => Err(Message::page_other_file(one.to.as_str()).into_error(ErrorKind::Other)),
                Err(error) => Err(error),
            };
            match back {
                Ok(()) => {
                    if one.new_folder {
                        new_folders.push(above(&one.to).to_owned());
                    }
                    moved.push((one.to, one.from));
                }
                Err(error) => problems.push(Text::from(&error)),
            }
        }
        dirs.sync(moved.iter().flat_map(|(to, from)| [above(to), above(from)]))?;
        for folder in new_folders.iter().chain(step.made.iter().rev()) {
            dirs.close(folder);
        }
        let withdrawn = |one: &Decided| Decided { at_ms: now_ms(), decision: Decision::Withdrawn, ..one.clone() };
        let withdrawn: Vec<Decided> = step.decided.iter().map(withdrawn).collect();
        if !withdrawn.is_empty() {
            decisions::append_all(&self.workspace, &withdrawn)?;
        }
        journal.write(Entry::Undone { id: step.id })?;
        tracing::info!(step = step.id, files = moved.len(), "undone on the page");
        Ok(Done { moved, problems: problems.iter().map(LocalizedText::from).collect(), undoable: journal.len() })
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// The folder of a path.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn refused(why: Message) -> io::Error {
    why.into_error(ErrorKind::InvalidInput)
}

/// What a step is to do with files and folders. Two files never get the same name.
struct Plan<'a> {
    workspace: &'a Workspace,
    dirs: &'a ImageDirs,
    moved: Vec<Moved>,
    taken: HashSet<String>,
    make: Vec<String>,
    /// The innermost first.
    close: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(workspace: &'a Workspace, dirs: &'a ImageDirs) -> Self {
        Self { workspace, dirs, moved: Vec::new(), taken: HashSet::new(), make: Vec::new(), close: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.make.is_empty() && self.close.is_empty()
    }

    fn add(&mut self, action: &Action) -> io::Result<()> {
        match action {
            Action::Label { path, class } => self.label(path, class),
            Action::Throw { path } => self.throw(path),
            Action::Create { class } => self.create(class),
            Action::Rename { class, to } => self.rename(class, to),
            Action::Delete { class } => self.delete(class),
            Action::Keep { key } | Action::Different { key } => Err(refused(Message::page_no_file(key))),
        }
    }

    fn label(&mut self, path: &str, class: &str) -> io::Result<()> {
        let version = self.dirs.version(path)?;
        let folder = self.class_folder("photos", class)?;
        from_one_of(path, &LABELLED_FROM)?;
        if path.starts_with(&format!("{folder}/")) {
            return Err(refused(Message::page_is_there(path)));
        }
        let name = folders::own_name(self.workspace, path).unwrap_or_else(|| name_of(path).to_owned());
        self.put(path, version, &folder, &name)?;
        self.sidecars(path, &folder)
    }

    fn throw(&mut self, path: &str) -> io::Result<()> {
        let version = self.dirs.version(path)?;
        from_one_of(path, &THROWN_FROM)?;
        let folder = format!("trash/{}", above(path));
        self.put(path, version, &folder, name_of(path))?;
        self.sidecars(path, &folder)
    }

    /// XMP sidecars of a labelled image go where it goes: `a.jpg.xmp` as darktable names it, `a.xmp` as Lightroom does.
    fn sidecars(&mut self, path: &str, folder: &str) -> io::Result<()> {
        if !path.starts_with("photos/") {
            return Ok(());
        }
        let stem = path.rfind('.').filter(|at| *at > above(path).len() + 1).map_or(path, |at| &path[..at]);
        for sidecar in [format!("{path}.xmp"), format!("{stem}.xmp")] {
            if sidecar != path
                && let Ok(version) = self.dirs.version(&sidecar)
                && self.moved.iter().all(|one| one.from != sidecar)
            {
                self.put(&sidecar, version, folder, name_of(&sidecar))?;
            }
        }
        Ok(())
    }

    fn create(&mut self, class: &str) -> io::Result<()> {
        let folder = self.class_folder("photos", class)?;
        if self.workspace.root().join(&folder).is_dir() {
            return Err(Message::page_class_exists(class).into_error(ErrorKind::AlreadyExists));
        }
        self.make.push(folder);
        Ok(())
    }

    fn rename(&mut self, class: &str, to: &str) -> io::Result<()> {
        if class_name(class) == class_name(to) {
            return Err(refused(Message::page_same_name(class)));
        }
        self.each_folder(class, |plan, from| {
            let into = plan.class_folder(&from.above, to)?;
            if !plan.workspace.root().join(&into).is_dir() {
                plan.make.push(into.clone());
            }
            Ok(into)
        })
    }

    fn delete(&mut self, class: &str) -> io::Result<()> {
        self.each_folder(class, |_, from| Ok(format!("trash/{}", from.path())))
    }

    /// Moves all files of a class into other folders, those of the class in `photos/`, `seeds/` and `candidates/` each into its own.
    fn each_folder(
        &mut self,
        class: &str,
        into: impl Fn(&mut Self, &ClassFolder) -> io::Result<String>,
    ) -> io::Result<()> {
        let folders = class_folders(self.workspace).into_iter();
        let folders: Vec<ClassFolder> = folders.filter(|one| class_name(&one.name) == class_name(class)).collect();
        if folders.is_empty() {
            return Err(Message::page_no_class(class).into_error(ErrorKind::NotFound));
        }
        for from in folders {
            let into = into(self, &from)?;
            let mut emptied = BTreeSet::from([from.path()]);
            for relative in files_below(self.workspace, &from.path()) {
                let path = format!("{}/{relative}", from.path());
                let version = self.dirs.version(&path)?;
                let folder = if relative.contains('/') { format!("{into}/{}", above(&relative)) } else { into.clone() };
                self.put(&path, version, &folder, name_of(&relative))?;
                emptied.insert(above(&path).to_owned());
            }
            self.close.extend(emptied.into_iter().rev());
        }
        Ok(())
    }

    /// The folder of a class, in the spelling it has there.
    fn class_folder(&self, above: &str, class: &str) -> io::Result<String> {
        let is_class = safe::is_name(class) && folder_counts(class) && class.trim() == class;
        if is_class {
            Ok(folder_of(self.workspace, above, class))
        } else {
            Err(refused(Message::page_bad_class(class)))
        }
    }

    fn put(&mut self, from: &str, version: String, folder: &str, name: &str) -> io::Result<()> {
        let mut to = self.dirs.free(folder, name)?;
        let (stem, ending) = name.split_at(name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len()));
        for n in 2..=MOST + 1 {
            if !self.taken.contains(&to) {
                break;
            }
            to = self.dirs.free(folder, &format!("{stem} ({n}){ending}"))?;
        }
        self.taken.insert(to.clone());
        self.moved.push(Moved { from: from.to_owned(), to, version, new_folder: false });
        Ok(())
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn from_one_of(path: &str, places: &[&str]) -> io::Result<()> {
    let place = path.split('/').next().unwrap_or_default();
    if places.contains(&place) { Ok(()) } else { Err(refused(Message::page_place_fixed(path, place))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn fixture() -> (tempfile::TempDir, Workspace, Decider) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        for path in
            ["candidates/cat/01_a.jpg", "candidates/cat/02_b.jpg", "candidates/dog/01_a.jpg", "photos/cat/x.jpg"]
        {
            let file = workspace.root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, path).unwrap();
        }
        let decider = Decider::new(workspace.clone());
        (folder, workspace, decider)
    }

    fn label(path: &str, class: &str) -> Action {
        Action::Label { path: path.to_owned(), class: class.to_owned() }
    }

    /// Every answer is about one image.
    fn right(key: &str, decision: Decision) -> Option<Vec<Vec<String>>> {
        (decision == Decision::Keep).then(|| vec![vec![format!("pixels of {key}")]])
    }

    fn throw(path: &str) -> Action {
        Action::Throw { path: path.to_owned() }
    }

    /// Every file below the folders a person sees.
    fn files(workspace: &Workspace) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![workspace.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(workspace.relative(&entry.path()).unwrap());
                }
            }
        }
        found.retain(|path| !path.starts_with("dashboard/") && !path.starts_with("dataset/"));
        found.sort();
        found
    }

    #[test]
    fn every_step_is_a_move_and_can_be_undone_even_after_a_restart() {
        let (_folder, workspace, decider) = fixture();
        let before = files(&workspace);
        let done = decider
            .decide(&[label("candidates/cat/01_a.jpg", "cat"), label("candidates/dog/01_a.jpg", "cat")], &right)
            .unwrap();
        assert!(done.problems.is_empty(), "{done:?}");
        decider
            .decide(&[throw("candidates/cat/02_b.jpg"), Action::Keep { key: "suspected x".into() }], &right)
            .unwrap();
        decider.decide(&[label("photos/cat/x.jpg", "new class")], &right).unwrap();
        assert_eq!(
            files(&workspace),
            [
                "photos/cat/01_a (2).jpg",
                "photos/cat/01_a.jpg",
                "photos/new class/x.jpg",
                "trash/candidates/cat/02_b.jpg"
            ]
        );
        assert!(decider.is_kept("suspected x"));
        let about = |decision: Decision| {
            let made = decisions::read(&workspace).unwrap().made;
            made.iter().filter(|one| one.decision == decision).flat_map(|one| one.digests.clone()).collect::<Vec<_>>()
        };
        assert_eq!(about(Decision::Keep), ["pixels of suspected x"]);
        let decider = Decider::new(workspace.clone());
        assert_eq!(decider.undoable(), 3);
        for left in [2, 1, 0] {
            let undone = decider.undo().unwrap();
            assert_eq!((undone.undoable, undone.problems.len()), (left, 0), "{undone:?}");
        }
        assert_eq!(files(&workspace), before);
        assert!(!workspace.photos().join("new class").exists() && !decider.is_kept("suspected x"));
        assert_eq!(about(Decision::Withdrawn), ["pixels of suspected x"], "taken back by another line");
        assert_eq!(decider.undo().unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_cannot_be_done_is_told_and_the_rest_is_done() {
        let (_folder, workspace, decider) = fixture();
        let done = decider
            .decide(&[label("candidates/cat/none.jpg", "cat"), label("candidates/cat/01_a.jpg", "cat")], &right)
            .unwrap();
        assert_eq!((done.moved.len(), done.problems.len()), (1, 1));
        for bad in [
            label("candidates/cat/02_b.jpg", "../x"),
            label("candidates/cat/02_b.jpg", ""),
            label("candidates/cat/02_b.jpg", ".hidden"),
            label("photos/cat/x.jpg", "cat"),
            label("photos/cat/x.jpg", "train "),
            throw("trash/x.jpg"),
            throw("models/x"),
            Action::Create { class: "cat".into() },
            Action::Create { class: "a/b".into() },
            Action::Rename { class: "cat".into(), to: "cat".into() },
            Action::Rename { class: "none".into(), to: "some".into() },
            Action::Delete { class: "none".into() },
            Action::Different { key: "images a b".into() },
            Action::Different { key: "alike x".into() },
        ] {
            fs::write(workspace.pool().join("x.jpg"), "x").unwrap();
            fs::write(workspace.inbox().join("x.jpg"), "x").unwrap();
            assert!(decider.decide(std::slice::from_ref(&bad), &right).is_err(), "{bad:?}");
        }
        assert!(decider.decide(&[], &right).is_err() && decider.undoable() == 1);
    }

    #[test]
    fn classes_are_made_renamed_merged_and_deleted_and_come_back() {
        let (_folder, workspace, decider) = fixture();
        for path in ["photos/cat/sub/y.jpg", "photos/dog/x.jpg", "seeds/cat/s.jpg"] {
            let file = workspace.root().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, path).unwrap();
        }
        let before = files(&workspace);
        let class = |action: Action| decider.decide(&[action], &right).unwrap();
        class(Action::Create { class: "bird".into() });
        assert!(workspace.photos().join("bird").is_dir());
        let renamed = class(Action::Rename { class: "cat".into(), to: "猫".into() });
        assert_eq!((renamed.moved.len(), workspace.photos().join("cat").exists()), (5, false), "{renamed:?}");
        assert!(workspace.photos().join("猫/sub/y.jpg").exists() && workspace.seeds().join("猫/s.jpg").exists());
        class(Action::Rename { class: "猫".into(), to: "dog".into() });
        assert_eq!(fs::read_to_string(workspace.photos().join("dog/x (2).jpg")).unwrap(), "photos/cat/x.jpg");
        class(Action::Delete { class: "dog".into() });
        assert!(
            !workspace.photos().join("dog").exists() && workspace.root().join("trash/photos/dog/sub/y.jpg").exists()
        );
        class(Action::Delete { class: "bird".into() });
        for _ in 0..5 {
            let undone = decider.undo().unwrap();
            assert!(undone.problems.is_empty(), "{undone:?}");
        }
        assert_eq!(files(&workspace), before);
        let folders = |folder: &str| fs::read_dir(workspace.root().join(folder)).unwrap().count();
        assert_eq!((folders("photos"), folders("seeds"), folders("candidates")), (2, 1, 2), "no empty folder is left");
    }

    #[test]
    fn sidecars_go_where_their_images_go() {
        let (_folder, workspace, decider) = fixture();
        for name in ["x.jpg.xmp", "x.xmp", "y.xmp"] {
            fs::write(workspace.photos().join("cat").join(name), name).unwrap();
        }
        decider.decide(&[label("photos/cat/x.jpg", "dog")], &right).unwrap();
        let there = |name: &str| workspace.photos().join("dog").join(name).exists();
        assert_eq!(["x.jpg", "x.jpg.xmp", "x.xmp", "y.xmp"].map(there), [true, true, true, false]);
        assert_eq!(decider.undo().unwrap().moved.len(), 3);
        assert!(workspace.photos().join("cat/x.xmp").exists() && !workspace.photos().join("dog").exists());
    }

    #[test]
    fn accepted_files_get_their_own_names_back() {
        let (_folder, workspace, decider) = fixture();
        fs::write(
            workspace.candidates().join("candidates.csv"),
            "path,class,distance,rank,candidate,claimed_by\npool/x.jpg,cat,0.1,1,candidates/cat/01_a.jpg,\n",
        )
        .unwrap();
        fs::write(workspace.review().join("0.02_u.jpg"), "u").unwrap();
        fs::write(workspace.review().join("review.csv"), "name,path\n0.02_u.jpg,inbox/u.jpg\n").unwrap();
        let actions = [label("candidates/cat/01_a.jpg", "cat"), label("review/0.02_u.jpg", "dog")];
        let done = decider.decide(&actions, &right).unwrap();
        let to: Vec<&str> = done.moved.iter().map(|(_, to)| to.as_str()).collect();
        assert_eq!(to, ["photos/cat/x (2).jpg", "photos/dog/u.jpg"]);
    }

    #[test]
    fn undo_touches_no_file_that_somebody_changed_since() {
        let (_folder, workspace, decider) = fixture();
        decider
            .decide(&[label("candidates/cat/01_a.jpg", "cat"), label("candidates/cat/02_b.jpg", "cat")], &right)
            .unwrap();
        fs::remove_file(workspace.photos().join("cat/01_a.jpg")).unwrap();
        fs::write(workspace.photos().join("cat/other"), "another").unwrap();
        fs::rename(workspace.photos().join("cat/other"), workspace.photos().join("cat/01_a.jpg")).unwrap();
        let undone = decider.undo().unwrap();
        assert_eq!((undone.moved.len(), undone.problems.len()), (1, 1), "{undone:?}");
        assert_eq!(fs::read_to_string(workspace.photos().join("cat/01_a.jpg")).unwrap(), "another");
        assert!(workspace.candidates().join("cat/02_b.jpg").exists());
    }

    #[test]
    fn noted_step_never_done_is_undone_by_doing_nothing() {
        let (_folder, workspace, decider) = fixture();
        let version = ImageDirs::open(workspace.root()).unwrap().version("candidates/cat/01_a.jpg").unwrap();
        let moved = vec![Moved {
            from: "candidates/cat/01_a.jpg".into(),
            to: "photos/cat/01_a.jpg".into(),
            version,
            new_folder: false,
        }];
        decider
            .journal()
            .write(Entry::Step { id: 1, ms: 0, moved, kept: vec![], decided: vec![], made: vec![], closed: vec![] })
            .unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(workspace.root().join("dashboard/journal.jsonl"))
            .and_then(|mut file| {
                use std::io::Write;
                file.write_all(b"{\"step\":{\"id\":2")
            })
            .unwrap();
        let (before, decider) = (files(&workspace), Decider::new(workspace.clone()));
        assert_eq!(decider.undo().unwrap().problems.len(), 0);
        assert_eq!(files(&workspace), before);
        decider.decide(&[label("candidates/cat/01_a.jpg", "cat")], &right).unwrap();
        assert_eq!(Decider::new(workspace).undoable(), 1, "the piece of a line does no harm");
    }
}
