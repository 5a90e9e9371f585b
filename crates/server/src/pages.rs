//! Pages and their forms.

use form_urlencoded::byte_serialize;
use http::{HeaderValue, Method, Response, StatusCode, header};
use purlin_engine::pages::{FormAnswer, Matched, PageAnswer, PageRequest};
use purlin_engine::{Failure, Flash};

use crate::answer::{self, Problem};
use crate::app::{Asking, allow};
use crate::body::{Body, RequestBody};
use crate::dev;
use crate::guard::Identity;
use crate::input::Pairs;
use crate::route::LOGIN;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// What a flash cookie is sealed for.
const FLASH: &str = "flash";

/// Answers a request to a page.
///
/// # Errors
/// As a page.
pub(crate) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    matched: &Matched,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let has_forms =
        asking.engine().site().pages.get_index(matched.page).is_some_and(|(_, page)| !page.forms.is_empty());
    let allowed = if has_forms { "GET, HEAD, POST, OPTIONS" } else { "GET, HEAD, OPTIONS" };
    match *asking.method() {
        Method::GET | Method::HEAD => show(asking, identity, matched).await,
        Method::POST if has_forms => Box::pin(submit(asking, identity, matched, body)).await,
        Method::OPTIONS => Ok(allow(allowed)),
        _ => Err(Problem::method_not_allowed(allowed)),
    }
}

async fn show(
    asking: &Asking<'_>,
    identity: &Identity,
    matched: &Matched,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let (flash, had_flash) = flash(asking);
    let unreadable = had_flash && flash.is_empty();
    match asking.engine().page(matched, request(asking, identity, &query, flash)).await {
        Ok(page) => shown(asking, page, unreadable),
        Err(failure) => refused(asking, failure),
    }
}

async fn submit(
    asking: &Asking<'_>,
    identity: &Identity,
    matched: &Matched,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let form = asking.form(body).await?;
    match asking.engine().submit(matched, request(asking, identity, &query, Vec::new()), &form).await {
        Ok(FormAnswer::Done { to, say }) => {
            let mut response = answer::redirect(StatusCode::SEE_OTHER, &to);
            if let Some(text) = say {
                set_flash(asking, &mut response, &text);
            }
            Ok(response)
        }
        Ok(FormAnswer::Again(page)) => shown(asking, page, false),
        Err(failure) => refused(asking, failure),
    }
}

/// A page as an answer.
///
/// # Errors
/// Where the engine gives a status that is none.
pub(crate) fn shown(asking: &Asking<'_>, page: PageAnswer, clear: bool) -> Result<Response<Body>, Problem> {
    let status = StatusCode::from_u16(page.status).map_err(|error| Problem::internal(error.to_string()))?;
    let is_html = page.content_type.starts_with("text/html");
    let body =
        if is_html && asking.live.is_some() { dev::with_script(page.body, &page.notes) } else { page.body };
    let mut response = answer::answer(status, page.content_type, body);
    if let Some(policy) = asking.current.dressing.policy_with(page.nonce.as_deref(), page.inline.as_deref()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if page.nonce.is_some() {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    if page.flash_shown || clear {
        clear_flash(asking, &mut response);
    }
    Ok(response)
}

/// A visitor whom a page wants signed in goes there and comes back; anybody else sees the error.
pub(crate) fn refused(asking: &Asking<'_>, failure: Failure) -> Result<Response<Body>, Problem> {
    if !matches!(failure, Failure::Unauthenticated) {
        return Err(failure.into());
    }
    let here = asking.parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let next: String = byte_serialize(here.as_bytes()).collect();
    Ok(answer::redirect(StatusCode::SEE_OTHER, &format!("{LOGIN}?next={next}")))
}

/// A request as the engine takes it.
pub(crate) fn request<'request>(
    asking: &'request Asking<'_>,
    identity: &'request Identity,
    query: &'request Pairs,
    flash: Vec<Flash>,
) -> PageRequest<'request> {
    PageRequest {
        actor: &identity.actor,
        path: asking.parts.uri.path(),
        query_string: asking.query_string(),
        query,
        flash,
    }
}

/// The messages that a request carries, and whether it carried anything.
pub(crate) fn flash(asking: &Asking<'_>) -> (Vec<Flash>, bool) {
    let Some(sealed) = asking.cookies.flash(&asking.parts.headers) else {
        return (Vec::new(), false);
    };
    let text = asking.engine().unseal(FLASH, sealed).and_then(|bytes| String::from_utf8(bytes).ok());
    let flash = text.map(|text| Flash { kind: "notice".to_owned(), text });
    (flash.into_iter().collect(), true)
}

/// Has the next page say something.
pub(crate) fn set_flash(asking: &Asking<'_>, response: &mut Response<Body>, text: &str) {
    // A browser drops a cookie of more than 4 kB: better a cut message than none.
    let end = (0..=text.len().min(1024)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let sealed = asking.engine().seal(FLASH, &text.as_bytes()[..end]);
    if let Some(cookie) = asking.cookies.set_flash(&sealed) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Has no page say it again.
pub(crate) fn clear_flash(asking: &Asking<'_>, response: &mut Response<Body>) {
    if let Some(cookie) = asking.cookies.clear_flash() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
