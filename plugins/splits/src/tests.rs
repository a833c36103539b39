use super::*;
use proptest::prelude::*;

const SHARES: Shares = Shares { validation: 15, test: 15 };

/// An image that owns its texts.
#[derive(Clone, Debug)]
struct Owned {
    key: String,
    classes: Vec<u32>,
    group: String,
    path: String,
    given: Option<Split>,
    settled: Option<Split>,
}

impl Owned {
    fn view(&self) -> Image<'_> {
        let Self { key, classes, group, path, given, settled } = self;
        Image { key, classes, group, captured_ms: None, path, given: *given, settled: *settled }
    }
}

/// Image `number` of a group; the path counts up within everything.
fn image(number: usize, class: u32, group: &str) -> Owned {
    let key = format!("{:016x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23));
    let path = format!("{class}/{number}.jpg");
    Owned { key, classes: vec![class], group: group.to_owned(), path, given: None, settled: None }
}

fn alone(number: usize, class: u32) -> Owned {
    image(number, class, &format!("alone {number}"))
}

fn views(images: &[Owned]) -> Vec<Image<'_>> {
    images.iter().map(Owned::view).collect()
}

fn splits(images: &[Owned]) -> Vec<Split> {
    draw(&views(images), SHARES).splits
}

/// Images of a class in train, validation and test.
fn counts(images: &[Owned], splits: &[Split], class: u32) -> [usize; 3] {
    Split::ALL.map(|split| {
        std::iter::zip(images, splits).filter(|(image, at)| image.classes.contains(&class) && **at == split).count()
    })
}

fn settle(images: &mut [Owned], splits: &[Split]) {
    for (image, split) in std::iter::zip(images, splits) {
        image.settled = Some(*split);
    }
}

/// What holds for every class after every draw; `fresh` when nothing was settled.
fn assert_classes(images: &[Owned], splits: &[Split], fresh: bool) {
    let classes: HashSet<u32> = images.iter().flat_map(|image| image.classes.clone()).collect();
    for class in classes {
        let [train, validation, test] = counts(images, splits, class);
        let all = train + validation + test;
        let shown = format!("class {class}: {train} + {validation} + {test}");
        assert!(train > 0, "{shown}");
        assert!(all < 5 || test > 0, "{shown}");
        assert!(all < 8 || validation > 0, "{shown}");
        if fresh && all >= 8 {
            assert!(200 * validation >= 15 * all && 200 * test >= 15 * all, "{shown}");
            assert!(200 * train >= 70 * all, "{shown}");
        }
    }
}

#[test]
fn five_of_each_of_1000_classes_are_split() {
    let images: Vec<Owned> = (0..5000).map(|i| alone(i, i as u32 % 1000)).collect();
    let drawn = draw(&views(&images), SHARES);
    for class in 0..1000 {
        assert_eq!(counts(&images, &drawn.splits, class), [3, 1, 1]);
    }
    assert!(drawn.cut.is_empty() && drawn.moved.is_empty());
}

#[test]
fn rare_classes_beside_10000_have_their_shares() {
    let sizes = [(0, 10_000), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 13), (8, 20)];
    let classes = sizes.iter().flat_map(|(class, size)| vec![*class; *size]);
    let images: Vec<Owned> = classes.enumerate().map(|(i, class)| alone(i, class)).collect();
    let splits = splits(&images);
    let found = sizes.map(|(class, _)| counts(&images, &splits, class));
    let rare = [[1, 0, 0], [2, 0, 0], [2, 0, 1], [3, 0, 1], [3, 1, 1], [6, 1, 1], [9, 2, 2], [14, 3, 3]];
    assert_eq!(found[0], [7000, 1500, 1500]);
    assert_eq!(found[1..], rare);
}

/// As when all others of its class were deleted.
#[test]
fn the_last_image_of_a_class_is_in_train() {
    let mut images: Vec<Owned> = (0..20).map(|i| alone(i, 0)).collect();
    images.push(Owned { settled: Some(Split::Test), ..alone(20, 1) });
    assert_eq!(counts(&images, &splits(&images), 1), [1, 0, 0]);
}

#[test]
fn bursts_of_a_whole_class_are_cut_in_three_pieces() {
    let images: Vec<Owned> = (0..40).map(|i| image(i, 0, "burst")).chain((40..140).map(|i| alone(i, 1))).collect();
    let drawn = draw(&views(&images), SHARES);
    let burst = &drawn.splits[..40];
    assert!(burst.is_sorted(), "train, then validation, then test, in the order of 2.jpg before 10.jpg");
    assert_eq!(counts(&images[..40], burst, 0), [28, 6, 6]);
    assert_eq!(drawn.cut, ["burst"]);
    let near = near_copies_held_out(&views(&images), &drawn.splits);
    assert_eq!(near.iter().filter(|near| **near).count(), 12);
}

