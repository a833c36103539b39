//! The tables beside the page.

use super::EvaluatedImage;
use plugin_metric::{Predictions, confusion, per_class};
use plugin_tables::Table;

/// `predictions.csv`: one line a held-out image, in the order they were evaluated; `p_<class>` is the probability of
/// each class. `images` is as long as `predictions`.
///
/// # Errors
/// What the `csv` crate reports; writing to memory, none is expected.
pub fn predictions_csv(predictions: &Predictions, images: &[EvaluatedImage]) -> Result<Vec<u8>, csv::Error> {
    let mut header: Vec<String> =
        ["path", "digest", "truth", "prediction", "probability", "correct"].map(str::to_owned).to_vec();
    header.extend(predictions.classes().iter().map(|c| format!("p_{c}")));
    let mut table = Table::new(&header)?;
    let name = |class: usize| predictions.classes()[class].clone();
    for (i, image) in images.iter().enumerate().take(predictions.len()) {
        let mut line = vec![
            image.path.clone(),
            image.digest.clone(),
            name(predictions.truth(i)),
            name(predictions.prediction(i)),
            format!("{:.6}", predictions.confidence(i)),
            predictions.is_correct(i).to_string(),
        ];
        line.extend(predictions.row(i).iter().map(|p| format!("{p:.6}")));
        table.row(&line)?;
    }
    table.finish()
}

/// `confusion.csv`: one line a true class, one column a predicted class.
///
/// # Errors
/// As [`predictions_csv`].
pub fn confusion_csv(predictions: &Predictions) -> Result<Vec<u8>, csv::Error> {
    let mut table = Table::new(std::iter::once("truth").chain(predictions.classes().iter().map(String::as_str)))?;
    for (class, counts) in predictions.classes().iter().zip(confusion(predictions)) {
        table.row(std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)))?;
    }
    table.finish()
}

/// `per_class.csv`: one line a class; a figure that would be 0 / 0 is empty.
///
/// # Errors
/// As [`predictions_csv`].
pub fn per_class_csv(predictions: &Predictions) -> Result<Vec<u8>, csv::Error> {
    let mut table = Table::new(["class", "precision", "recall", "f1", "support", "predicted"])?;
    for (class, figures) in predictions.classes().iter().zip(per_class(predictions)) {
        let [precision, recall, f1] = [figures.precision, figures.recall, figures.f1]
            .map(|share| share.map_or_else(String::new, |s| format!("{s:.6}")));
        let (support, predicted) = (figures.support.to_string(), figures.predicted.to_string());
        table.row([class, &precision, &recall, &f1, &support, &predicted])?;
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::ten;

    fn lines(table: Result<Vec<u8>, csv::Error>) -> Vec<Vec<String>> {
        let bytes = table.unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn predictions_have_a_line_an_image_and_a_column_a_class() {
        let images: Vec<EvaluatedImage> = (0..10)
            .map(|i| EvaluatedImage { path: format!("photos/きゅん, \"a\"/{i}.jpg"), digest: format!("d{i}") })
            .collect();
        let lines = lines(predictions_csv(&ten(), &images));
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0][..6], ["path", "digest", "truth", "prediction", "probability", "correct"]);
        assert_eq!(lines[0][6..], ["p_きゅんきゅん", "p_bus", "p_cat"]);
        assert_eq!(lines[3][..6], ["photos/きゅん, \"a\"/2.jpg", "d2", "きゅんきゅん", "bus", "0.500000", "false"]);
        assert_eq!(lines[3][6..], ["0.200000", "0.500000", "0.300000"]);
    }

    #[test]
    fn confusion_and_classes_are_those_of_the_metrics() {
        assert_eq!(lines(confusion_csv(&ten()))[2], ["bus", "1", "2", "0"]);
        assert_eq!(lines(per_class_csv(&ten()))[3], ["cat", "1.000000", "0.666667", "0.800000", "3", "2"]);
        let nothing = Predictions::new(vec!["a".to_owned()]);
        assert_eq!(lines(per_class_csv(&nothing))[1], ["a", "", "", "", "0", "0"]);
    }
}
