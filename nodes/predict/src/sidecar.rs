//! XMP sidecars: the class of a picture where photo programs look for keywords.
//!
//! Adobe, XMP Specification Part 1: Data Model, Serialization, and Core Properties, 2012 (ISO 16684-1). A sidecar of ours
//! carries a seal, the BLAKE3 of all else in it: as long as that fits, nobody has written to it since, and it may be
//! replaced and removed. Any other sidecar is a person's or another program's, and is left alone.

use plugin_api::files::{named, write_atomically};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

const SEAL: &str = " wakuteka:seal=\"";
const SEAL_DIGITS: usize = 64;

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
             xmlns:wakuteka=\"urn:wakuteka:xmp/\" wakuteka:model=\"{}\" wakuteka:probability=\"{probability:.4}\"\
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

/// Writes a sidecar where there is none, or one of ours. False when there is another.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write(at: &Path, packet: &str) -> io::Result<bool> {
    match there(at)? {
        Some(text) if text == packet => Ok(true),
        Some(text) if !is_ours(&text) => Ok(false),
        _ => write_atomically(at, packet.as_bytes()).map(|()| true),
    }
}

/// Removes a sidecar if it is ours.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn remove(at: &Path) -> io::Result<()> {
    match there(at)? {
        Some(text) if is_ours(&text) => fs::remove_file(at).map_err(|e| named(at, &e)),
        _ => Ok(()),
    }
}

/// What is there; what is no text is nobody's of ours.
fn there(at: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(at) {
        Ok(meta) if !meta.is_file() => Ok(Some(String::new())),
        Ok(_) => {
            fs::read(at).map(|bytes| Some(String::from_utf8(bytes).unwrap_or_default())).map_err(|e| named(at, &e))
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

    #[test]
    fn only_what_is_as_we_wrote_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.jpg.xmp");
        let (one, two) = (packet(&["cat".to_owned()], "m", 0.9), packet(&["dog".to_owned()], "m", 0.9));
        assert!(write(&at, &one).unwrap() && write(&at, &two).unwrap());
        assert_eq!(fs::read_to_string(&at).unwrap(), two);

        // A program has added a rating, a person an "x": it is theirs now.
        for theirs in [two.replace("x:xmptk", "xmp:Rating=\"5\" x:xmptk"), format!("{two}x"), "mine".to_owned()] {
            fs::write(&at, &theirs).unwrap();
            assert!(!is_ours(&theirs) && !write(&at, &one).unwrap());
            remove(&at).unwrap();
            assert_eq!(fs::read_to_string(&at).unwrap(), theirs);
        }
        fs::write(&at, b"\xff\xfe").unwrap();
        assert!(!write(&at, &one).unwrap());
        fs::write(&at, &one).unwrap();
        remove(&at).unwrap();
        assert!(!at.exists());
        remove(&at).unwrap();
        fs::create_dir(&at).unwrap();
        assert!(!write(&at, &one).unwrap());
    }
}
