//! Statements about who is signed in, and the keys by which others verify them.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_schema::value::format_datetime;
use serde_json::json;

use super::JSON;
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;

/// How long others may keep the keys: shorter than an old one stays.
const KEPT: &str = "public, max-age=300";

/// The keys that statements are verified by.
///
/// # Errors
/// For another method than GET.
pub(crate) fn keys(asking: &Asking<'_>) -> Result<Response<Body>, Problem> {
    let keys = asking.engine().published_keys()?;
    asking.only_get(|| {
        let mut response = answer::answer(StatusCode::OK, "application/jwk-set+json", keys.to_string());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
        response
    })
}

/// Makes a statement.
///
/// # Errors
/// As a problem.
pub(super) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    if !body.is_empty()
        && let Some(name) = input::json_object(asking.parts, &body, &[JSON])?.keys().next()
    {
        return Err(Problem::bad_request(
            "unknown_field",
            format!("there is no field `{name}`: nothing is asked for"),
        ));
    }
    let statement = asking.engine().statement(&identity.actor)?;
    let said = json!({ "token": statement.token, "expires_at": format_datetime(statement.expires_at) });
    let mut response = answer::answer(StatusCode::OK, JSON, said.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