#[test]
fn capture_times_go_before_names() {
    let images: Vec<Owned> = (0..40).map(|i| image(i, 0, "burst")).collect();
    let mut backwards = views(&images);
    for (at, image) in backwards.iter_mut().enumerate() {
        image.captured_ms = Some(-(at as i64));
    }
    let splits = draw(&backwards, SHARES).splits;
    assert!(splits.iter().rev().is_sorted());
    backwards[7].captured_ms = None;
    assert!(draw(&backwards, SHARES).splits.is_sorted(), "by name where one has no time");
}

#[test]
fn webcam_classes_of_one_group_are_cut_each() {
    let images: Vec<Owned> = (0..60).map(|i| image(i, i as u32 / 20, "place")).collect();
    let drawn = draw(&views(&images), SHARES);
    for class in 0..3 {
        let of_class = &drawn.splits[class * 20..][..20];
        assert!(of_class.is_sorted(), "{of_class:?}");
        assert_eq!(counts(&images, &drawn.splits, class as u32), [14, 3, 3]);
    }
    assert_eq!(drawn.cut, ["place"]);
}

#[test]
fn two_bursts_of_a_class_never_share_one_with_train() {
    let images: Vec<Owned> = (0..16).map(|i| image(i, 0, if i < 8 { "day" } else { "night" })).collect();
    let drawn = draw(&views(&images), SHARES);
    assert_eq!(counts(&images, &drawn.splits, 0)[0], 8);
    assert!(near_copies_held_out(&views(&images), &drawn.splits).iter().all(|near| !near));
    assert_classes(&images, &drawn.splits, true);
}

#[test]
fn misfiled_frames_leave_their_burst_whole() {
    let mut images: Vec<Owned> = (0..60).map(|i| alone(i, i as u32 / 30)).collect();
    images[59].group = images[0].group.clone();
    let drawn = draw(&views(&images), SHARES);
    assert_eq!(drawn.splits[0], drawn.splits[59]);
    assert!(drawn.cut.is_empty());
    assert_classes(&images, &drawn.splits, true);
}

#[test]
fn given_splits_are_never_changed() {
    let mut images: Vec<Owned> = (0..40).map(|i| image(i, 0, "burst")).collect();
    for image in &mut images {
        image.given = Some(Split::Train);
        image.settled = Some(Split::Test);
    }
    let drawn = draw(&views(&images), SHARES);
    assert!(drawn.splits.iter().all(|split| *split == Split::Train));
    assert!(drawn.moved.is_empty() && drawn.cut.is_empty());
}

#[test]
fn near_copies_of_settled_images_go_to_the_strictest() {
    use Split::{Test, Train, Validation};
    for (first, second, both) in
        [(Train, Test, Test), (Test, Train, Test), (Train, Validation, Validation), (Validation, Test, Test)]
    {
        let mut images: Vec<Owned> = (0..40).map(|i| alone(i, 0)).collect();
        let drawn = splits(&images);
        let linked = [first, second].map(|split| (drawn.iter().position(|at| *at == split).unwrap(), split));
        settle(&mut images, &drawn);
        for (place, _) in linked {
            images[place].group = "linked".to_owned();
        }
        images.push(image(40, 0, "linked"));
        let after = draw(&views(&images), SHARES);
        assert_eq!([after.splits[linked[0].0], after.splits[linked[1].0], after.splits[40]], [both; 3]);
        let (place, from) = linked.into_iter().find(|(_, split)| *split != both).unwrap();
        assert_eq!(after.moved, [Moved { image: place, from, to: both, reason: Reason::NearCopies }]);
    }
}

#[test]
fn settled_classes_without_test_give_one_whole_group() {
    let mut images: Vec<Owned> =
        (0..30).map(|i| image(i, 0, &format!("{}", if i < 6 { i } else { i / 3 + 10 }))).collect();
    settle(&mut images, &[Split::Train; 30]);
    let drawn = draw(&views(&images), SHARES);
    assert!(drawn.cut.is_empty());
    assert!(drawn.moved.iter().all(|moved| moved.from == Split::Train && moved.reason == Reason::NothingToEvaluate));
    assert_eq!(counts(&images, &drawn.splits, 0), [24, 3, 3], "the least that will do");
}

