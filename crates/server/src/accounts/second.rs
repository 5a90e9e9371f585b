//! The second step of a sign-in, and the page where one sets it up and turns it off.
//!
//! A sign-in that lacks it is carried by a cookie of its own, which is no session. Recovery codes and the secret of an app
//! are shown in the answer to a form, and never again.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, NewApp, Owed, Proof};
use serde_json::json;

use super::own::{Said, done};
use super::{entered, next_of, value_of};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::input::Pairs;
use crate::pages;
use crate::route::path::local;
use crate::route::{Account, LOGIN};

/// The form of the second step; who has not begun begins.
///
/// # Errors
/// As a page.
pub(super) async fn step_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let next = next_of(&query);
    let Some(half) = asking.cookies.half(&asking.parts.headers) else { return Ok(begin(asking)) };
    match asking.engine().look_at_half(half).await {
        Ok((owed, app)) => {
            asked(Said::default(), owed, app, next).show(asking, identity, Account::SecondStep).await
        }
        Err(Failure::Invalid(_)) => Ok(begin(asking)),
        Err(failure) => Err(failure.into()),
    }
}

/// Takes the second step.
///
/// # Errors
/// As a page.
pub(super) async fn step(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let form = asking.form(body).await?;
    let query = asking.query()?;
    let next = value_of(&form, "next").map_or_else(|| next_of(&query), local);
    let Some(half) = asking.cookies.half(&asking.parts.headers) else { return Ok(begin(asking)) };
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Cookie };
    let code = value_of(&form, "code").unwrap_or_default();
    let failure = match asking.engine().second_step(half, code, arrival).await {
        Ok((entry, codes)) => {
            let mut response = entered(asking, identity, &entry, next).await?;
            if !codes.is_empty() {
                let said = Said::default().with("next", next).given("recovery_codes", json!(codes));
                let shown = said.show(asking, identity, Account::SecondStep).await?;
                response = with_cookies(shown, &response);
            }
            return Ok(response);
        }
        Err(failure) => failure,
    };
    // Whether it is over is told by looking: a wrong code leaves it as it was.
    let (owed, app) = match asking.engine().look_at_half(half).await {
        Ok(looked) => looked,
        Err(Failure::Invalid(_)) => return Ok(begin(asking)),
        Err(failure) => return Err(failure.into()),
    };
    asked(Said::refused(failure)?, owed, app, next).show(asking, identity, Account::SecondStep).await
}

fn asked(said: Said, owed: Owed, app: Option<NewApp>, next: &str) -> Said {
    let said = said.with("next", next);
    match (owed, app) {
        (Owed::SetUp, Some(app)) => showing(said, &app),
        _ => said,
    }
}

/// The secret of an app, as text and picture.
fn showing(said: Said, app: &NewApp) -> Said {
    said.with("secret", &app.secret).with("qr_path", &app.qr.path).given("qr_size", json!(app.qr.size))
}

/// To the first step: the second has nothing to go on.
fn begin(asking: &Asking<'_>) -> Response<Body> {
    let mut response = answer::redirect(StatusCode::SEE_OTHER, LOGIN);
    if let Some(cookie) = asking.cookies.clear_half() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    pages::set_flash(asking, &mut response, "That sign-in took too long. Begin again.");
    response
}

/// A page with the cookies of another answer.
fn with_cookies(mut page: Response<Body>, other: &Response<Body>) -> Response<Body> {
    for cookie in other.headers().get_all(header::SET_COOKIE) {
        page.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

/// The page where one sets up one's own second step.
///
/// # Errors
/// As a page.
pub(super) async fn show(
    asking: &Asking<'_>,
    identity: &Identity,
    said: Said,
) -> Result<Response<Body>, Problem> {
    let factors = asking.engine().own_factors(&identity.actor).await?;
    let said = said.given("app", json!(factors.app)).given("required", json!(factors.is_required));
    said.given("codes_left", json!(factors.recovery_codes)).show(asking, identity, Account::Second).await
}

/// Answers what was posted there.
///
/// # Errors
/// As a page.
pub(super) async fn posted(
    asking: &Asking<'_>,
    identity: &Identity,
    form: &Pairs,
) -> Result<Response<Body>, Problem> {
    let (engine, actor, peer) = (asking.engine(), &identity.actor, asking.place());
    let given = |name: &str| value_of(form, name).unwrap_or_default();
    let proof = Proof { password: given("password"), code: given("code") };
    match given("do") {
        "begin" => match engine.begin_app(actor, proof, &peer).await {
            Ok(app) => show(asking, identity, showing(Said::default().with("token", &app.token), &app)).await,
            Err(failure) => show(asking, identity, Said::refused(failure)?).await,
        },
        "confirm" => match engine.confirm_app(actor, given("token"), proof.code).await {
            Ok(codes) => show(asking, identity, Said::default().given("recovery_codes", json!(codes))).await,
            Err(failure) => {
                let mut said = Said::refused(failure)?;
                if let Ok(app) = engine.look_at_app(actor, given("token")).await {
                    said = showing(said.with("token", &app.token), &app);
                }
                show(asking, identity, said).await
            }
        },
        "codes" => match engine.new_recovery_codes(actor, proof, &peer).await {
            Ok(codes) => show(asking, identity, Said::default().given("recovery_codes", json!(codes))).await,
            Err(failure) => show(asking, identity, Said::refused(failure)?).await,
        },
        "remove" => match engine.remove_app(actor, proof, &peer).await {
            Ok(()) => Ok(done(asking, Account::Second.path(), "The second step is turned off.")),
            Err(failure) => show(asking, identity, Said::refused(failure)?).await,
        },
        _ => Err(Problem::bad_request("bad_form", "the form does not say what to do")),
    }
}
