//! Disk and memory.

use serde::Serialize;
use std::path::Path;

/// What is left of the machine, rounded so that it does not change all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Bytes free on the workspace's disk.
    pub disk_free_bytes: u64,
    /// Bytes it has.
    pub disk_bytes: u64,
    /// Bytes of memory that programs can still have.
    pub memory_free_bytes: u64,
    /// Bytes there are.
    pub memory_bytes: u64,
}

const ROUND: u64 = 16 << 20;

impl Machine {
    /// Zeros where the system does not say.
    pub fn of(root: &Path) -> Self {
        let disk = rustix::fs::statvfs(root).ok();
        let bytes = |blocks: u64, size: u64| blocks.saturating_mul(size) / ROUND * ROUND;
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            disk_free_bytes: disk.as_ref().map_or(0, |d| bytes(d.f_bavail, d.f_frsize)),
            disk_bytes: disk.as_ref().map_or(0, |d| bytes(d.f_blocks, d.f_frsize)),
            memory_free_bytes: field(&memory, "MemAvailable:") / ROUND * ROUND,
            memory_bytes: field(&memory, "MemTotal:") / ROUND * ROUND,
        }
    }
}

/// A figure of one of /proc's tables, bytes.
pub(super) fn field(table: &str, name: &str) -> u64 {
    let line = table.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_some_of_each() {
        let machine = Machine::of(Path::new("."));
        assert!(machine.disk_bytes >= machine.disk_free_bytes && machine.disk_bytes > 0, "{machine:?}");
        assert!(machine.memory_bytes > machine.memory_free_bytes && machine.memory_free_bytes > 0, "{machine:?}");
        assert_eq!(field("MemTotal:   12 kB\nMemFree: 3 kB", "MemFree:"), 3072);
    }
}
