//! Records by API.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_engine::records::{Fields, Found};
use purlin_schema::{Id, ModelId, Value};

use super::JSON;
use crate::answer::etag::{self, Precondition};
use crate::answer::{self, Problem, json};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;

/// A version that no record has.
const NO_VERSION: i64 = -1;

/// How a record is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// PUT.
    Replace,
    /// PATCH.
    Patch,
}

pub(super) async fn list(
    asking: &Asking<'_>,
    identity: &Identity,
    model: ModelId,
) -> Result<Response<Body>, Problem> {
    let engine = asking.engine();
    let listing = engine.list(&identity.actor, model, &asking.query()?).await?;
    let mut out = Vec::new();
    json::write_listing(&mut out, &engine.site().models, &listing.set, listing.next.as_deref());
    tagged(asking, None, out)
}

pub(super) async fn get(
    asking: &Asking<'_>,
    identity: &Identity,
    (model, id): (ModelId, Id),
) -> Result<Response<Body>, Problem> {
    let found = asking.engine().get(&identity.actor, model, id, &asking.query()?).await?;
    tagged(asking, Some(found.version), written(asking, &found))
}

pub(super) async fn create(
    asking: &Asking<'_>,
    identity: &Identity,
    model: ModelId,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    no_parameters(asking)?;
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    let engine = asking.engine();
    let found = engine.create(&identity.actor, model, Fields::Json(&fields)).await?;
    let out = written(asking, &found);
    let tag = etag::of(Some(found.version), &out);
    let mut response = answer::answer(StatusCode::CREATED, JSON, out);
    let site = engine.site();
    let location = format!(
        "{}/{}/{}",
        site.settings.api.path.trim_end_matches('/'),
        site.models.get(model).name,
        Value::from(found.id).to_text()
    );
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn write(
    asking: &Asking<'_>,
    identity: &Identity,
    (model, id): (ModelId, Id),
    way: Way,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    no_parameters(asking)?;
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let types: &[&str] = match way {
        Way::Replace => &[JSON],
        Way::Patch => &[JSON, "application/merge-patch+json"],
    };
    let fields = input::json_object(asking.parts, &body, types)?;
    let version = demanded(asking, identity, model, id).await?;
    let (engine, fields) = (asking.engine(), Fields::Json(&fields));
    let found = match way {
        Way::Replace => engine.replace(&identity.actor, model, id, version, fields).await?,
        Way::Patch => engine.update(&identity.actor, model, id, version, fields).await?,
    };
    let out = written(asking, &found);
    let tag = etag::of(Some(found.version), &out);
    let mut response = answer::answer(StatusCode::OK, JSON, out);
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

pub(super) async fn delete(
    asking: &Asking<'_>,
    identity: &Identity,
    (model, id): (ModelId, Id),
) -> Result<Response<Body>, Problem> {
    no_parameters(asking)?;
    let version = demanded(asking, identity, model, id).await?;
    asking.engine().delete(&identity.actor, model, id, version).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// The version that the record must have. Of several that `If-Match` names, it is the one that the record has
/// now; the engine holds it against the record again when it writes.
async fn demanded(
    asking: &Asking<'_>,
    identity: &Identity,
    model: ModelId,
    id: Id,
) -> Result<Option<i64>, Problem> {
    match etag::precondition(&asking.parts.headers) {
        Precondition::None => Ok(None),
        Precondition::Versions(versions) if versions.len() < 2 => {
            Ok(Some(versions.first().copied().unwrap_or(NO_VERSION)))
        }
        Precondition::Versions(versions) => {
            let found = asking.engine().get(&identity.actor, model, id, &[]).await?;
            Ok(Some(if versions.contains(&found.version) { found.version } else { NO_VERSION }))
        }
    }
}

/// No parameter is ignored, so one where none is taken is an error.
fn no_parameters(asking: &Asking<'_>) -> Result<(), Problem> {
    match asking.query()?.into_iter().next() {
        None => Ok(()),
        Some((parameter, _)) => Err(purlin_engine::Failure::BadRequest {
            code: "unknown_parameter",
            message: format!("there is no parameter `{parameter}` here"),
            parameter: Some(parameter),
        }
        .into()),
    }
}

fn written(asking: &Asking<'_>, found: &Found) -> Vec<u8> {
    let mut out = Vec::new();
    json::write_record(&mut out, &asking.engine().site().models, &found.shape, &found.row);
    out
}

/// An answer with its tag; or only the tag, where the asker has it already.
///
/// # Errors
/// 400 for one that is too large.
fn tagged(asking: &Asking<'_>, version: Option<i64>, body: Vec<u8>) -> Result<Response<Body>, Problem> {
    if body.len() > json::MOST_BYTES {
        let message =
            "includes more than fits into one answer; ask for fewer records or fields, or include less";
        return Err(Problem::bad_request("too_much", message));
    }
    let tag = etag::of(version, &body);
    let known = etag::is_known(&asking.parts.headers, &tag);
    let mut response = if known {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        answer::answer(StatusCode::OK, JSON, body)
    };
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}
