//! The bar on every page that somebody sees as somebody else: it says so, and ends it.

use http::{HeaderValue, Response, header};
use purlin_engine::Engine;
use purlin_engine::actor::User;

use super::html;
use crate::body::Body;

/// A page with the bar at the beginning of its body; what is no page stays as it is.
pub(crate) fn with_bar(response: Response<Body>, engine: &Engine, user: &User) -> Response<Body> {
    let is_html = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
    if !response.headers().get(header::CONTENT_TYPE).is_some_and(is_html) {
        return response;
    }
    let email = engine.site().models.users().field_named("email").map(|field| field.id);
    let email =
        email.and_then(|field| user.value(field)).map(purlin_schema::Value::to_text).unwrap_or_default();
    let bar = format!(
        "<link rel=\"stylesheet\" href=\"/_purlin/purlin.css\">\
         <div class=\"purlin-acting\" role=\"region\" aria-label=\"Acting as somebody else\">\
         <p>You act as <strong>{}</strong>.</p>\
         <form method=\"post\" action=\"/account/act\"><button type=\"submit\" name=\"end\" value=\"1\">End it</button></form>\
         </div>",
        html::escaped(&email)
    );
    let (mut parts, body) = response.into_parts();
    let body = match body {
        Body::Whole(Some(bytes)) => {
            let text = String::from_utf8_lossy(&bytes);
            let lower = text.to_ascii_lowercase();
            let at = lower.find("<body").and_then(|at| Some(at + lower[at..].find('>')? + 1)).unwrap_or(0);
            parts.headers.remove(header::CONTENT_LENGTH);
            Body::from(format!("{}{bar}{}", &text[..at], &text[at..]))
        }
        other => other,
    };
    Response::from_parts(parts, body)
}
