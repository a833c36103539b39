//! What is put is found again, whatever happens in between.

use super::*;

const DIMENSIONS: usize = 5;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn open(workspace: &Workspace) -> Cache {
    Cache::open(workspace, "net-1", DIMENSIONS).unwrap()
}

fn digest(n: usize) -> String {
    blake3::hash(&n.to_le_bytes()).to_hex().to_string()
}

fn embedding(n: usize) -> Vec<f32> {
    (0..DIMENSIONS).map(|d| (n * DIMENSIONS + d) as f32 / 7.0).collect()
}

fn put(cache: &mut Cache, numbers: std::ops::Range<usize>) {
    numbers.for_each(|n| cache.put(&digest(n), &embedding(n)).unwrap());
}

#[track_caller]
fn holds(cache: &Cache, numbers: std::ops::Range<usize>) {
    assert_eq!(cache.len(), numbers.len());
    for n in numbers {
        assert_eq!(cache.get(&digest(n)), Some(&embedding(n)[..]), "{n}");
    }
}

#[test]
fn what_was_put_is_there_at_once_and_after_opening_again() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    assert!(cache.is_empty() && cache.get(&digest(0)).is_none());
    put(&mut cache, 0..3);
    put(&mut cache, 0..3);
    holds(&cache, 0..3);
    cache.sync().unwrap();
    drop(cache);
    let mut cache = open(&workspace);
    holds(&cache, 0..3);
    put(&mut cache, 3..6);
    holds(&cache, 0..6);
    holds(&open(&workspace), 0..6);
    let records = cache.file.metadata().unwrap().len() as usize - HEADER_BYTES;
    assert_eq!(records, 6 * cache.record_bytes(), "nothing twice");
}

#[test]
fn what_is_mapped_again_is_still_there() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    put(&mut cache, 0..4);
    cache.refresh().unwrap();
    assert_eq!((cache.fresh.len(), cache.places.len()), (0, 4));
    put(&mut cache, 4..6);
    holds(&cache, 0..6);
}

/// Killed at any byte of a record.
#[test]
fn a_half_written_record_is_cut_off() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    put(&mut cache, 0..2);
    let (path, bytes) = (cache.path.clone(), cache.record_bytes());
    drop(cache);
    let whole = fs::read(&path).unwrap();
    for kept in 0..bytes {
        fs::write(&path, &whole[..whole.len() - bytes + kept]).unwrap();
        let mut cache = open(&workspace);
        holds(&cache, 0..1);
        assert_eq!(cache.file.metadata().unwrap().len() as usize, whole.len() - bytes);
        put(&mut cache, 1..2);
        holds(&open(&workspace), 0..2);
    }
}

/// Killed in the middle of a record while another process has the file open.
#[test]
fn half_written_record_is_cut_off_before_the_next() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    put(&mut cache, 0..1);
    fs::OpenOptions::new().append(true).open(&cache.path).unwrap().write_all(&[7; 9]).unwrap();
    put(&mut cache, 1..2);
    holds(&cache, 0..2);
    holds(&open(&workspace), 0..2);
}

#[test]
fn a_damaged_record_is_passed_over_and_computed_anew() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    put(&mut cache, 0..3);
    let (path, bytes) = (cache.path.clone(), cache.record_bytes());
    drop(cache);
    let mut content = fs::read(&path).unwrap();
    content[HEADER_BYTES + bytes + DIGEST_BYTES + 2] ^= 1;
    fs::write(&path, content).unwrap();
    let mut cache = open(&workspace);
    assert!(cache.get(&digest(1)).is_none() && cache.get(&digest(0)).is_some() && cache.get(&digest(2)).is_some());
    put(&mut cache, 1..2);
    holds(&open(&workspace), 0..3);
}

#[test]
fn a_header_that_is_cut_or_foreign_starts_over() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    put(&mut cache, 0..1);
    let path = cache.path.clone();
    drop(cache);
    fs::write(&path, &MAGIC[..5]).unwrap();
    holds(&open(&workspace), 0..0);
    fs::write(&path, b"something else altogether").unwrap();
    let mut cache = open(&workspace);
    put(&mut cache, 0..1);
    holds(&open(&workspace), 0..1);
    let other = Cache::open(&workspace, "net-1", DIMENSIONS + 1).unwrap();
    assert!(other.is_empty());
}

#[test]
fn several_may_write_at_once() {
    let (_folder, workspace) = workspace();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let workspace = &workspace;
            scope.spawn(move || put(&mut open(workspace), part * 50..part * 50 + 50));
        }
    });
    holds(&open(&workspace), 0..200);
}

#[test]
fn what_is_wrong_is_refused() {
    let (_folder, workspace) = workspace();
    let mut cache = open(&workspace);
    assert!(cache.put("abc", &embedding(0)).unwrap_err().to_string().contains("abc"));
    assert!(cache.put(&digest(0), &[1.0]).unwrap_err().to_string().contains("of 1 numbers, not 5"));
    assert!(cache.get("abc").is_none() && cache.is_empty());
}

/// 100,000 × 1280, half a gigabyte, is open in seconds and takes little memory. Writes as much as it reads: by hand,
/// `cargo test -p plugin-embed -- --ignored --nocapture`.
#[test]
#[ignore = "writes half a gigabyte"]
fn a_hundred_thousand_are_no_trouble() {
    const MANY: usize = 100_000;
    let (_folder, workspace) = workspace();
    let row = |n: usize| (0..1280).map(|d| ((n * 31 + d * 17) % 1001) as f32).collect::<Vec<f32>>();
    let start = std::time::Instant::now();
    let mut cache = Cache::open(&workspace, "many", 1280).unwrap();
    (0..MANY).for_each(|n| cache.put(&digest(n), &row(n)).unwrap());
    cache.sync().unwrap();
    drop(cache);
    println!("written in {:.1} s", start.elapsed().as_secs_f64());
    let before = resident_bytes();
    let start = std::time::Instant::now();
    let cache = Cache::open(&workspace, "many", 1280).unwrap();
    println!("opened in {:.2} s, {} MB more", start.elapsed().as_secs_f64(), (resident_bytes() - before) >> 20);
    assert_eq!(cache.len(), MANY);
    let start = std::time::Instant::now();
    for n in 0..MANY {
        assert_eq!(cache.get(&digest(n)).unwrap()[3], row(n)[3]);
    }
    println!("all asked for in {:.2} s", start.elapsed().as_secs_f64());
}

fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn newest_file_is_opened_and_others_are_left_alone() {
    let (_folder, workspace) = workspace();
    assert!(Cache::newest(&workspace).unwrap().is_none());
    put(&mut open(&workspace), 0..2);
    let newest = Cache::newest(&workspace).unwrap().unwrap();
    holds(&newest, 0..2);
    assert_eq!((newest.fingerprint().as_str(), newest.dimensions()), ("net-1", DIMENSIONS));
    std::thread::sleep(std::time::Duration::from_millis(20));
    let other = workspace.dataset().join("embeddings/other.f32");
    fs::write(&other, "something else altogether").unwrap();
    assert!(Cache::newest(&workspace).unwrap().is_none() && fs::metadata(other).unwrap().len() == 25);
}