#[test]
fn settled_classes_without_train_get_train() {
    let mut images: Vec<Owned> = (0..12).map(|i| alone(i, 0)).chain((12..40).map(|i| alone(i, 1))).collect();
    let mut drawn = splits(&images);
    drawn[..12].fill(Split::Test);
    settle(&mut images, &drawn);
    let after = draw(&views(&images), SHARES);
    assert_classes(&images, &after.splits, false);
    assert!(after.moved.iter().any(|moved| moved.reason == Reason::NothingToLearn));
    assert!(after.moved.iter().all(|moved| moved.image < 12), "the other class stays");
}

#[test]
fn frames_that_continue_a_cut_group_follow_in_pieces() {
    let mut images: Vec<Owned> = (0..40).map(|i| image(i, 0, "camera")).collect();
    let mut drawn = splits(&images);
    for next in 40..400 {
        settle(&mut images, &drawn);
        images.push(image(next, 0, "camera"));
        let after = draw(&views(&images), SHARES);
        assert!(after.moved.is_empty(), "{next}: {:?}", after.moved);
        drawn = after.splits;
    }
    assert_classes(&images, &drawn, true);
    let pieces = drawn.chunk_by(|a, b| a == b).count();
    assert!(pieces <= 20, "{pieces} pieces of 400 frames");
}

#[test]
fn folds_are_even_and_keep_groups_whole() {
    let images: Vec<Owned> = (0..300).map(|i| image(i, i as u32 % 3, &format!("{}", i / 2))).collect();
    for seed in 0..20 {
        let drawn = folds(&views(&images), 5, seed);
        assert!(drawn.cut.is_empty());
        assert!(drawn.of.chunks(2).all(|pair| pair[0] == pair[1]));
        for fold in 0..5 {
            for class in 0..3 {
                let own =
                    std::iter::zip(&images, &drawn.of).filter(|(image, of)| image.classes[0] == class && **of == fold);
                let count = own.count();
                assert!((18..=22).contains(&count), "{count} of class {class} in fold {fold}");
            }
        }
    }
    let drawn = folds(&views(&images), 5, 1);
    assert_eq!(drawn, folds(&views(&images), 5, 1));
    assert_ne!(drawn.of, folds(&views(&images), 5, 2).of);
}

#[test]
fn folds_cut_a_group_that_is_the_class() {
    let images: Vec<Owned> = (0..8).map(|i| image(i, i as u32 / 4, "place")).collect();
    let drawn = folds(&views(&images), 4, 0);
    assert_eq!(drawn.cut, ["place"]);
    for class in [&drawn.of[..4], &drawn.of[4..]] {
        assert_eq!(class.iter().collect::<HashSet<_>>().len(), 4, "{class:?}");
    }
    let long: Vec<Owned> = (0..40).map(|i| image(i, 0, "burst")).collect();
    let pieces = folds(&views(&long), 5, 0);
    assert_eq!(pieces.of.chunk_by(|a, b| a == b).map(<[u32]>::len).collect::<Vec<_>>(), [8; 5]);
}

#[test]
fn folds_leave_two_images_of_a_class_in_two() {
    // Class 2 was met last in group 0, when both folds had as many images.
    let list = [(4, "group 1"), (2, "group 1"), (3, "group 2"), (2, "group 0"), (5, "group 0"), (0, "group 2")];
    let images: Vec<Owned> =
        list.into_iter().enumerate().map(|(number, (class, group))| image(number, class, group)).collect();
    for seed in 0..20 {
        let drawn = folds(&views(&images), 2, seed);
        assert_ne!(drawn.of[1], drawn.of[3], "seed {seed}");
        assert!(drawn.cut.is_empty(), "no need to cut: {:?}", drawn.cut);
    }
}

/// Images of up to six classes in groups of all sizes.
fn some_images() -> impl Strategy<Value = Vec<Owned>> {
    prop::collection::vec((0..6u32, 0..60usize, any::<bool>()), 0..150).prop_map(|list| {
        let one = |(number, (class, group, skewed)): (usize, (u32, usize, bool))| {
            // Half of the groups are few, so that some are whole classes.
            let group = if skewed { group % 3 } else { group };
            image(number, if skewed { class } else { class % 2 }, &format!("group {group}"))
        };
        list.into_iter().enumerate().map(one).collect()
    })
}

