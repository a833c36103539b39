//! What a verdict says beside the decision: how its figures were come by, and of every class its own.

use crate::candidate::Answers;
use plugin_api::Message;
use plugin_api::runs::{ClassResult, Evaluation, Verdict};

/// Classes that are named; of more the report tells.
const NAMED: usize = 20;
/// Evaluated images of a class below which classes are told one by one.
const FEW_OF_CLASS: u64 = 3;

/// What was found of each class. `near_copies`: which images have a near-copy among those trained on.
pub fn class_results(answers: &Answers, near_copies: &[bool]) -> Vec<ClassResult> {
    let mut results = vec![ClassResult::default(); answers.classes().len()];
    for i in 0..answers.len() {
        for class in answers.truth(i) {
            let result = &mut results[class];
            result.images += 1;
            result.correct += u64::from(answers.says(i, class));
            result.optimistic += u64::from(near_copies.get(i).copied().unwrap_or_default());
        }
    }
    results
}

/// The sentences. `few`: images below which classes are told one by one; `near_copies`: images evaluated that have a near-copy
/// among those trained on.
pub fn summary(verdict: &Verdict, near_copies: usize, few: u64) -> Vec<Message> {
    let mut sentences = Vec::new();
    let n = verdict.images;
    let correct = (verdict.accuracy * n as f64).round() as u64;
    if let Evaluation::CrossValidated { folds } = verdict.evaluation {
        let [low, high] = verdict.accuracy_interval.map(|share| share * 100.0);
        sentences.push(Message::cross_validated(n, folds, correct, verdict.accuracy * 100.0, low, high));
    }
    let classes: Vec<(&String, &ClassResult)> = std::iter::zip(&verdict.classes, &verdict.class_results).collect();
    let is_few = verdict.evaluation != Evaluation::HeldOut
        || n < few
        || classes.iter().any(|(_, result)| result.images < FEW_OF_CLASS);
    if is_few {
        let (told, unknown): (Vec<_>, Vec<_>) = classes.iter().partition(|(_, result)| result.images > 0);
        if !told.is_empty() {
            let one =
                |(class, result): &(&String, &ClassResult)| Message::class_share(*class, result.correct, result.images);
            sentences.push(Message::recall_by_class(listed(&told, one)));
        }
        if !unknown.is_empty() {
            let names = listed(&unknown, |(class, _)| Message::class(*class));
            sentences.push(match verdict.evaluation {
                Evaluation::HeldOut => Message::unjudged_not_held_out(names),
                Evaluation::CrossValidated { .. } => Message::unjudged_few(names),
            });
        }
    }
    if near_copies > 0 {
        let of: Vec<_> = classes.iter().filter(|(_, result)| result.optimistic > 0).copied().collect();
        let one =
            |(class, result): &(&String, &ClassResult)| Message::class_share(*class, result.optimistic, result.images);
        sentences.push(Message::optimistic(near_copies, n, listed(&of, one)));
    }
    sentences
}

fn listed<T>(all: &[T], one: impl Fn(&T) -> Message) -> Vec<Message> {
    let mut parts: Vec<Message> = all.iter().take(NAMED).map(one).collect();
    if all.len() > NAMED {
        parts.push(Message::classes_more(all.len() - NAMED));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conclude::tests::verdict;
    use plugin_api::Labels;

    /// As a verdict has them.
    fn summary(verdict: &Verdict, near_copies: usize, few: u64) -> plugin_api::Text {
        super::summary(verdict, near_copies, few).into()
    }

    fn result(images: u64, correct: u64, optimistic: u64) -> ClassResult {
        ClassResult { images, correct, optimistic }
    }

    #[test]
    fn every_class_is_told_where_images_are_few() {
        let held_out = Verdict { class_results: vec![result(4, 3, 0), result(0, 0, 0)], ..verdict("r", None) };
        assert_eq!(summary(&held_out, 0, 50), "Recall by class: a 3 of 4. Not evaluated, 0 held-out images: b.");
        let many =
            Verdict { images: 90, class_results: vec![result(40, 30, 0), result(50, 50, 9)], ..verdict("r", None) };
        assert_eq!(summary(&many, 0, 50), "");
        let text = summary(&many, 9, 50);
        assert_eq!(text, "Optimistic: near-copies on both sides, for 9 of the 90 images (b 9 of 50).");
    }

    #[test]
    fn cross_validations_say_folds_and_interval() {
        let evaluation = Evaluation::CrossValidated { folds: 5 };
        let of = Verdict { evaluation, class_results: vec![result(2, 1, 0), result(2, 2, 0)], ..verdict("r", None) };
        let text = summary(&of, 0, 50);
        assert!(text.starts_with("Cross-validated over 4 images in 5 folds of whole groups: 3 right"), "{text}");
        assert!(
            text.contains("30.0 to 95.0\u{a0}%") && text.ends_with("Recall by class: a 1 of 2, b 2 of 2."),
            "{text}"
        );
    }

    #[test]
    fn results_count_by_true_class() {
        let mut answers = Answers::new(Labels::Single, vec!["a".to_owned(), "b".to_owned()]);
        for (truth, row) in [(0, [0.9, 0.1]), (0, [0.2, 0.8]), (1, [0.3, 0.7])] {
            answers.push(&[truth], &row).unwrap();
        }
        assert_eq!(class_results(&answers, &[true, false, true]), [result(2, 1, 1), result(1, 1, 1)]);
    }
}
