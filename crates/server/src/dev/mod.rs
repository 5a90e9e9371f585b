//! What only `purlin dev` has: pages load themselves again when the site changed, and errors are shown.

pub(crate) mod mail;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Bytes, Frame};
use tokio::sync::watch;

use crate::answer::html::escaped;
use crate::answer::{Problem, answer};
use crate::assets::Builtin;
use crate::body::Body;
use crate::pages::HTML;

/// The script that listens for changes; pages under `dev` load it.
pub(crate) const SCRIPT: Builtin = Builtin { path: "/_purlin/live.js", text: include_str!("live.js") };

const SCRIPT_TAG: &str = "<script src=\"/_purlin/live.js\" defer></script>";
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What tells open pages that the site changed or broke.
pub struct Live {
    version: watch::Sender<Version>,
    report: ArcSwapOption<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Number(u64),
    Closed,
}

impl Default for Live {
    fn default() -> Live {
        Live::new()
    }
}

impl Live {
    /// For a site that has just been loaded.
    #[must_use]
    pub fn new() -> Live {
        // A page that outlives a restart of the server sees another number, too.
        let mut start = [0; 4];
        let _ = getrandom::fill(&mut start);
        let first = Version::Number(u64::from(u32::from_le_bytes(start)) << 16);
        Live { version: watch::Sender::new(first), report: ArcSwapOption::empty() }
    }

    /// The site changed and is whole: open pages load themselves again.
    pub fn changed(&self) {
        self.report.store(None);
        self.step();
    }

    /// The site has mistakes: pages show this report (plain text) until it is whole again, while the API goes
    /// on with the last good version.
    pub fn broken(&self, report: String) {
        self.report.store(Some(Arc::new(report)));
        self.step();
    }

    /// Ends every event stream, so that the server can stop.
    pub(crate) fn close(&self) {
        self.version.send_replace(Version::Closed);
    }

    /// What is wrong with the site.
    pub(crate) fn report(&self) -> Option<Arc<String>> {
        self.report.load_full()
    }

    fn step(&self) {
        self.version.send_modify(|version| {
            if let Version::Number(number) = version {
                *number += 1;
            }
        });
    }
}

/// The event stream (WHATWG HTML §9.2): the site's number now, and whenever it changes.
pub(crate) fn events(live: Option<&Live>) -> Response<Body> {
    let body = live.map_or_else(Body::empty, |live| Body::pieces(Events::new(live.version.subscribe())));
    let mut response = answer(StatusCode::OK, "text/event-stream", body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

type Wait = Pin<Box<dyn Future<Output = (watch::Receiver<Version>, Option<Bytes>)> + Send>>;

struct Events(Option<Wait>);

impl Events {
    fn new(mut version: watch::Receiver<Version>) -> Events {
        version.mark_changed();
        Events(Some(Box::pin(wait(version))))
    }
}

async fn wait(mut version: watch::Receiver<Version>) -> (watch::Receiver<Version>, Option<Bytes>) {
    let text = match tokio::time::timeout(KEEP_ALIVE, version.changed()).await {
        Err(_elapsed) => Some(Bytes::from_static(b":\n\n")),
        Ok(Err(_gone)) => None,
        Ok(Ok(())) => match *version.borrow_and_update() {
            Version::Number(number) => Some(Bytes::from(format!("data: {number}\n\n"))),
            Version::Closed => None,
        },
    };
    (version, text)
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(waiting) = &mut self.0 else { return Poll::Ready(None) };
        let (version, text) = ready!(waiting.as_mut().poll(context));
        self.0 = text.is_some().then(|| Box::pin(wait(version)) as Wait);
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }
}

/// A page with the script that listens for changes, and with what its author should know of it.
pub(crate) fn with_script(mut page: String, notes: &[String]) -> String {
    let at = page.rfind("</body>").or_else(|| page.rfind("</html>")).unwrap_or(page.len());
    let mut tail = String::new();
    if !notes.is_empty() {
        // The site's own style is what there is; the element's own attributes make it readable under any.
        tail.push_str("<dialog open aria-label=\"Notes under purlin dev\"><form method=\"dialog\">");
        for note in notes {
            tail.push_str(&format!("<p>{}</p>", escaped(note)));
        }
        tail.push_str("<button>Close</button></form></dialog>\n");
    }
    tail.push_str(SCRIPT_TAG);
    page.insert_str(at, &tail);
    page
}

/// What every page is while the site has mistakes.
pub(crate) fn broken(report: &str) -> Response<Body> {
    error_page("This site has mistakes", "It is served again as soon as they are mended.", report)
}

/// What a request that failed shows under `dev`.
pub(crate) fn failed(problem: &Problem) -> Response<Body> {
    error_page(
        "This request failed",
        "Visitors see the site's 500.html instead.",
        problem.inside.as_deref().unwrap_or(""),
    )
}

fn error_page(title: &str, what: &str, report: &str) -> Response<Body> {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"stylesheet\" href=\"/_purlin/purlin.css\">\n<body class=\"purlin\">\n\
         <main class=\"purlin-report\">\n<h1>{title}</h1>\n<p>{what}</p>\n\
         <pre tabindex=\"0\">{report}</pre>\n</main>\n</body>\n</html>\n",
        report = escaped(report),
    );
    let mut response = answer(StatusCode::INTERNAL_SERVER_ERROR, HTML, with_script(page, &[]));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn open_pages_hear_of_changes() {
        let live = Live::new();
        let mut body = events(Some(&live)).into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        live.broken("no".into());
        let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.starts_with(b"data: ") && second.starts_with(b"data: ") && first != second);
        assert_eq!(live.report().unwrap().as_str(), "no");
        live.changed();
        assert!(live.report().is_none());
        body.frame().await.unwrap().unwrap();
        live.close();
        assert!(body.frame().await.is_none());
    }

    /// What Trusted Types guard, a site that demands them could not be worked on with.
    #[test]
    fn attack_07_the_script_writes_no_markup() {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "setAttribute",
            ".src",
        ] {
            assert!(!SCRIPT.text.contains(sink), "{sink}");
        }
    }

    #[tokio::test]
    async fn attack_09_reports_are_escaped() {
        let body = broken("<script>alert(1)</script>").into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains("<script>alert"));
    }
}
