use super::*;
use plugin_api::decisions::{Decided, Decision, Decisions};

/// Files of one group with their own pixels, `class/name`; `class/name=x` has the pixels of every other `=x`.
fn group(files: &[(&'static str, u64)]) -> Vec<Image<'static>> {
    let image = |(path, hash): &(&'static str, u64)| Image {
        path,
        class: path.split_once('/').map(|(class, _)| class),
        pixel_digest: path.split_once('=').map_or(*path, |(_, pixels)| pixels),
        group: 0,
        hashes: [*hash, 0],
    };
    files.iter().map(image).collect()
}

/// 60 frames of one class, one of them misfiled: number 7 lies in the other.
fn burst() -> Vec<Image<'static>> {
    let path = |n: usize| &*format!("{}/{n:02}", if n == 7 { "closed" } else { "open" }).leak();
    let files: Vec<(&'static str, u64)> = (0..60).map(|n| (path(n), 1 << n)).collect();
    group(&files)
}

fn told(review: &Review) -> Vec<(String, String, usize, usize)> {
    let told = review.suspects.iter();
    told.map(|s| (s.path.to_owned(), s.looks_like.to_owned(), s.odd, s.of)).collect()
}

fn settled(decided: &[(Decision, &[&str])]) -> Settled {
    let made = decided.iter().map(|(decision, digests)| Decided {
        at_ms: 0,
        decision: *decision,
        digests: digests.iter().map(|digest| (*digest).to_owned()).collect(),
    });
    Settled::of(&Decisions { made: made.collect(), unreadable: Vec::new() })
}

fn open(images: &[Image<'static>]) -> Review<'static> {
    find(images, Labels::Single, &Settled::default())
}

#[test]
fn misfiled_frame_is_suspected_and_not_the_59() {
    let images = burst();
    let review = open(&images);
    assert_eq!(told(&review), [("closed/07".to_owned(), "open/00".to_owned(), 1, 60)]);
    let suspect = &review.suspects[0];
    assert_eq!((suspect.doubt, suspect.files.len()), (Doubt::Odd, 1));
    assert!(suspect.reason().to_string().contains("of 60 that look alike, 59 are in open"), "{}", suspect.reason());
    assert!(suspect.advice().to_string().contains("move closed/07 to photos/open/"), "{}", suspect.advice());
}

#[test]
fn two_states_of_one_place_are_one_question() {
    let names = ["closed/1", "closed/2", "closed/3", "closed/4", "open/1", "open/2", "open/3", "open/4"];
    let images = group(&names.map(|name| (name, if name == "open/3" || name == "closed/2" { 0 } else { 0xFF })));
    let mut far = images.clone();
    far.iter_mut().zip(1..).for_each(|(image, n)| image.hashes[1] = (1 << n) - 1);
    let review = find(&far, Labels::Single, &Settled::default());
    let [suspect] = &review.suspects[..] else { panic!("{review:?}") };
    assert_eq!((suspect.doubt, suspect.odd, suspect.of, suspect.files.len()), (Doubt::Mixed, 4, 8, 8));
    assert!(suspect.reason().to_string().contains("8 look alike: 4 in closed, 4 in open"), "{}", suspect.reason());
    assert_eq!(suspect.decided(Decision::Keep).unwrap()[0].len(), 8);
    assert_eq!(suspect.decided(Decision::Different).unwrap().len(), 16, "each of one class against each of the other");
}

#[test]
fn best_suspect_comes_first() {
    let mut images = burst();
    for (group, names) in [(1, &["a/1", "b/2"][..]), (2, &["a/3", "a/4", "a/5", "b/6"]), (3, &["c/7", "d/8"])] {
        let files: Vec<(&'static str, u64)> = names.iter().map(|name| (*name, 0)).collect();
        images.extend(self::group(&files).into_iter().map(|image| Image { group, ..image }));
    }
    images.iter_mut().filter(|image| image.path == "b/2").for_each(|image| image.hashes = [0b11, 0]);
    let found: Vec<String> = told(&open(&images)).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(found, ["closed/07", "b/6", "d/8", "b/2"], "1 of 60, 1 of 4, then pairs, the most alike first");
    images.reverse();
    assert_eq!(told(&open(&images)).into_iter().map(|(path, ..)| path).collect::<Vec<_>>(), found);
}

#[test]
fn equal_pixels_are_a_list_of_their_own() {
    let images = group(&[("a/1=x", 0), ("a/copy=x", 0), ("b/1=x", 0), ("b/2", 0), ("b/3", 0)]);
    let review = open(&images);
    let [same] = &review.same_pixels[..] else { panic!("{review:?}") };
    assert_eq!((&same.classes[..], &same.files[..]), (&["a", "b"][..], &[0, 1, 2][..]));
    assert!(review.suspects.is_empty(), "the others are of one class: {review:?}");
    let kept = settled(&[(Decision::Keep, &["x"])]);
    assert_eq!(find(&images, Labels::Single, &kept).same_pixels.len(), 1, "it cannot be trained on, whatever is said");
    let multi = find(&images, Labels::Multi, &Settled::default());
    assert!(multi.same_pixels.is_empty());
    assert_eq!((multi.suspects[0].path, &*multi.suspects[0].class), ("a/1=x", "a + b"));
}

#[test]
fn what_was_decided_is_not_listed_again() {
    let images = burst();
    let suspect = open(&images).suspects[0].clone();
    for decision in [Decision::Keep, Decision::Different] {
        let lists = suspect.decided(decision).unwrap();
        let lists: Vec<Vec<&str>> = lists.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        let made: Vec<(Decision, &[&str])> = lists.iter().map(|list| (decision, &list[..])).collect();
        assert!(find(&images, Labels::Single, &settled(&made)).suspects.is_empty(), "{decision:?}");
        let withdrawn = lists.iter().map(|list| (Decision::Withdrawn, &list[..]));
        let made: Vec<_> = made.iter().copied().chain(withdrawn).collect();
        assert_eq!(
            find(&images, Labels::Single, &settled(&made)).suspects,
            std::slice::from_ref(&suspect),
            "{decision:?}"
        );
    }
    assert_eq!(suspect.decided(Decision::Keep).unwrap(), [["closed/07"]]);
    assert_eq!(suspect.decided(Decision::Different).unwrap().len(), 59);
}

#[test]
fn classes_kept_side_by_side_stay_so_as_frames_come() {
    let names = ["closed/1", "closed/2", "open/1", "open/2", "open/3", "closed/3", "dusk/1"];
    let images = group(&names.map(|name| (name, 0)));
    let kept = settled(&[(Decision::Keep, &names[..4])]);
    assert!(find(&images[..6], Labels::Single, &kept).suspects.is_empty(), "two new frames of known classes");
    let review = find(&images, Labels::Single, &kept);
    assert_eq!(told(&review)[0].0, "dusk/1", "a class that was not among them is asked about");
}

#[test]
fn large_groups_are_quick_and_offer_no_endless_list() {
    let paths: Vec<&'static str> =
        (0..20_000).map(|n| &*format!("{}/{n:05}", if n % 2 == 0 { "a" } else { "b" }).leak()).collect();
    let files: Vec<(&'static str, u64)> = paths.iter().zip(0..).map(|(path, n)| (*path, n)).collect();
    let images = group(&files);
    let begun = std::time::Instant::now();
    let review = open(&images);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert_eq!(review.suspects.len(), 1);
    assert_eq!(review.suspects[0].decided(Decision::Different), None);
}