proptest! {
    #[test]
    fn classes_have_their_least_in_any_groups(images in some_images()) {
        let drawn = draw(&views(&images), SHARES);
        assert_classes(&images, &drawn.splits, true);
        prop_assert!(drawn.moved.is_empty());
        let lies_in = |group: &str| {
            let of_group = std::iter::zip(&images, &drawn.splits).filter(|(image, _)| image.group == group);
            of_group.map(|(_, split)| *split).collect::<HashSet<_>>().len()
        };
        for image in &images {
            prop_assert_eq!(lies_in(&image.group) > 1, drawn.cut.contains(&image.group.as_str()));
        }
    }

    #[test]
    fn a_settled_draw_stays_as_it_is(mut images in some_images()) {
        let first = splits(&images);
        settle(&mut images, &first);
        let again = draw(&views(&images), SHARES);
        prop_assert_eq!(again.splits, first);
        prop_assert!(again.moved.is_empty());
    }

    #[test]
    fn the_order_of_images_does_not_matter(images in some_images(), by in 0..150usize) {
        let first = splits(&images);
        let by = by % images.len().max(1);
        let mut turned = images.clone();
        turned.rotate_left(by);
        for image in &mut turned {
            image.classes[0] = 100 - image.classes[0];
        }
        let mut second = splits(&turned);
        second.rotate_right(by);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn shares_hold_where_groups_are_small(sizes in prop::collection::vec(8..200usize, 1..6)) {
        let classes = (0u32..).zip(&sizes).flat_map(|(class, size)| vec![class; *size]);
        let images: Vec<Owned> = classes.enumerate().map(|(i, class)| alone(i, class)).collect();
        let splits = splits(&images);
        for (class, size) in (0u32..).zip(sizes) {
            for (count, share) in counts(&images, &splits, class).into_iter().zip([70, 15, 15]) {
                prop_assert!((count * 100).abs_diff(size * share) <= 100, "{count} of {size}");
            }
        }
    }

    #[test]
    fn groups_are_whole_where_classes_have_many(list in prop::collection::vec((0..3u32, 1..4usize), 80..120)) {
        let mut images = Vec::new();
        for (group, (class, size)) in list.into_iter().enumerate() {
            for _ in 0..size {
                images.push(image(images.len(), class, &format!("group {group}")));
            }
        }
        prop_assert!(draw(&views(&images), SHARES).cut.is_empty());
    }

    #[test]
    fn arrivals_leave_the_settled_and_every_class_in_train(images in some_images(), step in 1..40usize) {
        let mut known: Vec<Owned> = Vec::new();
        for batch in images.chunks(step) {
            known.extend_from_slice(batch);
            let drawn = draw(&views(&known), SHARES);
            assert_classes(&known, &drawn.splits, false);
            for (at, (image, split)) in std::iter::zip(&known, &drawn.splits).enumerate() {
                let moved = drawn.moved.iter().any(|moved| moved.image == at && moved.to == *split);
                prop_assert!(image.settled.is_none_or(|settled| settled == *split) != moved);
            }
            let splits = drawn.splits.clone();
            settle(&mut known, &splits);
        }
    }

    #[test]
    fn given_splits_hold_beside_any_others(mut images in some_images(), given in prop::collection::vec(0..5usize, 150)) {
        for (image, given) in images.iter_mut().zip(given) {
            image.given = Split::ALL.get(given).copied();
        }
        let splits = splits(&images);
        for (image, split) in images.iter().zip(splits) {
            prop_assert!(image.given.is_none_or(|given| given == split));
        }
    }

    #[test]
    fn folds_leave_every_class_something_to_learn(images in some_images(), count in 2..7u32, seed in 0..3u64) {
        let drawn = folds(&views(&images), count, seed);
        for class in 0..6 {
            let of: Vec<u32> = std::iter::zip(&images, &drawn.of)
                .filter(|(image, _)| image.classes[0] == class)
                .map(|(_, fold)| *fold)
                .collect();
            prop_assert!(of.iter().all(|fold| *fold < count));
            prop_assert!(of.len() < 2 || of.iter().any(|fold| *fold != of[0]), "{of:?}");
        }
    }

    #[test]
    fn several_classes_of_an_image_are_drawn_too(list in prop::collection::vec(prop::collection::vec(0..5u32, 0..4), 0..80)) {
        let images: Vec<Owned> = list
            .into_iter()
            .enumerate()
            .map(|(i, classes)| Owned { classes, ..alone(i, 0) })
            .collect();
        let splits = splits(&images);
        for class in 0..5 {
            let [train, validation, test] = counts(&images, &splits, class);
            prop_assert!(train > 0 || validation + test == 0, "{train} + {validation} + {test}");
        }
    }
}
