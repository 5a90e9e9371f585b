//! Plain OAuth 2: a token is not about anybody, so its provider is asked who has it.

use purlin_engine::accounts::Claimed;
use purlin_outgoing::Client;
use purlin_schema::settings::{OAuth, Provider};
use serde_json::Value;

use super::ask::{self, Code, Disbelief};
use super::openid::is_true;

/// Who a code is about.
pub(super) async fn claimed(
    client: &Client,
    provider: &Provider,
    oauth: &OAuth,
    code: &Code<'_>,
    now_seconds: i64,
) -> Result<Claimed, Disbelief> {
    let tokens =
        ask::tokens(client, provider, &oauth.token_url, provider.basic.unwrap_or(false), code, now_seconds)
            .await?;
    let user = ask::json(client, "the user endpoint", &oauth.user_url, Some(&tokens.access)).await?;
    let text = |path: &Option<String>| at(&user, path.as_deref()?).and_then(Value::as_str).map(str::to_owned);
    // A number is one however it is written; whatever else names nobody.
    let subject = match at(&user, &oauth.subject) {
        Some(Value::String(subject)) if !subject.is_empty() && subject.len() <= 255 => subject.clone(),
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        _ => return Err(Disbelief::Wrong("the user endpoint names nobody")),
    };
    let mut email = text(&oauth.email);
    let said = oauth.email_verified.as_deref().and_then(|path| at(&user, path));
    let mut is_verified = email.is_some() && said.is_some_and(is_true);
    if let Some(url) = &oauth.emails_url {
        let list = ask::json(client, "the addresses' endpoint", url, Some(&tokens.access)).await?;
        let primary = list.as_array().into_iter().flatten().find(|entry| is_true(&entry["primary"]));
        email = primary.and_then(|entry| entry["email"].as_str()).map(str::to_owned);
        is_verified = primary.is_some_and(|entry| is_true(&entry["verified"]));
    }
    Ok(Claimed {
        provider: provider.name.clone(),
        authority: provider.authority().to_owned(),
        subject,
        email_verified: email.is_some() && (provider.trust_email || is_verified),
        email,
        fullname: text(&oauth.fullname),
    })
}

/// What stands at a path: `data.id`.
fn at<'value>(value: &'value Value, path: &str) -> Option<&'value Value> {
    path.split('.').try_fold(value, |value, part| value.get(part))
}
