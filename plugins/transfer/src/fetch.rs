//! Batches that come without pixels, completed from the cache; what it lacks is asked for once.

use crate::options::TransferOptions;
use crate::pixels::PixelCache;
use crate::window::Window;
use arrow::array::{LargeBinaryArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use plugin_api::edges::{BatchHeader, Batches, ImagePixels, ProfileHeader, WantedPixels};
use plugin_api::{Edge, Header};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

/// Bytes that a row costs in a message besides its pixels.
const ROW_BYTES: usize = 128;

/// What has been asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Images that came from the cache.
    pub kept: u64,
    /// Images that crossed.
    pub crossed: u64,
    /// Bytes of their pixels.
    pub crossed_bytes: u64,
    /// Requests that were made again.
    pub repeated: u64,
}

/// A batch that waits for pixels.
#[derive(Debug)]
struct Waiting {
    header: Header,
    batch: Batches,
    pixels: Vec<Option<Vec<u8>>>,
    lacking: usize,
}

/// Completes the batches of some streams, each in its order.
#[derive(Debug)]
pub struct PixelFetcher {
    cache: PixelCache,
    options: TransferOptions,
    session: String,
    profile: String,
    /// By the name of the output.
    streams: Vec<(&'static str, VecDeque<Waiting>)>,
    /// Digests that will be asked for, with the bytes of their pixels.
    queue: VecDeque<(String, usize)>,
    /// Digests that are in the queue or on their way.
    asked: HashSet<String>,
    window: Window<Vec<(String, usize)>>,
    counts: Counts,
    /// The cache cannot be written: said once.
    full: Option<String>,
}

impl PixelFetcher {
    /// Nothing waits. `session` names this process in its requests.
    pub fn new(cache: PixelCache, options: TransferOptions, session: String, now: Instant) -> Self {
        let window = Window::new(options.window(), options.patience(), now);
        Self {
            cache,
            options,
            session,
            profile: String::new(),
            streams: Vec::new(),
            queue: VecDeque::new(),
            asked: HashSet::new(),
            window,
            counts: Counts::default(),
            full: None,
        }
    }

    /// Takes a batch whose `pixels` are empty, for `output`. Its [`ProfileHeader`] says what its pixels are, its [`BatchHeader`] which stay
    /// empty because whoever asks holds them. One that waits already is not taken twice.
    pub fn batch(&mut self, output: &'static str, header: Header, batch: Batches) {
        let mut streams = self.streams.iter().filter(|(name, _)| *name == output);
        if streams.any(|(_, stream)| stream.iter().any(|waiting| waiting.header == header)) {
            return;
        }
        let (of, profile) = match (header.get::<BatchHeader>(), header.get::<ProfileHeader>()) {
            (Ok(of), Ok(ProfileHeader { profile })) => (of, profile),
            (Err(error), _) | (_, Err(error)) => {
                return tracing::warn!(session = header.session, seq = header.seq, %error, "a batch is ignored");
            }
        };
        self.profile = profile;
        let mut pixels = Vec::with_capacity(batch.rows());
        for row in 0..batch.rows() {
            let digest = batch.digest.value(row);
            if digest < of.held_below.as_str() {
                pixels.push(Some(Vec::new()));
                continue;
            }
            let kept = self.cache.get(&self.profile, digest).map(|pixels| pixels.bytes);
            if kept.is_some() {
                self.counts.kept += 1;
            } else if self.asked.insert(digest.to_owned()) {
                let bytes = batch.width.value(row) as usize * batch.height.value(row) as usize * 3;
                self.queue.push_back((digest.to_owned(), bytes));
            }
            pixels.push(kept);
        }
        let lacking = pixels.iter().filter(|one| one.is_none()).count();
        let waiting = Waiting { header, batch, pixels, lacking };
        match self.streams.iter_mut().find(|(name, _)| *name == output) {
            Some((_, stream)) => stream.push_back(waiting),
            None => self.streams.push((output, VecDeque::from([waiting]))),
        }
    }

