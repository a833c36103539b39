//! Bringing keywords of ours up to date in a sidecar that another program or a person has written to since.
//!
//! The text is edited where the keywords stand and nowhere else, so whatever else is in it stays byte for byte.

use super::escaped;
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use std::ops::Range;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const DC: &str = "http://purl.org/dc/elements/1.1/";
const MARK: &str = "\u{feff}";

/// Keywords to add and to take out.
#[derive(Clone, Copy, Debug)]
pub struct Keywords<'a> {
    /// Those that were written before.
    pub before: &'a [String],
    /// Those that should be there now.
    pub now: &'a [String],
}

/// The list in `dc:subject`.
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

/// What a packet holds that matters here.
#[derive(Debug, Default)]
struct Packet {
    list: Option<List>,
    /// `<dc:subject/>`.
    empty_subject: Option<Range<usize>>,
    has_subject: bool,
    /// The name of the element around all, and where its end tag begins.
    rdf: Option<(String, usize)>,
}

/// The text with keywords added and taken out. Keywords that stand there stay where they are; one that a person took out is not
/// put back as long as it is the same.
///
/// # Errors
/// Why it cannot be done, for a person; nothing is to be written then.
pub fn merged(text: &str, keywords: Keywords) -> Result<String, String> {
    let body = text.strip_prefix(MARK).unwrap_or(text);
    let packet = Packet::read(body)?;
    let present: Vec<&str> = packet.list.iter().flat_map(|list| &list.items).map(|item| &item.text[..]).collect();
    let is_new = |keyword: &&String| !keywords.before.contains(keyword) && !present.contains(&keyword.as_str());
    let added: Vec<&String> = keywords.now.iter().filter(is_new).collect();
    let is_old = |text: &str| {
        let is = |all: &[String]| all.iter().any(|keyword| keyword == text);
        is(keywords.before) && !is(keywords.now)
    };
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for item in packet.list.iter().flat_map(|list| &list.items).filter(|item| is_old(&item.text)) {
        edits.push((before_space(body, item.at.start)..item.at.end, String::new()));
    }
    if !added.is_empty() {
        edits.push(packet.addition(body, &added)?);
    }
    edits.sort_by_key(|(at, _)| std::cmp::Reverse((at.start, at.end)));
    let mut edited = body.to_owned();
    for (at, with) in edits {
        edited.replace_range(at, &with);
    }
    let mut expected: Vec<&str> = present.iter().copied().filter(|text| !is_old(text)).collect();
    expected.extend(added.iter().map(|keyword| keyword.as_str()));
    let mut found: Vec<String> =
        Packet::read(&edited)?.list.into_iter().flat_map(|list| list.items).map(|item| item.text).collect();
    // What is added goes in front, or behind, of what is there.
    expected.sort_unstable();
    found.sort_unstable();
    if found != expected {
        return Err("its keywords are written in a way that is not understood".to_owned());
    }
    Ok(format!("{}{edited}", &text[..text.len() - body.len()]))
}

impl Packet {
    fn read(text: &str) -> Result<Self, String> {
        let broken = |error: quick_xml::Error| format!("it is no well-formed XML: {error}");
        let mut reader = NsReader::from_str(text);
        let mut packet = Self::default();
        // Elements that are open, innermost last.
        let mut open: Vec<(String, String)> = Vec::new();
        let mut item: Option<Item> = None;
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
                    if packet.is_item(&open, &namespace, tag.local_name().as_ref()) {
                        item = Some(Item { at: start..end, text: String::new() });
                    }
                    open.push((namespace, tag.local_name().as_ref().to_owned()));
                }
                Event::Empty(tag) => {
                    packet.begins(&open, &namespace, tag.local_name().as_ref(), tag.name().as_ref(), start..end, true);
                }
                Event::End(tag) => {
                    let closed = open.pop();
                    if let Some(mut done) =
                        item.take_if(|_| closed.as_ref().is_some_and(|(ns, name)| ns == RDF && name == "li"))
                    {
                        done.at.end = end;
                        packet.list.get_or_insert_default().items.push(done);
                    }
                    if closed.is_some_and(|(ns, name)| ns == RDF && name == "RDF") {
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

    /// An element begins: the first `dc:subject` of a description, or the list in it.
    fn begins(
        &mut self,
        open: &[(String, String)],
        namespace: &str,
        local: &str,
        name: &str,
        at: Range<usize>,
        is_empty: bool,
    ) {
        let within = |place: usize, ns: &str, local: &str| {
            open.len() > place && open[open.len() - 1 - place] == (ns.to_owned(), local.to_owned())
        };
        let is_subject =
            namespace == DC && local == "subject" && within(0, RDF, "Description") && within(1, RDF, "RDF");
        if is_subject && !self.has_subject {
            self.has_subject = true;
            self.empty_subject = is_empty.then_some(at);
        } else if self.list.is_none()
            && namespace == RDF
            && ["Bag", "Seq", "Alt"].contains(&local)
            && within(0, DC, "subject")
        {
            let empty = is_empty.then_some(at.clone());
            self.list = Some(List { name: name.to_owned(), start: at.end, empty, items: Vec::new() });
        }
    }

    /// Whether an element is an item of the list.
    fn is_item(&self, open: &[(String, String)], namespace: &str, local: &str) -> bool {
        let is_list = |(ns, name): &(String, String)| ns == RDF && ["Bag", "Seq", "Alt"].contains(&name.as_str());
        let is_subject = |(ns, name): &(String, String)| ns == DC && name == "subject";
        self.list.is_some()
            && namespace == RDF
            && local == "li"
            && open.last().is_some_and(is_list)
            && open.len() > 1
            && is_subject(&open[open.len() - 2])
    }

    /// Where keywords are to be put, and as what.
    fn addition(&self, body: &str, added: &[&String]) -> Result<(Range<usize>, String), String> {
        let items = |prefix: &str, space: &str| -> String {
            let item = |keyword: &&String| format!("{space}<{prefix}li>{}</{prefix}li>", escaped(keyword));
            added.iter().map(item).collect::<Vec<_>>().concat()
        };
        if let Some(list) = &self.list {
            let prefix = list.name.rsplit_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
            if let Some(empty) = &list.empty {
                let name = &list.name;
                return Ok((empty.clone(), format!("<{name}>{}</{name}>", items(&prefix, ""))));
            }
            let space = list.items.first().map_or("", |item| &body[before_space(body, item.at.start)..item.at.start]);
            return Ok((list.start..list.start, items(&prefix, space)));
        }
        let Some((name, end)) = &self.rdf else { return Err("it holds no rdf:RDF".to_owned()) };
        if self.has_subject && self.empty_subject.is_none() {
            return Err("its dc:subject is no list".to_owned());
        }
        let list = format!(
            "<dc:subject xmlns:dc=\"{DC}\" xmlns:rdf=\"{RDF}\"><rdf:Bag>{}</rdf:Bag></dc:subject>",
            items("rdf:", "")
        );
        if let Some(subject) = &self.empty_subject {
            return Ok((subject.clone(), list));
        }
        let prefix = name.rsplit_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
        Ok((*end..*end, format!("<{prefix}Description {prefix}about=\"\">{list}</{prefix}Description>\n")))
    }
}

fn extend(item: &mut Option<Item>, text: &str) {
    if let Some(item) = item {
        item.text.push_str(text);
    }
}

/// Where the white space before a place begins.
fn before_space(text: &str, at: usize) -> usize {
    text[..at].trim_end().len()
}
