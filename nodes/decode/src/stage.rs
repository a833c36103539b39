//! The work on one message.

use arrow::array::{Int64Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{DecodedImages, ImageFiles, ImagesHeader};
use plugin_api::select::Select;
use plugin_api::{Header, Workspace, version};
use plugin_decode::{DecodeError, Limits, Reduced, Scale, captured_ms};
use plugin_harness::{Answer, CrashLedger, Refusal, Stage, partition};
use plugin_hash::{digest, pixel_digest};
use std::cell::Cell;

thread_local! {
    /// The file before, to be replaced by the next: the kernel takes as long to hand out memory as it takes to fill it.
    static CONTENT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most bytes of it that are kept, for each thread.
const MOST_KEPT: usize = 8 << 20;

/// Bytes of rasters that a message holds, with room for its other columns below the limit of 16 MiB.
const RASTER_BYTES: u32 = 15 << 20;
/// Rows of a message whose source does not say how many it has at most.
const MOST_ROWS: u32 = 20;

/// How a file's bytes become a raster.
pub type Decoder = fn(&[u8], &Limits, Scale) -> Result<Reduced, DecodeError>;

/// Decodes the files that a message names.
#[derive(Debug)]
pub struct DecodeStage {
    /// The workspace, where the files lie.
    pub workspace: Workspace,
    /// What an image may cost.
    pub limits: Limits,
    /// How large rasters are, before a message's limit.
    pub scale: Scale,
    /// Files that ended the process.
    pub ledger: CrashLedger,
    /// [`decode_scaled`](plugin_decode::decode_scaled); tests put another in its place.
    pub decoder: Decoder,
}

/// What became of a file.
struct Decoded {
    digest: String,
    pixel_digest: String,
    captured_ms: i64,
    raster: Reduced,
}

impl DecodeStage {
    fn decode_row(&self, batch: &ImageFiles, row: usize, scale: Scale) -> Result<Decoded, Refusal> {
        let mut data = CONTENT.take();
        data.clear();
        let path = self.workspace.root().join(batch.path.value(row));
        version::read(&path, &batch.version(row), &mut data).map_err(|error| (error.reason(), error.to_string()))?;
        let raster = (self.decoder)(&data, &self.limits, scale).map_err(|error| (error.reason(), error.to_string()))?;
        let decoded = Decoded {
            digest: digest(&data),
            // The raster is a function of the file and the scale: equal images have equal rasters.
            pixel_digest: pixel_digest(raster.source_width, raster.source_height, &raster.image.pixels),
            captured_ms: captured_ms(&data).unwrap_or(i64::MIN),
            raster,
        };
        if data.capacity() <= MOST_KEPT {
            CONTENT.set(data);
        }
        Ok(decoded)
    }
}

/// The scale at which the rasters of a full message fit into it.
fn fitting(scale: Scale, header: &Header) -> Scale {
    let rows = header.get::<ImagesHeader>().map_or(MOST_ROWS, |of| of.batch_rows);
    scale.at_most(RASTER_BYTES / rows.max(1) / 3)
}

impl Stage for DecodeStage {
    type In = ImageFiles;
    type Out = DecodedImages;
    const INPUT: &'static str = "images";
    const OUTPUT: &'static str = "decoded";

    fn process(&mut self, header: &Header, batch: ImageFiles) -> Answer<DecodedImages> {
        let scale = fitting(self.scale, header);
        let done = self.ledger.process_rows(&batch.keys(), |row| self.decode_row(&batch, row, scale));
        let (rows, decoded, rejects) = partition(&batch.path, done);
        Answer { out: answer(&batch, &rows, &decoded), rejects }
    }
}

fn answer(batch: &ImageFiles, rows: &[usize], decoded: &[Decoded]) -> DecodedImages {
    let number = |of: fn(&Reduced) -> u32| UInt32Array::from_iter_values(decoded.iter().map(|one| of(&one.raster)));
    DecodedImages {
        path: batch.path.select(rows),
        label: batch.label.select(rows),
        split: batch.split.select(rows),
        modified_ns: batch.modified_ns.select(rows),
        changed_ns: batch.changed_ns.select(rows),
        inode: batch.inode.select(rows),
        size_bytes: batch.size_bytes.select(rows),
        digest: StringArray::from_iter_values(decoded.iter().map(|one| &one.digest)),
        pixel_digest: StringArray::from_iter_values(decoded.iter().map(|one| &one.pixel_digest)),
        captured_ms: Int64Array::from_iter_values(decoded.iter().map(|one| one.captured_ms)),
        source_width: number(|raster| raster.source_width),
        source_height: number(|raster| raster.source_height),
        width: number(|raster| raster.image.width),
        height: number(|raster| raster.image.height),
        raster: LargeBinaryArray::from_iter_values(decoded.iter().map(|one| &one.raster.image.pixels)),
    }
}