    /// Takes pixels that came.
    pub fn pixels(&mut self, header: &Header, images: &ImagePixels, now: Instant) {
        if header.session != self.session {
            return;
        }
        let ProfileHeader { profile } = match header.get() {
            Ok(profile) => profile,
            Err(error) => return tracing::warn!(seq = header.seq, %error, "pixels are ignored"),
        };
        let (request, lost) = self.window.answered(header.seq, now);
        self.queue_again(lost);
        let mut came: HashMap<&str, &[u8]> = HashMap::new();
        for row in 0..images.rows() {
            let (digest, bytes) = (images.digest.value(row), images.pixels.value(row));
            let (width, height) = (images.width.value(row), images.height.value(row));
            self.counts.crossed += 1;
            self.counts.crossed_bytes += bytes.len() as u64;
            if let Err(error) = self.cache.put(&profile, digest, width, height, bytes)
                && self.full.is_none()
            {
                tracing::warn!(%error, "pixels cannot be kept; they will cross again in each epoch");
                self.full = Some(error.to_string());
            }
            came.insert(digest, bytes);
        }
        let request = request.unwrap_or_default();
        let lacked: Vec<&String> = request.iter().map(|(digest, _)| digest).collect();
        let unknown: HashSet<&str> = lacked.iter().map(|d| d.as_str()).filter(|d| !came.contains_key(d)).collect();
        for (digest, _) in &request {
            self.asked.remove(digest);
        }
        for (_, stream) in &mut self.streams {
            for waiting in stream.iter_mut() {
                waiting.fill(&came);
            }
            // Whoever asked for them asks again, and is told of the data set as it is then.
            stream.retain(|waiting| !waiting.lacks_any_of(&unknown));
        }
        if !unknown.is_empty() {
            tracing::warn!(
                images = unknown.len(),
                "images that the data set has no pixels of; their batches are left out"
            );
        }
    }

    /// What is to be asked for now, with the headers.
    pub fn requests(&mut self, now: Instant) -> Vec<(Header, WantedPixels)> {
        let overdue = self.window.overdue(now);
        if !overdue.is_empty() {
            tracing::warn!(requests = overdue.len(), "pixels do not come; asking again");
            self.queue_again(overdue);
        }
        let mut requests = Vec::new();
        while self.window.has_room() && !self.queue.is_empty() {
            let (mut request, mut bytes) = (Vec::new(), 0);
            while let Some((_, size)) = self.queue.front() {
                let with = bytes + size + ROW_BYTES;
                if !request.is_empty() && with > self.options.payload_bytes() {
                    break;
                }
                bytes = with;
                request.extend(self.queue.pop_front());
            }
            let digest = StringArray::from_iter_values(request.iter().map(|(digest, _)| digest));
            let number = self.window.ask(request, now);
            requests.push((Header::new(self.session.clone(), number), WantedPixels { digest }));
        }
        requests
    }

    /// Whoever answers has been started again: what waits is asked for again.
    pub fn restarted(&mut self) {
        let lost = self.window.lost();
        self.queue_again(lost);
    }

    /// In front of the queue, in the old order.
    fn queue_again(&mut self, lost: Vec<Vec<(String, usize)>>) {
        for one in lost.into_iter().flatten().rev() {
            self.queue.push_front(one);
        }
    }

    /// Batches that are complete, with their outputs.
    pub fn ready(&mut self) -> Vec<(&'static str, Header, Batches)> {
        let mut ready = Vec::new();
        for (output, stream) in &mut self.streams {
            while stream.front().is_some_and(|waiting| waiting.lacking == 0) {
                ready.extend(stream.pop_front().map(|waiting| (*output, waiting.header.clone(), waiting.complete())));
            }
        }
        ready
    }

    /// What has been asked for.
    pub fn counts(&self) -> Counts {
        Counts { repeated: self.window.repeated, ..self.counts }
    }

    /// How many images are kept, and how many bytes on disk.
    pub fn size(&self) -> (usize, u64) {
        self.cache.size()
    }

