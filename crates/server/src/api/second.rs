//! Second factors by API: the second step of a sign-in, and what one has set up.

use http::{Method, Response, StatusCode};
use purlin_engine::accounts::{Arrival, Carrier, NewApp, Proof};
use purlin_schema::value::write_json_string;
use serde_json::{Map, Value, json};

use super::auth::entered;
use super::{Given, JSON};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;
use crate::route::Auth;

/// Answers a request about second factors.
///
/// # Errors
/// As a problem.
pub(super) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    auth: Auth,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (engine, actor) = (asking.engine(), &identity.actor);
    if auth.is_own() && actor.user().is_none() {
        return Err(Problem::unauthenticated());
    }
    if asking.method() != Method::POST {
        let factors = engine.own_factors(actor).await?;
        let members = json!({
            "app": factors.app,
            "recovery_codes": factors.recovery_codes,
            "required": factors.is_required,
        });
        return Ok(answer::answer(StatusCode::OK, JSON, members.to_string()));
    }
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    let peer = asking.place();
    match auth {
        Auth::SecondStep => step(asking, identity, &fields).await,
        Auth::App => {
            let app = engine.begin_app(actor, proof(&fields)?, &peer).await?;
            let members = json!({ "app_token": app.token, "secret": app.secret, "uri": app.uri });
            Ok(answer::answer(StatusCode::CREATED, JSON, members.to_string()))
        }
        Auth::ConfirmApp => {
            let mut given = Given::of(&fields);
            let (token, code) = (given.text("app_token"), given.text("code"));
            given.end()?;
            Ok(with_codes(&engine.confirm_app(actor, token, code).await?))
        }
        Auth::RecoveryCodes => {
            Ok(with_codes(&engine.new_recovery_codes(actor, proof(&fields)?, &peer).await?))
        }
        _ => {
            engine.remove_app(actor, proof(&fields)?, &peer).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
    }
}

async fn step(
    asking: &Asking<'_>,
    identity: &Identity,
    fields: &Map<String, Value>,
) -> Result<Response<Body>, Problem> {
    let mut given = Given::of(fields);
    let (token, code) = (given.text("second_token"), given.text("code"));
    given.end()?;
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Token };
    let (entry, codes) = asking.engine().second_step(token, code, arrival).await?;
    entered(asking, identity, StatusCode::OK, &entry, &codes).await
}

/// `password` or `code`, or neither.
fn proof(fields: &Map<String, Value>) -> Result<Proof<'_>, Problem> {
    let mut given = Given::of(fields);
    let proof = Proof { password: given.maybe_text("password"), code: given.maybe_text("code") };
    given.end()?;
    Ok(proof)
}

fn with_codes(codes: &[String]) -> Response<Body> {
    answer::answer(StatusCode::OK, JSON, json!({ "recovery_codes": codes }).to_string())
}

/// The members of a session's answer that show recovery codes.
pub(super) fn write_codes(out: &mut Vec<u8>, codes: &[String]) {
    for (at, code) in codes.iter().enumerate() {
        out.extend_from_slice(if at == 0 { br#","recovery_codes":["# } else { b"," });
        write_json_string(code, out);
    }
    if !codes.is_empty() {
        out.push(b']');
    }
}

/// What an app that has to be set up is told by.
pub(super) fn setup(app: &NewApp) -> Value {
    json!({ "secret": app.secret, "uri": app.uri })
}
