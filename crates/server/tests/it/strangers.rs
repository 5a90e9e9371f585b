//! Requests made up at random: none may make the server fail.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::site::Site;

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("api".to_owned()),
        Just("posts".to_owned()),
        Just("wish".to_owned()),
        Just("login".to_owned()),
        Just("1".to_owned()),
        Just("..".to_owned()),
        Just("%2e".to_owned()),
        "[a-zA-Z0-9%._~!$&'()*+,;=:@-]{0,12}",
    ];
    let query = "([a-z_]{1,8}=[a-zA-Z0-9%+.,()\"'<>-]{0,12}&?){0,4}";
    (proptest::collection::vec(part, 0..4), query).prop_map(|(parts, query)| {
        let query = query.replace(['"', '<', '>'], "%22");
        format!("/{}?{query}", parts.join("/"))
    })
}

fn header() -> impl Strategy<Value = (&'static str, String)> {
    let name = prop_oneof![
        Just("accept"),
        Just("accept-encoding"),
        Just("authorization"),
        Just("content-type"),
        Just("cookie"),
        Just("host"),
        Just("if-match"),
        Just("if-none-match"),
        Just("origin"),
        Just("range"),
        Just("sec-fetch-site"),
    ];
    let value = prop_oneof![
        "[ -~]{0,30}",
        Just("application/json".to_owned()),
        Just("application/x-www-form-urlencoded".to_owned()),
        Just("multipart/form-data; boundary=x".to_owned()),
        Just("localhost".to_owned()),
        Just("same-origin".to_owned()),
        Just("purlin_session=x; purlin_flash=y".to_owned()),
        Just("bytes=0-1".to_owned()),
    ];
    (name, value)
}

#[test]
fn nothing_that_is_sent_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = runtime.block_on(Site::new());
    let method =
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("PATCH"), Just("DELETE"), Just("OPTIONS")];
    let body = prop_oneof![
        "\\PC{0,60}",
        "\\{\"[a-z]{1,6}\":[0-9\"a-z\\[\\]{}]{0,10}\\}",
        "(text|_form|email)=[a-z%0-9]{0,10}"
    ];
    let headers = proptest::collection::vec(header(), 0..4);
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    runner
        .run(&(method, path(), headers, body), |(method, path, headers, body)| {
            if path.parse::<http::Uri>().is_err() {
                return Ok(());
            }
            let mut headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, &**value)).collect();
            headers.push(("host", "localhost"));
            headers.dedup_by_key(|(name, _)| *name);
            let reply = runtime.block_on(site.ask(method, &path, &headers, &body));
            prop_assert!(reply.status.as_u16() < 500, "{method} {path} {headers:?} {body:?}: {}", reply.body);
            prop_assert_eq!(reply.header("x-content-type-options"), "nosniff");
            Ok(())
        })
        .unwrap();
}
