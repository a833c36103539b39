//! XMP sidecars: the class of an image where photo programs look for keywords.
//!
//! Adobe, XMP Specification Part 1: Data Model, Serialization, and Core Properties, 2012 (ISO 16684-1). A sidecar of ours
//! carries a seal, the BLAKE3 of all else in it: as long as that fits, nobody has written to it since, and it may be
//! replaced and removed. One that was written to since (a rating, other keywords) keeps all of that: the keywords that we wrote
//! before are replaced in it, and nothing else. A sidecar that was there before ours is left alone.
//!
//! Each keyword stands in `dc:subject`, `digiKam:TagsList` and `lr:hierarchicalSubject`, as a program reads one of them alone.

mod merge;
mod property;

use merge::{Keywords, merged};
use plugin_api::files::{with_path, write_atomically};
use property::PROPERTIES;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const SEAL: &str = " wakuteka:seal=\"";
const SEAL_DIGITS: usize = 64;
/// What we wrote, a keyword a line: a sidecar that was moved or copied still says it.
const KEYWORDS: &str = "keywords";
const MODEL: &str = "model";
const PROBABILITY: &str = "probability";

/// A packet with keywords that a model gave.
pub fn packet(keywords: &[String], model: &str, probability: f64) -> String {
    let probability = format!("{probability:.4}");
    sealed(keywords, &[(MODEL, model), (PROBABILITY, &probability)].map(|(name, value)| said(name, value)).concat())
}

/// A packet with keywords that a person gave.
pub fn packet_by_hand(keywords: &[String]) -> String {
    sealed(keywords, "")
}

/// An attribute of ours.
fn said(name: &str, value: &str) -> String {
    format!(" wakuteka:{name}=\"{}\"", escaped(value))
}

fn sealed(keywords: &[String], origin: &str) -> String {
    let (mut namespaces, mut lists) = (String::new(), String::new());
    for property in &PROPERTIES {
        let (prefix, local, list) = (property.prefix, property.local, property.list);
        let _ = write!(namespaces, " xmlns:{prefix}=\"{}\"", property.namespace);
        let _ = writeln!(lists, "   <{prefix}:{local}>\n    <rdf:{list}>");
        for keyword in keywords {
            let _ = writeln!(lists, "     <rdf:li>{}</rdf:li>", escaped(&property.encoded(keyword)));
        }
        let _ = writeln!(lists, "    </rdf:{list}>\n   </{prefix}:{local}>");
    }
    let written = said(KEYWORDS, &keywords.join("\n"));
    let text = |seal: &str| {
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"Wakuteka\">\n \
             <rdf:RDF xmlns:rdf=\"{RDF}\">\n  \
             <rdf:Description rdf:about=\"\"{namespaces} \
             xmlns:wakuteka=\"urn:wakuteka:xmp/\"{written}{origin}\
             {SEAL}{seal}\">\n{lists}  \
             </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>\n"
        )
    };
    text(&blake3::hash(text("").as_bytes()).to_hex())
}

/// Whether a sidecar is as we wrote it.
pub fn is_ours(text: &str) -> bool {
    let Some(start) = text.find(SEAL).map(|at| at + SEAL.len()) else { return false };
    let (Some(seal), Some(rest)) = (text.get(start..start + SEAL_DIGITS), text.get(start + SEAL_DIGITS..)) else {
        return false;
    };
    let without = format!("{}{rest}", &text[..start]);
    blake3::hash(without.as_bytes()).to_hex().as_str() == seal
}

/// What became of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It says what it should.
    Done,
    /// It was left as it is. Why, for a person.
    LeftAlone(String),
}