    /// Why pixels cannot be kept, if so.
    pub fn trouble(&self) -> Option<&str> {
        self.full.as_deref()
    }
}

impl Waiting {
    fn fill(&mut self, came: &HashMap<&str, &[u8]>) {
        if self.lacking == 0 {
            return;
        }
        for (row, place) in self.pixels.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            if let Some(bytes) = came.get(self.batch.digest.value(row)) {
                *place = Some(bytes.to_vec());
                self.lacking -= 1;
            }
        }
    }

    fn lacks_any_of(&self, digests: &HashSet<&str>) -> bool {
        let lacking = self.pixels.iter().enumerate().filter(|(_, place)| place.is_none());
        !digests.is_empty() && lacking.into_iter().any(|(row, _)| digests.contains(self.batch.digest.value(row)))
    }

    fn complete(self) -> Batches {
        let lengths: Vec<usize> = self.pixels.iter().map(|one| one.as_ref().map_or(0, Vec::len)).collect();
        let bytes: Vec<u8> = self.pixels.into_iter().flatten().flatten().collect();
        let pixels = LargeBinaryArray::new(OffsetBuffer::from_lengths(lengths), Buffer::from_vec(bytes), None);
        Batches { pixels, ..self.batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::tests::options;
    use arrow::array::{Float32Array, UInt32Array};
    use plugin_api::edges::{empty_lists_of_f32, lists_of_u32};
    use std::time::Duration;

    const SIDE: u32 = 40;

    fn image(digest: &str) -> Vec<u8> {
        (0..SIDE * SIDE * 3).map(|at| (at + u32::from(digest.as_bytes()[0])) as u8).collect()
    }

    fn bare(digests: &[&str]) -> Batches {
        let side = UInt32Array::from_value(SIDE, digests.len());
        Batches {
            digest: StringArray::from_iter_values(digests),
            group: StringArray::from_iter_values(digests),
            path: StringArray::from_iter_values(digests),
            targets: lists_of_u32(digests.iter().map(|_| &[1][..])),
            weight: Float32Array::from_value(1.0, digests.len()),
            width: side.clone(),
            height: side,
            pixels: LargeBinaryArray::from_iter_values(digests.iter().map(|_| [])),
            decisions: empty_lists_of_f32(digests.len()),
        }
    }

    fn answer(wanted: &WantedPixels) -> ImagePixels {
        let digests: Vec<&str> = wanted.digest.iter().flatten().filter(|digest| *digest != "none").collect();
        let side = UInt32Array::from_value(SIDE, digests.len());
        ImagePixels {
            digest: StringArray::from_iter_values(&digests),
            width: side.clone(),
            height: side,
            pixels: LargeBinaryArray::from_iter_values(digests.iter().map(|digest| image(digest))),
        }
    }

    fn fetcher(folder: &tempfile::TempDir, line: &str, now: Instant) -> PixelFetcher {
        let cache = PixelCache::open(folder.path(), 1 << 30).unwrap();
        PixelFetcher::new(cache, options(line), "me".to_owned(), now)
    }

    fn header(seq: u64) -> Header {
        Header::new("run", seq).with(&BatchHeader::default()).with(&profile())
    }

    fn profile() -> ProfileHeader {
        ProfileHeader { profile: "40-stretch".to_owned() }
    }

    /// Answers everything that is asked for.
    fn serve(fetcher: &mut PixelFetcher, now: Instant) -> usize {
        let mut requests = 0;
        loop {
            let asked = fetcher.requests(now);
            if asked.is_empty() {
                return requests;
            }
            for (header, wanted) in asked {
                requests += 1;
                fetcher.pixels(&header.with(&profile()), &answer(&wanted), now);
            }
        }
    }

    #[test]
    fn pixels_cross_once_and_batches_keep_their_order() {
        let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
        let mut fetcher = fetcher(&folder, "", now);
        fetcher.batch("samples", header(0), bare(&["a", "b"]));
        fetcher.batch("samples", header(1), bare(&["b", "c"]));
        fetcher.batch("samples", header(1), bare(&["b", "c"]));
        fetcher.batch("heldout", header(0), bare(&["d"]));
        assert!(fetcher.ready().is_empty());
        assert_eq!(serve(&mut fetcher, now), 1, "all fit into one message");
        let ready = fetcher.ready();
        let places: Vec<_> = ready.iter().map(|(output, header, _)| (*output, header.seq)).collect();
        assert_eq!(places, [("samples", 0), ("samples", 1), ("heldout", 0)]);
        assert_eq!(ready[1].2.pixels.value(0), image("b"));
        assert_eq!(ready[1].2.pixels.value(1), image("c"));
        fetcher.batch("samples", header(2), bare(&["c", "a"]));
        assert!(fetcher.requests(now).is_empty(), "nothing lacks");
        assert_eq!(fetcher.ready()[0].2.pixels.value(1), image("a"));
        let held_below_y = header(3).with(&BatchHeader { held_below: "y".to_owned(), ..BatchHeader::default() });
        fetcher.batch("samples", held_below_y, bare(&["x", "z"]));
        assert_eq!(fetcher.requests(now)[0].1.digest, StringArray::from(vec!["z"]), "x is held by whoever asks");
        let crossed_bytes = 4 * u64::from(SIDE * SIDE * 3);
        assert_eq!(fetcher.counts(), Counts { kept: 2, crossed: 4, crossed_bytes, repeated: 0 });
    }

    #[test]
    fn messages_stay_below_the_limit_and_few_are_on_their_way() {
        let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
        let names: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut fetcher = fetcher(&folder, "--message-bytes 16384 --window-bytes 49152", now);
        fetcher.batch("samples", header(0), bare(&names));
        let asked = fetcher.requests(now);
        assert_eq!(asked.iter().map(|(_, wanted)| wanted.rows()).collect::<Vec<_>>(), [2, 2, 2]);
        assert!(fetcher.requests(now).is_empty());
        for (header, wanted) in &asked {
            fetcher.pixels(&header.clone().with(&profile()), &answer(wanted), now);
        }
        assert_eq!(serve(&mut fetcher, now), 47);
        assert_eq!(fetcher.ready()[0].2.rows(), 100);
    }

    #[test]
    fn what_is_lost_is_asked_for_again_and_counted() {
        let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
        let later = now + Duration::from_secs(3);
        let mut fetcher = fetcher(&folder, "--message-bytes 16384 --window-bytes 49152", now);
        fetcher.batch("samples", header(0), bare(&["a", "b", "c", "d", "e", "f"]));
        let asked = fetcher.requests(now);
        // The answer to the second comes first: that to the first is lost.
        fetcher.pixels(&asked[1].0.clone().with(&profile()), &answer(&asked[1].1), now);
        assert_eq!(fetcher.counts().repeated, 1);
        let again = fetcher.requests(now);
        assert_eq!(again[0].1.digest, asked[0].1.digest);
        assert!(fetcher.requests(later.checked_sub(Duration::from_millis(1)).unwrap()).is_empty());
        assert_eq!(fetcher.requests(later).len(), 2, "silence");
        assert_eq!(fetcher.counts().repeated, 3);
        fetcher.restarted();
        assert_eq!(serve(&mut fetcher, later), 2, "the node was started again");
        assert_eq!(fetcher.ready()[0].2.pixels.value(5), image("f"));
        assert_eq!(fetcher.counts().crossed, 6);
    }

    #[test]
    fn an_image_that_there_is_none_of_does_not_stop_the_others() {
        let (folder, now) = (tempfile::tempdir().unwrap(), Instant::now());
        let mut fetcher = fetcher(&folder, "", now);
        fetcher.batch("samples", header(0), bare(&["a", "none"]));
        fetcher.batch("samples", header(1), bare(&["a", "b"]));
        serve(&mut fetcher, now);
        let ready = fetcher.ready();
        assert_eq!((ready.len(), ready[0].1.seq), (1, 1));
    }
}
