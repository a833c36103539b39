//! From a pool of images to candidates for each class, and what a person does with them: `dataflows/curate.yml`.

use plugin_api::Workspace;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::images;

const MINUTE: Duration = Duration::from_mins(1);
const RADIUS: u32 = 24;
const MOST: usize = 8;

/// By a hash, without a network.
const BY_PHASH: &[(&str, &str, &str)] = &[
    ("embed", "--network", "none"),
    ("gather", "--metric", "phash"),
    ("gather", "--radius", "24"),
    ("gather", "--max-candidates", "8"),
    ("collect", "--rescan-seconds", "5"),
    ("collect", "--arriving-seconds", "1"),
];

/// Three seeds of three classes and sixty images of the same, no two the same.
fn fill(workspace: &Path) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let (mut seen, mut counts) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    let mut pool = BTreeMap::new();
    for (class, file) in images::demo() {
        let count = counts.entry(class.clone()).or_default();
        let bytes = fs::read(&file)?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        if !["animals", "buildings", "food"].contains(&class.as_str()) || *count >= 23 || !seen.insert(digest.clone()) {
            continue;
        }
        *count += 1;
        let name = file.file_name().unwrap_or_default();
        let folder = match *count {
            1..=3 => workspace.join("seeds").join(&class),
            n if n % 2 == 0 => workspace.join("pool"),
            _ => workspace.join("pool/2024/夏"),
        };
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), &bytes)?;
        if *count > 3 {
            pool.insert(folder.join(name), digest);
        }
    }
    assert_eq!(pool.len(), 60, "the demo's images are missing");
    Ok(pool)
}

fn store(workspace: &Workspace) -> Option<Connection> {
    let path = workspace.dataset().join("curation.sqlite");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()
}

/// Label, digest and perceptual hash of every file that was taken in.
fn known(workspace: &Workspace) -> Vec<(Option<String>, String, u64)> {
    let read = || -> rusqlite::Result<Vec<_>> {
        let db = store(workspace).ok_or(rusqlite::Error::InvalidQuery)?;
        let mut rows = db.prepare("SELECT label, digest, phash FROM files JOIN images USING (digest)")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned())))?.collect()
    };
    read().unwrap_or_default()
}

/// What should lie where, measured one by one: class, digest and distance, each class's nearest first.
fn expected(known: &[(Option<String>, String, u64)], not: &BTreeSet<(String, String)>) -> Vec<(String, String, u32)> {
    let mut claims = Vec::new();
    for (_, digest, hash) in known.iter().filter(|(label, ..)| label.is_none()) {
        let mut nearest = BTreeMap::<&str, u32>::new();
        for (label, _, seed) in known {
            if let Some(class) = label {
                let distance = nearest.entry(class).or_insert(64);
                *distance = (*distance).min((seed ^ hash).count_ones());
            }
        }
        let free = nearest
            .into_iter()
            .filter(|(class, distance)| *distance <= RADIUS && !not.contains(&((*class).to_owned(), digest.clone())));
        if let Some((class, distance)) = free.min_by_key(|(_, distance)| *distance) {
            claims.push((class.to_owned(), distance, digest.clone()));
        }
    }
    claims.sort();
    let mut taken = BTreeMap::<String, usize>::new();
    claims.retain(|(class, ..)| {
        let n = taken.entry(class.clone()).or_default();
        *n += 1;
        *n <= MOST
    });
    claims.into_iter().map(|(class, distance, digest)| (class, digest, distance)).collect()
}

/// What lies there: class, digest and the distance in the name, by name.
fn candidates(workspace: &Workspace) -> Vec<(String, String, String, PathBuf)> {
    let mut found = Vec::new();
    for class in fs::read_dir(workspace.candidates()).into_iter().flatten().flatten().filter(|e| e.path().is_dir()) {
        for file in fs::read_dir(class.path()).into_iter().flatten().flatten() {
            let digest = blake3::hash(&fs::read(file.path()).unwrap_or_default()).to_hex().to_string();
            let name = file.file_name().to_string_lossy().into_owned();
            let distance = name.split('_').next().unwrap_or_default().to_owned();
            found.push((class.file_name().to_string_lossy().into_owned(), digest, distance, file.path()));
        }
    }
    found.sort_by(|a, b| a.3.cmp(&b.3));
    found
}

