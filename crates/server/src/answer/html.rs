//! Errors as pages: the site's own `404.html`, `403.html` or `500.html`, else a plain one that needs nothing.

use http::{Response, StatusCode};

use super::{Problem, answer};
use crate::body::Body;
use crate::door::RequestId;

/// The template that shows a status.
#[must_use]
pub fn template_for(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "404.html",
        401 | 403 => "403.html",
        status if status >= 500 => "500.html",
        _ => "error.html",
    }
}

/// A page that shows a problem without any template: for what is refused at the door and for what fails
/// while an error page is made.
#[must_use]
pub fn plain(problem: &Problem, id: RequestId) -> Response<Body> {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{detail}</p>\n<p><small>Request {id}</small></p>\n",
        detail = escaped(&sentence(&problem.detail)),
    );
    problem.dress(answer(problem.status, "text/html; charset=utf-8", body))
}

/// The detail as a sentence.
#[must_use]
pub fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Text for HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}
