//! A site as a service: a request in, an answer out, through every room in order.

mod current;
mod through;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use purlin_engine::audit::{Author, author_of, authored};
use purlin_engine::pages::PageRequest;
use purlin_engine::{Actor, Engine};

use crate::answer::headers::Family;
use crate::answer::{self, Problem, html};
use crate::assets::Assets;
use crate::body::{Body, RequestBody};
use crate::dev::{self, Live};
use crate::door::{self, CrossSite, Line, RequestId, Sender};
use crate::guard::cookies::Cookies;
use crate::guard::{self, Identity, identify};
use crate::input::{self, Pairs};
use crate::reports;
use crate::route::{self, ApiTarget, PageFound, REPORTS, RouteInfo, Target, path};
use crate::{accounts, api, pages};
pub(crate) use current::Current;
use current::Noted;
use through::{Through, through, unmatched};

/// What a server is made with besides the engine.
pub struct Config {
    /// The static files; the engine has the same, for `asset()`.
    pub assets: Arc<Assets>,
    /// What tells open pages to load themselves again; only under `dev`.
    pub live: Option<Arc<Live>>,
    /// A site's own axum routes. They come before files and pages, and after the server's own paths.
    pub router: Option<axum::Router>,
}

impl Default for Config {
    fn default() -> Config {
        Config { assets: Assets::none(), live: None, router: None }
    }
}

/// A site as a service. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    source: Arc<ArcSwap<Engine>>,
    current: ArcSwap<Current>,
    assets: Arc<Assets>,
    live: Option<Arc<Live>>,
    router: Option<axum::Router>,
    closing: AtomicBool,
}

/// A request on its way, less its body.
pub(crate) struct Asking<'request> {
    pub(crate) current: &'request Current,
    pub(crate) parts: &'request Parts,
    /// The decoded path.
    pub(crate) path: &'request str,
    pub(crate) id: RequestId,
    /// The asker's address: the peer's, or whom a trusted proxy names.
    pub(crate) address: IpAddr,
    pub(crate) cookies: Cookies,
    pub(crate) live: Option<&'request Live>,
}

impl App {
    /// Serves what an engine holds; where another is put in its place, the next request has that one.
    #[must_use]
    pub fn new(engine: Arc<ArcSwap<Engine>>, config: Config) -> App {
        let current = Current::of(engine.load_full());
        if current.hosts.is_empty() {
            tracing::warn!("no host is accepted: set `site.url` or `server.hosts`");
        }
        if let (Some(rates), None) = (&current.rates, &config.router) {
            let routes =
                route::table::routes(current.engine.site(), &config.assets.paths(), config.live.is_some());
            for name in rates.idle(&routes) {
                tracing::warn!("`limits.routes.\"{name}\"` covers no route of the site");
            }
        }
        App(Arc::new(Inner {
            source: engine,
            current: ArcSwap::from_pointee(current),
            assets: config.assets,
            live: config.live,
            router: config.router.map(|router| router.fallback(unmatched)),
            closing: AtomicBool::new(false),
        }))
    }

