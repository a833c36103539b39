//! Deflate with a limit on what comes out.

use std::io::Read;

/// Unpacks zlib data of at most `limit` bytes. What follows the data, or is cut off behind `limit`, is not looked at.
///
/// # Errors
/// When the data is damaged or ends early; what came before is lost.
pub fn zlib(packed: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    flate2::read::ZlibDecoder::new(packed).take(limit as u64).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}
