//! Left of `dataset`: data flows as files arrive.

use crate::edge;

edge! {
    /// Image files that have settled: names and versions, no content. `watch → decode`, `watch → predict`.
    ///
    /// The header carries [`ImagesHeader`](super::ImagesHeader).
    ImageFiles {
        /// Relative to the workspace, with `/`: `photos/<class>/a.jpg`. The key that rejects and acknowledgements use.
        path: Utf8,
        /// The class folder; null for unlabelled images.
        label: OptionalUtf8,
        /// `train`, `validation` or `test` where the folders say so (`photos/train/<class>/a.jpg`), else null: `dataset` draws it.
        split: OptionalUtf8,
        /// Modification time, nanoseconds since 1970.
        modified_ns: Int64,
        /// Time of the last change of content or metadata (`ctime`), nanoseconds since 1970.
        changed_ns: Int64,
        /// Inode number of the file.
        inode: UInt64,
        /// Size of the file, bytes.
        size_bytes: UInt64,
    }
}

edge! {
    /// Images decoded once, at the smallest scale that serves every later stage. `decode → hash`.
    DecodedImages {
        /// As in [`ImageFiles`].
        path: Utf8,
        /// As in [`ImageFiles`].
        label: OptionalUtf8,
        /// As in [`ImageFiles`].
        split: OptionalUtf8,
        /// As in [`ImageFiles`].
        modified_ns: Int64,
        /// As in [`ImageFiles`].
        changed_ns: Int64,
        /// As in [`ImageFiles`].
        inode: UInt64,
        /// As in [`ImageFiles`].
        size_bytes: UInt64,
        /// BLAKE3 of the file's bytes, 64 hexadecimal digits: the identity of an image.
        digest: Utf8,
        /// BLAKE3 of the decoded image (its own width and height, then the raster's RGB bytes), 64 hexadecimal digits: equal for
        /// files that differ in metadata or lossless compression alone.
        pixel_digest: Utf8,
        /// When the photo was taken (EXIF `DateTimeOriginal` read as UTC), milliseconds since 1970; `i64::MIN` when unknown.
        captured_ms: Int64,
        /// Width of the original after orientation, pixels.
        source_width: UInt32,
        /// Height of the original after orientation, pixels.
        source_height: UInt32,
        /// Width of `raster`, pixels.
        width: UInt32,
        /// Height of `raster`, pixels.
        height: UInt32,
        /// Row after row, channels last, 8 bit, sRGB, orientation applied.
        raster: LargeBinary,
    }
}

edge! {
    /// Images with what hashing and the quality checks say of them. `hash → resize`, `hash → embed`.
    HashedImages {
        /// As in [`ImageFiles`].
        path: Utf8,
        /// As in [`ImageFiles`].
        label: OptionalUtf8,
        /// As in [`ImageFiles`].
        split: OptionalUtf8,
        /// As in [`ImageFiles`].
        modified_ns: Int64,
        /// As in [`ImageFiles`].
        changed_ns: Int64,
        /// As in [`ImageFiles`].
        inode: UInt64,
        /// As in [`ImageFiles`].
        size_bytes: UInt64,
        /// As in [`DecodedImages`].
        digest: Utf8,
        /// As in [`DecodedImages`].
        pixel_digest: Utf8,
        /// As in [`DecodedImages`].
        captured_ms: Int64,
        /// As in [`DecodedImages`].
        source_width: UInt32,
        /// As in [`DecodedImages`].
        source_height: UInt32,
        /// Average hash.
        ahash: UInt64,
        /// Difference hash.
        dhash: UInt64,
        /// Perceptual (DCT) hash.
        phash: UInt64,
        /// Wavelet hash.
        whash: UInt64,
        /// By which near-copies are found: `plugin-hash`'s views of the image at 64 × 64, as bytes. Empty when there are none;
        /// near-copies are then found by `phash` and `dhash` alone.
        signature: LargeBinary,
        /// Not too dark: 0 (black) to 1. This and the next three are `plugin-check`'s scores, low is bad.
        dark: Float32,
        /// Not too bright: 0 (white) to 1.
        bright: Float32,
        /// Not blurred: 0 to 1.
        blur: Float32,
        /// Not empty of information: 0 (one colour) to 1.
        information: Float32,
        /// As in [`DecodedImages`].
        width: UInt32,
        /// As in [`DecodedImages`].
        height: UInt32,
        /// As in [`DecodedImages`].
        raster: LargeBinary,
    }
}

