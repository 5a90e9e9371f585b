//! The server as a whole: panics, time-outs, a site's own routes, health.

use std::time::Duration;

use axum::routing::{get, post};
use http::Request;
use purlin_engine::Actor;
use purlin_server::{Body, Config, RequestBody};

use crate::site::Site;

async fn with_routes() -> Site {
    let router = axum::Router::new()
        .route("/boom", get(async || -> &'static str { panic!("inside {}", 42) }))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(3600)).await))
        .route("/echo", post(async |text: String| text))
        .route(
            "/who",
            get(async |axum::Extension(actor): axum::Extension<Actor>| match actor.user() {
                Some(user) => user.role.to_string(),
                None => "nobody".to_owned(),
            }),
        );
    Site::with(Config { router: Some(router), ..Config::default() }, &[]).await
}

#[tokio::test]
async fn a_panic_is_500_to_its_own_request() {
    let site = with_routes().await;
    let reply = site.get("/boom").await;
    assert_eq!(reply.status, 500);
    assert!(!reply.body.contains("inside"), "{}", reply.body);
    assert!(reply.headers.contains_key("content-security-policy"));
    assert_eq!(site.get("/").await.status, 200);
}

#[tokio::test]
async fn a_slow_request_is_ended() {
    let site = with_routes().await;
    tokio::time::pause();
    let reply = site.get("/slow").await;
    assert_eq!(reply.status, 503);
}

#[tokio::test]
async fn own_routes_know_the_actor_and_are_guarded() {
    let site = with_routes().await;
    assert_eq!(site.get("/who").await.body, "nobody");
    let token = site.token("ann@example.org").await;
    assert_eq!(site.get_as("/who", &token).await.body, "author");
    assert_eq!(site.ask("POST", "/echo", &[], "hello").await.body, "hello");
    assert_eq!(site.ask("POST", "/echo", &[("origin", "http://evil.net")], "hello").await.status, 403);
    assert_eq!(site.ask("POST", "/echo", &[], &"a".repeat(30_000)).await.status, 413);
    assert_eq!(site.ask("DELETE", "/echo", &[], "").await.status, 405);
    // What they do not know goes on, with its body.
    let wish = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(site.ask("POST", "/wish", &wish, "text=Rain").await.status, 303);
    assert_eq!(site.get("/style.css").await.status, 200);
    assert_eq!(site.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn health_is_told() {
    let site = Site::new().await;
    assert_eq!(site.get("/healthz").await.body, "ok\n");
    assert_eq!(site.get("/readyz").await.status, 200);
    site.app.close();
    assert_eq!(site.get("/healthz").await.status, 200);
    assert_eq!(site.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn static_files_are_kept_by_browsers() {
    let site = Site::new().await;
    let reply = site.get("/style.css").await;
    assert_eq!(reply.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "public, no-cache");
    let tag = reply.header("etag");
    assert_eq!(site.ask("GET", "/style.css", &[("if-none-match", tag)], "").await.status, 304);
    let part = site.ask("GET", "/style.css", &[("range", "bytes=0-3")], "").await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "body"));
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    struct Endless;
    impl hyper::body::Body for Endless {
        type Data = hyper::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            let piece = hyper::body::Bytes::from_static(&[b' '; 1000]);
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(piece))))
        }
    }
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    for path in ["/api/posts", "/api/auth/login"] {
        let request = Request::post(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(RequestBody::from(Body::pieces(Endless)))
            .unwrap();
        site.send(request).await.is_problem(413, "body_too_large");
    }
}

#[tokio::test]
async fn a_request_is_light() {
    let site = Site::new().await;
    let future = site.app.handle(Request::get("/").body(RequestBody::empty()).unwrap());
    // It is moved with every request: what is rare and large belongs in a box.
    assert!(size_of_val(&future) < 4096, "{} bytes", size_of_val(&future));
}
