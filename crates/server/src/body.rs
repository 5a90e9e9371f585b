//! Bodies of requests and answers.
//!
//! Nearly every answer is one piece of memory, so that case is a variant of its own and costs no box; the
//! rest (big files, event streams, what a site's own axum routes answer) goes through axum's body.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub enum Body {
    /// One piece of memory, or nothing.
    Whole(Option<Bytes>),
    /// Anything that arrives in pieces.
    Pieces(axum::body::Body),
}

/// The body of a request.
pub enum RequestBody {
    /// From a connection.
    Wire(Incoming),
    /// From elsewhere: what tests send, and what came back from a site's own axum routes, which did not know the path.
    Made(Body),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Body {
        Body::Whole(None)
    }

    /// A body that arrives in pieces.
    pub fn pieces<B>(body: B) -> Body
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Body::Pieces(axum::body::Body::new(body))
    }

    /// How many bytes it has, where that is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size_hint().exact()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::from(Bytes::from(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::from(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Body::from(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::Whole(if bytes.is_empty() { None } else { Some(bytes) })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Pieces(body) => Pin::new(body).poll_frame(context).map_err(BodyError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_none(),
            Body::Pieces(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Pieces(body) => body.size_hint(),
        }
    }
}

impl RequestBody {
    /// No body.
    #[must_use]
    pub fn empty() -> RequestBody {
        RequestBody::Made(Body::empty())
    }
}

impl<T: Into<Body>> From<T> for RequestBody {
    fn from(body: T) -> RequestBody {
        RequestBody::Made(body.into())
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            RequestBody::Wire(body) => Pin::new(body).poll_frame(context).map_err(BodyError::from),
            RequestBody::Made(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Wire(body) => body.is_end_stream(),
            RequestBody::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Wire(body) => body.size_hint(),
            RequestBody::Made(body) => body.size_hint(),
        }
    }
}