/// Whether what should lie there lies there, and the list says so. The distance in a name is the one it came with; the
/// list has the present one.
fn lie_there(workspace: &Workspace, not: &BTreeSet<(String, String)>) -> bool {
    let text = |(class, digest, distance): (String, String, u32)| (class, digest, format!("{distance:02}"));
    let wanted: BTreeSet<_> = expected(&known(workspace), not).into_iter().map(text).collect();
    let found: BTreeSet<_> = candidates(workspace).into_iter().map(|(class, digest, ..)| (class, digest)).collect();
    let list = fs::read_to_string(workspace.candidates().join("candidates.csv")).unwrap_or_default();
    let row = |line: &str| {
        let mut columns = line.split(',').map(str::to_owned);
        let (path, class, distance) = (columns.next()?, columns.next()?, columns.next()?);
        let digest = blake3::hash(&fs::read(workspace.root().join(path)).ok()?).to_hex().to_string();
        Some((class, digest, distance))
    };
    let listed: BTreeSet<_> = list.lines().skip(1).filter_map(row).collect();
    listed == wanted && found == wanted.into_iter().map(|(class, digest, _)| (class, digest)).collect()
}

fn counter(graph: &Graph, name: &str) -> u64 {
    graph.status("gather").counters.get(name).copied().unwrap_or_default()
}

#[test]
fn a_heap_becomes_candidates_and_answers_last() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let at = root.path().join("home");
    let pool = fill(&at)?;
    fs::write(at.join("pool/letter.jpg"), b"Dear pool, I am no image at all.")?;
    let mut graph = Graph::start_of("curate.yml", root.path(), BY_PHASH)?;
    let workspace = graph.workspace.clone();
    let mut not = BTreeSet::new();
    graph.wait("every image to be known", MINUTE, |g| known(&g.workspace).len() == 69)?;
    graph.wait("the candidates", MINUTE, |g| lie_there(&g.workspace, &not) && !candidates(&g.workspace).is_empty())?;
    graph.wait("the letter in quarantine", MINUTE, |g| g.workspace.quarantine().join("pool/letter.jpg").exists())?;

    // Hard links, nearest first by name, and the lists say the same.
    let first = candidates(&workspace);
    assert!(first.len() >= 6, "{first:?}");
    let inodes: BTreeMap<u64, &PathBuf> = pool.keys().map(|path| (fs::metadata(path).unwrap().ino(), path)).collect();
    for (class, .., path) in &first {
        assert!(inodes.contains_key(&fs::metadata(path)?.ino()), "{} is no link into the pool", path.display());
        let of_class = first.iter().filter(|(of, ..)| of == class).map(|(_, _, distance, _)| distance);
        assert!(of_class.is_sorted(), "{class}: not nearest first");
    }
    let list = fs::read_to_string(workspace.candidates().join("candidates.csv"))?;
    assert_eq!(list.lines().count(), first.len() + 1, "{list}");
    for (class, _, distance, path) in &first {
        let source = workspace.relative(inodes[&fs::metadata(path)?.ino()]).unwrap();
        let row = list.lines().find(|line| line.starts_with(&format!("{source},"))).unwrap();
        assert!(
            row.contains(&format!(",{class},{distance},")) && row.contains(&workspace.relative(path).unwrap()),
            "{row}"
        );
    }
    let several = fs::read_to_string(workspace.candidates().join("claimed-by-several.csv"))?;
    assert!(
        several.trim_start_matches('\u{feff}').lines().next() == Some("path,classes,claimed_by,candidate_of")
            && several.lines().count() > 1
    );

    // One is refused, one accepted.
    let (class, refused, _, path) = first[0].clone();
    fs::remove_file(&path)?;
    not.insert((class, refused));
    let (class, accepted, _, path) = first[first.len() - 1].clone();
    fs::create_dir_all(workspace.photos().join(&class))?;
    fs::rename(&path, workspace.photos().join(&class).join("accepted.jpg"))?;
    let mut classes: Vec<String> = ["animals", "buildings", "food"].map(str::to_owned).into();
    not.extend(classes.iter().map(|class| (class.clone(), accepted.clone())));
    graph.wait("the answers", MINUTE, |g| counter(g, "refused") == 1 && counter(g, "accepted") == 1)?;
    graph.wait("others in their place", MINUTE, |g| lie_there(&g.workspace, &not))?;

    // Killed, and the whole graph started again: nothing is lost, hashed again or proposed again.
    graph.signal("gather", "KILL")?;
    graph.wait("gather to be back", MINUTE, |g| counter(g, "restarts") == 1 && counter(g, "accepted") == 1)?;
    let mut graph = graph.restart(BY_PHASH)?;
    graph.wait("watch to know what there is", MINUTE, |g| {
        g.status("collect").counters.get("pictures_found") == Some(&69) && g.status("collect").state == "idle"
    })?;
    std::thread::sleep(Duration::from_secs(3));
    assert!(lie_there(&workspace, &not), "not as before: {:?}", candidates(&workspace));
    assert_eq!((counter(&graph, "refused"), counter(&graph, "accepted")), (1, 1));
    let hashed = graph.status("look").counters.get("pictures_in").copied().unwrap_or_default();
    assert_eq!(hashed, 0, "hashed again after a restart");

    // A class appears, a seed goes, an image comes: no command.
    let seed = pool.keys().next_back().unwrap();
    fs::create_dir_all(workspace.seeds().join("きゅん"))?;
    fs::copy(seed, workspace.seeds().join("きゅん/seed.jpg"))?;
    classes.push("きゅん".to_owned());
    let gone = fs::read_dir(workspace.seeds().join("food"))?.flatten().next().ok_or("no seed")?.path();
    fs::remove_file(gone)?;
    let new = images::demo().into_iter().find(|(class, _)| class == "tools").ok_or("no image of tools")?.1;
    fs::copy(new, workspace.pool().join("new.jpg"))?;
    not.extend(classes.iter().map(|class| (class.clone(), accepted.clone())));
    not.extend(classes.iter().map(|class| (class.clone(), pool[seed].clone())));
    graph.wait("seeds and pool to be followed", MINUTE, |g| {
        known(&g.workspace).len() == 70
            && g.workspace.candidates().join("きゅん").is_dir()
            && lie_there(&g.workspace, &not)
    })?;
    graph.end()?;

    for (path, digest) in &pool {
        assert_eq!(blake3::hash(&fs::read(path)?).to_hex().to_string(), *digest, "{}", path.display());
    }
    Ok(())
}

