//! Server-sent events: the parts of the live state, each when it changed. A browser that is slow is sent the newest alone.

use super::App;
use crate::now::LiveState;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// A browser: what it has been sent, and what it is to be sent next.
struct Subscriber {
    live: Receiver<LiveState>,
    known: LiveState,
    next: VecDeque<Event>,
}

/// `/api/events`.
pub async fn stream(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut live = app.live.subscribe();
    // What is there already is news to this one.
    live.mark_changed();
    app.wake.notify_one();
    let subscriber = Subscriber { live, known: LiveState::new(), next: VecDeque::new() };
    let stream = stream::unfold(subscriber, |mut subscriber| async move {
        loop {
            if let Some(event) = subscriber.next.pop_front() {
                return Some((Ok(event), subscriber));
            }
            subscriber.live.changed().await.ok()?;
            let live = subscriber.live.borrow_and_update().clone();
            for (name, text) in &live {
                if subscriber.known.get(name).is_none_or(|known| !Arc::ptr_eq(known, text)) {
                    subscriber.next.push_back(Event::default().event(*name).data(&**text));
                }
            }
            subscriber.known = live;
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
