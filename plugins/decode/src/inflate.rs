//! Deflate with a limit on what comes out.

use std::io::Read;

/// Unpacks zlib data of at most `limit` bytes: what could be unpacked, and the error that ended it. What lies behind
/// `limit`, checksum included, is not looked at.
pub fn zlib(packed: &[u8], limit: usize) -> (Vec<u8>, std::io::Result<()>) {
    let mut unpacked = Vec::new();
    let result = flate2::read::ZlibDecoder::new(packed).take(limit as u64).read_to_end(&mut unpacked);
    (unpacked, result.map(|_| ()))
}
