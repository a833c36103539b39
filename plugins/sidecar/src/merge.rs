//! Bringing keywords of ours up to date in a sidecar that another program or a person has written to since.
//!
//! The text is edited where the keywords stand and nowhere else, so whatever else is in it stays byte for byte.

use crate::property::{PROPERTIES, Property};
use crate::{RDF, escaped};
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use std::ops::Range;

const MARK: &str = "\u{feff}";

/// Keywords to add and to take out, as plain text.
#[derive(Clone, Copy, Debug)]
pub struct Keywords<'a> {
    /// Those that were written before.
    pub before: &'a [String],
    /// Those that should be there now.
    pub now: &'a [String],
}

/// The list in a property.
#[derive(Debug, Default)]
struct List {
    /// Its element, `rdf:Bag` as a rule, with its prefix.
    name: String,
    /// Where what it holds begins.
    start: usize,
    /// The whole element when it holds nothing: `<rdf:Bag/>`.
    empty: Option<Range<usize>>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    at: Range<usize>,
    text: String,
}

/// What there is of a property.
#[derive(Debug, Default)]
struct Found {
    is_there: bool,
    list: Option<List>,
    /// `<dc:subject/>`.
    empty: Option<Range<usize>>,
}

impl Found {
    fn texts(&self) -> Vec<&str> {
        self.list.iter().flat_map(|list| &list.items).map(|item| item.text.as_str()).collect()
    }
}

/// What a packet holds that matters here.
#[derive(Debug, Default)]
struct Packet {
    /// In the order of [`PROPERTIES`].
    found: [Found; 3],
    /// The name of the element around all, and where its end tag begins.
    rdf: Option<(String, usize)>,
}

/// A change of the text.
struct Edit {
    at: Range<usize>,
    with: String,
}

/// The text with keywords added and taken out, in every property. Keywords that stand there stay where they are; one that a person
/// took out is not put back as long as it is the same. A property that is not there yet gets what the others hold besides, since
/// programs read one of them alone.
///
/// # Errors
/// Why it cannot be done, for a person; nothing is to be written then.
pub fn merged(text: &str, keywords: Keywords) -> Result<String, String> {
    let body = text.strip_prefix(MARK).unwrap_or(text);
    let packet = Packet::read(body)?;
    let (mut edits, mut new, mut expected) = (Vec::new(), String::new(), Vec::new());
    for (at, property) in PROPERTIES.iter().enumerate() {
        let found = &packet.found[at];
        let encoded = |all: &[String]| -> Vec<String> { all.iter().map(|keyword| property.encoded(keyword)).collect() };
        let (before, now, present) = (encoded(keywords.before), encoded(keywords.now), found.texts());
        let is_old = |text: &str| {
            let is = |all: &[String]| all.iter().any(|keyword| keyword == text);
            is(&before) && !is(&now)
        };
        let is_new = |keyword: &&String| !before.contains(keyword) && !present.contains(&keyword.as_str());
        let mut added: Vec<String> = now.iter().filter(is_new).cloned().collect();
        if !added.is_empty() && present.is_empty() {
            let mut others = packet.others(property);
            others.retain(|other| !is_old(other) && !added.contains(other));
            added.extend(others);
        }
        for item in found.list.iter().flat_map(|list| &list.items).filter(|item| is_old(&item.text)) {
            edits.push(Edit { at: before_space(body, item.at.start)..item.at.end, with: String::new() });
        }
        if !added.is_empty() {
            edits.extend(found.addition(body, property, &added, &mut new)?);
        }
        let mut texts: Vec<String> =
            present.iter().filter(|text| !is_old(text)).map(|text| (*text).to_owned()).chain(added).collect();
        texts.sort_unstable();
        expected.push(texts);
    }
    if !new.is_empty() {
        let Some((name, end)) = &packet.rdf else { return Err("it holds no rdf:RDF".to_owned()) };
        let prefix = prefix(name);
        let with = format!("<{prefix}Description {prefix}about=\"\">{new}</{prefix}Description>\n");
        edits.push(Edit { at: *end..*end, with });
    }
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.at.start, edit.at.end)));
    let mut edited = body.to_owned();
    for Edit { at, with } in edits {
        edited.replace_range(at, &with);
    }
    let texts = |found: &Found| {
        let mut texts: Vec<String> = found.texts().into_iter().map(str::to_owned).collect();
        texts.sort_unstable();
        texts
    };
    // What is added goes in front, or behind, of what is there.
    if Packet::read(&edited)?.found.iter().map(texts).ne(expected) {
        return Err("its keywords are written in a way that is not understood".to_owned());
    }
    Ok(format!("{}{edited}", &text[..text.len() - body.len()]))
}

