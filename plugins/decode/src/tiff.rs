//! TIFF and BigTIFF.
//!
//! Our own reader on top of the crates that unpack (flate2, weezl, fax, zune-jpeg), since the kinds of TIFF are many and each
//! decides differently what a sample means. Source: TIFF 6.0 with its technical notes 1 and 2 (JPEG) and supplement 2
//! (floating point); where the specification leaves a choice, libtiff's.
//!
//! Of several pages, the first that is no thumbnail or mask and shows something. Memory is asked for only after the
//! page's size was held against the limits, and strips and tiles unpack to no more than their size.

mod chunk;
mod colours;
mod fax;
mod jpeg;
mod page;
mod samples;

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::ifd::{Directory, Reader};
use crate::{DecodedImage, guard, raster};
use page::Page;

const NAME: &str = "TIFF";

/// Pages that are looked at.
const MAX_PAGES: usize = 32;

/// Decodes the first page that shows something.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let reader = Reader::new(bytes).ok_or_else(|| corrupt("it has no header"))?;
    let directories = directories(&reader);
    if directories.is_empty() {
        return Err(DecodeError::truncated(NAME, "its first directory is not there"));
    }
    let mut first = None;
    let mut spent = 0;
    for directory in images(&directories) {
        // Blank pages are passed over as long as all together are no larger than two of the largest.
        if spent > limits.max_pixels {
            break;
        }
        let page = Page::read(directory, reader.is_little);
        let image = page.and_then(|page| {
            spent += u64::from(page.width) * u64::from(page.height);
            whole(bytes, &page, limits).map(Raw::finish)
        });
        if image.as_ref().is_ok_and(raster::shows_something) {
            return image;
        }
        // Where no page shows anything, the first has the word, be it an error.
        let is_error = image.is_err();
        first = first.or(Some(image));
        if is_error {
            break;
        }
    }
    first.unwrap_or_else(|| Err(corrupt("it has no image")))
}

/// The chain of directories.
fn directories<'a>(reader: &Reader<'a>) -> Vec<Directory<'a>> {
    let mut offsets = Vec::new();
    let mut directories = Vec::new();
    let mut next = reader.first().unwrap_or(0);
    while next != 0 && directories.len() < MAX_PAGES && !offsets.contains(&next) {
        offsets.push(next);
        let Some(directory) = reader.directory(next) else { break };
        next = directory.next;
        directories.push(directory);
    }
    directories
}

/// Those with an image that is no thumbnail (bit 0 of `NewSubfileType`) and no mask (bit 2); all, if there is no other.
fn images<'a, 'b>(directories: &'b [Directory<'a>]) -> Vec<&'b Directory<'a>> {
    let is_whole = |directory: &&Directory| directory.number(page::NEW_SUBFILE_TYPE).unwrap_or(0) & 5 == 0;
    let whole: Vec<_> = directories.iter().filter(is_whole).collect();
    if whole.is_empty() { directories.iter().collect() } else { whole }
}

/// A page's pixels.
fn whole(bytes: &[u8], page: &Page, limits: &Limits) -> Result<Raw, DecodeError> {
    let pixels = limits.check_pixels(NAME, page.width, page.height)?;
    let size = pixels.saturating_mul(page.samples as u64).saturating_mul(page.bytes_a_sample());
    if size > limits.alloc_bytes() {
        return Err(DecodeError::TooLarge {
            what: "the memory the decoder asks for",
            size,
            unit: "bytes",
            limit: limits.alloc_bytes(),
            option: "set by --max-pixels",
        });
    }
    let _turn = guard::turn(pixels);
    let samples = chunk::all(bytes, page, limits)?;
    let (rgb, alpha) = colours::of(page, &samples)?;
    let profile = if page.goes_by_profile() { page.profile() } else { crate::colour::Profile::Srgb };
    Ok(Raw { width: page.width, height: page.height, rgb, alpha, profile, orientation: page.orientation })
}

fn corrupt(detail: impl Into<String>) -> DecodeError {
    DecodeError::corrupt(NAME, detail)
}
