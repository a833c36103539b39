//! A `.sdcproj`: sections `[Name]` of lines `key=value`.
//!
//! Networks are `[NAME_Layer_0]`, `[NAME_Link_0]` and so on, named in `[Global]`; a project of one network may leave the name
//! out, and the network is then called `Main`.

use crate::error::NncError;
use std::collections::{BTreeMap, BTreeSet};

/// Keys and values of one `[section]`.
pub type Section = BTreeMap<String, String>;

/// An `.sdcproj` file: networks, optimizer and data sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Networks in their order.
    pub networks: Vec<Network>,
    /// All other sections by name.
    pub sections: BTreeMap<String, Section>,
}

/// A network of a project, as its layers and links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// What its author calls it.
    pub name: String,
    /// Blocks in the order of the file.
    pub layers: Vec<Layer>,
    /// Which block reads which.
    pub links: Vec<Link>,
}

/// One block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// By which links name it.
    pub id: String,
    /// What it is: `Convolution`.
    pub kind: String,
    /// What its author calls it.
    pub name: String,
    /// Its settings as they are written.
    pub properties: BTreeMap<String, String>,
}

/// One block reads another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The one that is read.
    pub from: String,
    /// The one that reads.
    pub to: String,
    /// Which of its inputs.
    pub pin: usize,
}

/// The text of a file: UTF-8, or UTF-16 where it begins with its mark. What is neither keeps its ASCII, in which all but names is.
pub fn text(bytes: &[u8]) -> String {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|two| pair([two[0], two[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

impl Project {
    /// Reads the text of a project.
    ///
    /// # Errors
    /// [`NncError::Form`] for text that holds no network, or a link to a block that is not there.
    pub fn parse(text: &str) -> Result<Self, NncError> {
        let mut sections: BTreeMap<String, Section> = BTreeMap::new();
        let mut current: Option<String> = None;
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            if line.trim_start().starts_with([';', '#']) {
                continue;
            }
            if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                current = Some(name.to_owned());
                sections.entry(name.to_owned()).or_default();
            } else if let (Some(name), Some((key, value))) = (&current, line.split_once('=')) {
                sections.entry(name.clone()).or_default().insert(key.trim().to_owned(), value.to_owned());
            }
        }
        let global = sections.get("Global").cloned().unwrap_or_default();
        let mut names: Vec<(String, String)> =
            numbered(&global, "Network_", "").map(|n| (n.clone(), format!("{n}_"))).collect();
        if names.is_empty() {
            names.push(("Main".to_owned(), String::new()));
        }
        let networks: Vec<Network> =
            names.into_iter().map(|(name, prefix)| network(&mut sections, name, &prefix)).collect::<Result<_, _>>()?;
        if networks.iter().all(|network| network.layers.is_empty()) {
            return Err(NncError::Form("it holds no network: [Network_Global] and [Layer_0] are not there".to_owned()));
        }
        Ok(Self { networks, sections })
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|network| network.name == name)
    }

    /// What is written in a section; nothing for an empty text.
    pub fn value(&self, section: &str, key: &str) -> Option<&str> {
        self.sections.get(section)?.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl Network {
    /// The place of a block.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.id == id)
    }
}

impl Layer {
    /// A setting as it is written.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(|value| value.trim())
    }
}

/// Values of `prefix0suffix`, `prefix1suffix` and so on, by number; one may be missing.
fn numbered<'a>(section: &'a Section, prefix: &'a str, suffix: &'a str) -> impl Iterator<Item = &'a String> {
    let keys = section.keys().filter_map(|key| Some((number(key, prefix, suffix)?, key)));
    let keys: BTreeMap<u64, &String> = keys.collect();
    keys.into_values().filter_map(|key| section.get(key))
}

/// The number between `prefix` and `suffix`.
fn number(key: &str, prefix: &str, suffix: &str) -> Option<u64> {
    key.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
}

/// Takes the sections `prefix0`, `prefix1` and so on, by number; one may be missing.
fn taken(sections: &mut BTreeMap<String, Section>, prefix: &str) -> Vec<Section> {
    let names: BTreeMap<u64, String> =
        sections.keys().filter_map(|name| Some((number(name, prefix, "")?, name.clone()))).collect();
    names.into_values().filter_map(|name| sections.remove(&name)).collect()
}