edge! {
    /// Squares of one size. `resize → dataset`.
    ///
    /// Everything the catalog must know of a file travels with it, so that `dataset` needs to join nothing.
    Pixels {
        /// As in [`ImageFiles`].
        path: Utf8,
        /// As in [`ImageFiles`].
        label: OptionalUtf8,
        /// As in [`ImageFiles`].
        split: OptionalUtf8,
        /// As in [`ImageFiles`].
        modified_ns: Int64,
        /// As in [`ImageFiles`].
        changed_ns: Int64,
        /// As in [`ImageFiles`].
        inode: UInt64,
        /// As in [`ImageFiles`].
        size_bytes: UInt64,
        /// As in [`DecodedImages`].
        digest: Utf8,
        /// As in [`DecodedImages`].
        pixel_digest: Utf8,
        /// As in [`DecodedImages`].
        captured_ms: Int64,
        /// Average hash.
        ahash: UInt64,
        /// Difference hash.
        dhash: UInt64,
        /// Perceptual (DCT) hash.
        phash: UInt64,
        /// Wavelet hash.
        whash: UInt64,
        /// Width of the original after orientation, pixels.
        source_width: UInt32,
        /// Height of the original after orientation, pixels.
        source_height: UInt32,
        /// Width of `pixels`.
        width: UInt32,
        /// Height of `pixels`.
        height: UInt32,
        /// Channels of `pixels`: 3.
        channels: UInt32,
        /// As in [`HashedImages`]; so are the next four.
        dark: Float32,
        /// Not too bright: 0 (white) to 1.
        bright: Float32,
        /// Not blurred: 0 to 1.
        blur: Float32,
        /// Not empty of information: 0 (one colour) to 1.
        information: Float32,
        /// As in [`HashedImages`].
        signature: LargeBinary,
        /// Row after row, channels last, 8 bit, sRGB, orientation applied.
        pixels: LargeBinary,
    }
}

edge! {
    /// Images with their embedding. `embed → gather`.
    Embedded {
        /// As in [`ImageFiles`]: `seeds/<class>/a.jpg` or `pool/a.jpg`.
        path: Utf8,
        /// The class folder of a seed; null in the pool.
        label: OptionalUtf8,
        /// As in [`ImageFiles`].
        modified_ns: Int64,
        /// Size of the file, bytes.
        size_bytes: UInt64,
        /// As in [`DecodedImages`].
        digest: Utf8,
        /// Average hash.
        ahash: UInt64,
        /// Difference hash.
        dhash: UInt64,
        /// Perceptual (DCT) hash.
        phash: UInt64,
        /// Wavelet hash.
        whash: UInt64,
        /// Width after orientation, pixels.
        width: UInt32,
        /// Height after orientation, pixels.
        height: UInt32,
        /// What the network's penultimate layer says of the image, of unit length; empty with `--network none`.
        embedding: ListFloat32,
    }
}

edge! {
    /// Files that are no longer there. `watch → dataset`.
    Removed {
        /// As in [`ImageFiles`].
        path: Utf8,
    }
}

edge! {
    /// Images a stage could not work with. Sent before the stage's answer to the batch they came in.
    Rejects {
        /// As in [`ImageFiles`].
        path: Utf8,
        /// The node that refused the image.
        stage: Utf8,
        /// One word: `truncated`, `too_large`, `unsupported`, `empty`, `not_an_image`, …
        reason: Utf8,
        /// The whole story, for a person.
        detail: Utf8,
    }
}

edge! {
    /// `watch` asks for the [`Inventory`], with its session in the header. `watch → dataset`.
    InventoryRequest {
        /// The node that asks, for the log.
        asker: Utf8,
    }
}

edge! {
    /// What the catalog holds already, so that nothing is hashed twice. `dataset → watch`; `fin` on the last message.
    Inventory {
        /// As in [`ImageFiles`].
        path: Utf8,
        /// As in [`ImageFiles`].
        modified_ns: Int64,
        /// As in [`ImageFiles`]; 0 where an earlier version did not keep it.
        changed_ns: Int64,
        /// As in [`ImageFiles`]; 0 where an earlier version did not keep it.
        inode: UInt64,
        /// Size of the file, bytes.
        size_bytes: UInt64,
    }
}

edge! {
    /// Acknowledgement, sent after fsync; credit at the same time. `dataset → watch`.
    ///
    /// The header is that of what is acknowledged, with an [`Acknowledgement`](super::Acknowledgement). A row of the batch that is
    /// neither here nor in [`Rejects`] was lost and is sent again.
    Committed {
        /// Paths now in the catalog (or, for `removed`, out of it).
        path: Utf8,
    }
}
