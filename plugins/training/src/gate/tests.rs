use super::*;

/// Images of two classes; `said` is right where it is the truth.
fn predictions(truth: &[usize], said: &[usize]) -> Predictions {
    let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
    for (&t, &s) in truth.iter().zip(said) {
        predictions.push(t, &[if s == 0 { 0.8 } else { 0.2 }, if s == 0 { 0.2 } else { 0.8 }]).unwrap();
    }
    predictions
}

fn against(champion: &Predictions) -> Incumbent<'_> {
    Incumbent::Evaluated { name: "old", predictions: champion, handicap: &[] }
}

const TRUTH: [usize; 6] = [0, 0, 0, 0, 1, 1];

#[test]
fn not_worse_is_promoted_and_worse_is_refused() {
    let good = predictions(&TRUTH, &[0, 0, 0, 1, 1, 1]);
    let bad = predictions(&TRUTH, &[0, 0, 0, 0, 0, 1]);
    assert!(decide(&good, against(&bad), &Gate::default()).promoted);
    assert!(decide(&good, against(&good), &Gate::default()).promoted, "equal is not worse");
    let refused = decide(&bad, against(&good), &Gate::default());
    assert!(!refused.promoted && refused.reason.contains("75.0") && refused.reason.contains("87.5"));
    assert_eq!(refused.champion_accuracy, Some(5.0 / 6.0), "the same share right: balanced accuracy decides");
    assert_eq!(refused.p_value, Some(1.0));
}

#[test]
fn without_a_champion_anybody_is() {
    let bad = predictions(&TRUTH, &[1, 1, 1, 1, 0, 0]);
    assert!(decide(&bad, Incumbent::None, &Gate::default()).promoted);
    let taken =
        decide(&bad, Incumbent::Unusable { name: "old", why: &"the weights are gone".into() }, &Gate::default());
    assert!(taken.promoted && taken.reason.contains("old") && taken.reason.contains("the weights are gone"));
    assert_eq!(taken.champion_balanced_accuracy, None);
}

#[test]
fn without_held_out_images_only_the_first_is_promoted() {
    let nothing = predictions(&[], &[]);
    let first = decide(&nothing, Incumbent::None, &Gate::default());
    assert!(first.promoted && first.reason.contains("No image is held out"));
    let second = decide(&nothing, against(&nothing), &Gate::default());
    assert!(!second.promoted && second.reason.contains("No image is held out"));
}

#[test]
fn a_model_that_diverged_is_refused_even_without_a_champion() {
    let mut diverged = predictions(&TRUTH, &TRUTH);
    diverged.push(0, &[f32::NAN, f32::NAN]).unwrap();
    assert!(!decide(&diverged, Incumbent::None, &Gate::default()).promoted);
}

#[test]
fn what_was_uneven_is_said() {
    let good = predictions(&TRUTH, &TRUTH);
    let handicap = [Message::champion_unaware("b")];
    let decision =
        decide(&good, Incumbent::Evaluated { name: "old", predictions: &good, handicap: &handicap }, &Gate::default());
    assert!(decision.reason.contains("It does not know b."));
}

#[test]
fn with_several_labels_mean_average_precision_decides() {
    let tagged = |scores: [[f32; 2]; 4]| {
        let mut tagged = MultilabelPredictions::new(vec!["a".to_owned(), "b".to_owned()]);
        for (truth, row) in [vec![0], vec![0, 1], vec![1], vec![]].iter().zip(&scores) {
            tagged.push(truth, row).unwrap();
        }
        tagged
    };
    let good = tagged([[0.9, 0.1], [0.8, 0.7], [0.2, 0.9], [0.1, 0.2]]);
    let bad = tagged([[0.1, 0.9], [0.8, 0.7], [0.2, 0.3], [0.9, 0.2]]);
    let against = |champion| Incumbent::Evaluated { name: "old", predictions: champion, handicap: &[] };
    let won = decide_multilabel(&good, against(&bad), &Gate::default());
    assert!(won.promoted && won.reason.starts_with("Mean average precision of 100.0"), "{}", won.reason);
    assert!(won.champion_mean_average_precision.unwrap() < 0.9 && won.p_value.is_some());
    assert!(!decide_multilabel(&bad, against(&good), &Gate::default()).promoted);
    assert!(decide_multilabel(&good, against(&good), &Gate::default()).promoted, "equal is not worse");
    assert!(decide_multilabel(&bad, Incumbent::None, &Gate::default()).promoted);
    assert!(!decide_multilabel(&tagged([[f32::NAN; 2]; 4]), Incumbent::None, &Gate::default()).promoted);
}

