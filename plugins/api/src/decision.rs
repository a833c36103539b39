//! What the gate decides of a candidate.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a candidate became champion: `decision` of a verdict, in files and on edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is the champion from now on.
    Promoted,
    /// The champion stays.
    Refused,
}

impl Decision {
    /// [`Decision::Promoted`] if so.
    pub const fn promoted(is_promoted: bool) -> Self {
        if is_promoted { Self::Promoted } else { Self::Refused }
    }

    /// As in verdicts, messages and counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Refused => "refused",
        }
    }

    /// Whether the candidate became champion.
    pub const fn is_promoted(self) -> bool {
        matches!(self, Self::Promoted)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for decision in [Decision::Promoted, Decision::Refused] {
            assert_eq!(serde_json::to_value(decision).unwrap(), decision.name());
            assert_eq!(Decision::promoted(decision.is_promoted()), decision);
        }
    }
}
