//! The page of one's own personal access tokens. A new one is shown in the answer to the form, and never again.

use http::Response;
use purlin_engine::Failure;
use purlin_engine::accounts::NewToken;
use purlin_schema::value::format_datetime;
use purlin_schema::{Id, Value};
use serde_json::json;

use super::own::{Said, done};
use super::value_of;
use crate::answer::Problem;
use crate::app::Asking;
use crate::body::Body;
use crate::guard::Identity;
use crate::input::Pairs;
use crate::route::Account;

/// The page, with the tokens that there are and the models that there could be tokens for.
///
/// # Errors
/// As a problem.
pub(super) async fn show(
    asking: &Asking<'_>,
    identity: &Identity,
    mut said: Said,
    chosen: &[&str],
) -> Result<Response<Body>, Problem> {
    let engine = asking.engine();
    let tokens = engine.own_tokens(&identity.actor).await?;
    let tokens: serde_json::Value = tokens
        .iter()
        .map(|token| {
            json!({
                "id": Value::from(token.id).to_text(),
                "name": token.name,
                "scopes": token.scopes.replace(' ', ", "),
                "seen": token.seen_at.map(format_datetime),
                "ends": format_datetime(token.expires_at),
            })
        })
        .collect();
    let is_chosen = |model: &str, verb: &str| chosen.contains(&format!("{model}:{verb}").as_str());
    let open = engine.site().models.iter().filter(|model| model.has_api());
    let models: serde_json::Value = open
        .map(|model| {
            let name = &model.name;
            json!({ "name": name, "read": is_chosen(name, "read"), "write": is_chosen(name, "write") })
        })
        .collect();
    said.extra.push(("tokens", tokens));
    said.extra.push(("models", models));
    said.show(asking, identity, Account::Tokens).await
}

/// Makes a token, or ends one.
///
/// # Errors
/// As a problem.
pub(super) async fn posted(
    asking: &Asking<'_>,
    identity: &Identity,
    form: &Pairs,
) -> Result<Response<Body>, Problem> {
    let engine = asking.engine();
    let user = identity.actor.user().ok_or_else(Problem::unauthenticated)?;
    if let Some(id) = value_of(form, "end") {
        let id = id.parse().map(Id::Int).map_err(|_| Problem::not_found())?;
        // One that has ended meanwhile has ended.
        return match engine.end_token(user.id, id).await {
            Ok(()) | Err(Failure::NotFound) => {
                Ok(done(asking, Account::Tokens.path(), "That token has ended."))
            }
            Err(failure) => Err(failure.into()),
        };
    }
    let given = |name: &str| value_of(form, name).unwrap_or_default();
    let chosen: Vec<&str> =
        form.iter().filter(|(name, _)| name == "scope").map(|(_, scope)| scope.as_str()).collect();
    let scopes = chosen.join(" ");
    // What is no number is out of range.
    let days = Some(given("days").parse().unwrap_or_default());
    let new = NewToken { name: given("name"), scopes: &scopes, days };
    match engine.make_own_token(&identity.actor, given("password"), &new, &asking.place()).await {
        Ok((secret, token)) => {
            let said = Said::default().with("secret", &secret).with("made", &token.name);
            show(asking, identity, said, &[]).await
        }
        Err(failure) => {
            let said = Said::refused(failure)?.with("name", given("name")).with("days", given("days"));
            show(asking, identity, said, &chosen).await
        }
    }
}
