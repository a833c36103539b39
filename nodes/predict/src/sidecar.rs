//! XMP sidecars: the class of an image where photo programs look for keywords.
//!
//! Adobe, XMP Specification Part 1: Data Model, Serialization, and Core Properties, 2012 (ISO 16684-1). A sidecar of ours
//! carries a seal, the BLAKE3 of all else in it: as long as that fits, nobody has written to it since, and it may be
//! replaced and removed. One that was written to since (a rating, other keywords) keeps all of that: the keywords that we wrote
//! before are replaced in it, and nothing else. A sidecar that was there before ours is left alone.

mod merge;

use merge::{Keywords, merged};
use plugin_api::files::{named, write_atomically};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

const SEAL: &str = " wakuteka:seal=\"";
const SEAL_DIGITS: usize = 64;
const MODEL: &str = " wakuteka:model=\"";
const PROBABILITY: &str = " wakuteka:probability=\"";

/// A packet with these keywords.
pub fn packet(keywords: &[String], model: &str, probability: f64) -> String {
    let mut items = String::new();
    for keyword in keywords {
        let _ = writeln!(items, "     <rdf:li>{}</rdf:li>", escaped(keyword));
    }
    let text = |seal: &str| {
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"Wakuteka\">\n \
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n  \
             <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
             xmlns:wakuteka=\"urn:wakuteka:xmp/\"{MODEL}{}\"{PROBABILITY}{probability:.4}\"\
             {SEAL}{seal}\">\n   <dc:subject>\n    <rdf:Bag>\n{items}    </rdf:Bag>\n   </dc:subject>\n  \
             </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>\n",
            escaped(model)
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
    // An earlier version did not keep what it wrote, but signed it.
    let before = before.or_else(|| text.contains(SEAL).then_some(&[]));
    match before {
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
            fs::remove_file(at).map(|()| Outcome::Done).map_err(|e| named(at, &e))
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

/// Where the value of an attribute of ours stands.
fn attribute(text: &str, name: &str) -> Option<Range<usize>> {
    let start = text.find(name)? + name.len();
    Some(start..start + text[start..].find('"')?)
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
            let bytes = fs::read(at).map_err(|e| named(at, &e))?;
            Ok(Some(String::from_utf8(bytes).map_or(There::Other, There::Text)))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(named(at, &error)),
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

    /// The keywords a reader of XML finds in `dc:subject`, by namespace and not by prefix.
    fn keywords(text: &str) -> Vec<String> {
        let (mut path, mut found) = (Vec::new(), Vec::new());
        for event in EventReader::from_str(text) {
            match event.unwrap() {
                XmlEvent::StartElement { name, .. } => {
                    path.push(format!("{}{}", name.namespace.unwrap_or_default(), name.local_name));
                }
                XmlEvent::EndElement { .. } => {
                    path.pop();
                }
                XmlEvent::Characters(text) => {
                    assert_eq!(
                        path,
                        [
                            "adobe:ns:meta/xmpmeta",
                            "http://www.w3.org/1999/02/22-rdf-syntax-ns#RDF",
                            "http://www.w3.org/1999/02/22-rdf-syntax-ns#Description",
                            "http://purl.org/dc/elements/1.1/subject",
                            "http://www.w3.org/1999/02/22-rdf-syntax-ns#Bag",
                            "http://www.w3.org/1999/02/22-rdf-syntax-ns#li",
                        ]
                    );
                    found.push(text);
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn any_reader_of_xml_finds_the_keywords_whatever_they_are() {
        let names = ["きゅんきゅん", "R&B <\"loud\">", "a\tb'c", "bell\u{7}"].map(str::to_owned);
        let text = packet(&names, "20261123-\"x\"", 0.87654);
        assert_eq!(keywords(&text), ["きゅんきゅん", "R&B <\"loud\">", "a\tb'c", "bell\u{fffd}"]);
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
        fs::write(&at, &was).unwrap();
        let two = packet(&words("R&B きゅん"), "n", 0.8);
        assert_eq!(write(&at, &two, Some(&words("cat")), &words("R&B きゅん")).unwrap(), Outcome::Done);
        let text = fs::read_to_string(&at).unwrap();
        let mut found = keywords(&text);
        found.sort();
        assert_eq!(found, ["R&B", "holiday", "きゅん"]);
        assert!(text.contains("xmp:Rating=\"5\"") && !is_ours(&text));
        assert!(text.contains("wakuteka:model=\"n\" wakuteka:probability=\"0.8000\""), "{text}");
        let rest = |text: &str| {
            let mut rest = text.to_owned();
            for ours in [
                "<rdf:li>cat</rdf:li>",
                "<rdf:li>R&amp;B</rdf:li>",
                "<rdf:li>きゅん</rdf:li>",
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
        assert_eq!(keywords(&text), ["holiday"]);
        assert!(text.contains("xmp:Rating=\"5\""));
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
        assert_eq!(keywords(&fs::read_to_string(&at).unwrap()), ["dog"], "another class is news");
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
            let found = keywords(
                edited
                    .trim_start_matches('\u{feff}')
                    .replace("<r:li>cat</r:li></r:Alt>", "</r:Alt>")
                    .replace("Seq", "Bag")
                    .as_str(),
            );
            assert_eq!(found, ["cat"], "{edited}");
            assert_eq!(edited.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        }
        for broken in ["", "no XML", "<a>", "<a></b>", &described("<d:subject>cat</d:subject>"), &described("&who;")] {
            assert!(merged(broken, Keywords { before: &[], now: &words("cat") }).is_err(), "{broken}");
        }
    }
}
