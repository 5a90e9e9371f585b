//! A site's own axum routes: tried before its files and pages.

use std::sync::{Arc, Mutex, PoisonError};

use axum::response::IntoResponse;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use purlin_engine::audit::{author_of, authored};
use tower::ServiceExt;

use super::{Current, Noted};
use crate::answer::Problem;
use crate::body::{Body, RequestBody};
use crate::door::{RequestId, Sender};
use crate::guard::identify;
use crate::route::path;

pub(super) enum Through {
    Answered(Response<Body>),
    /// The body again; the head is where it was.
    Back(RequestBody),
}

/// Tries a site's own axum routes. They find the actor among the request's extensions, and a body that is
/// bounded like any other.
pub(super) async fn through(
    router: &axum::Router,
    current: &Current,
    (sender, id): (&Sender, RequestId),
    parts: &mut Parts,
    body: RequestBody,
    noted: &mut Noted,
) -> Result<Through, Problem> {
    let identity = identify(&current.engine, parts, current.cookies(sender)).await?;
    noted.user = identity.user_id();
    let path = path::decoded(parts.uri.path()).unwrap_or_default();
    current.count(parts, &path, sender.address, Some(&identity.actor), noted)?;
    let way = if parts.headers.contains_key(http::header::AUTHORIZATION) { "token" } else { "cookie" };
    let author = author_of(&identity.actor, way, sender.address.to_string(), id.to_string());
    parts.extensions.insert(identity.actor);
    let body = axum::body::Body::new(http_body_util::Limited::new(body, current.max_body_bytes));
    let head = std::mem::replace(parts, Request::new(()).into_parts().0);
    let answer = router.clone().oneshot(Request::from_parts(head, body));
    let response = match authored(author, answer).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if let Some(back) = response.extensions().get::<Unmatched>()
        && let Some(request) = back.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        let (head, body) = request.into_parts();
        *parts = head;
        return Ok(Through::Back(RequestBody::Made(Body::Pieces(body))));
    }
    Ok(Through::Answered(response.map(Body::Pieces)))
}

/// A request that no axum route knew, on its way back.
#[derive(Clone)]
struct Unmatched(Arc<Mutex<Option<axum::extract::Request>>>);

pub(super) async fn unmatched(request: axum::extract::Request) -> axum::response::Response {
    let mut response = StatusCode::NOT_FOUND.into_response();
    response.extensions_mut().insert(Unmatched(Arc::new(Mutex::new(Some(request)))));
    response
}
