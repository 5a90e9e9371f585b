//! What goes by a link in a mail: the password that was forgotten, and the address of a sign-up.

use http::{Response, StatusCode};
use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, Entry};
use serde_json::json;

use super::own::Said;
use super::{entered, value_of};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::pages::set_flash;
use crate::route::path::local;
use crate::route::{Account, LOGIN};

/// A form for the address; with a token one for the new password.
pub(super) async fn reset_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let mut said = match value_of(&query, "token") {
        Some(token) => looked_at(token, asking.engine().look_at_reset(token).await)?,
        None => Said::default(),
    };
    said.extra.push(("sent", json!(value_of(&query, "sent").is_some())));
    said.show(asking, identity, Account::Reset).await
}

pub(super) async fn reset(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let form = asking.form(body).await?;
    let given = |name: &str| value_of(&form, name).unwrap_or_default();
    let token = given("token");
    if token.is_empty() {
        return match asking.engine().ask_for_reset(given("email"), &asking.place()).await {
            Ok(()) => Ok(answer::redirect(StatusCode::SEE_OTHER, "/reset?sent=1")),
            Err(failure) => {
                let said = Said::refused(failure)?.with("email", given("email"));
                said.show(asking, identity, Account::Reset).await
            }
        };
    }
    match asking.engine().reset_password(token, given("password")).await {
        Ok(()) => {
            let mut response = answer::redirect(StatusCode::SEE_OTHER, LOGIN);
            set_flash(asking, &mut response, "Your password is changed. Sign in with the new one.");
            Ok(response)
        }
        Err(failure) => {
            // A link that is dead stays so: the form for another comes back.
            let dead = matches!(&failure, Failure::Invalid(messages) if messages.iter().any(|one| one.field == "token"));
            let said = Said::refused(failure)?.with("token", if dead { "" } else { token });
            said.show(asking, identity, Account::Reset).await
        }
    }
}

/// Where a sign-up leads to; with a token a form for its password.
pub(super) async fn verify_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let said = match value_of(&query, "token") {
        Some(token) => looked_at(token, asking.engine().look_at_link(token, true).await)?,
        None => Said::default(),
    };
    said.show(asking, identity, Account::Verify).await
}

pub(super) async fn verify(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let form = asking.form(body).await?;
    let given = |name: &str| value_of(&form, name).unwrap_or_default();
    let (token, peer) = (given("token"), asking.place());
    let agent = asking.user_agent();
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Cookie };
    let made = asking.engine().verify_sign_up(token, given("password"), arrival).await;
    match made {
        Ok(verified) => {
            let next = verified.next.as_deref().map_or("/", local);
            let mut response = entered(asking, identity, &verified.entry, next).await?;
            let say = match verified.entry {
                Entry::Whole(_) => "Welcome. Your account is made, and you are signed in.",
                Entry::Half(_) => "Welcome. Your account is made.",
            };
            set_flash(asking, &mut response, say);
            Ok(response)
        }
        Err(failure) => {
            let again = matches!(&failure, Failure::TooMany(_))
                || matches!(&failure, Failure::Invalid(messages) if messages.iter().all(|one| one.field == "password"));
            let said = Said::refused(failure)?.with("token", if again { token } else { "" });
            said.show(asking, identity, Account::Verify).await
        }
    }
}

/// The form that a live link leads to, or what is wrong with the link.
fn looked_at(token: &str, looked: Result<(), Failure>) -> Result<Said, Problem> {
    match looked {
        Ok(()) => Ok(Said::default().with("token", token)),
        Err(failure) => Said::refused(failure),
    }
}
