//! What is written down of a request, and what is not.

use std::io;
use std::sync::{Arc, Mutex};

use http::{HeaderValue, Request};
use purlin_server::RequestBody;
use tracing_subscriber::fmt::MakeWriter;

use crate::site::{PASSWORD, Site};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Kept;

    fn make_writer(&self) -> Kept {
        self.clone()
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn attack_16_a_line_a_request_and_nothing_that_acts() {
    let site = Site::new().await;
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_writer(kept.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let token = site.token("ann@example.org").await;
    let request = Request::get("/api/posts?filter=secret-text")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .header("user-agent", HeaderValue::from_bytes(b"evil \xff\tagent\\").unwrap())
        .body(RequestBody::empty())
        .unwrap();
    let reply = site.send(request).await;
    let log = kept.text();
    let line = log.lines().find(|line| line.contains("/api/posts")).unwrap();
    for part in [
        "method=\"GET\"",
        "path=\"/api/posts\"",
        "status=",
        "duration_us=",
        "user=\"1\"",
        "address=127.0.0.1",
        "evil \\\\xff\\\\tagent",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(line.contains(reply.header("x-request-id")));
    for never in ["secret-text", &token, PASSWORD] {
        assert!(!log.contains(never), "{never}: {log}");
    }
    assert!(log.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)), "{log:?}");
}

#[tokio::test]
async fn attack_16_a_report_is_a_line_and_tells_no_query() {
    let site = Site::new().await;
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_writer(kept.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let report = r#"{"csp-report":{"document-uri":"http://localhost/posts?token=secret-text#secret-text",
        "blocked-uri":"https://evil.net/\u001b[31m\nx.js?secret-text","effective-directive":"script-src-elem",
        "source-file":"http://localhost/a.js","line-number":12,"script-sample":"secret-text"}}"#;
    let reply =
        site.ask("POST", "/_purlin/reports", &[("content-type", "application/csp-report")], report).await;
    assert_eq!(reply.status, 204, "{}", reply.body);
    let log = kept.text();
    let line = log.lines().find(|line| line.contains("purlin::csp")).unwrap();
    for part in [
        "directive=\"script-src-elem\"",
        "page=\"http://localhost/posts\"",
        "blocked=\"https://evil.net/\\\\x1b[31m\\\\nx.js\"",
        "line=12",
        "address=127.0.0.1",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("secret-text"), "{log}");
    assert!(log.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)), "{log:?}");
}

#[tokio::test]
async fn what_failed_inside_is_written_down_once() {
    let site = Site::new().await;
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_writer(kept.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let reply = site.get("/fails").await;
    let log = kept.text();
    assert_eq!(log.matches("fails.html").count(), 1, "{log}");
    let line = log.lines().find(|line| line.contains("fails.html")).unwrap();
    assert!(line.contains("ERROR") && log.contains(reply.header("x-request-id")), "{log}");
    assert!(log.contains("^^^"), "the line of the template has its caret: {log}");
}
