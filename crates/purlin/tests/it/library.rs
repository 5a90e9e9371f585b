//! The library's front door: a site served by a program of one's own, with axum routes beside its pages.

use axum::routing::get;
use purlin::{Purlin, axum};
use purlin_testkit::http;

use crate::site::Site;

#[test]
fn axum_routes_stand_beside_the_sites_own() {
    let site = Site::new("blank");
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let first = axum::Router::new().route("/hello", get(|| async { "Hello from Rust" }));
    let second = axum::Router::new().route("/login", get(|| async { "not this one" }));
    let purlin = Purlin::site(site.path()).set("site.name", "Mine").router(first).router(second);
    let serving = runtime.spawn(purlin.serve_on(listener));

    // The listener is there already, so the first request waits until the site is.
    let answer = http::get(address, "/hello").expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "Hello from Rust"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "the door is before every route");
    assert!(http::get(address, "/").expect("an answer").body.contains("Mine is up"));
    assert!(
        http::get(address, "/login").expect("an answer").body.contains("<form"),
        "Purlin's own paths come first"
    );
    assert_eq!(http::get(address, "/nothing").expect("an answer").status, 404);
    serving.abort();
}

#[test]
fn what_is_wrong_is_an_error_that_can_be_shown() {
    let site = Site::of(&[("models/notes.toml", "[fields]\ntitle = { type = \"txt\" }\n")]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = runtime.block_on(Purlin::site(site.path()).serve()).expect_err("a mistake");
    assert!(error.to_string().contains("models/notes.toml:2"), "{error}");
}
