//! What a real Chromium makes of the headers: policies, their reports, and pages of other sites.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use purlin_testkit::Running;
use purlin_testkit::webdriver::{self, Browser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PAGE: &str = "<!doctype html><html lang=\"en\"><title>Page</title><body><p id=\"told\">nothing</p>\
    <script src=\"{{ asset('app.js') }}\" defer></script></body></html>";

/// Does what a policy forbids, and tells what came of it.
const SCRIPT: &str = r#"
    const told = [];
    const attempt = (name, what) => { try { what(); told.push(name); } catch { told.push("no " + name); } };
    attempt("markup", () => { document.createElement("p").innerHTML = "<b>x</b>"; });
    attempt("eval", () => { eval("1"); });
    attempt("named", () => {
      const policy = window.trustedTypes.createPolicy("purifier", { createHTML: (html) => html });
      document.createElement("p").innerHTML = policy.createHTML("<b>x</b>");
    });
    document.getElementById("told").textContent = told.join(", ");
"#;

fn is_absent() -> bool {
    let absent = webdriver::absent();
    if let Some(why) = &absent {
        #[expect(clippy::print_stderr, reason = "what was left out is worth knowing")]
        {
            eprintln!("left out: {why}");
        }
    }
    absent.is_some()
}

fn screenshots() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots")
}

async fn serve(running: &Running) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(purlin_server::serve(running.app.clone(), listener, 100, pending()));
    origin
}

/// A way to a server that keeps what goes over it.
async fn listened(to: &str) -> (String, watch::Receiver<String>) {
    let (kept, seen) = watch::channel(String::new());
    let kept = Arc::new(kept);
    let to = to.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((here, _)) = listener.accept().await {
            let there = TcpStream::connect(&to).await.expect("the server");
            let ((here_in, here_out), (there_in, there_out)) = (here.into_split(), there.into_split());
            tokio::spawn(copy(here_in, there_out, kept.clone()));
            tokio::spawn(copy(there_in, here_out, kept.clone()));
        }
    });
    (origin, seen)
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    kept: Arc<watch::Sender<String>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        kept.send_modify(|text| text.push_str(&String::from_utf8_lossy(&buffer[..count])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_reports_what_a_policy_refused() {
    if is_absent() {
        return;
    }
    let files = [
        ("site.toml", "[csp]\ntrusted_types = [\"purifier\"]\n"),
        ("pages/index.html", PAGE),
        ("public/app.js", SCRIPT),
    ];
    let running = Running::from_files(&files).await;
    let (origin, mut seen) = listened(&serve(&running).await).await;
    let visit = tokio::task::spawn_blocking(move || {
        let browser = Browser::start(&screenshots());
        browser.go(&origin);
        assert_eq!(browser.find("#told").text(), "no markup, no eval, named");
        browser
    });
    let browser = visit.await.expect("the visit");
    let reported = seen.wait_for(|text| {
        let report = text.split_once("POST /_purlin/reports");
        report.is_some_and(|(_, after)| after.contains("HTTP/1.1 204") || after.contains("HTTP/1.1 4"))
    });
    let reported = tokio::time::timeout(Duration::from_secs(60), reported).await;
    let text = reported.expect("a report").expect("the way is open").clone();
    let (_, report) = text.split_once("POST /_purlin/reports").expect("a report");
    assert!(report.contains("HTTP/1.1 204"), "{report}");
    assert!(report.to_lowercase().contains("content-type: application/csp-report"), "{report}");
    drop(browser);
}

/// A page of another site that asks the API, and tells what it saw.
const ASKING: &str = r#"
    const [api, credentials] = location.hash.slice(1).split(",");
    const told = [];
    const ask = async (name, options) => {
      try {
        const reply = await fetch(api, { credentials, ...options });
        told.push(`${name} ${reply.status} ${reply.headers.get("x-request-id") ? "shown" : "hidden"}`);
      } catch { told.push(`${name} refused`); }
    };
    (async () => {
      await ask("read", {});
      await ask("write", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
      await ask("token", { headers: { authorization: "Bearer wrong" } });
      await ask("odd", { headers: { "x-odd": "1" } });
      document.getElementById("told").textContent = told.join(", ");
      document.getElementById("told").className = "done";
    })();
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_lets_named_origins_alone_use_the_api() {
    if is_absent() {
        return;
    }
    let note = "[fields]\ntext = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'true'\n";
    let app = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    // Another site for a browser, though the same machine.
    let origin = format!("http://localhost:{}", app.local_addr().expect("an address").port());
    let nobody = "read refused, write refused, token refused, odd refused";
    let named = "read 200 shown, write 201 shown, token 401 shown, odd refused";
    let mut apis = Vec::new();
    for (cors, credentials, expected) in [
        (String::new(), "omit", nobody),
        ("[cors]\norigins = [\"http://localhost:1\"]\n".to_owned(), "omit", nobody),
        (format!("[cors]\norigins = [\"{origin}\"]\n"), "omit", named),
        (format!("[cors]\norigins = [\"{origin}\"]\n"), "include", nobody),
        (format!("[cors]\norigins = [\"{origin}\"]\ncredentials = true\n"), "include", named),
        ("[cors]\norigins = \"*\"\n".to_owned(), "omit", named),
        ("[cors]\norigins = \"*\"\n".to_owned(), "include", nobody),
    ] {
        let running = Running::from_files(&[("site.toml", &cors), ("models/notes.toml", note)]).await;
        apis.push((serve(&running).await, cors, credentials, expected, running));
    }
    // The page of another site may ask where it likes; whether it is answered is for the API to say.
    let reached: Vec<String> = apis.iter().map(|(api, ..)| format!("\"{api}\"")).collect();
    let settings = format!("[csp]\nconnect = [{}]\n", reached.join(", "));
    let page = [("site.toml", settings.as_str()), ("pages/index.html", PAGE), ("public/app.js", ASKING)];
    let running = Running::from_files(&page).await;
    tokio::spawn(purlin_server::serve(running.app.clone(), app, 100, pending()));
    let visit = tokio::task::spawn_blocking(move || {
        let browser = Browser::start(&screenshots());
        for (api, cors, credentials, expected, _) in &apis {
            browser.go("about:blank");
            browser.go(&format!("{origin}/#{api}/api/notes,{credentials}"));
            assert_eq!(&browser.find("#told.done").text(), expected, "{credentials} {cors}");
        }
    });
    visit.await.expect("the visit");
}
