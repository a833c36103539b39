//! The file as the decoder gets it.

use super::structure::Structure;

/// Bits that are no Huffman code: codes of ones only are reserved (T.81, C.2). 0xFF is written with a zero after it.
const NO_CODE: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut i = 0;
    while i < 64 {
        bytes[i] = 0xFF;
        i += 2;
    }
    bytes
};

/// A copy that holds tables, frame and scans only, names its colour transform, and has [`NO_CODE`] after the last
/// scan.
pub fn file(bytes: &[u8], structure: &Structure) -> Vec<u8> {
    let size: usize = structure.parts.iter().map(ExactSizeIterator::len).sum();
    let mut file = Vec::with_capacity(size + 128);
    file.extend_from_slice(b"\xFF\xD8");
    if let Some(transform) = transform(structure) {
        file.extend_from_slice(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0");
        file.push(transform);
    }
    let end_of_data = structure.parts.iter().rposition(|part| bytes[part.start + 1] == 0xDA);
    for (index, part) in structure.parts.iter().enumerate() {
        file.extend_from_slice(&bytes[part.clone()]);
        // After the only scan of a progressive file the decoder insists on the marker following at once.
        if Some(index) == end_of_data && !(structure.progressive && structure.scans == 1) {
            file.extend_from_slice(&NO_CODE);
        }
    }
    file.extend_from_slice(b"\xFF\xD9");
    file
}

/// The colour transform as libjpeg decides it: 0 none (RGB, CMYK), 1 YCbCr, 2 YCCK.
/// Source: libjpeg's `default_decompress_parms`.
pub fn transform(structure: &Structure) -> Option<u8> {
    match (structure.components.as_slice(), structure.adobe) {
        ([_, _, _], _) if structure.jfif => Some(1),
        ([_, _, _], Some(0)) | ([b'R', b'G', b'B'], None) | ([_, _, _, _], None | Some(0)) => Some(0),
        ([_, _, _], _) => Some(1),
        ([_, _, _, _], _) => Some(2),
        _ => None,
    }
}