/// The plain keywords in a packet; none when it cannot be read.
pub fn keywords(text: &str) -> Vec<String> {
    let packet = Packet::read(text.strip_prefix(MARK).unwrap_or(text)).unwrap_or_default();
    packet.found[0].texts().into_iter().map(str::to_owned).collect()
}

/// The prefix of RDF's names in a packet, and where the end tag around all descriptions begins.
pub fn end_of_rdf(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix(MARK).unwrap_or(text);
    let (name, end) = Packet::read(body).ok()?.rdf?;
    Some((prefix(&name), text.len() - body.len() + end))
}

impl Packet {
    fn read(text: &str) -> Result<Self, String> {
        let broken = |error: quick_xml::Error| format!("it is no well-formed XML: {error}");
        let mut reader = NsReader::from_str(text);
        let mut packet = Self::default();
        // Elements that are open, innermost last.
        let mut open: Vec<(String, String)> = Vec::new();
        let mut item: Option<(usize, Item)> = None;
        loop {
            let start = reader.buffer_position() as usize;
            let (namespace, event) = reader.read_resolved_event().map_err(broken)?;
            let namespace = match namespace {
                ResolveResult::Bound(Namespace(namespace)) => namespace.to_owned(),
                ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
            };
            let end = reader.buffer_position() as usize;
            match event {
                Event::Start(tag) => {
                    packet.begins(&open, &namespace, tag.local_name().as_ref(), tag.name().as_ref(), start..end, false);
                    if let Some(property) = packet.item_of(&open, &namespace, tag.local_name().as_ref()) {
                        item = Some((property, Item { at: start..end, text: String::new() }));
                    }
                    open.push((namespace, tag.local_name().as_ref().to_owned()));
                }
                Event::Empty(tag) => {
                    packet.begins(&open, &namespace, tag.local_name().as_ref(), tag.name().as_ref(), start..end, true);
                }
                Event::End(tag) => {
                    let closed = open.pop();
                    let is_rdf = |name: &str| closed.as_ref().is_some_and(|(ns, local)| ns == RDF && local == name);
                    if let Some((property, mut done)) = item.take_if(|_| is_rdf("li")) {
                        done.at.end = end;
                        packet.found[property].list.get_or_insert_default().items.push(done);
                    }
                    if is_rdf("RDF") {
                        packet.rdf = Some((tag.name().as_ref().to_owned(), start));
                    }
                }
                Event::Text(text) => extend(&mut item, &text.xml10_content()),
                Event::CData(text) => extend(&mut item, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(broken)?;
                    match (character, quick_xml::escape::resolve_predefined_entity(&reference)) {
                        (Some(character), _) => extend(&mut item, &character.to_string()),
                        (None, Some(text)) => extend(&mut item, text),
                        (None, None) => return Err(format!("&{};  is not known", &*reference)),
                    }
                }
                Event::Eof => return if open.is_empty() { Ok(packet) } else { Err("it is cut off".to_owned()) },
                _ => {}
            }
        }
    }

    /// An element begins: the first of a property in a description, or the list in it.
    fn begins(
        &mut self,
        open: &[(String, String)],
        namespace: &str,
        local: &str,
        name: &str,
        at: Range<usize>,
        is_empty: bool,
    ) {
        let within = |place: usize, local: &str| {
            open.len() > place && open[open.len() - 1 - place] == (RDF.to_owned(), local.to_owned())
        };
        if let Some(property) = PROPERTIES.iter().position(|property| property.is(namespace, local))
            && within(0, "Description")
            && within(1, "RDF")
        {
            let found = &mut self.found[property];
            if !found.is_there {
                found.is_there = true;
                found.empty = is_empty.then_some(at);
            }
        } else if is_list(namespace, local)
            && let Some(property) = open.last().and_then(of_property)
            && self.found[property].list.is_none()
        {
            let empty = is_empty.then_some(at.clone());
            self.found[property].list = Some(List { name: name.to_owned(), start: at.end, empty, items: Vec::new() });
        }
    }

