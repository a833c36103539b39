//! What more images of each class would bring: the file `dataset/report/forecast.json`.
//!
//! `inspect` writes it, beside its report; the page and `cargo wakuteka status` show it. This crate is the one owner of its format;
//! the figures come from `plugin_heads::learning_curves`.

use plugin_api::Workspace;
use plugin_api::runs::{read_json, write_json};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// Expected accuracy with a 95 % interval, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The estimate.
    pub accuracy: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Accuracy with more images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// With twice as many of every class.
    pub twice: Expected,
    /// With four times as many of every class.
    pub four_times: Expected,
}

/// A class that images of another are taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The class they are taken for.
    pub class: String,
    /// Share of the images that are, 0 to 1.
    pub share: f64,
}

/// What is known of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassForecast {
    /// Its name.
    pub class: String,
    /// Images that were cross-validated.
    pub images: u64,
    /// Share of them that is predicted correctly, each by a head that was not trained on it: the class's recall.
    pub accuracy: f64,
    /// With more images; `None` where there are too few to tell.
    pub forecast: Option<Forecast>,
    /// The classes it is most often taken for, the most frequent first.
    pub taken_for: Vec<Confusion>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecasts {
    /// Version of the data set.
    pub version: u64,
    /// Images that were cross-validated.
    pub images: u64,
    /// Share of them that is predicted correctly.
    pub accuracy: f64,
    /// With more images of every class.
    pub forecast: Forecast,
    /// Every class, in the order of the report.
    pub classes: Vec<ClassForecast>,
}

impl ClassForecast {
    /// How much four times the images are expected to bring, 0 to 1; 0 where there are too few to tell.
    pub fn gain(&self) -> f64 {
        self.forecast.map_or(0.0, |forecast| (forecast.four_times.accuracy - self.accuracy).max(0.0))
    }
}

impl Forecasts {
    /// Where the file is.
    pub fn path(workspace: &Workspace) -> PathBuf {
        workspace.dataset().join("report").join("forecast.json")
    }

    /// Reads the file; `None` where there is none, or one of another release.
    pub fn read(workspace: &Workspace) -> Option<Self> {
        read_json(&Self::path(workspace)).ok()
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// Any of the file system, with the path in its text.
    pub fn write(&self, workspace: &Workspace) -> io::Result<()> {
        write_json(&Self::path(workspace), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forecasts_are_read_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        assert_eq!(Forecasts::read(&workspace), None);
        std::fs::create_dir_all(workspace.dataset().join("report")).unwrap();
        // Numbers that binary fractions hold exactly: JSON may be off by the last bit otherwise.
        let expected = |accuracy| Expected { accuracy, low: accuracy - 0.125, high: accuracy + 0.0625 };
        let forecast = Forecast { twice: expected(0.8125), four_times: expected(0.875) };
        let class = ClassForecast {
            class: "きゅん".to_owned(),
            images: 40,
            accuracy: 0.75,
            forecast: Some(forecast),
            taken_for: vec![Confusion { class: "b".to_owned(), share: 0.2 }],
        };
        let few = ClassForecast { class: "b".to_owned(), forecast: None, ..class.clone() };
        assert!((class.gain() - 0.125).abs() < 1e-9 && few.gain() == 0.0);
        let forecasts = Forecasts { version: 7, images: 80, accuracy: 0.75, forecast, classes: vec![class, few] };
        forecasts.write(&workspace).unwrap();
        assert_eq!(Forecasts::read(&workspace), Some(forecasts));
        std::fs::write(Forecasts::path(&workspace), "{}").unwrap();
        assert_eq!(Forecasts::read(&workspace), None);
    }
}
