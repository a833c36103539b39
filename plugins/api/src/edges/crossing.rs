//! Between machines: pixels by digest, and the files of runs and models.

use crate::edge;

edge! {
    /// Images whose pixels are wanted, one row an image. `cache → dataset`.
    ///
    /// The header: `session` = the asking process, `seq` = number of the request. Each request is answered by one message under
    /// the same header; the asker takes care that the answer fits into a message.
    WantedPixels {
        /// As in [`HashedImages`](super::HashedImages).
        digest: Utf8,
    }
}

edge! {
    /// Pixels that were asked for, one row an image. An image that there is none of is left out. `dataset → cache`.
    ///
    /// The header: that of the request, with [`ProfileHeader`](super::ProfileHeader).
    ImagePixels {
        /// As in [`HashedImages`](super::HashedImages).
        digest: Utf8,
        /// As in [`Batches`](super::Batches).
        width: UInt32,
        /// As in [`Batches`](super::Batches).
        height: UInt32,
        /// As in [`Batches`](super::Batches).
        pixels: LargeBinary,
    }
}

edge! {
    /// Files of a workspace that the other machine is to have, in the order in which they are to be put there. `mirror → mirror`.
    ///
    /// The header: `session` = the offering process, `seq` counts its messages, and [`MachineHeader`](super::MachineHeader). A row is offered until it is said to be kept. A
    /// message without rows says that the machine is there.
    OfferedFiles {
        /// Relative to the workspace, with `/`.
        path: Utf8,
        /// Where a link points to, in its own folder; null for a file.
        target: OptionalUtf8,
        /// Bytes of a file.
        size_bytes: UInt64,
        /// BLAKE3 of a file; of a link, its target.
        digest: Utf8,
    }
}

edge! {
    /// Parts of offered files that are wanted, one row a part. `mirror → mirror`.
    WantedParts {
        /// As in [`OfferedFiles`].
        path: Utf8,
        /// As in [`OfferedFiles`].
        digest: Utf8,
        /// First byte.
        first: UInt64,
        /// How many bytes; 0 says that the file is kept and need not be offered any more.
        bytes: UInt64,
    }
}

edge! {
    /// Parts of files, one row a part. `mirror → mirror`.
    FileParts {
        /// As in [`OfferedFiles`].
        path: Utf8,
        /// As in [`OfferedFiles`].
        digest: Utf8,
        /// First byte.
        first: UInt64,
        /// The bytes; none when the file is no longer the one that was offered.
        data: LargeBinary,
    }
}

edge! {
    /// What the nodes of a machine say of themselves, one row a node. `mirror → mirror`.
    Statuses {
        /// The node's id in the YAML.
        node: Utf8,
        /// A [`Status`](crate::status::Status) as JSON.
        status: Utf8,
    }
}
