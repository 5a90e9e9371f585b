//! The last room: what an answer says, and the headers that every one has.

pub(crate) mod bar;
pub mod etag;
pub mod headers;
pub mod html;
pub mod json;
pub mod problem;

pub use problem::Problem;

use http::{HeaderValue, Response, StatusCode, header};

use crate::body::Body;

/// An answer of one content type.
pub fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Sends the asker to a local, percent-encoded path.
#[must_use]
pub fn redirect(status: StatusCode, to: &str) -> Response<Body> {
    let mut response = empty(status);
    // A path that is no header value would be an injection: the front page instead.
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}
