//! Signing in by somebody else's word: to a provider, and back.
//!
//! Going there, a cookie of this browser keeps what only it may bring back: the state, the nonce, the key of the code, where
//! it leads. Nothing is written down yet, so that nobody fills the database by going. Coming back, the state must be the
//! cookie's, for this provider, and is used up before the provider is asked: once, on any node. A provider's answer comes to
//! an address of its own, so that none answers for another.

mod ask;
mod identities;
mod jws;
mod oauth;
mod openid;
mod trip;

pub(crate) use identities::{page as identities_page, posted as identities_posted};

use form_urlencoded::Serializer;
use http::{HeaderValue, Method, Response, StatusCode, header};
use purlin_engine::accounts::{Arrival, Carrier, Claimed, Federated, Refusal};
use purlin_engine::{Failure, Flash};
use purlin_outgoing::{Client, Url};
use purlin_schema::Site;
use purlin_schema::settings::{Protocol, Provider};
use serde_json::json;

use crate::accounts::{entered, login_again, next_of, value_of};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::input::Pairs;
use crate::pages;
use crate::route::path::local;
use ask::{Code, Disbelief};
use openid::{Discovered, Expected};
use trip::{Finish, Trip};

/// Where what a provider does not say is asked for.
const FINISH: &str = "/login/with";
/// What a provider sends back is no longer than this, each.
const LONGEST: usize = 4_096;

/// The providers of a site, with what was discovered of them.
pub(crate) struct Providers {
    client: Client,
    discovered: Vec<Discovered>,
}

impl Providers {
    pub(crate) fn of(site: &Site) -> Providers {
        let count = site.settings.accounts.providers.len();
        Providers {
            client: Client::of(&site.settings.outgoing),
            discovered: std::iter::repeat_with(Discovered::default).take(count).collect(),
        }
    }
}

/// What the pages say of providers: `{name, label}` each.
pub(crate) fn listed(site: &Site) -> serde_json::Value {
    let one = |provider: &Provider| json!({ "name": provider.name, "label": provider.label });
    site.settings.accounts.providers.iter().map(one).collect()
}

fn provider_at<'asking>(asking: &'asking Asking<'_>, at: usize) -> Result<&'asking Provider, Problem> {
    asking.engine().site().settings.accounts.providers.get(at).ok_or_else(Problem::not_found)
}

/// Where a provider sends people back: what the owner wrote, never what a request says.
fn way_back(asking: &Asking<'_>, provider: &Provider) -> String {
    format!("{}/login/with/{}/callback", asking.engine().site().settings.mail.links, provider.name)
}

/// Answers a form that leads to a provider to sign in by it.
///
/// # Errors
/// As a page.
pub(crate) async fn begin(
    asking: &Asking<'_>,
    identity: &Identity,
    at: usize,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let form = asking.form(body).await?;
    let next = value_of(&form, "next").map_or_else(|| next_of(&query), local);
    Box::pin(leave(asking, identity, at, next, false)).await
}

