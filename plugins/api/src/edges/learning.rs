//! Right of `dataset`: data flows as training asks.

use crate::edge;

/// Sorts after every digest: the value of `held_below` in a [`Demand`] of whoever holds all images.
pub const ALL_HELD: &str = "~";

edge! {
    /// The data set as it stands after a change, one row a class. `dataset → train`.
    ///
    /// The header: `seq` = version, and [`Labels`](crate::Labels).
    Snapshot {
        /// Counts up with every change; any earlier version can still be served.
        version: UInt64,
        /// Digest of the images and their labels: equal fingerprints hold equal data, whatever the file names.
        fingerprint: Utf8,
        /// Class name. Rows are sorted by it, and the row number is the class index.
        label: Utf8,
        /// Images in the training split.
        train: UInt64,
        /// Images in the validation split.
        validation: UInt64,
        /// Images in the test split.
        test: UInt64,
        /// Images of this class that stand in another class too and are kept out until that is resolved.
        conflicts: UInt64,
        /// Held-out images (validation and test) of this class with a near-copy in the training split, because their group is
        /// too large to lie in one split: figures on them are optimistic.
        near_copies_held_out: UInt64,
    }
}

edge! {
    /// A request for batches `first .. first + count`, one row a request. Asking twice is harmless: the answer is a
    /// function of the columns. `train → augment → dataset`, `evaluate → dataset`.
    Demand {
        /// Who asks: a run's id.
        run: Utf8,
        /// Version of the data set.
        version: UInt64,
        /// Epoch, from 0: decides the order and the augmentation.
        epoch: UInt64,
        /// Seed of the run.
        seed: UInt64,
        /// A [`Selection`](crate::Selection): `train` and `fold-train:I/K` shuffled, `validation`, `test` and `fold-test:I/K` in order of
        /// digest.
        split: Utf8,
        /// Images a batch; the last one may be smaller.
        batch_size: UInt32,
        /// Index of the first batch wanted.
        first: UInt64,
        /// Number of batches that are asked for.
        count: UInt64,
        /// Augmentations that are not applied, comma-separated (`flip`, `rotate`, `colour`), or `all`; empty: as configured.
        withheld: Utf8,
        /// Whoever asks can augment images itself: `augment` answers with images as they are stored, and with what it has drawn for
        /// them in the column `decisions`. False: with augmented images.
        decisions: Boolean,
        /// Images whose digest sorts before this come without pixels, because whoever asks holds them; empty: none, [`ALL_HELD`]: all.
        held_below: Utf8,
    }
}

edge! {
    /// Images to learn from or to be tested on. `dataset → augment → train`, `dataset → evaluate`.
    ///
    /// The header: `session` = run, `seq` = index of the batch, `fin` on the last of the epoch, and [`BatchHeader`](super::BatchHeader).
    /// Where all augmentations are withheld from `train`, `augment` adds [`AugmentationHeader`](super::AugmentationHeader); where pixels are
    /// omitted for `cache`, `dataset` adds [`ProfileHeader`](super::ProfileHeader) and [`SubsetHeader`](super::SubsetHeader). An epoch
    /// without images is one message with no row.
    Batches {
        /// As in [`HashedImages`](super::HashedImages).
        digest: Utf8,
        /// Path of one file that holds the image.
        path: Utf8,
        /// Digest that stands for the group of near-copies this image is in.
        group: Utf8,
        /// Class indices, one or several.
        targets: ListUInt32,
        /// Weight of the image in the loss; its mean over the training split is 1.
        weight: Float32,
        /// Width of `pixels`.
        width: UInt32,
        /// Height of `pixels`.
        height: UInt32,
        /// Row after row, channels last, 8 bit, sRGB. Normalising happens on the device. Empty where whoever asked holds them.
        pixels: LargeBinary,
        /// What augmentation does to the image, where whoever asked does it: the 12 numbers of `plugin_augment::Decision`. Empty: the
        /// pixels are to be used as they are.
        decisions: ListFloat32,
    }
}

