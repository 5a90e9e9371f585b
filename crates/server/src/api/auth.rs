//! Accounts by API: sign-in and sign-out, sign-up, links in mails, one's own account.

use http::{HeaderValue, Method, Response, StatusCode, header};
use purlin_engine::accounts::{Arrival, Carrier, Entry, Half, Owed, SignedIn, SignedUp};
use purlin_engine::{Actor, Failure};
use purlin_schema::value::{format_datetime, write_json, write_json_string};
use serde_json::{Map, Value};

use super::{Given, JSON, second};
use crate::accounts::signed_in;
use crate::answer::problem::Members;
use crate::answer::{self, Problem, json};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;
use crate::route::Auth;

/// Answers a request below `/api/auth/`.
///
/// # Errors
/// As a problem.
pub(super) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    auth: Auth,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    match (auth, asking.method()) {
        (Auth::Login, _) => return login(asking, identity, body).await,
        (Auth::Logout, _) => return logout(asking, identity).await,
        (Auth::Me, &Method::DELETE) => {}
        (Auth::Me, _) => return me(asking, identity).await,
        (Auth::Sessions, &Method::DELETE) => {
            asking.engine().end_other_sessions(&identity.actor).await?;
            return Ok(answer::empty(StatusCode::NO_CONTENT));
        }
        (Auth::Sessions, _) => return sessions(asking, identity).await,
        (Auth::Session(id), _) => {
            asking.engine().end_own_session(&identity.actor, id).await?;
            return Ok(answer::empty(StatusCode::NO_CONTENT));
        }
        _ => {}
    }
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    if auth == Auth::SignUp {
        return sign_up(asking, identity, &fields).await;
    }
    by_texts(asking, identity, auth, &fields).await
}

/// What takes a few texts.
async fn by_texts(
    asking: &Asking<'_>,
    identity: &Identity,
    auth: Auth,
    fields: &Map<String, Value>,
) -> Result<Response<Body>, Problem> {
    let (engine, actor, peer) = (asking.engine(), &identity.actor, asking.place());
    if auth.is_own() && actor.user().is_none() {
        return Err(Problem::unauthenticated());
    }
    match auth {
        Auth::Verify => {
            let [token, password] = texts(fields, ["token", "password"])?;
            let agent = asking.user_agent();
            let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Token };
            let entry = engine.verify_sign_up(token, password, arrival).await?.entry;
            return entered(asking, identity, StatusCode::CREATED, &entry, &[]).await;
        }
        Auth::AskByMail => {
            let [email] = texts(fields, ["email"])?;
            let asked = engine.ask_by_mail(email, &peer).await?;
            let members = serde_json::json!({ "mail_token": asked.token, "expires_in": asked.lives_seconds });
            return Ok(answer::answer(StatusCode::ACCEPTED, JSON, members.to_string()));
        }
        Auth::ByMail => {
            let [token, code] = texts(fields, ["mail_token", "code"])?;
            let agent = asking.user_agent();
            let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Token };
            let entry = engine.sign_in_by_mail(token, code, arrival).await?;
            return entered(asking, identity, StatusCode::OK, &entry, &[]).await;
        }
        Auth::Reset => {
            let [email] = texts(fields, ["email"])?;
            engine.ask_for_reset(email, &peer).await?;
            return Ok(answer::empty(StatusCode::ACCEPTED));
        }
        Auth::ConfirmReset => {
            let [token, password] = texts(fields, ["token", "password"])?;
            engine.reset_password(token, password).await?;
        }
        Auth::Password => {
            let [old, new] = texts(fields, ["password", "new_password"])?;
            engine.change_password(actor, old, new, &peer).await?;
        }
        Auth::Email => {
            let [email, password] = texts(fields, ["email", "password"])?;
            let at_once = engine.change_email(actor, password, email, &peer).await?;
            let status = if at_once { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED };
            return Ok(answer::empty(status));
        }
        Auth::ConfirmEmail => {
            let [token] = texts(fields, ["token"])?;
            engine.confirm_email(token).await?;
        }
        _ => {
            let [password] = texts(fields, ["password"])?;
            engine.delete_account(actor, password, &peer).await?;
        }
    }
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// 202 where a mail says how it goes on, else 201 with a session.
async fn sign_up(
    asking: &Asking<'_>,
    identity: &Identity,
    fields: &Map<String, Value>,
) -> Result<Response<Body>, Problem> {
    let peer = asking.place();
    match asking.engine().sign_up_by_api(fields, &peer, &asking.user_agent()).await? {
        SignedUp::ByMail => Ok(answer::empty(StatusCode::ACCEPTED)),
        SignedUp::Now(entry) => entered(asking, identity, StatusCode::CREATED, &entry, &[]).await,
    }
}