    /// The property in whose list an element is an item.
    fn item_of(&self, open: &[(String, String)], namespace: &str, local: &str) -> Option<usize> {
        let [.., property, list] = open else { return None };
        let property = of_property(property)?;
        let is_item = namespace == RDF && local == "li" && is_list(&list.0, &list.1);
        (is_item && self.found[property].list.is_some()).then_some(property)
    }

    /// What the other properties hold, as `property` writes it. Plain keywords that are a level of a path are left out: programs that
    /// write paths write their levels as keywords too. Of paths nothing is made for a list of plain keywords.
    fn others(&self, property: &Property) -> Vec<String> {
        if property.separator.is_none() {
            return Vec::new();
        }
        let mut paths: Vec<Vec<String>> = Vec::new();
        let (plain, hierarchical): (Vec<_>, Vec<_>) =
            PROPERTIES.iter().zip(&self.found).partition(|(property, _)| property.separator.is_none());
        for (other, found) in hierarchical.into_iter().chain(plain) {
            for text in found.texts() {
                let levels = other.levels(text);
                let is_level = other.separator.is_none() && paths.iter().flatten().any(|level| *level == levels[0]);
                if !is_level && !paths.contains(&levels) {
                    paths.push(levels);
                }
            }
        }
        paths.iter().map(|levels| property.path(levels)).collect()
    }
}

impl Found {
    /// The edit that adds keywords where the property stands. Where it does not stand yet, it is put behind `new`.
    fn addition(
        &self,
        body: &str,
        property: &Property,
        added: &[String],
        new: &mut String,
    ) -> Result<Option<Edit>, String> {
        let items = |prefix: &str, space: &str| -> String {
            let item = |keyword: &String| format!("{space}<{prefix}li>{}</{prefix}li>", escaped(keyword));
            added.iter().map(item).collect::<Vec<_>>().concat()
        };
        if let Some(list) = &self.list {
            let prefix = prefix(&list.name);
            if let Some(empty) = &list.empty {
                let name = &list.name;
                let with = format!("<{name}>{}</{name}>", items(&prefix, ""));
                return Ok(Some(Edit { at: empty.clone(), with }));
            }
            let space = list.items.first().map_or("", |item| &body[before_space(body, item.at.start)..item.at.start]);
            return Ok(Some(Edit { at: list.start..list.start, with: items(&prefix, space) }));
        }
        let Property { prefix, namespace, local, list, .. } = property;
        if self.is_there && self.empty.is_none() {
            return Err(format!("its {prefix}:{local} is no list"));
        }
        let items = items("rdf:", "");
        let with = format!(
            "<{prefix}:{local} xmlns:{prefix}=\"{namespace}\" xmlns:rdf=\"{RDF}\"><rdf:{list}>{items}</rdf:{list}></{prefix}:{local}>"
        );
        if let Some(empty) = &self.empty {
            return Ok(Some(Edit { at: empty.clone(), with }));
        }
        new.push_str(&with);
        Ok(None)
    }
}

fn is_list(namespace: &str, local: &str) -> bool {
    namespace == RDF && ["Bag", "Seq", "Alt"].contains(&local)
}

fn of_property((namespace, local): &(String, String)) -> Option<usize> {
    PROPERTIES.iter().position(|property| property.is(namespace, local))
}

/// `rdf:` of `rdf:Bag`; nothing where there is no prefix.
fn prefix(name: &str) -> String {
    name.rsplit_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"))
}

fn extend(item: &mut Option<(usize, Item)>, text: &str) {
    if let Some((_, item)) = item {
        item.text.push_str(text);
    }
}

/// Where the white space before a place begins.
fn before_space(text: &str, at: usize) -> usize {
    text[..at].trim_end().len()
}
