//! The orientation in an EXIF block. Source: EXIF 2.32, 4.6; TIFF 6.0, section 2.

/// Tag of the orientation.
const ORIENTATION: u32 = 0x0112;

/// The orientation, 1 to 8, of a block that begins with the TIFF header. The standard has it as SHORT; some programs write LONG,
/// and readers take it.
pub fn orientation(block: &[u8]) -> Option<u8> {
    let little = match block.first_chunk()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |at: usize, bytes: usize| {
        let field = block.get(at..at.checked_add(bytes)?)?;
        let add = |number: u32, &byte: &u8| number << 8 | u32::from(byte);
        Some(if little { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) })
    };
    let directory = number(4, 4)? as usize;
    let entries = number(directory, 2)? as usize;
    let entry = (0..entries).map(|i| directory + 2 + 12 * i).find(|&at| number(at, 2) == Some(ORIENTATION))?;
    let bytes = match number(entry + 2, 2)? {
        3 => 2,
        4 => 4,
        _ => return None,
    };
    let value = number(entry + 8, bytes).filter(|_| number(entry + 4, 4) == Some(1))?;
    u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_are_read_in_both_orders() {
        let little = |kind: u8| [&b"II*\0\x08\0\0\0\x01\0\x12\x01"[..], &[kind, 0, 1, 0, 0, 0, 6, 0, 0, 0]].concat();
        assert_eq!([3, 4, 1].map(|kind| orientation(&little(kind))), [Some(6), Some(6), None]);
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x08";
        assert_eq!(orientation(big), Some(8));
        assert!((0..big.len()).all(|length| orientation(&big[..length]).is_none()));
        assert_eq!(orientation(b"II*\0\xFF\xFF\xFF\xFF"), None);
    }
}
