//! Icons: which of their images is the largest, and whether it is PNG. The image crate reads PNG in icons only as RGBA.

/// The largest image of an icon or a cursor, if it is a PNG file. Source: Microsoft, "Icons" (1995), ICONDIRENTRY.
pub fn png(bytes: &[u8]) -> Option<&[u8]> {
    let count = usize::from(u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?));
    let entries = bytes.get(6..)?.as_chunks::<16>().0.iter().take(count);
    // A side of 0 is one of 256; of two of the same size the one with more bits counts.
    let side = |value: u8| if value == 0 { 256 } else { u32::from(value) };
    let largest = entries.max_by_key(|entry| (side(entry[0]) * side(entry[1]), entry[6]))?;
    let number =
        |at: usize| u32::from_le_bytes([largest[at], largest[at + 1], largest[at + 2], largest[at + 3]]) as usize;
    let image = bytes.get(number(12)..number(12).checked_add(number(8))?.min(bytes.len()))?;
    image.starts_with(b"\x89PNG").then_some(image)
}
