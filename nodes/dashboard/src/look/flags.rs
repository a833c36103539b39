//! What may be the matter with an image.

/// One thing that may be the matter: its name, and how much sooner it is shown than an image without.
pub type Flag = (&'static str, f32);

/// Every flag; its place is its bit. What needs a decision weighs more than what is only good to know.
pub const FLAGS: &[Flag] = &[
    ("conflict", 64.0),
    ("suspected", 48.0),
    ("wrong", 24.0),
    ("unsure", 16.0),
    ("dark", 8.0),
    ("bright", 8.0),
    ("blur", 8.0),
    ("information", 8.0),
    ("odd_size", 4.0),
    ("odd_aspect", 4.0),
    ("duplicate", 2.0),
    ("new", 1.0),
];

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Adds one by its name; another name adds nothing.
    pub fn add(&mut self, name: &str) {
        *self = Self(self.0 | Self::named(name).map_or(0, |flags| flags.0));
    }

    /// The set of this one alone.
    pub fn named(name: &str) -> Option<Self> {
        FLAGS.iter().position(|(known, _)| *known == name).map(|bit| Self(1 << bit))
    }

    /// Whether all of these are among them.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FLAGS.iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, (name, _))| *name)
    }

    /// How soon they want to be seen.
    pub fn weight(self) -> f32 {
        FLAGS.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, (_, weight))| weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_add_up() {
        let mut flags = Flags::default();
        flags.add("blur");
        flags.add("new");
        flags.add("nonsense");
        assert_eq!(flags.names().collect::<Vec<_>>(), ["blur", "new"]);
        assert_eq!(flags.weight(), 9.0);
        assert!(flags.has(Flags::named("new").unwrap()) && !flags.has(Flags::named("dark").unwrap()));
        let checks = plugin_check::REGISTRY.iter().all(|check| Flags::named(check.name).is_some());
        assert!(checks, "every check has a flag");
    }
}