/// `n` images of each of two classes; of the first, `lost` are classified correctly by the champion alone and `gained` by the
/// challenger alone; the rest by both.
fn pair(n: usize, gained: usize, lost: usize) -> [Predictions; 2] {
    let truth: Vec<usize> = (0..2 * n).map(|i| usize::from(i >= n)).collect();
    let wrong = |from: usize, to: usize| -> Vec<usize> {
        truth.iter().enumerate().map(|(i, t)| if (from..to).contains(&i) { 1 - t } else { *t }).collect()
    };
    [predictions(&truth, &wrong(0, lost)), predictions(&truth, &wrong(lost, lost + gained))]
}

#[test]
fn with_fewer_than_fifty_images_the_figures_alone_decide() {
    let [challenger, champion] = pair(24, 6, 6);
    let decision = decide(&challenger, against(&champion), &Gate::default());
    assert!(decision.promoted && decision.reason.contains("--gate-images"), "{}", decision.reason);
    let strict = Gate { images: 0, ..Gate::default() };
    let decision = decide(&challenger, against(&champion), &strict);
    assert!(!decision.promoted && decision.reason.contains("points worse at most"), "{}", decision.reason);
    assert!(decision.reason.contains("5.0 (--gate-margin)"), "{}", decision.reason);
    let easy = Gate { images: 0, level: 0.5, ..Gate::default() };
    assert!(decide(&challenger, against(&champion), &easy).promoted);
}

#[test]
fn enough_images_tell_and_the_bound_is_written_down() {
    let [challenger, champion] = pair(400, 30, 30);
    let decision = decide(&challenger, against(&champion), &Gate::default());
    assert!(decision.promoted && decision.reason.contains("With 95\u{a0}% confidence"), "{}", decision.reason);
    assert!((-0.02..-0.01).contains(&decision.lower_bound.unwrap()), "{decision:?}");
    let [challenger, champion] = pair(400, 30, 31);
    assert!(!decide(&challenger, against(&champion), &Gate::default()).promoted, "below is below");
}

#[test]
fn images_lost_to_a_new_class_do_not_refuse_it() {
    // 40 images of an old class, of which the challenger takes 12 for the new class, and 40 of the new class.
    let truth: Vec<usize> = (0..120).map(|i| i / 40).collect();
    let challenger: Vec<usize> = (0..120).map(|i| if i < 12 { 2 } else { i / 40 }).collect();
    let champion: Vec<usize> = (0..120).map(|i| (i / 40).min(1)).collect();
    let three = |called: &[usize]| {
        let mut predictions = Predictions::new(["a", "b", "new"].map(str::to_owned).to_vec());
        for (truth, said) in truth.iter().zip(called) {
            let mut row = [0.0; 3];
            row[*said] = 1.0;
            predictions.push(*truth, &row).unwrap();
        }
        predictions
    };
    let decision = decide(&three(&challenger), against(&three(&champion)), &Gate::default());
    assert!(decision.promoted, "{}", decision.reason);
    // The same images lost to a class that the champion knows.
    let confused: Vec<usize> = challenger.iter().zip(&truth).map(|(c, t)| if c == t { *c } else { 1 }).collect();
    let decision = decide(&three(&confused), against(&three(&champion)), &Gate::default());
    assert!(!decision.promoted && decision.reason.contains("recall of a fell by 30.0 points"), "{}", decision.reason);
}

#[test]
fn collapsed_class_refuses_a_model_and_chance_none() {
    // Of the first class 9 of 40 are lost; the second class gains 20.
    let truth: Vec<usize> = (0..80).map(|i| usize::from(i >= 40)).collect();
    let challenger: Vec<usize> = (0..80).map(|i| usize::from(!(9..40).contains(&i))).collect();
    let champion: Vec<usize> = (0..80).map(|i| usize::from(i >= 60)).collect();
    let (challenger, champion) = (predictions(&truth, &challenger), predictions(&truth, &champion));
    let decision = decide(&challenger, against(&champion), &Gate::default());
    assert!(!decision.promoted && decision.reason.contains("recall of a fell by 22.5 points"), "{}", decision.reason);
    assert!(decision.reason.contains("of its 40 images 9 were lost and 0 gained"), "{}", decision.reason);
    let wide = Gate { recall_margin: 0.3, ..Gate::default() };
    assert!(decide(&challenger, against(&champion), &wide).promoted);
    // Three of four is a greater fall, and may be chance.
    let truth: Vec<usize> = (0..84).map(|i| usize::from(i >= 4)).collect();
    let challenger: Vec<usize> = (0..84).map(|i| usize::from(i != 3)).collect();
    let champion: Vec<usize> = (0..84).map(|i| usize::from(i >= 74)).collect();
    let (mut challenger, champion) = (predictions(&truth, &challenger), predictions(&truth, &champion));
    let decision = decide(&challenger, against(&champion), &Gate::default());
    assert!(!decision.promoted && !decision.reason.contains("--recall-margin"), "{}", decision.reason);
    challenger = predictions(&truth, &truth);
    assert!(decide(&challenger, against(&champion), &Gate::default()).promoted);
}
