//! A provider that others wrote: `oidc-provider` of npm, in a process of its own.
//!
//! It is installed at test time into the target folder, by npm. Where node, npm or its registry is not there, the test says so
//! and does nothing.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use purlin_outgoing::http::Request;
use purlin_outgoing::{Client as Browser, Limits};
use purlin_schema::settings::{Allowed, OutgoingSettings, Place};
use purlin_testkit::running::{BEGINNING, pass};
use purlin_testkit::{Running, foreign};

use super::provider::Ask;
use super::{MAIL, PAGE, who};

/// The last that runs on every node that is looked after.
const VERSION: &str = "8";
const SERVER: &str = r"
import Provider from 'oidc-provider';
import http from 'node:http';
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'site', client_secret: 'a secret of the site', redirect_uris: ['http://127.0.0.1:8080/login/with/idp/callback'],
      response_types: ['code'], grant_types: ['authorization_code'], token_endpoint_auth_method: process.argv[2],
      id_token_signed_response_alg: process.argv[3],
    }],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: id !== 'mallory', name: id }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
";

/// What it writes is read: a process whose output nobody takes ends.
struct Node {
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path, arguments: [&str; 2]) -> (Node, String) {
    let script = folder.join("server.js");
    fs::write(&script, SERVER).expect("a file");
    let child = Command::new("node")
        .arg(&script)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("node starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    stdout.read_line(&mut line).expect("its first line");
    let node = Node { child, _output: stdout };
    assert!(line.starts_with("http://"), "it started: {line}");
    (node, line.trim().to_owned())
}

/// Somebody at the provider's own pages: signs in and consents, with a browser's cookies, until he is sent back.
async fn at_the_provider(start: &str, login: &str) -> String {
    let place = Place::Network("127.0.0.1".parse().expect("an address"));
    let browser = Browser::of(&OutgoingSettings { allow: vec![Allowed { place, port: None }] });
    let mut cookies: HashMap<String, String> = HashMap::new();
    let origin: String = start.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let (mut url, mut form) = (start.to_owned(), None::<String>);
    for _ in 0..15 {
        let jar: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let builder = if form.is_some() { Request::post(&url) } else { Request::get(&url) };
        let request = builder
            .header("cookie", jar.join("; "))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.take().unwrap_or_default().into_bytes())
            .expect("a request");
        let limits = Limits { redirects: 0, ..Limits::default() };
        let answer = browser.send(request, limits).await.expect("it answers");
        for cookie in answer.headers().get_all("set-cookie") {
            let text = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = text.split_once('=').expect("a pair");
            cookies.insert(name.to_owned(), value.to_owned());
        }
        if let Some(place) = answer.headers().get("location") {
            let place = place.to_str().expect("text");
            if let Some(path) = place.strip_prefix("http://127.0.0.1:8080") {
                return path.to_owned();
            }
            url = if place.starts_with('/') { format!("{origin}{place}") } else { place.to_owned() };
            continue;
        }
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let action = page.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
        let action = action.unwrap_or_else(|| panic!("{}: {page}", answer.status()));
        url = if action.starts_with('/') { format!("{origin}{action}") } else { action.to_owned() };
        let prompt = if page.contains("name=\"login\"") { "login" } else { "consent" };
        form = Some(format!("prompt={prompt}&login={login}&password=x"));
    }
    panic!("it goes round and round at {url}")
}

#[tokio::test]
async fn a_provider_that_others_wrote_signs_people_in() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let installed = || foreign::has("node").then(|| foreign::npm(target, "oidc-provider", VERSION))?;
    let Some(folder) = tokio::task::spawn_blocking(installed).await.expect("it ran") else { return };
    for (auth, algorithm) in [("client_secret_basic", "RS256"), ("client_secret_post", "RS256")] {
        let (_node, issuer) = start(&folder, [auth, algorithm]);
        let settings = format!(
            "[site]\nname = \"Site\"\nurl = \"http://127.0.0.1:8080\"\n{MAIL}[outgoing]\nallow = [\"{}\"]\n\
             [accounts.providers.idp]\nlabel = \"Real\"\nissuer = \"{issuer}\"\nclient_id = \"site\"\n\
             client_secret = \"a secret of the site\"\nscopes = [\"openid\", \"email\", \"profile\"]\n{}",
            issuer.trim_start_matches("http://"),
            if auth == "client_secret_post" { "token_auth = \"form\"\n" } else { "" },
        );
        let running = Running::from_files(&[("site.toml", &settings), ("pages/index.html", PAGE)]).await;
        // Its clock is this machine's.
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_micros();
        pass(i64::try_from(now).expect("before 294247") - BEGINNING);
        let mut client = running.client();
        for _ in 0..2 {
            let leaving = client.post("/login/with/idp", &[("next", "/account")]).await;
            Ask::of(&leaving);
            let to = leaving.header("refresh").trim_start_matches("0;url=").to_owned();
            let back = at_the_provider(&to, "ann").await;
            assert!(back.contains("iss="), "it names itself (RFC 9207): {back}");
            let reply = client.get(&back).await;
            assert_eq!(reply.header("location"), "/account", "{auth}: {}", reply.text());
            assert_eq!(who(&mut client).await, "ann@example.org");
            // The code is spent there too, and the state here.
            assert_eq!(client.get(&back).await.status, 422);
        }
        let mut mallory = running.client();
        let leaving = mallory.post("/login/with/idp", &[]).await;
        let to = leaving.header("refresh").trim_start_matches("0;url=").to_owned();
        let reply = mallory.get(&at_the_provider(&to, "mallory").await).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
        assert_eq!(who(&mut mallory).await, "");
    }
}
