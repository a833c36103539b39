//! Coded images of AV1, by re_rav1d (the Rust port of dav1d), through its C interface: it has no other.
#![allow(unsafe_code, reason = "re_rav1d is called as dav1d is; every pointer is of this module or of the decoder")]

use super::Coded;
use super::planes::{Chroma, Colours, Planes};
use crate::colour::Cicp;
use crate::error::DecodeError;
use crate::limits::Limits;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dSettings};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
    dav1d_picture_unref, dav1d_send_data,
};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Decodes the open bitstream units of an item of type `av01` up to its first image. The decoder runs on this thread
/// alone; film grain is left out, as it is noise on top.
pub fn decode(units: &[u8], limits: &Limits, name: &'static str) -> Result<(Planes, Option<Coded>), DecodeError> {
    if units.is_empty() {
        return Err(DecodeError::truncated(name, "no image data in it"));
    }
    let most = u32::try_from(limits.max_pixels).unwrap_or(u32::MAX);
    let mut decoder = Decoder::open(most).ok_or_else(|| DecodeError::corrupt(name, "the AV1 decoder did not start"))?;
    let image = decoder.first_image(units).map_err(|code| match -code {
        libc::EAGAIN => DecodeError::truncated(name, "the AV1 data ends before the image does"),
        libc::ERANGE => DecodeError::TooLarge {
            what: "the image",
            size: limits.max_pixels.saturating_add(1),
            unit: "pixels or more",
            limit: limits.max_pixels,
            option: "--max-pixels",
        },
        libc::ENOPROTOOPT => DecodeError::unsupported(format!("this kind of {name}")),
        _ => DecodeError::corrupt(name, "the AV1 data is not valid"),
    })?;
    image.planes().ok_or_else(|| DecodeError::corrupt(name, "the AV1 decoder returned no planes"))
}

/// An open decoder; closed when dropped.
struct Decoder(Option<Dav1dContext>);

impl Decoder {
    fn open(most_pixels: u32) -> Option<Self> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the function writes the whole structure.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.apply_grain = 0;
        settings.frame_size_limit = most_pixels;
        let mut context = None;
        // SAFETY: both pointers are of live values.
        let result = unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
        (result.0 == 0).then_some(Self(context))
    }

    /// The first image of a whole stream, or the decoder's (negative) code of error.
    fn first_image(&mut self, units: &[u8]) -> Result<Shown, i32> {
        let mut data = Dav1dData::default();
        // SAFETY: the buffer that is created has the length asked for, or is null.
        unsafe {
            let buffer = dav1d_data_create(Some(NonNull::from(&mut data)), units.len());
            if buffer.is_null() {
                return Err(-libc::ENOMEM);
            }
            std::ptr::copy_nonoverlapping(units.as_ptr(), buffer, units.len());
        }
        let mut image = Shown(Dav1dPicture::default());
        // Data is taken in pieces; each round takes some, or returns an image or an error.
        let result = loop {
            // SAFETY: the context is open, the data of this function.
            let sent = unsafe { dav1d_send_data(self.0, Some(NonNull::from(&mut data))) };
            if sent.0 < 0 && sent.0 != -libc::EAGAIN {
                break Err(sent.0);
            }
            // SAFETY: the context is open, the image of this function and empty.
            let got = unsafe { dav1d_get_picture(self.0, Some(NonNull::from(&mut image.0))) };
            if got.0 == 0 {
                break Ok(image);
            }
            if got.0 != -libc::EAGAIN || (sent.0 == 0 && data.sz == 0) {
                break Err(got.0);
            }
        };
        // SAFETY: the data was made by `dav1d_data_create`; releasing what was taken already does nothing.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut data))) };
        result
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context is open, and not used after.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.0))) };
    }
}

/// A decoded image; released when dropped.
struct Shown(Dav1dPicture);

impl Shown {
    /// A copy of the planes, and what the stream says of their colours.
    fn planes(&self) -> Option<(Planes, Option<Coded>)> {
        let parameters = &self.0.p;
        let (width, height) = (u32::try_from(parameters.w).ok()?, u32::try_from(parameters.h).ok()?);
        let bits = u32::try_from(parameters.bpc).ok()?;
        // Layouts: 0 is 4:0:0, 1 4:2:0, 2 4:2:2, 3 4:4:4.
        let shift = match parameters.layout {
            0 => None,
            1 => Some([1, 1]),
            2 => Some([1, 0]),
            _ => Some([0, 0]),
        };
        let luma = self.plane(0, width as usize, height as usize, bits)?;
        let chroma = match shift {
            None => None,
            Some(shift) => {
                let columns = (width as usize + shift[0] as usize) >> shift[0];
                let rows = (height as usize + shift[1] as usize) >> shift[1];
                let plane = |n| self.plane(n, columns, rows, bits);
                Some(Chroma { cb: plane(1)?, cr: plane(2)?, stride: columns, rows, shift, is_smooth: true })
            }
        };
        // SAFETY: the header lives as long as the image.
        let coded = self.0.seq_hdr.map(|header| unsafe { header.as_ref() }).map(|header| Coded {
            cicp: Cicp { primaries: header.pri as u16, transfer: header.trc as u16 },
            colours: Colours { matrix: header.mtrx as u16, full_range: header.color_range != 0 },
        });
        Some((Planes { width, height, bits: [bits; 2], luma, luma_stride: width as usize, chroma }, coded))
    }

    /// A copy of one plane without the padding of its rows.
    fn plane(&self, n: usize, columns: usize, rows: usize, bits: u32) -> Option<Vec<u16>> {
        let data = self.0.data[n]?;
        let stride = self.0.stride[usize::from(n > 0)];
        let mut plane = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let offset = isize::try_from(row).ok()?.checked_mul(stride)?;
            // SAFETY: the decoder's plane has `rows` rows of at least `columns` samples, `stride` bytes apart; samples
            // of more than 8 bits are 16-bit words, aligned since planes and strides are.
            unsafe {
                let start = data.as_ptr().byte_offset(offset);
                if bits == 8 {
                    let samples = std::slice::from_raw_parts(start.cast::<u8>(), columns);
                    plane.extend(samples.iter().map(|sample| u16::from(*sample)));
                } else {
                    plane.extend_from_slice(std::slice::from_raw_parts(start.cast::<u16>(), columns));
                }
            }
        }
        Some(plane)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // SAFETY: the image is the decoder's, or empty, for which nothing is done.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
    }
}
