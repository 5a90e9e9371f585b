//! Who one is and who comes in, by API: a fresh proof, acting as somebody else, invitations, one's own data.

use http::{Method, Response, StatusCode};
use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, Invitation};
use purlin_schema::value::{format_datetime, write_json, write_json_string};
use serde_json::Value;

use super::auth::entered;
use super::{Given, JSON};
use crate::answer::{self, Problem, json};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;
use crate::route::Auth;

/// Answers a request to one of these.
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
    match (auth, asking.method()) {
        (Auth::Export, _) => return crate::accounts::export(asking, identity).await,
        (Auth::Act, &Method::DELETE) => {
            engine.stop_acting(actor).await?;
            return Ok(answer::empty(StatusCode::NO_CONTENT));
        }
        (Auth::Invitation(id), _) => {
            engine.take_back(actor, id).await?;
            return Ok(answer::empty(StatusCode::NO_CONTENT));
        }
        (Auth::Invitations, &Method::GET | &Method::HEAD) => {
            let list = engine.invitations(actor).await?;
            let mut out = br#"{"items":"#.to_vec();
            json::write_list(&mut out, &list, |out, one| write(out, one, None));
            out.push(b'}');
            return Ok(answer::answer(StatusCode::OK, JSON, out));
        }
        _ => {}
    }
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let mut fields = input::json_object(asking.parts, &body, &[JSON])?;
    let peer = asking.place();
    match auth {
        Auth::Confirm => {
            let mut given = Given::of(&fields);
            let password = given.text("password");
            given.end()?;
            engine.prove_again(actor, password, &peer).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        Auth::Act => {
            // Who may not does not learn what it takes.
            engine.may_act(actor)?;
            let mut given = Given::of(&fields);
            let email = given.text("email");
            given.end()?;
            engine.act_as(actor, email).await?;
            Ok(answer::empty(StatusCode::NO_CONTENT))
        }
        Auth::Invitations => {
            if !engine.may_invite(actor) {
                return Err(Failure::NotFound.into());
            }
            let mut given = Given::of(&fields);
            let [email, role] = ["email", "role"].map(|name| given.text(name));
            given.end()?;
            let invited = engine.invite(actor, email, role, &peer).await?;
            let mut out = Vec::with_capacity(256);
            write(&mut out, &invited.invitation, invited.link.as_deref());
            Ok(answer::answer(StatusCode::CREATED, JSON, out))
        }
        _ => {
            let token = match fields.remove("token") {
                Some(Value::String(token)) => token,
                _ => String::new(),
            };
            let agent = asking.user_agent();
            let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Token };
            let entry = engine.take_up_by_api(&token, &fields, arrival).await?;
            entered(asking, identity, StatusCode::CREATED, &entry, &[]).await
        }
    }
}

fn write(out: &mut Vec<u8>, invitation: &Invitation, link: Option<&str>) {
    out.extend_from_slice(br#"{"id":"#);
    write_json(&invitation.id.into(), false, out);
    let until = format_datetime(invitation.expires_at);
    let texts = [("email", &*invitation.email), ("role", &*invitation.role), ("expires_at", &*until)];
    for (name, text) in texts.into_iter().chain(link.map(|link| ("link", link))) {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_json_string(text, out);
    }
    out.push(b'}');
}