/// Takes the sections of one network.
fn network(sections: &mut BTreeMap<String, Section>, name: String, prefix: &str) -> Result<Network, NncError> {
    let mut network = Network { name, ..Network::default() };
    sections.remove(&format!("{prefix}Network_Global"));
    let mut names = BTreeSet::new();
    for section in taken(sections, &format!("{prefix}Layer_")) {
        let value = |key: &str| {
            let number = number(key, "Property_", "_Name")?;
            let value = section.get(&format!("Property_{number}_Value")).cloned();
            Some((section.get(key)?.trim().to_owned(), value.unwrap_or_default()))
        };
        let mut properties: BTreeMap<String, String> = section.keys().filter_map(|key| value(key)).collect();
        let read = |key: &str| section.get(key).map(|value| value.trim().to_owned()).unwrap_or_default();
        let mut name = properties.remove("Name").unwrap_or_else(|| read("Name"));
        // Names in other scripts may be the same without them.
        let known = crate::yaml::name(&name);
        let mut count = 2;
        while read("Type") != "Argument" && !names.insert(crate::yaml::name(&name)) {
            name = format!("{known}_{count}");
            count += 1;
        }
        network.layers.push(Layer { id: read("ID"), kind: read("Type"), name, properties });
    }
    for section in taken(sections, &format!("{prefix}Link_")) {
        let read = |key: &str| section.get(key).map(|value| value.trim().to_owned()).unwrap_or_default();
        let (from, to) = (read("SourceLayerID"), read("DestLayerID"));
        for id in [&from, &to] {
            if network.place(id).is_none() {
                return Err(NncError::Form(format!(
                    "network {}: a link names the block {id:?}, which is not there",
                    network.name
                )));
            }
        }
        network.links.push(Link { from, to, pin: read("DestPinIndex").parse().unwrap_or(0) });
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_become_networks_and_settings() {
        let text = "\u{feff}[Network_Global]\r\nNumLayer=2\r\n[Layer_0]\r\nID=3\r\nType=Input\r\nProperty_0_Name=Name\r\n\
                    Property_0_Value=x y\r\nProperty_1_Name=Size\r\nProperty_1_Value=1,28,28\r\n[Layer_1]\r\nID=5\r\nType=ReLU\r\n\
                    [Link_0]\r\nSourceLayerID=3\r\nDestLayerID=5\r\nDestPinIndex=1\r\n[Config]\r\nMaxEpoch=7\r\nEmpty=\r\n";
        let project = Project::parse(text).unwrap();
        let main = project.network("Main").unwrap();
        assert_eq!((main.layers[0].name.as_str(), main.layers[0].property("Size")), ("x y", Some("1,28,28")));
        assert_eq!(main.links, [Link { from: "3".to_owned(), to: "5".to_owned(), pin: 1 }]);
        assert_eq!((project.value("Config", "MaxEpoch"), project.value("Config", "Empty")), (Some("7"), None));
    }

    #[test]
    fn files_of_other_editors_are_read() {
        let text = "; a note\n# another = one\n[Layer_0]\nID=3\nType=Input\nProperty_0_Name=Name\nProperty_0_Value=入力\n[Layer_2]\n\
                    ID= 5 \nType=ReLU\nProperty_1_Name=Name\nProperty_1_Value=活性\n[Link_0]\nSourceLayerID=3\nDestLayerID=5\n";
        let project = Project::parse(text).unwrap();
        let layers = &project.networks[0].layers;
        assert_eq!(layers.iter().map(|layer| &layer.name[..]).collect::<Vec<_>>(), ["入力", "___2"]);
        assert_eq!(project.sections.len(), 0);
        assert_eq!(Project::parse(&text.replace('\n', "\r")).unwrap(), project);
        let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(self::text(&wide), text);
        assert_eq!(self::text(text.as_bytes()), text);
        assert!(self::text(b"Name=\x93\xfc\x97\xcd\nType=Input").ends_with("Type=Input"));
    }

    #[test]
    fn what_is_no_project_is_refused() {
        for text in ["", "hello", "[Config]\nMaxEpoch=3\n"] {
            assert!(Project::parse(text).unwrap_err().to_string().contains("no network"), "{text}");
        }
        let text = "[Layer_0]\nID=1\nType=ReLU\n[Link_0]\nSourceLayerID=1\nDestLayerID=9\n";
        assert!(Project::parse(text).unwrap_err().to_string().contains("\"9\", which is not there"));
    }
}