edge! {
    /// The data set as it stands at a version, one row a file and label, conflicts and unlabelled files included, ordered by
    /// path. Asked for with a [`Demand`] of the split `records`, `batch_size` rows a message. `dataset → inspect`.
    ///
    /// The header: `session` = the asker, `seq` = index of the message, `fin` on the last, [`BatchHeader`](super::BatchHeader)
    /// and [`Labels`](crate::Labels).
    Records {
        /// As in [`ImageFiles`](super::ImageFiles).
        path: Utf8,
        /// Its class folder; null for unlabelled images.
        label: OptionalUtf8,
        /// As in [`HashedImages`](super::HashedImages).
        digest: Utf8,
        /// As in [`Pixels`](super::Pixels); the digest of the file where an earlier version did not keep it.
        pixel_digest: Utf8,
        /// Modification time, nanoseconds since 1970.
        modified_ns: Int64,
        /// Size of the file, bytes.
        size_bytes: UInt64,
        /// Digest that stands for the group of look-alikes this image is in.
        group: Utf8,
        /// `train`, `validation` or `test`.
        split: Utf8,
        /// Average hash.
        ahash: UInt64,
        /// Difference hash.
        dhash: UInt64,
        /// Perceptual (DCT) hash.
        phash: UInt64,
        /// Wavelet hash.
        whash: UInt64,
        /// Width of the original after orientation, pixels.
        width: UInt32,
        /// Height of the original after orientation, pixels.
        height: UInt32,
        /// As in [`Pixels`](super::Pixels); this and the next three are NaN where they were never measured.
        dark: Float32,
        /// As in [`Pixels`](super::Pixels).
        bright: Float32,
        /// As in [`Pixels`](super::Pixels).
        blur: Float32,
        /// As in [`Pixels`](super::Pixels).
        information: Float32,
        /// A person has said that this image is right where it is, whatever looks like it.
        reviewed: Boolean,
    }
}

edge! {
    /// Numbers of a run as it goes. `train → evaluate, dashboard`.
    Metrics {
        /// Id of the run.
        run: Utf8,
        /// `train`, `validation` or `test`.
        split: Utf8,
        /// `loss`, `accuracy`, `learning_rate`, `images_per_second`, …
        metric: Utf8,
        /// Number of the epoch, from 0.
        epoch: UInt64,
        /// Optimizer steps so far.
        step: UInt64,
        /// The figure.
        value: Float64,
    }
}

edge! {
    /// Weights written by a run. `train → evaluate`.
    Checkpoints {
        /// Id of the run.
        run: Utf8,
        /// The weights, relative to the workspace: `runs/<id>/checkpoints/epoch-0009.safetensors`.
        uri: Utf8,
        /// BLAKE3 of the weights.
        digest: Utf8,
        /// Epochs done.
        epoch: UInt64,
        /// Optimizer steps done.
        step: UInt64,
        /// Training images seen.
        samples: UInt64,
        /// Version of the data set the run was trained on.
        version: UInt64,
        /// The run is over: evaluate this one.
        last: Boolean,
    }
}

edge! {
    /// What became of a run. `evaluate → train, predict, dashboard`.
    Verdicts {
        /// The run that was evaluated.
        run: Utf8,
        /// The champion after the verdict: a folder in `models/`.
        model: Utf8,
        /// `promoted` or `refused`.
        decision: Utf8,
        /// Why, for a person.
        reason: Utf8,
        /// Held-out images both were evaluated on.
        images: UInt64,
        /// Accuracy of the challenger on them.
        accuracy: Float64,
        /// Mean recall of the challenger over the classes.
        balanced_accuracy: Float64,
        /// The same of the champion before the verdict; NaN when there was none.
        champion_accuracy: Float64,
        /// The same of the champion before the verdict; NaN when there was none.
        champion_balanced_accuracy: Float64,
        /// Two-sided McNemar test of the two; 1 when there was no champion.
        p_value: Float64,
    }
}

edge! {
    /// A network that is to be trained, one row a network. Asking twice is harmless: a run that has ended is announced again, one
    /// that was cut short goes on. `search → train`.
    Proposals {
        /// The id that the run is to have.
        run: Utf8,
        /// The search it belongs to.
        search: Utf8,
        /// Its number in the search, from 0.
        attempt: UInt64,
        /// Which of several `train` is to do it, from 0.
        worker: UInt32,
        /// The run of the network it was made from; null for the one that the search starts from.
        parent: OptionalUtf8,
        /// What was changed, for a person.
        change: Utf8,
        /// The network's blocks, as its file has them.
        definition: Utf8,
        /// Epochs to train.
        epochs: UInt64,
        /// Seed of first weights, order and augmentation.
        seed: UInt64,
        /// A run whose weights are taken over where names and shapes are the same; null: first weights are drawn.
        inherits: OptionalUtf8,
        /// The state of the data set to train on, a [`DatasetState`](crate::DatasetState) as JSON: that from when the search began.
        data: Utf8,
    }
}

edge! {
    /// Runs that are to end with the weights they have. `search → train`.
    Stops {
        /// Id of the run.
        run: Utf8,
        /// Why, for a person.
        reason: Utf8,
    }
}