async fn sessions(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let sessions = asking.engine().own_sessions(&identity.actor).await?;
    let mut out = br#"{"items":"#.to_vec();
    json::write_list(&mut out, &sessions, |out, session| {
        out.extend_from_slice(br#"{"id":"#);
        write_json(&session.id.into(), false, out);
        for (name, text) in [("kind", &session.kind), ("user_agent", &session.user_agent)] {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            write_json_string(text, out);
        }
        for (name, at) in [("created_at", session.began_at), ("seen_at", session.seen_at)] {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            write_json_string(&format_datetime(at), out);
        }
        out.extend_from_slice(format!(",\"current\":{}}}", session.is_current).as_bytes());
    });
    out.push(b'}');
    Ok(answer::answer(StatusCode::OK, JSON, out))
}

async fn login(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    let [email, password] = texts(&fields, ["email", "password"])?;
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Token };
    match asking.engine().sign_in(email, password, arrival).await {
        Ok(entry) => entered(asking, identity, StatusCode::OK, &entry, &[]).await,
        Err(Failure::Unauthenticated) => Err(wrong()),
        Err(failure) => Err(failure.into()),
    }
}

/// Where a sign-in by API leads to: a session with this status, or 401 and what the second step takes. `codes` are recovery
/// codes that were made with it.
pub(super) async fn entered(
    asking: &Asking<'_>,
    identity: &Identity,
    status: StatusCode,
    entry: &Entry,
    codes: &[String],
) -> Result<Response<Body>, Problem> {
    match entry {
        Entry::Whole(session) => with_session(asking, identity, status, session, codes).await,
        Entry::Half(half) => Err(half_way(asking, half).await?),
    }
}

/// The second step is owed: no session yet, but the token that it takes.
async fn half_way(asking: &Asking<'_>, half: &Half) -> Result<Problem, Problem> {
    let (code, detail) = match half.owed {
        Owed::Factor => ("second_factor", "a second factor is asked for: send a code with `second_token`"),
        Owed::SetUp => {
            ("second_factor_setup", "this account has to set up an authenticator app: send its first code")
        }
    };
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    let mut members =
        vec![("second_token", half.token.as_str().into()), ("expires_in", half.lives_seconds.into())];
    if let Some(app) = asking.engine().app_of_half(half).await? {
        members.push(("setup", second::setup(&app)));
    }
    problem.members = Some(Box::new(Members(members)));
    Ok(problem)
}

/// A fresh session as it is answered: token, user, cookie.
async fn with_session(
    asking: &Asking<'_>,
    identity: &Identity,
    status: StatusCode,
    session: &SignedIn,
    codes: &[String],
) -> Result<Response<Body>, Problem> {
    let mut out = br#"{"token":"#.to_vec();
    write_json_string(&session.token, &mut out);
    out.extend_from_slice(br#","user":"#);
    write_user(&mut out, asking, session).await?;
    second::write_codes(&mut out, codes);
    out.push(b'}');
    let mut response = answer::answer(status, JSON, out);
    signed_in(asking, identity, session, &mut response).await?;
    Ok(response)
}

async fn logout(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    if let Some(token) = &identity.token {
        asking.engine().sign_out(token).await?;
    }
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    if let Some(cookie) = asking.cookies.clear_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn me(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let mut out = Vec::with_capacity(512);
    write_actor(&mut out, asking, &identity.actor).await?;
    Ok(answer::answer(StatusCode::OK, JSON, out))
}

async fn write_user(out: &mut Vec<u8>, asking: &Asking<'_>, session: &SignedIn) -> Result<(), Problem> {
    write_actor(out, asking, &Actor::User(session.user.clone())).await
}

/// Writes a user as he may read himself.
async fn write_actor(out: &mut Vec<u8>, asking: &Asking<'_>, actor: &Actor) -> Result<(), Problem> {
    let user = actor.user().ok_or_else(Problem::unauthenticated)?;
    let engine = asking.engine();
    let models = &engine.site().models;
    match engine.get(actor, models.users().id, user.id, &[]).await {
        Ok(found) => json::write_record(out, models, &found.shape, &found.row),
        // A site may keep users from reading even themselves.
        Err(Failure::NotFound) => {
            out.extend_from_slice(br#"{"id":"#);
            write_json(&user.id.into(), false, out);
            out.push(b'}');
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}

/// Texts by name, and nothing else.
fn texts<'fields, const COUNT: usize>(
    fields: &'fields Map<String, Value>,
    names: [&'static str; COUNT],
) -> Result<[&'fields str; COUNT], Problem> {
    let mut given = Given::of(fields);
    let texts = names.map(|name| given.text(name));
    given.end()?;
    Ok(texts)
}

fn wrong() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "the e-mail address or the password is wrong")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