/// Writes a sidecar where there is none, or one of ours. In one that was written to since, the keywords of `before` are replaced by
/// those of `now`; `before` is None where nothing of ours was ever written.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write(at: &Path, packet: &str, before: Option<&[String]>, now: &[String]) -> io::Result<Outcome> {
    let text = match there(at)? {
        Some(There::Text(text)) if text == packet => return Ok(Outcome::Done),
        Some(There::Text(text)) if !is_ours(&text) => text,
        Some(There::Other) => return Ok(Outcome::LeftAlone("it is no text in UTF-8".to_owned())),
        _ => return write_atomically(at, packet.as_bytes()).map(|()| Outcome::Done),
    };
    let written = written(&text);
    // An earlier version did not keep what it wrote, but signed it.
    let before = before.filter(|before| !before.is_empty()).or(written.as_deref()).or(before);
    match before.or_else(|| text.contains(SEAL).then_some(&[])) {
        Some(before) => replace(at, &text, packet, Keywords { before, now }),
        None => Ok(Outcome::LeftAlone("another program's sidecar was there before".to_owned())),
    }
}

/// Removes a sidecar if it is ours, or the keywords of ours from one that was written to since.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn remove(at: &Path, before: &[String]) -> io::Result<Outcome> {
    match there(at)? {
        Some(There::Text(text)) if is_ours(&text) => {
            fs::remove_file(at).map(|()| Outcome::Done).map_err(|e| with_path(at, &e))
        }
        Some(There::Text(text)) if !before.is_empty() => replace(at, &text, "", Keywords { before, now: &[] }),
        _ => Ok(Outcome::Done),
    }
}