    /// Every route of the site.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteInfo> {
        route::table::routes(self.current().engine.site(), &self.0.assets.paths(), self.0.live.is_some())
    }

    /// From now on `/readyz` says no, so that a load balancer sends nobody here any more.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        if let Some(live) = &self.0.live {
            live.close();
        }
    }

    /// Answers a request, as from this machine.
    pub async fn handle(&self, request: Request<RequestBody>) -> Response<Body> {
        self.handle_from(request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }

    /// Answers a request of a peer.
    pub async fn handle_from(&self, request: Request<RequestBody>, peer: IpAddr) -> Response<Body> {
        let started = Instant::now();
        let id = RequestId::next();
        let (mut parts, body) = request.into_parts();
        let line = Line::of(&parts);
        let is_head = parts.method == Method::HEAD;
        let is_safe = parts.method.is_safe();
        let current = self.current();
        let sender = current.proxies.sender(peer, &parts.headers);
        let cookies = current.cookies(&sender);
        let mut noted = Noted::default();
        let is_api = route::is_api(current.engine.site(), parts.uri.path());
        let outcome = {
            let work = pin!(self.pass(&current, &mut parts, body, id, &sender, &mut noted));
            tokio::time::timeout(current.timeout, door::guarded(work)).await
        };
        let mut response = match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => bare(is_api, &Problem::internal(format!("panic: {panic}")), id),
            Err(_elapsed) => bare(is_api, &too_slow(is_safe), id),
        };
        let family = if is_api { Family::Api } else { noted.family };
        current.dressing.dress(&mut response, family, id, cookies.https);
        if is_api && let Some(cors) = &current.cors {
            cors.dress(&parts.headers, response.headers_mut());
        }
        if let Some(rates) = &current.rates {
            rates.dress(noted.standing, response.headers_mut());
        }
        if is_head {
            response = without_body(response);
        }
        if let Some(line) = line {
            line.write(
                response.status(),
                started.elapsed(),
                response.body().size(),
                noted.user.as_deref(),
                sender.address,
                id,
            );
        }
        response
    }

    async fn pass(
        &self,
        current: &Current,
        parts: &mut Parts,
        body: RequestBody,
        id: RequestId,
        sender: &Sender,
        noted: &mut Noted,
    ) -> Response<Body> {
        let site = current.engine.site();
        let is_api = route::is_api(site, parts.uri.path());
        let may = |why| match why {
            // What a provider posts is looked at by its state, and leads to a GET from here.
            _ if parts.method == Method::POST && route::is_form_post(site, parts.uri.path()) => true,
            CrossSite::Foreign => is_api && current.cors.as_ref().is_some_and(|cors| cors.lets_in(parts)),
            CrossSite::Unsaid => parts.uri.path() == REPORTS && reports::is_report(parts),
        };
        if let Err(problem) = door::enter(parts, &current.hosts, sender, may) {
            return bare(is_api, &problem, id);
        }
        let path = match path::decoded(parts.uri.path()) {
            Some(path) => path.into_owned(),
            None => return bare(is_api, &Problem::bad_request("bad_path", "the path is malformed"), id),
        };
        let cookies = current.cookies(sender);
        if let Err(problem) = current.count(parts, &path, sender.address, None, noted) {
            return bare(is_api, &problem, id);
        }
        if is_api && let Some(response) = current.cors.as_ref().and_then(|cors| cors.preflight(parts)) {
            return response;
        }
        let target = route::resolve(site, self.0.live.is_some(), &path);
        let body = match (&target, &self.0.router) {
            (Target::Other, Some(router)) => {
                let through = through(router, current, (sender, id), parts, body, noted);
                match Box::pin(through).await {
                    Ok(Through::Answered(response)) => return response,
                    Ok(Through::Back(body)) => body,
                    Err(problem) => return bare(is_api, &problem, id),
                }
            }
            (_, _) => body,
        };
        let (address, live) = (sender.address, self.0.live.as_deref());
        let asking = Asking { current, parts, path: &path, id, address, cookies, live };
        self.act(&asking, target, body, noted).await
    }

    /// The rooms behind the route. Rare and large futures are boxed: every request would carry room for them.
    async fn act(
        &self,
        asking: &Asking<'_>,
        target: Target,
        mut body: RequestBody,
        noted: &mut Noted,
    ) -> Response<Body> {
        let is_api = matches!(target, Target::Api(_));
        let unguarded = match target {
            Target::Alive => Some(asking.only_get(|| answer::answer(StatusCode::OK, TEXT, "ok\n"))),
            Target::Ready => Some(Box::pin(self.ready(asking)).await),
            Target::Keys => Some(api::keys(asking)),
            Target::Live => Some(asking.only_get(|| dev::events(asking.live))),
            Target::Mail(which) => Some(Box::pin(dev::mail::answer(asking, which)).await),
            Target::Reports => match &asking.current.reports {
                Some(reports) => {
                    let body = std::mem::replace(&mut body, RequestBody::empty());
                    Some(Box::pin(reports.take(asking, body)).await)
                }
                None => Some(Err(Problem::not_found())),
            },
            Target::Other => {
                let found = self.asset(asking).await;
                noted.family = if found.is_some() { Family::Files } else { Family::Pages };
                found
            }
            Target::Api(_) | Target::Account(_) => None,
        };
        if let Some(result) = unguarded {
            return match result {
                Ok(response) => response,
                Err(problem) => bare(false, &problem, asking.id),
            };
        }
        let identity = match identify(&asking.current.engine, asking.parts, asking.cookies).await {
            Ok(identity) => identity,
            Err(problem) => return Box::pin(self.refuse(asking, &Actor::Visitor, is_api, problem)).await,
        };
        if identity.is_scoped() && !is_api {
            return Box::pin(self.refuse(asking, &Actor::Visitor, is_api, guard::for_the_api())).await;
        }
        noted.user = identity.user_id();
        let counted =
            asking.current.count(asking.parts, asking.path, asking.address, Some(&identity.actor), noted);
        if let Err(problem) = counted {
            return bare(is_api, &problem, asking.id);
        }
        // What is known of people and their tokens is read from the database itself: an ended session would live on.
        let looks = asking.looks() && !matches!(target, Target::Account(_) | Target::Api(ApiTarget::Auth(_)));
        let writes = asking.engine().is_audited() && !looks;
        // Where there are replicas the way there is boxed, and where a log is kept that of writes: every request would
        // carry room for them beside its own.
        let result = match (looks && asking.engine().has_replicas(), writes) {
            (true, _) => self.answer_looking(asking, &identity, target, body).await,
            (false, true) => self.answer_authored(asking, &identity, target, body).await,
            (false, false) => self.answer(asking, &identity, target, body).await,
        };
        let mut response = match result {
            Ok(response) => response,
            Err(problem) => Box::pin(self.refuse(asking, &identity.actor, is_api, problem)).await,
        };
        if let Some(user) = identity.actor.user().filter(|user| user.acting.is_some()) {
            response = answer::bar::with_bar(response, asking.engine(), user);
        }
        asking.settle(&identity, &mut response);
        if !asking.looks() && asking.engine().has_replicas() {
            Box::pin(asking.tell_written(&mut response)).await;
        }
        response
    }

    /// As [`App::answer`], perhaps from a replica.
    fn answer_looking<'ask>(
        &'ask self,
        asking: &'ask Asking<'_>,
        identity: &'ask Identity,
        target: Target,
        body: RequestBody,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send + 'ask>> {
        let answer = self.answer(asking, identity, target, body);
        Box::pin(asking.engine().looking(asking.marks(), answer))
    }

    /// As [`App::answer`], with what it writes in the asker's name.
    fn answer_authored<'ask>(
        &'ask self,
        asking: &'ask Asking<'_>,
        identity: &'ask Identity,
        target: Target,
        body: RequestBody,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send + 'ask>> {
        let answer = self.answer(asking, identity, target, body);
        Box::pin(authored(asking.author(&identity.actor), answer))
    }

    async fn answer(
        &self,
        asking: &Asking<'_>,
        identity: &Identity,
        target: Target,
        body: RequestBody,
    ) -> Result<Response<Body>, Problem> {
        match target {
            Target::Api(target) => api::answer(asking, identity, target, body).await,
            Target::Account(account) => Box::pin(accounts::answer(asking, identity, account, body)).await,
            _ => self.page(asking, identity, body).await,
        }
    }

    async fn asset(&self, asking: &Asking<'_>) -> Option<Result<Response<Body>, Problem>> {
        let entry =
            self.0.assets.find(asking.path).filter(|_| !path::is_disguised(asking.parts.uri.path()))?;
        if asking.parts.method == Method::OPTIONS {
            return Some(Ok(allow("GET, HEAD, OPTIONS")));
        }
        Some(entry.answer(&asking.parts.method, &asking.parts.headers).await)
    }

    async fn page(
        &self,
        asking: &Asking<'_>,
        identity: &Identity,
        body: RequestBody,
    ) -> Result<Response<Body>, Problem> {
        if let Some(report) = asking.live.and_then(Live::report) {
            return Ok(dev::broken(&report));
        }
        match route::find_page(&asking.current.engine, asking.path) {
            PageFound::Page(matched) => pages::answer(asking, identity, &matched, body).await,
            PageFound::WithoutSlash => {
                let mut to = path::encoded(asking.path.trim_end_matches('/'));
                if let Some(query) = asking.parts.uri.query() {
                    to.push('?');
                    to.push_str(query);
                }
                Ok(answer::redirect(StatusCode::PERMANENT_REDIRECT, &to))
            }
            PageFound::Nothing => Err(Problem::not_found()),
        }
    }

    async fn ready(&self, asking: &Asking<'_>) -> Result<Response<Body>, Problem> {
        if self.0.closing.load(Ordering::Relaxed) {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "closing",
                "the server is shutting down",
            ));
        }
        asking.current.engine.ready().await.map_err(|failure| Problem {
            inside: Some(failure.to_string().into()),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "the database does not answer")
        })?;
        asking.only_get(|| answer::answer(StatusCode::OK, TEXT, "ready\n"))
    }

    /// An error as JSON, or as the site's own page for it.
    async fn refuse(
        &self,
        asking: &Asking<'_>,
        actor: &Actor,
        is_api: bool,
        problem: Problem,
    ) -> Response<Body> {
        if is_api {
            return bare(true, &problem, asking.id);
        }
        if asking.live.is_some() && problem.inside.is_some() {
            problem.log(asking.id);
            return problem.dress(dev::failed(&problem));
        }
        let request =
            PageRequest { actor, path: asking.path, query_string: "", query: &[], flash: Vec::new() };
        let extra = vec![(
            "error".to_owned(),
            serde_json::json!({
                "status": problem.status.as_u16(),
                "title": problem.status.canonical_reason().unwrap_or("Error"),
                "detail": html::sentence(&problem.detail),
                "code": problem.code,
                "request_id": asking.id.to_string(),
            }),
        )];
        let template = html::template_for(problem.status);
        match asking.current.engine.system_page(template, &request, extra).await {
            Ok(mut page) => {
                problem.log(asking.id);
                page.status = problem.status.as_u16();
                pages::shown(asking, page, false)
                    .map_or_else(|_| bare(false, &problem, asking.id), |response| problem.dress(response))
            }
            Err(error) => {
                tracing::warn!(request_id = %asking.id, "{template} cannot be shown: {error}");
                bare(false, &problem, asking.id)
            }
        }
    }

    /// The engine in force, with what is made of its settings.
    fn current(&self) -> Arc<Current> {
        let current = self.0.current.load_full();
        let engine = self.0.source.load();
        if Arc::ptr_eq(&current.engine, &engine) {
            return current;
        }
        let current = Arc::new(Current::of(engine.clone()));
        self.0.current.store(current.clone());
        current
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// Where the database stood after a write, on its way out and on the way back in.
const WRITTEN: HeaderName = HeaderName::from_static("purlin-written");

impl Asking<'_> {
    pub(crate) fn engine(&self) -> &Engine {
        &self.current.engine
    }

    /// The address as what is counted by address takes it.
    pub(crate) fn place(&self) -> String {
        door::place(self.address)
    }

    /// On whose behalf the request writes.
    fn author(&self, actor: &Actor) -> Author {
        let way = if self.is_program() { "token" } else { "cookie" };
        author_of(actor, way, self.address.to_string(), self.id.to_string())
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(crate) fn query_string(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> Result<Pairs, Problem> {
        input::pairs(self.query_string().as_bytes())
    }

    pub(crate) async fn form(&self, body: RequestBody) -> Result<Pairs, Problem> {
        let body = door::limits::read(body, self.current.max_body_bytes).await?;
        input::form(self.parts, body).await
    }

    pub(crate) fn user_agent(&self) -> Cow<'_, str> {
        let agent = self.parts.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        String::from_utf8_lossy(&agent[..agent.len().min(512)])
    }

    pub(crate) fn only_get(&self, make: impl FnOnce() -> Response<Body>) -> Result<Response<Body>, Problem> {
        match *self.method() {
            Method::GET | Method::HEAD => Ok(make()),
            Method::OPTIONS => Ok(allow("GET, HEAD, OPTIONS")),
            _ => Err(Problem::method_not_allowed("GET, HEAD, OPTIONS")),
        }
    }

    /// Whether the request can write nothing.
    fn looks(&self) -> bool {
        matches!(*self.method(), Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// What the asker was given when he last wrote. As with sessions, a header of a program's own means that cookies are
    /// not looked at.
    fn marks(&self) -> impl Iterator<Item = &str> {
        let headers = &self.parts.headers;
        let cookie = if self.is_program() { None } else { self.cookies.written(headers) };
        // One that is no text is none of ours either.
        headers.get_all(WRITTEN).into_iter().map(|mark| mark.to_str().unwrap_or_default()).chain(cookie)
    }

    fn is_program(&self) -> bool {
        self.parts.headers.contains_key(header::AUTHORIZATION)
    }

    /// Gives whoever may have written what lets him read it, whichever server of the database answers.
    async fn tell_written(&self, response: &mut Response<Body>) {
        let Some(written) = self.engine().mark_of_write().await else { return };
        if let Ok(mark) = HeaderValue::try_from(&written.mark) {
            response.headers_mut().insert(WRITTEN, mark);
        }
        let cookie = self.cookies.set_written(&written.mark, written.seconds);
        if let Some(cookie) = cookie.filter(|_| !self.is_program()) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    /// What an answer to somebody has besides: it is kept nowhere, and a dead cookie is cleared.
    fn settle(&self, identity: &Identity, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        if identity.actor.user().is_some() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
        if identity.stale_cookie
            && !headers.contains_key(header::SET_COOKIE)
            && let Some(cookie) = self.cookies.clear_session()
        {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

/// What OPTIONS answers.
pub(crate) fn allow(methods: &'static str) -> Response<Body> {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// An error that needs neither engine nor template.
fn bare(is_api: bool, problem: &Problem, id: RequestId) -> Response<Body> {
    problem.log(id);
    if is_api { problem.to_json(id) } else { html::plain(problem, id) }
}

/// What was being written goes on to its end, so that nobody knows yet what becomes of it.
fn too_slow(is_safe: bool) -> Problem {
    let slow = |detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).closing();
    match is_safe {
        true => slow("the request took too long").with(header::RETRY_AFTER, HeaderValue::from(1)),
        false => slow("the request took too long: look whether it was done before you try again"),
    }
}

/// What HEAD gets: everything but the body, and how long that is.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let may_have_length = !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(size) = body.size().filter(|_| may_have_length) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    Response::from_parts(parts, Body::empty())
}
