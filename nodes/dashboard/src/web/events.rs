//! Server-sent events: the parts of the board, each when it changed. A browser that is slow is told of the newest alone.

use super::App;
use crate::now::Board;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// What a browser has been told, and what it is to be told next.
struct Told {
    board: Receiver<Board>,
    known: Board,
    next: VecDeque<Event>,
}

/// `/api/events`.
pub async fn stream(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut board = app.board.subscribe();
    // What is there already is news to this one.
    board.mark_changed();
    app.bell.notify_one();
    let told = Told { board, known: Board::new(), next: VecDeque::new() };
    let stream = stream::unfold(told, |mut told| async move {
        loop {
            if let Some(event) = told.next.pop_front() {
                return Some((Ok(event), told));
            }
            told.board.changed().await.ok()?;
            let board = told.board.borrow_and_update().clone();
            for (name, text) in &board {
                if told.known.get(name).is_none_or(|known| !Arc::ptr_eq(known, text)) {
                    told.next.push_back(Event::default().event(*name).data(&**text));
                }
            }
            told.known = board;
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
