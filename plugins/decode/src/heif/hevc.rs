//! Coded images of HEVC, by heifer-hevc-dec (intra frames, 4:0:0 to 4:4:4, 8 to 16 bits).

use super::planes::{Chroma, Colours, Planes};
use super::{Coded, broken};
use crate::colour::Cicp;
use crate::error::DecodeError;
use crate::limits::Limits;
use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_hevc_dec::nal::{NalUnit, split_annex_b};
use heifer_hevc_dec::params::ParameterSets;
use heifer_isobmff::{HeifFile, ItemId};

/// Decodes an item of type `hvc1` or `hev1`.
pub fn decode(
    file: &HeifFile,
    id: ItemId,
    limits: &Limits,
    name: &'static str,
) -> Result<(Planes, Option<Coded>), DecodeError> {
    let stream = file.hevc_bitstream(id).map_err(|error| broken(name, &error))?;
    let options = DecodeOptions { max_pixels: limits.max_pixels, ..DecodeOptions::default() };
    let frame = decode_picture(&stream, options).map_err(|error| refused(name, &error))?;
    let colours = Colours { matrix: u16::from(frame.matrix_coeffs), full_range: frame.full_range };
    let [luma, cb, cr] = frame.planes;
    let [columns, rows] = [frame.widths[1], frame.heights[1]];
    let shift = |whole: u32, part: u32| u32::from(part < whole);
    let chroma = (columns > 0 && rows > 0).then(|| Chroma {
        cb,
        cr,
        stride: columns as usize,
        rows: rows as usize,
        shift: [shift(frame.widths[0], columns), shift(frame.heights[0], rows)],
        is_smooth: false,
    });
    let planes = Planes {
        width: frame.widths[0],
        height: frame.heights[0],
        bits: frame.bit_depth.map(u32::from),
        luma,
        luma_stride: frame.widths[0] as usize,
        chroma,
    };
    Ok((planes, Some(Coded { cicp: code_points(&stream), colours })))
}

/// Primaries and transfer of the stream's VUI.
fn code_points(stream: &[u8]) -> Cicp {
    let mut sets = ParameterSets::default();
    for unit in split_annex_b(stream).map_while(|unit| NalUnit::parse(unit).ok()) {
        if unit.header.unit_type.is_slice() || sets.add(&unit).is_err() {
            break;
        }
    }
    let vui = sets.sps.iter().flatten().find_map(|set| set.vui.as_ref());
    vui.map_or(Cicp { primaries: 2, transfer: 2 }, |vui| Cicp {
        primaries: u16::from(vui.colour_primaries),
        transfer: u16::from(vui.transfer_characteristics),
    })
}

fn refused(name: &'static str, error: &heifer_hevc_dec::Error) -> DecodeError {
    match error {
        heifer_hevc_dec::Error::UnexpectedEof => DecodeError::truncated(name, error.to_string()),
        heifer_hevc_dec::Error::Unimplemented(what) => {
            DecodeError::unsupported(format!("this kind of {name} ({what})"))
        }
        _ => DecodeError::corrupt(name, error.to_string()),
    }
}
