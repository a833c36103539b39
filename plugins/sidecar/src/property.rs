//! Where photo programs look for keywords.

/// A property that holds keywords.
#[derive(Debug)]
pub struct Property {
    /// The prefix that is usual for its namespace.
    pub prefix: &'static str,
    /// XML namespace of the property.
    pub namespace: &'static str,
    /// Its name.
    pub local: &'static str,
    /// The container that its definition asks for: `Bag` or `Seq`.
    pub list: &'static str,
    /// What stands between the levels of a path; `None` where keywords are plain.
    pub separator: Option<char>,
    /// What is written in its place where it is part of a name.
    replacement: char,
}

/// Every program reads one of these, the first it finds: darktable and Lightroom `lr:hierarchicalSubject` rather than `dc:subject`, digiKam
/// `digiKam:TagsList` first of all. So each keyword stands in all three.
pub const PROPERTIES: [Property; 3] = [
    Property {
        prefix: "dc",
        namespace: "http://purl.org/dc/elements/1.1/",
        local: "subject",
        list: "Bag",
        separator: None,
        replacement: '\0',
    },
    Property {
        prefix: "digiKam",
        namespace: "http://www.digikam.org/ns/1.0/",
        local: "TagsList",
        list: "Seq",
        separator: Some('/'),
        replacement: '\u{ff0f}',
    },
    Property {
        prefix: "lr",
        namespace: "http://ns.adobe.com/lightroom/1.0/",
        local: "hierarchicalSubject",
        list: "Bag",
        separator: Some('|'),
        replacement: '\u{ff5c}',
    },
];

impl Property {
    /// Whether an element is it.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.namespace == namespace && self.local == local
    }

    /// A keyword as it is written here: of one level, whatever it is called.
    pub fn encoded(&self, keyword: &str) -> String {
        match self.separator {
            Some(separator) => keyword.replace(separator, self.replacement.encode_utf8(&mut [0; 4])),
            None => keyword.to_owned(),
        }
    }

    /// The levels of what is written here.
    pub fn levels(&self, text: &str) -> Vec<String> {
        match self.separator {
            Some(separator) => text.split(separator).map(str::to_owned).collect(),
            None => vec![text.to_owned()],
        }
    }

    /// A path as it is written here.
    pub fn path(&self, levels: &[String]) -> String {
        let levels: Vec<String> = levels.iter().map(|level| self.encoded(level)).collect();
        levels.join(&self.separator.map(String::from).unwrap_or_default())
    }
}