fn replace(at: &Path, text: &str, packet: &str, keywords: Keywords) -> io::Result<Outcome> {
    let mut edited = match merged(text, keywords) {
        Ok(edited) => edited,
        Err(why) => return Ok(Outcome::LeftAlone(why)),
    };
    if let Some(was) = attribute(&edited, KEYWORDS) {
        edited.replace_range(was, &escaped(&keywords.now.join("\n")));
    } else if !keywords.now.is_empty()
        && let Some((prefix, end)) = merge::end_of_rdf(&edited)
    {
        let written = said(KEYWORDS, &keywords.now.join("\n"));
        let about = format!("{prefix}about=\"\" xmlns:wakuteka=\"urn:wakuteka:xmp/\"");
        edited.insert_str(end, &format!("<{prefix}Description {about}{written}/>\n"));
    }
    for name in [MODEL, PROBABILITY] {
        if let (Some(was), Some(is)) = (attribute(&edited, name), attribute(packet, name)) {
            edited.replace_range(was, &packet[is]);
        }
    }
    if edited != text {
        write_atomically(at, edited.as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// What we wrote into a sidecar, as it says itself.
fn written(text: &str) -> Option<Vec<String>> {
    let value = &text[attribute(text, KEYWORDS)?];
    let value = quick_xml::escape::unescape(value).ok()?;
    Some(value.split('\n').filter(|keyword| !keyword.is_empty()).map(str::to_owned).collect())
}

/// The keywords in a sidecar that we did not write: none when it is not there, or cannot be read.
pub fn theirs(at: &Path) -> Vec<String> {
    let Ok(Some(There::Text(text))) = there(at) else { return Vec::new() };
    let ours = written(&text).unwrap_or_default();
    merge::keywords(&text).into_iter().filter(|keyword| !ours.contains(keyword)).collect()
}

/// Where the value of a property of ours stands: in an attribute, or in an element, as ExifTool writes it.
fn attribute(text: &str, name: &str) -> Option<Range<usize>> {
    let forms = [(' ', "=\"", '"'), (' ', "='", '\''), ('<', ">", '<')];
    let place = |(before, after, end): (char, &str, char)| {
        let begin = format!("{before}wakuteka:{name}{after}");
        let start = text.find(&begin)? + begin.len();
        Some(start..start + text[start..].find(end)?)
    };
    forms.into_iter().find_map(place)
}

/// A sidecar that is there.
enum There {
    Text(String),
    Other,
}

fn there(at: &Path) -> io::Result<Option<There>> {
    match fs::symlink_metadata(at) {
        Ok(meta) if !meta.is_file() => Ok(Some(There::Other)),
        Ok(_) => {
            let bytes = fs::read(at).map_err(|e| with_path(at, &e))?;
            Ok(Some(String::from_utf8(bytes).map_or(There::Other, There::Text)))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(with_path(at, &error)),
    }
}

/// As text or attribute of XML 1.0. Characters that it does not allow become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use xml::reader::{EventReader, XmlEvent};

    /// What a reader of XML finds in the list of a property, by namespace and not by prefix.
    fn listed(text: &str, property: &str) -> Vec<String> {
        let (mut path, mut found) = (Vec::new(), Vec::new());
        for event in EventReader::from_str(text.trim_start_matches('\u{feff}')) {
            match event.unwrap() {
                XmlEvent::StartElement { name, .. } => {
                    path.push(format!("{}{}", name.namespace.unwrap_or_default(), name.local_name));
                }
                XmlEvent::EndElement { .. } => {
                    path.pop();
                }
                XmlEvent::Characters(text) => {
                    let rdf = |name: &str| format!("{RDF}{name}");
                    let [root, all, description, of, list, item] = &path[..] else { panic!("{path:?}: {text}") };
                    assert_eq!(
                        [root, all, description, item],
                        ["adobe:ns:meta/xmpmeta", &rdf("RDF"), &rdf("Description"), &rdf("li")]
                    );
                    assert!(["Bag", "Seq", "Alt"].iter().any(|name| *list == rdf(name)), "{list}");
                    if of == property {
                        found.push(text);
                    }
                }
                _ => {}
            }
        }
        found
    }

    const SUBJECT: &str = "http://purl.org/dc/elements/1.1/subject";
    const TAGS: &str = "http://www.digikam.org/ns/1.0/TagsList";
    const HIERARCHICAL: &str = "http://ns.adobe.com/lightroom/1.0/hierarchicalSubject";

    fn plain(text: &str) -> Vec<String> {
        listed(text, SUBJECT)
    }

    #[test]
    fn any_reader_of_xml_finds_the_keywords_whatever_they_are() {
        let names = ["きゅんきゅん", "R&B <\"loud\">", "a\tb'c", "bell\u{7}"].map(str::to_owned);
        let text = packet(&names, "20261123-\"x\"", 0.87654);
        for property in [SUBJECT, TAGS, HIERARCHICAL] {
            assert_eq!(listed(&text, property), ["きゅんきゅん", "R&B <\"loud\">", "a\tb'c", "bell\u{fffd}"]);
        }
        let levels = packet_by_hand(&["a|b/c".to_owned()]);
        let of = |property: &str| listed(&levels, property).concat();
        assert_eq!([of(SUBJECT), of(TAGS), of(HIERARCHICAL)], ["a|b/c", "a|b／c", "a｜b/c"], "a name is no path");
        assert!(is_ours(&levels) && !levels.contains("wakuteka:model"));
        assert!(text.starts_with("<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"));
        assert!(text.trim_end().ends_with("<?xpacket end=\"w\"?>") && text.contains("0.8765"));
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn is_left_alone(outcome: io::Result<Outcome>) -> bool {
        matches!(outcome.unwrap(), Outcome::LeftAlone(_))
    }

    #[test]
    fn sidecars_of_ours_are_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        let (one, two) = (packet(&words("cat"), "m", 0.9), packet(&words("dog"), "m", 0.9));
        assert_eq!(write(&at, &one, None, &words("cat")).unwrap(), Outcome::Done);
        assert_eq!(write(&at, &two, Some(&words("cat")), &words("dog")).unwrap(), Outcome::Done);
        assert_eq!(fs::read_to_string(&at).unwrap(), two);
        assert_eq!(remove(&at, &words("dog")).unwrap(), Outcome::Done);
        assert!(!at.exists() && remove(&at, &words("dog")).unwrap() == Outcome::Done);
    }

    #[test]
    fn sidecars_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        let one = packet(&words("cat"), "m", 0.9);
        for theirs in [&b"mine"[..], b"<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>", b"\xff\xfe"] {
            fs::write(&at, theirs).unwrap();
            assert!(is_left_alone(write(&at, &one, None, &words("cat"))));
            assert_eq!(remove(&at, &[]).unwrap(), Outcome::Done);
            assert_eq!(fs::read(&at).unwrap(), theirs);
        }
        fs::remove_file(&at).unwrap();
        fs::create_dir(&at).unwrap();
        assert!(is_left_alone(write(&at, &one, None, &words("cat"))));
    }

    /// A rating as darktable, digiKam or Lightroom add it.
    fn rated(text: &str) -> String {
        let rating =
            " <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmp:Rating=\"5\"/>\n ";
        text.replace("</rdf:RDF>", &format!("{rating}</rdf:RDF>"))
    }

    #[test]
    fn class_follows_and_what_others_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        let was = rated(&packet(&words("cat"), "m", 0.9)).replace("<rdf:li>cat", "<rdf:li>holiday</rdf:li><rdf:li>cat");
        assert!(!is_ours(&was));
        fs::write(&at, &was).unwrap();
        let two = packet(&words("R&B きゅん"), "n", 0.8);
        assert_eq!(write(&at, &two, Some(&words("cat")), &words("R&B きゅん")).unwrap(), Outcome::Done);
        let text = fs::read_to_string(&at).unwrap();
        for property in [SUBJECT, TAGS, HIERARCHICAL] {
            let mut found = listed(&text, property);
            found.sort();
            assert_eq!(found, ["R&B", "holiday", "きゅん"]);
        }
        assert!(text.contains("xmp:Rating=\"5\"") && !is_ours(&text));
        assert!(text.contains("wakuteka:model=\"n\" wakuteka:probability=\"0.8000\""), "{text}");
        let rest = |text: &str| {
            let mut rest = text.to_owned();
            for ours in [
                "<rdf:li>cat</rdf:li>",
                "<rdf:li>R&amp;B</rdf:li>",
                "<rdf:li>きゅん</rdf:li>",
                "wakuteka:keywords=\"cat\"",
                "wakuteka:keywords=\"R&amp;B&#10;きゅん\"",
                "\"m\"",
                "\"n\"",
                "0.9",
                "0.8",
            ] {
                rest = rest.replace(ours, "");
            }
            rest.split_whitespace().collect::<String>()
        };
        assert_eq!(rest(&text), rest(&was), "nothing else changed");

        // The same again changes nothing; and what is not wanted any more is taken out, the rating stays.
        assert_eq!(write(&at, &two, Some(&words("R&B きゅん")), &words("R&B きゅん")).unwrap(), Outcome::Done);
        assert_eq!(fs::read_to_string(&at).unwrap(), text);
        assert_eq!(remove(&at, &words("R&B きゅん")).unwrap(), Outcome::Done);
        let text = fs::read_to_string(&at).unwrap();
        assert_eq!(plain(&text), ["holiday"]);
        assert!(text.contains("xmp:Rating=\"5\""));
    }

    #[test]
    fn moved_sidecar_says_itself_what_was_ours() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        fs::write(&at, rated(&packet(&["R&B".to_owned(), "きゅん".to_owned()], "m", 0.9))).unwrap();
        assert!(theirs(&at).is_empty());
        let two = packet_by_hand(&words("dog"));
        assert_eq!(write(&at, &two, Some(&[]), &words("dog")).unwrap(), Outcome::Done);
        let text = fs::read_to_string(&at).unwrap();
        assert_eq!(plain(&text), ["dog"]);
        assert!(text.contains("xmp:Rating=\"5\"") && text.contains("wakuteka:keywords=\"dog\""), "{text}");
        for form in [
            " wakuteka:keywords=\"a&#10;b\"",
            " wakuteka:keywords='a&#xA;b'",
            "<wakuteka:keywords>a\nb</wakuteka:keywords>",
        ] {
            assert_eq!(written(form).unwrap(), ["a", "b"], "{form}");
        }
    }

    #[test]
    fn keyword_that_a_person_took_out_stays_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        let was = rated(&packet(&words("cat"), "m", 0.9)).replace("<rdf:li>cat</rdf:li>", "");
        fs::write(&at, &was).unwrap();
        assert_eq!(write(&at, "x", Some(&words("cat")), &words("cat")).unwrap(), Outcome::Done);
        assert_eq!(fs::read_to_string(&at).unwrap(), was);
        assert_eq!(write(&at, "x", Some(&words("cat")), &words("dog")).unwrap(), Outcome::Done);
        assert_eq!(plain(&fs::read_to_string(&at).unwrap()), ["dog"], "another class is news");
    }

    #[test]
    fn keywords_are_added_however_others_write() {
        let head =
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
        let tail = "</r:RDF></x:xmpmeta>";
        let described = |inside: &str| {
            format!(
                "{head}<r:Description xmlns:d=\"http://purl.org/dc/elements/1.1/\" r:about=\"\">{inside}</r:Description>{tail}"
            )
        };
        for text in [
            format!("{head}{tail}"),
            described(""),
            described("<d:subject/>"),
            described("<d:subject><r:Bag/></d:subject>"),
            described("<d:subject><r:Seq></r:Seq></d:subject>"),
            described("<d:title><r:Alt><r:li>cat</r:li></r:Alt></d:title>"),
            format!("\u{feff}{head}{tail}"),
        ] {
            let edited = merged(&text, Keywords { before: &[], now: &words("cat") }).unwrap();
            for property in [SUBJECT, TAGS, HIERARCHICAL] {
                assert_eq!(listed(&edited, property), ["cat"], "{edited}");
            }
            assert_eq!(edited.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        }
        for broken in ["", "no XML", "<a>", "<a></b>", &described("<d:subject>cat</d:subject>"), &described("&who;")] {
            assert!(merged(broken, Keywords { before: &[], now: &words("cat") }).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_property_that_is_new_hides_no_tag_of_the_others() {
        let described = |inside: &str| {
            format!(
                "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\"><rdf:Description rdf:about=\"\" \
                 xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:lr=\"http://ns.adobe.com/lightroom/1.0/\" \
                 xmlns:digiKam=\"http://www.digikam.org/ns/1.0/\">{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
            )
        };
        let bag = |name: &str, items: &[&str]| {
            let items: String = items.iter().flat_map(|item| ["<rdf:li>", *item, "</rdf:li>"]).collect();
            format!("<{name}><rdf:Bag>{items}</rdf:Bag></{name}>")
        };
        let merge = |text: &str, before: &str, now: &str| {
            merged(text, Keywords { before: &words(before), now: &words(now) }).unwrap()
        };
        let sorted = |text: &str, property: &str| {
            let mut found = listed(text, property);
            found.sort();
            found
        };

        let plain = merge(&described(&bag("dc:subject", &["holiday", "cat"])), "cat", "dog");
        assert_eq!(sorted(&plain, SUBJECT), ["dog", "holiday"]);
        assert_eq!([sorted(&plain, TAGS), sorted(&plain, HIERARCHICAL)], [["dog", "holiday"], ["dog", "holiday"]]);

        let paths = bag("dc:subject", &["places", "home", "alone"]) + &bag("lr:hierarchicalSubject", &["places|home"]);
        let paths = merge(&described(&paths), "", "dog");
        assert_eq!(sorted(&paths, HIERARCHICAL), ["dog", "places|home"]);
        assert_eq!(sorted(&paths, TAGS), ["alone", "dog", "places/home"]);
        assert_eq!(sorted(&paths, SUBJECT), ["alone", "dog", "home", "places"]);
        assert_eq!(merge(&paths, "dog", "dog"), paths, "the same again changes nothing");
    }
}
