//! What somebody asks for: `search/request.json` in the workspace. The node `search` takes it up and deletes it; the folder of the
//! search that comes of it keeps a copy, so that the search is the same after a restart.

use crate::search::{Method, Objective};
use plugin_blocks::{Description, shipped};
use serde::{Deserialize, Serialize};

/// A search that is asked for. What is not said is as the options of the node `search` say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When, milliseconds since 1970.
    pub asked_ms: u64,
    /// What the network is called from which the search starts: one that comes with the program, unless there is a definition.
    #[serde(default)]
    pub network: Option<String>,
    /// Its blocks.
    #[serde(default)]
    pub definition: Option<String>,
    /// How networks are proposed.
    #[serde(default)]
    pub method: Option<Method>,
    /// What is to be small.
    #[serde(default)]
    pub objective: Option<Objective>,
    /// Epochs of an attempt, 1 to 10,000.
    #[serde(default)]
    pub epochs: Option<u64>,
    /// Attempts after which it ends; 0: no limit.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// Hours of work after which it ends; 0: no limit.
    #[serde(default)]
    pub hours: Option<f64>,
}

impl Request {
    /// The file in `search/`, and in the folder of the search that came of it.
    pub const FILE: &str = "request.json";

    /// The network it names; `None` when it names none.
    ///
    /// # Errors
    /// For a person: what is no number that is accepted, or no network.
    pub fn checked(&self) -> Result<Option<(String, Description)>, String> {
        let within = |what: &str, value: Option<u64>, range: std::ops::RangeInclusive<u64>| match value {
            Some(value) if !range.contains(&value) => {
                Err(format!("{what}: {value}; accepted are {} to {}", range.start(), range.end()))
            }
            _ => Ok(()),
        };
        within("epochs", self.epochs, 1..=10_000)?;
        within("attempts", self.attempts, 0..=1_000_000)?;
        if let Some(hours) = self.hours.filter(|hours| !(0.0..=1e5).contains(hours)) {
            return Err(format!("hours: {hours}; accepted are 0 to 100000"));
        }
        if self.attempts == Some(0) && self.hours.unwrap_or(0.0) == 0.0 {
            return Err("attempts: 0 without hours would never end".to_owned());
        }
        match (&self.network, &self.definition) {
            (network, Some(definition)) => {
                let name = network.clone().unwrap_or_else(|| "network".to_owned());
                let description = Description::parse(&name, definition).map_err(|e| e.to_string())?;
                Ok(Some((name, description)))
            }
            (Some(network), None) => {
                let found = shipped::find(network).map_err(|e| e.to_string())?;
                let accepted = || format!("network: {network:?}; accepted are {}", shipped::names().join(", "));
                Ok(Some((network.clone(), found.ok_or_else(accepted)?)))
            }
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Request {
        serde_json::from_str(&format!("{{\"asked_ms\": 5{json}}}")).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_checked() {
        assert_eq!(request("").checked().map(|found| found.is_none()), Ok(true));
        let (name, found) = request(", \"network\": \"lenet\", \"hours\": 0.5").checked().unwrap().unwrap();
        assert!(name == "lenet" && found.graph(32, 3).is_ok());
        let own = request(", \"definition\": \"blocks: [{affine: classes, name: fc}]\"").checked().unwrap().unwrap();
        assert_eq!(own.0, "network");
        for (json, part) in [
            (", \"epochs\": 0", "1 to 10000"),
            (", \"attempts\": 0", "never end"),
            (", \"hours\": -1", "0 to 100000"),
            (", \"network\": \"resnet19\"", "cnn-relu"),
            (", \"definition\": \"blocks: [relo]\"", "relo"),
        ] {
            let error = request(json).checked().unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        }
        assert!(serde_json::from_str::<Request>("{\"asked_ms\": 5, \"method\": \"annealing\"}").is_err());
    }
}