/// Sends a browser to a provider. No redirect: what a page's policy says of where forms lead would be asked of each hop of
/// it (CSP3 §4.2.5), and the provider's address is known only now.
async fn leave(
    asking: &Asking<'_>,
    identity: &Identity,
    at: usize,
    next: &str,
    links: bool,
) -> Result<Response<Body>, Problem> {
    let provider = provider_at(asking, at)?;
    let user = identity.actor.user().filter(|_| links).map(|user| user.id);
    let trip = Trip::new(&provider.name, next, user, asking.engine().now()).map_err(Problem::internal)?;
    let address = match address(asking, provider, at, &trip).await {
        Ok(address) => address,
        Err(error) => {
            tracing::warn!(provider = provider.name, %error, "a provider cannot be used");
            let told = format!("{} cannot be reached now; try again later", provider.label);
            return refused(asking, identity, links, next, StatusCode::BAD_GATEWAY, told).await;
        }
    };
    let (query, flash) = (asking.query()?, Vec::new());
    let request = pages::request(asking, identity, &query, flash);
    let extra =
        vec![("provider".to_owned(), json!(provider.label)), ("link".to_owned(), json!(address.as_str()))];
    let page = asking.engine().system_page("account/leaving.html", &request, extra).await?;
    let mut response = pages::shown(asking, page, false)?;
    let headers = response.headers_mut();
    let refresh = HeaderValue::try_from(format!("0;url={address}"));
    headers.insert(header::REFRESH, refresh.map_err(|error| Problem::internal(error.to_string()))?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let cookie = asking.cookies.set_trip(&trip.sealed(asking.engine()), trip::SECONDS);
    headers.append(header::SET_COOKIE, cookie.ok_or_else(|| Problem::internal("a trip is no cookie"))?);
    Ok(response)
}

/// Where a browser goes (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1).
async fn address(asking: &Asking<'_>, provider: &Provider, at: usize, trip: &Trip) -> Result<Url, Disbelief> {
    let providers = &asking.current.providers;
    let place = match &provider.protocol {
        Protocol::OAuth(oauth) => oauth.authorize_url.clone(),
        Protocol::OpenId { issuer } => {
            let discovered = providers.discovered.get(at).ok_or(Disbelief::Waiting)?;
            discovered.get(&providers.client, issuer).await?.authorize_url.clone()
        }
    };
    let mut url = Url::parse(&place).map_err(|_| Disbelief::Malformed("the provider's address"))?;
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", &way_back(asking, provider)),
            ("scope", &provider.scopes.join(" ")),
            ("state", &trip.state),
            ("code_challenge", &trip.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        if matches!(provider.protocol, Protocol::OpenId { .. }) {
            query.append_pair("nonce", &trip.nonce);
        }
        if provider.form_post {
            query.append_pair("response_mode", "form_post");
        }
    }
    Ok(url)
}

/// Answers a browser that comes back.
///
/// # Errors
/// As a page.
pub(crate) async fn back(
    asking: &Asking<'_>,
    identity: &Identity,
    at: usize,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let provider = provider_at(asking, at)?;
    if asking.method() == Method::POST {
        return by_form(asking, provider, body).await;
    }
    let came = Came::of(&asking.query()?);
    let sealed = asking.cookies.trip(&asking.parts.headers);
    let trip = sealed.and_then(|sealed| Trip::unsealed(asking.engine(), sealed));
    // A trip to another provider is none: what one of them sends is not taken for another's (RFC 9700 §4.4).
    let trip =
        trip.filter(|trip| trip.provider == provider.name && came.state.as_deref() == Some(&trip.state));
    let Some(trip) = trip else {
        let told = "This sign-in was not begun in this browser, or another was begun since. Begin again.";
        return refused(asking, identity, false, "/", StatusCode::UNPROCESSABLE_ENTITY, told.to_owned())
            .await;
    };
    let mut response = returned(asking, identity, provider, at, &trip, &came).await?;
    // A cookie of the finishing page has the same name and stays.
    let is_set = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|cookie| cookie.to_str().is_ok_and(|text| text.starts_with(asking.cookies.trip_name())));
    if let (false, Some(cookie)) = (is_set, asking.cookies.clear_trip()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a provider sends back.
#[derive(Default)]
struct Came {
    state: Option<String>,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl Came {
    /// What is there once and not too long; the rest is the provider's own.
    fn of(pairs: &Pairs) -> Came {
        let one = |name: &str| {
            let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            let value = values.next().filter(|value| value.len() <= LONGEST)?;
            values.next().is_none().then(|| value.clone())
        };
        Came { state: one("state"), code: one("code"), issuer: one("iss"), error: one("error") }
    }
}

/// What came as a form goes on as an address: the form came from another site, and no cookie came along; the address is asked
/// for by this one, with the cookie. Nothing is done here.
async fn by_form(
    asking: &Asking<'_>,
    provider: &Provider,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    if !provider.form_post {
        return Err(Problem::method_not_allowed("GET, HEAD, OPTIONS"));
    }
    let came = Came::of(&asking.form(body).await?);
    let mut query = Serializer::new(String::new());
    for (name, value) in
        [("state", &came.state), ("code", &came.code), ("iss", &came.issuer), ("error", &came.error)]
    {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let to = format!("/login/with/{}/callback?{}", provider.name, query.finish());
    Ok(answer::redirect(StatusCode::SEE_OTHER, &to))
}

async fn returned(
    asking: &Asking<'_>,
    identity: &Identity,
    provider: &Provider,
    at: usize,
    trip: &Trip,
    came: &Came,
) -> Result<Response<Body>, Problem> {
    let engine = asking.engine();
    let links = trip.user.is_some();
    let no = |status, told: String| refused(asking, identity, links, &trip.next, status, told);
    if let Some(error) = &came.error {
        let plain: String =
            error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
        tracing::info!(provider = provider.name, error = plain, "a provider did not sign somebody in");
        return no(StatusCode::UNPROCESSABLE_ENTITY, format!("{} did not sign you in.", provider.label))
            .await;
    }
    let place = asking.place();
    if let Err(failure) = engine.begin_federated(&provider.name, &place) {
        return Err(failure.into());
    }
    let claimed = match check(asking, provider, at, trip, came).await {
        Ok(claimed) => claimed,
        Err(Failure::Invalid(messages)) => {
            let told = messages.first().map(|message| message.message.clone()).unwrap_or_default();
            return no(StatusCode::UNPROCESSABLE_ENTITY, answer::html::sentence(&told)).await;
        }
        Err(Failure::Unauthenticated) => {
            let told = format!("What {} answered cannot be believed. Begin again.", provider.label);
            return no(StatusCode::UNPROCESSABLE_ENTITY, told).await;
        }
        Err(failure) => return Err(failure.into()),
    };
    engine.end_federated(&provider.name, &place);
    if let Some(user) = &trip.user {
        return identities::link(asking, identity, provider, user, &claimed).await;
    }
    let agent = asking.user_agent();
    let arrival = Arrival { address: &place, user_agent: &agent, carrier: Carrier::Cookie };
    match engine.sign_in_with(&claimed, arrival).await {
        Ok(Federated::In(entry)) => entered(asking, identity, &entry, local(&trip.next)).await,
        Ok(Federated::More) => {
            let finish = Finish::new(claimed, &trip.next, engine.now());
            let mut response = answer::redirect(StatusCode::SEE_OTHER, FINISH);
            let sealed = finish.sealed(engine);
            let cookie = sealed.and_then(|sealed| asking.cookies.set_trip(&sealed, trip::FINISH_SECONDS));
            let cookie = cookie.ok_or_else(|| Problem::internal("what a provider says is no cookie"))?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Ok(Federated::Refused(why)) => {
            let told = told(&why, &provider.label);
            no(StatusCode::FORBIDDEN, told).await
        }
        Err(Failure::Conflict(why)) => no(StatusCode::CONFLICT, answer::html::sentence(&why)).await,
        Err(Failure::Unauthenticated) => {
            no(StatusCode::FORBIDDEN, "This account cannot be signed in to.".to_owned()).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Uses the state up, and asks the provider who came.
async fn check(
    asking: &Asking<'_>,
    provider: &Provider,
    at: usize,
    trip: &Trip,
    came: &Came,
) -> Result<Claimed, Failure> {
    let engine = asking.engine();
    let providers = &asking.current.providers;
    let disbelieve = |error: Disbelief| {
        tracing::warn!(provider = provider.name, %error, "a provider's answer is not believed");
        Failure::Unauthenticated
    };
    engine.use_state(&trip.state, trip.until).await?;
    let Some(code) = &came.code else { return Err(disbelieve(Disbelief::Wrong("there is no code"))) };
    let redirect = way_back(asking, provider);
    let code = Code { code, verifier: &trip.verifier, redirect: &redirect };
    let now_seconds = engine.now() / 1_000_000;
    let issuer = match &provider.protocol {
        Protocol::OpenId { issuer } => issuer,
        Protocol::OAuth(oauth) => {
            return oauth::claimed(&providers.client, provider, oauth, &code, now_seconds)
                .await
                .map_err(disbelieve);
        }
    };
    let discovered = providers.discovered.get(at).ok_or(Failure::NotFound)?;
    let metadata = discovered.get(&providers.client, issuer).await.map_err(disbelieve)?;
    // RFC 9207 §2.4.
    let names_itself = came.issuer.as_deref().map_or(!metadata.names_itself, |named| named == issuer);
    if !names_itself {
        return Err(disbelieve(Disbelief::Wrong("another issuer answers")));
    }
    let expected = Expected { issuer, client_id: &provider.client_id, nonce: &trip.nonce, now_seconds };
    openid::claimed(&providers.client, discovered, provider, &expected, &code).await.map_err(disbelieve)
}

/// What a person is told.
fn told(why: &Refusal, label: &str) -> String {
    match why {
        Refusal::Closed => {
            format!("Nobody has linked this {label} account here, and new accounts are not made.")
        }
        Refusal::Domain(domains) => format!("The address of your {label} account {domains}."),
        Refusal::NoAddress => format!(
            "{label} does not tell your address. Make an account with a password, and link {label} on its page."
        ),
        Refusal::Unconfirmed => format!(
            "{label} has not confirmed your address. Sign in or make an account with a password, and link {label} on its page."
        ),
        Refusal::Exists => format!(
            "There is an account with this address already. Sign in to it as before, and link {label} on its page."
        ),
    }
}

/// The page from which somebody began, with what went wrong.
async fn refused(
    asking: &Asking<'_>,
    identity: &Identity,
    links: bool,
    next: &str,
    status: StatusCode,
    told: String,
) -> Result<Response<Body>, Problem> {
    if links && identity.actor.user().is_some() {
        return identities::show(asking, identity, Some((status, told))).await;
    }
    Box::pin(login_again(asking, identity, local(next), status, told)).await
}

/// The page that asks for what the provider does not say.
///
/// # Errors
/// As a page.
pub(crate) async fn finish_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let Some(finish) = finish_of(asking) else {
        return Ok(answer::redirect(StatusCode::SEE_OTHER, "/login"));
    };
    let query = asking.query()?;
    let request = pages::request(asking, identity, &query, Vec::<Flash>::new());
    let extra = finish_extra(asking, &finish);
    let page = asking.engine().finish_page(&finish.claimed, &request, extra).await?;
    uncached(pages::shown(asking, page, false)?)
}

/// Takes its form.
///
/// # Errors
/// As a page.
pub(crate) async fn finish(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let Some(finish) = finish_of(asking) else {
        return Ok(answer::redirect(StatusCode::SEE_OTHER, "/login"));
    };
    let query = asking.query()?;
    let form = asking.form(body).await?;
    let request = pages::request(asking, identity, &query, Vec::<Flash>::new());
    let extra = finish_extra(asking, &finish);
    let (place, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &place, user_agent: &agent, carrier: Carrier::Cookie };
    match asking.engine().finish(&finish.claimed, &request, extra, &form, arrival).await? {
        Ok(entry) => {
            let mut response = entered(asking, identity, &entry, local(&finish.next)).await?;
            if let Some(cookie) = asking.cookies.clear_trip() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(page) => uncached(pages::shown(asking, page, false)?),
    }
}

fn finish_of(asking: &Asking<'_>) -> Option<Finish> {
    let finish = Finish::unsealed(asking.engine(), asking.cookies.trip(&asking.parts.headers)?)?;
    // Whom the site does not know any more makes no accounts.
    asking.engine().site().settings.accounts.provider(&finish.claimed.provider).map(|_| finish)
}

fn finish_extra(asking: &Asking<'_>, finish: &Finish) -> Vec<(String, serde_json::Value)> {
    let provider = asking.engine().site().settings.accounts.provider(&finish.claimed.provider);
    let label = provider.map(|provider| provider.label.as_str()).unwrap_or_default();
    vec![("provider".to_owned(), json!(label)), ("email".to_owned(), json!(finish.claimed.email))]
}

#[expect(clippy::unnecessary_wraps, reason = "it ends what may fail")]
fn uncached(mut response: Response<Body>) -> Result<Response<Body>, Problem> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
