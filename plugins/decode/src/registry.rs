//! Every format that is read: one list, from which the decoders are chosen and `README.md`'s table is made.

use image::ImageFormat;
use std::fmt::Write;

/// Which of our decoders reads a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// JPEG, baseline and progressive.
    Jpeg,
    /// A format of the image crate.
    Image(ImageFormat),
    /// TIFF and BigTIFF.
    Tiff,
    /// Images of HEVC in HEIF.
    Heic,
    /// Images of AV1 in HEIF.
    Avif,
    /// JPEG XL.
    Jxl,
    /// Camera RAW: the JPEG that the camera put into it.
    Raw,
}

/// A format that is read.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name for people.
    pub name: &'static str,
    /// The decoder that reads it.
    pub decoder: Decoder,
    /// What kinds of it are read, and what is not.
    pub kinds: &'static str,
    /// Where its orientation comes from.
    pub orientation: &'static str,
    /// Where its colour space comes from.
    pub profile: &'static str,
    /// The crates that read it.
    pub crates: &'static str,
    /// The version of Wakuteka that read it first.
    pub since: &'static str,
}

const NONE: &str = "–";

/// All formats.
pub static FORMATS: [Format; 14] = [
    Format {
        name: "JPEG",
        decoder: Decoder::Jpeg,
        kinds: "sequential and progressive, 8 bits; grey, YCbCr, RGB, CMYK, YCCK; the primary image of MPO, Ultra HDR and \
                motion photos. Not: arithmetic coding, lossless, 12 bits",
        orientation: "EXIF, else XMP",
        profile: "ICC, also of CMYK",
        crates: "zune-jpeg",
        since: "0.1",
    },
    Format {
        name: "PNG",
        decoder: Decoder::Image(ImageFormat::Png),
        kinds: "all colour types and depths, interlaced, `tRNS`; APNG by its default image",
        orientation: "`eXIf` (also as text of ImageMagick), else XMP",
        profile: "`cICP`, else `iCCP`",
        crates: "png (image)",
        since: "0.1",
    },
    Format {
        name: "WebP",
        decoder: Decoder::Image(ImageFormat::WebP),
        kinds: "lossy, lossless, alpha; of animations the first frame that shows something",
        orientation: "EXIF with or without `Exif\\0\\0`, else XMP",
        profile: "ICC",
        crates: "image-webp (image)",
        since: "0.1",
    },
    Format {
        name: "HEIC",
        decoder: Decoder::Heic,
        kinds: "HEVC still images, 4:0:0 to 4:4:4, 8 to 16 bits; grids, overlays, alpha, crop; the primary image (cargo \
                feature `heif`, on by default)",
        orientation: "`irot` and `imir`; EXIF does not count",
        profile: "ICC, else `nclx`, else the bitstream's; PQ and HLG are brought to an ordinary screen's range",
        crates: "heifer-isobmff, heifer-hevc-dec",
        since: "0.2",
    },
    Format {
        name: "AVIF",
        decoder: Decoder::Avif,
        kinds: "AV1 still images, 4:0:0 to 4:4:4, 8 to 12 bits; grids, overlays, alpha, crop; the primary image of \
                sequences. Film grain is left out",
        orientation: "`irot` and `imir`; EXIF does not count",
        profile: "ICC, else `nclx`, else the bitstream's; PQ and HLG are brought to an ordinary screen's range",
        crates: "heifer-isobmff, re_rav1d",
        since: "0.2",
    },
    Format {
        name: "JPEG XL",
        decoder: Decoder::Jxl,
        kinds: "codestreams and containers, lossy and lossless, all depths, alpha; of animations the first frame that \
                shows something. Not: CMYK",
        orientation: "the codestream's; EXIF does not count",
        profile: "the codestream's, or ICC",
        crates: "jxl-oxide",
        since: "0.2",
    },
    Format {
        name: "TIFF",
        decoder: Decoder::Tiff,
        kinds: "TIFF and BigTIFF; strips, tiles, planes; grey, RGB, palette, CMYK, YCbCr, Lab; 1 to 64 bits, whole, signed and \
                floating-point; associated and straight alpha; LZW, Deflate, PackBits, fax (modified Huffman, Groups 3 and \
                4), JPEG (also old-style), WebP; predictors 2 and 3; the first page that shows something. Not: \
                Zstandard, LZMA, LogLuv",
        orientation: "tag 274, else XMP",
        profile: "ICC, also of CMYK",
        crates: "own reader, with flate2, weezl, fax, zune-jpeg",
        since: "0.1",
    },
    Format {
        name: "GIF",
        decoder: Decoder::Image(ImageFormat::Gif),
        kinds: "87a and 89a; the first frame that shows something",
        orientation: NONE,
        profile: NONE,
        crates: "gif (image)",
        since: "0.1",
    },
    Format {
        name: "BMP",
        decoder: Decoder::Image(ImageFormat::Bmp),
        kinds: "1 to 32 bits, RLE, bit fields, alpha, headers of OS/2 1 and 2; JPEG or PNG inside; DIB, which is BMP without \
                the file's own header",
        orientation: NONE,
        profile: NONE,
        crates: "own reader",
        since: "0.1",
    },
    Format {
        name: "ICO",
        decoder: Decoder::Image(ImageFormat::Ico),
        kinds: "icons and cursors, their largest image, BMP or PNG inside",
        orientation: NONE,
        profile: NONE,
        crates: "own reader, png (image)",
        since: "0.2",
    },
    Format {
        name: "TGA",
        decoder: Decoder::Image(ImageFormat::Tga),
        kinds: "palette, grey, 15 to 32 bits, alpha, RLE",
        orientation: "the descriptor's",
        profile: NONE,
        crates: "own reader",
        since: "0.2",
    },
    Format {
        name: "PNM",
        decoder: Decoder::Image(ImageFormat::Pnm),
        kinds: "PBM, PGM, PPM, PAM, text and binary, to 16 bits; PFM; thumbnails of XV",
        orientation: NONE,
        profile: NONE,
        crates: "own reader",
        since: "0.2",
    },
    Format {
        name: "QOI",
        decoder: Decoder::Image(ImageFormat::Qoi),
        kinds: "RGB and RGBA",
        orientation: NONE,
        profile: NONE,
        crates: "own reader",
        since: "0.2",
    },
    Format {
        name: "camera RAW",
        decoder: Decoder::Raw,
        kinds: "DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2, PEF and others: the largest JPEG in the file, if its shorter side \
                has 160 pixels",
        orientation: "the preview's EXIF, else the file's tag 274",
        profile: "the preview's",
        crates: "zune-jpeg",
        since: "0.2",
    },
];

