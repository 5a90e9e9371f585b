//! Signing in by mail. To look at the page of a link uses nothing up: whoever follows it confirms by a form, which no robot does.

use form_urlencoded::byte_serialize;
use http::{Response, StatusCode, header};
use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier};
use serde_json::json;

use super::own::Said;
use super::{entered, next_of, value_of};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::route::Account;
use crate::route::path::local;

/// The form for the address, for the code, or that of a link.
///
/// # Errors
/// As a page.
pub(super) async fn page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let mut said = Said::default().with("next", next_of(&query));
    let has_asked = asking.cookies.mail(&asking.parts.headers).is_some();
    match value_of(&query, "link") {
        Some(link) if has_asked => said = said.with("link", link),
        Some(_) => said = said.given("elsewhere", json!(true)),
        None => said = said.given("sent", json!(has_asked && value_of(&query, "sent").is_some())),
    }
    said.show(asking, identity, Account::MailSignIn).await
}

/// Sends the mail, or takes what it brought.
///
/// # Errors
/// As a page.
pub(super) async fn posted(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let form = asking.form(body).await?;
    let query = asking.query()?;
    let next = value_of(&form, "next").map_or_else(|| next_of(&query), local);
    let Some(code) = value_of(&form, "code") else {
        let email = value_of(&form, "email").unwrap_or_default();
        return match asking.engine().ask_by_mail(email, &asking.place()).await {
            Ok(asked) => {
                let after: String = byte_serialize(next.as_bytes()).collect();
                let to = format!("{}?sent=1&next={after}", Account::MailSignIn.path());
                let mut response = answer::redirect(StatusCode::SEE_OTHER, &to);
                let cookie = asking.cookies.set_mail(&asked.token, asked.lives_seconds);
                let cookie = cookie.ok_or_else(|| Problem::internal("a token is no cookie value"))?;
                response.headers_mut().append(header::SET_COOKIE, cookie);
                Ok(response)
            }
            Err(failure) => {
                let said = Said::refused(failure)?.with("email", email).with("next", next);
                said.show(asking, identity, Account::MailSignIn).await
            }
        };
    };
    let token = asking.cookies.mail(&asking.parts.headers).unwrap_or_default();
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Cookie };
    match asking.engine().sign_in_by_mail(token, code, arrival).await {
        Ok(entry) => {
            let mut response = entered(asking, identity, &entry, next).await?;
            if let Some(cookie) = asking.cookies.clear_mail() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(failure) => {
            // What is over begins anew, with the address.
            let again = matches!(&failure, Failure::Invalid(messages) if messages.iter().all(|one| one.field == "code"));
            let said = Said::refused(failure)?.with("next", next).given("sent", json!(again));
            said.show(asking, identity, Account::MailSignIn).await
        }
    }
}
