//! Which line a byte is in.

/// The line ends of a text.
pub struct Lines<'a> {
    bytes: &'a [u8],
    /// Where each line feed is.
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of `bytes`.
    pub fn of(bytes: &'a [u8]) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        Self { bytes, ends }
    }

    /// The line, from 1, of a record that begins at `byte` or after the line ends there.
    pub fn of_record(&self, byte: usize) -> usize {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let begin = byte + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.ends.partition_point(|end| *end < begin) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_before_a_record_are_not_its_own() {
        let lines = Lines::of(b"a\r\nb\n\n\nc");
        assert_eq!([0, 1, 2, 3, 5, 7].map(|byte| lines.of_record(byte)), [1, 2, 2, 2, 5, 5]);
        assert_eq!(Lines::of(b"").of_record(9), 1);
    }
}