/// The format that a decoder reads.
pub fn format(decoder: Decoder) -> &'static Format {
    FORMATS.iter().find(|format| format.decoder == decoder).unwrap_or(&FORMATS[0])
}

/// The formats as a table in Markdown.
pub fn markdown() -> String {
    let mut table =
        "| format | kinds read | orientation | colour | by | since |\n|---|---|---|---|---|---|\n".to_owned();
    for Format { name, kinds, orientation, profile, crates, since, .. } in &FORMATS {
        // Writing to a string does not fail.
        let _ = writeln!(table, "| {name} | {kinds} | {orientation} | {profile} | {crates} | {since} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Run with `WAKUTEKA_WRITE=1` to bring the table up to date.
    #[test]
    fn the_readme_has_the_table() {
        const BEGIN: &str = "<!-- table -->\n";
        const END: &str = "<!-- end of table -->";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if std::env::var_os("WAKUTEKA_WRITE").is_some() {
            std::fs::write(&path, [before, BEGIN, &markdown(), END, after].concat()).unwrap();
        } else {
            assert_eq!(table, markdown(), "run `WAKUTEKA_WRITE=1 cargo test -p plugin-decode readme`");
        }
    }

    #[test]
    fn every_format_has_a_decoder_of_its_own() {
        for (n, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[n + 1..].iter().all(|other| other.decoder != format.decoder && other.name != format.name));
        }
    }
}
