//! Order of a stream: a gap is noticed, never shrugged off.

use plugin_api::Header;

/// Where a message stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one that was due, or the first of a later session.
    Due,
    /// It came before: answer it again, harmlessly.
    Repeated,
    /// It belongs to a session that has been given up.
    Stale,
    /// Messages before it are missing.
    Gap {
        /// The one that was due.
        expected: u64,
    },
}

/// Follows one stream. Sessions sort by time (see [`plugin_api::header::new_session`]).
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    session: String,
    next: u64,
}

impl Sequence {
    /// Says where `header` stands, and moves on when it was due.
    pub fn place(&mut self, header: &Header) -> Place {
        if header.session < self.session {
            return Place::Stale;
        }
        if header.session > self.session {
            if header.seq != 0 {
                return Place::Gap { expected: 0 };
            }
            self.session.clone_from(&header.session);
            self.next = 0;
        }
        match header.seq.cmp(&self.next) {
            std::cmp::Ordering::Less => Place::Repeated,
            std::cmp::Ordering::Greater => Place::Gap { expected: self.next },
            std::cmp::Ordering::Equal => {
                self.next += 1;
                Place::Due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_order_are_due_and_others_are_named() {
        let mut stream = Sequence::default();
        assert_eq!(stream.place(&Header::new("a-1", 0)), Place::Due);
        assert_eq!(stream.place(&Header::new("a-1", 1)), Place::Due);
        assert_eq!(stream.place(&Header::new("a-1", 1)), Place::Repeated);
        assert_eq!(stream.place(&Header::new("a-1", 3)), Place::Gap { expected: 2 });
        assert_eq!(stream.place(&Header::new("a-1", 2)), Place::Due, "a gap does not move the stream on");
    }

    #[test]
    fn a_later_session_starts_anew_and_an_earlier_one_is_stale() {
        let mut stream = Sequence::default();
        assert_eq!(stream.place(&Header::new("a-2", 1)), Place::Gap { expected: 0 });
        assert_eq!(stream.place(&Header::new("a-2", 0)), Place::Due);
        assert_eq!(stream.place(&Header::new("a-1", 5)), Place::Stale);
        assert_eq!(stream.place(&Header::new("a-3", 0)), Place::Due);
    }
}
