//! Who goes first when processors are short.

/// Lowers the priority of the calling thread, and of those that it starts from now on, to a niceness of 0 (as others) to 19
/// (last); it cannot be raised again. On Linux niceness is a thread's own: setpriority(2), "C library/kernel differences".
/// Where that fails, the log says so.
pub fn yield_to_others(niceness: i32) {
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::warn!(%error, niceness, "the priority stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_and_those_it_starts_yield_and_others_do_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let yielded = std::thread::spawn(move || {
            yield_to_others(19);
            [niceness(), std::thread::spawn(niceness).join().unwrap()]
        });
        assert_eq!(yielded.join().unwrap(), [19, 19]);
        assert_eq!(niceness(), before);
    }
}
