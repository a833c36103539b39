//! Comparing one hash with every one of a list.

/// Calls `found` with the place and distance of every hash within `radius` bits.
pub fn within(hashes: &[u64], hash: u64, radius: u32, mut found: impl FnMut(usize, u32)) {
    let mut distances = [0_u8; BLOCK];
    for (block, hashes) in hashes.chunks(BLOCK).enumerate() {
        let distances = &mut distances[..hashes.len()];
        if u32::from(measure(hashes, hash, distances)) > radius {
            continue;
        }
        for (at, &distance) in distances.iter().enumerate() {
            if u32::from(distance) <= radius {
                found(block * BLOCK + at, u32::from(distance));
            }
        }
    }
}

/// Calls `found` with the place and distance of hashes that are within `bound` bits, or from then on what `found` last
/// answered.
pub fn nearer(hashes: &[u64], hash: u64, mut bound: u32, mut found: impl FnMut(usize, u32) -> u32) {
    let mut distances = [0_u8; BLOCK];
    for (block, hashes) in hashes.chunks(BLOCK).enumerate() {
        let distances = &mut distances[..hashes.len()];
        if u32::from(measure(hashes, hash, distances)) > bound {
            continue;
        }
        for (at, &distance) in distances.iter().enumerate() {
            if u32::from(distance) <= bound {
                bound = found(block * BLOCK + at, u32::from(distance));
            }
        }
    }
}

/// Few enough that distances stay in the first-level cache; enough that most blocks hold nothing near.
const BLOCK: usize = 256;

/// Writes the distance to each hash and returns the least.
#[allow(unsafe_code)]
fn measure(hashes: &[u64], hash: u64, distances: &mut [u8]) -> u8 {
    #[cfg(target_arch = "x86_64")]
    if counts_eight() {
        // SAFETY: the processor has all of it.
        return unsafe { measure_avx512(hashes, hash, distances) };
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { measure_avx2(hashes, hash, distances) };
    }
    measure_plainly(hashes, hash, distances)
}

/// Whether the processor counts the bits of eight hashes at once, which is three times as fast.
#[cfg(target_arch = "x86_64")]
pub fn counts_eight() -> bool {
    std::arch::is_x86_feature_detected!("avx512vpopcntdq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

/// Whether the processor counts the bits of eight hashes at once.
#[cfg(not(target_arch = "x86_64"))]
pub const fn counts_eight() -> bool {
    false
}

/// The same code, compiled for AVX-512: eight hashes at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt")]
fn measure_avx512(hashes: &[u64], hash: u64, distances: &mut [u8]) -> u8 {
    measure_plainly(hashes, hash, distances)
}

/// The same code, compiled for AVX2: four hashes at a time instead of one.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn measure_avx2(hashes: &[u64], hash: u64, distances: &mut [u8]) -> u8 {
    measure_plainly(hashes, hash, distances)
}

#[allow(clippy::inline_always, reason = "its caller's instructions are only used when it becomes part of the caller")]
#[inline(always)]
fn measure_plainly(hashes: &[u64], hash: u64, distances: &mut [u8]) -> u8 {
    let mut least = 64;
    for (other, distance) in hashes.iter().zip(distances) {
        *distance = (other ^ hash).count_ones() as u8;
        least = least.min(*distance);
    }
    least
}
