//! A reply's body: whole, or broken off on demand.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// How long a body that breaks off waits, so that its beginning has left.
const PAUSE: Duration = Duration::from_millis(50);

/// The server hangs up instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on demand")]
pub struct Dropped;

/// Bytes, and the length that was announced for them.
pub struct Reply {
    bytes: Option<Bytes>,
    announced: u64,
    /// What happens after the bytes, where they are fewer than announced.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Reply {
    pub fn whole(bytes: Bytes) -> Self {
        Self { announced: bytes.len() as u64, bytes: Some(bytes), pause: None }
    }

    /// The first bytes only; the announced length stays what it was, unless the cut is made quietly.
    pub fn cut(self, bytes: usize, quietly: bool) -> Self {
        let whole = self.bytes.unwrap_or_default();
        if bytes >= whole.len() {
            return Self::whole(whole);
        }
        let first = whole.slice(..bytes);
        if quietly {
            return Self::whole(first);
        }
        Self { bytes: Some(first), announced: whole.len() as u64, pause: Some(Box::pin(tokio::time::sleep(PAUSE))) }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.pause {
            Some(pause) => pause.as_mut().poll(context).map(|()| Some(Err(Dropped))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pause.is_none() && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