#[test]
fn a_network_gathers_more_of_the_same_than_chance() -> Result<(), Failure> {
    let Some(weights) = tests::efficientnet_lite0() else { return Ok(()) };
    let root = tempfile::tempdir()?;
    let pool = fill(&root.path().join("home"))?;
    let weights = weights.to_string_lossy().into_owned();
    let options = [
        ("embed", "--network", "efficientnet-lite0"),
        ("embed", "--weights", weights.as_str()),
        ("embed", "--device", "flex"),
        ("gather", "--metric", "embedding"),
        ("gather", "--similarity", "0"),
        ("gather", "--max-candidates", "8"),
    ];
    let mut graph = Graph::start_of("curate.yml", root.path(), &options)?;
    graph.wait("every image to be known", MINUTE * 3, |g| known(&g.workspace).len() == 69)?;
    // At most 24: an image goes to its nearest class alone.
    graph.wait("the candidates", MINUTE, |g| {
        !g.status("gather").state.ends_with("choosing") && candidates(&g.workspace).len() >= 12
    })?;
    let truth: BTreeMap<&String, String> = images::demo()
        .into_iter()
        .filter_map(|(class, file)| {
            let path = pool.keys().find(|path| path.file_name() == file.file_name())?;
            Some((&pool[path], class))
        })
        .collect();
    let found = candidates(&graph.workspace);
    let right = found.iter().filter(|(class, digest, ..)| truth.get(digest) == Some(class)).count();
    // By chance it is a third.
    eprintln!("{right} of {} are of their class", found.len());
    assert!(right * 10 >= found.len() * 6, "{right} of {} are of their class", found.len());
    graph.end()
}
