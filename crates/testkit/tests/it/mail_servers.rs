//! The mail room against a mail server that others wrote: `aiosmtpd`, with TLS of either kind, passwords, refusals, and an end
//! in the middle of a mail.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use purlin_testkit::running::pass;
use purlin_testkit::{Running, foreign};
use tempfile::TempDir;

const MINUTE: i64 = 60 * 1_000_000;
const SERVER: &str = r#"
import asyncio, os, ssl, sys, trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
mode, folder, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
ca_file = os.path.join(folder, "ca.pem")
ca = trustme.CA()
ca.cert_pem.write_to_path(ca_file)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ca.issue_cert("other.example" if mode == "misnamed" else "127.0.0.1").configure_cert(context)
tries = 0
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode == "unknown": return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        global tries
        tries += 1
        if mode == "busy" and tries == 1: return "451 4.3.0 later"
        if mode == "dies" and tries == 1: os._exit(1)
        print("MAIL", envelope.mail_from, ",".join(envelope.rcpt_tos), "tls" if server.transport.get_extra_info("ssl_object") else "plain",
              session.authenticated, envelope.content.decode().split("Message-ID: ")[1].split("\r\n")[0], flush=True)
        return "250 OK"
def login(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"s3cret")
    return AuthResult(success=right, handled=False)
def smtp():
    starttls = None if mode == "implicit" else context
    return SMTP(Handler(), hostname="127.0.0.1", tls_context=starttls, require_starttls=starttls is not None,
                authenticator=login, auth_required=True, auth_require_tls=starttls is not None)
async def main():
    server = await asyncio.get_running_loop().create_server(
        smtp, "127.0.0.1", port, ssl=context if mode == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(python: &Path, mode: &str, port: u16) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(python)
            .args(["-c", SERVER, mode])
            .arg(folder.path())
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("its first line");
        let port = first.trim().parse().expect("a port");
        Server { child, lines, port, folder }
    }

    /// The next mail that it took.
    fn mail(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    async fn site(&self, scheme: &str, password: &str) -> Running {
        let ca = self.folder.path().join("ca.pem");
        let settings = format!(
            "[site]\nurl = \"http://127.0.0.1:8080\"\n[mail]\nurl = \"{scheme}://127.0.0.1:{}{}\"\n\
             from = \"Site <hello@site.example>\"\nuser = \"ann\"\npassword = \"{password}\"\nca = \"{}\"\n",
            self.port,
            // To this machine it is plain unless it is asked for.
            if scheme == "smtp" { "?tls=required" } else { "" },
            ca.display(),
        );
        Running::from_files(&[("site.toml", &settings), ("pages/index.html", "<p>hello</p>")]).await
    }
}

fn python() -> Option<PathBuf> {
    foreign::python(Path::new(env!("CARGO_TARGET_TMPDIR")), &["aiosmtpd", "trustme"])
}

async fn sign_up(running: &Running) {
    let fields = [("email", "ann@example.org"), ("password", "correct horse battery")];
    let reply = running.client().post("/signup", &fields).await;
    assert_eq!(reply.header("location"), "/verify", "{}", reply.text());
}

/// Sends what is due; gives the last mail's state and what was wrong with it.
async fn sent(running: &Running) -> (String, String) {
    running.engine.send_due().await.expect("it is tried");
    let mail = running.engine.posted().await.expect("the outbox").into_iter().next().expect("a mail");
    (mail.state, mail.error)
}

#[tokio::test]
async fn mails_go_by_tls_of_either_kind_with_a_password() {
    let Some(python) = python() else { return };
    for (mode, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let mut server = Server::start(&python, mode, 0);
        let running = server.site(scheme, "s3cret").await;
        sign_up(&running).await;
        assert_eq!(sent(&running).await, ("sent".to_owned(), String::new()), "{mode}");
        let mail = server.mail();
        assert!(mail.starts_with("MAIL hello@site.example ann@example.org tls True <"), "{mode}: {mail}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_or_password_sends_nothing_and_waits_for_its_owner() {
    let Some(python) = python() else { return };
    for (mode, password, part) in [("misnamed", "s3cret", "certificate"), ("starttls", "wrong", "535")] {
        let server = Server::start(&python, mode, 0);
        let running = server.site("smtp", password).await;
        sign_up(&running).await;
        let (state, error) = sent(&running).await;
        assert!(
            state == "waiting" && error.contains(part) && !error.contains("s3cret"),
            "{mode}: {state}: {error}"
        );
    }
    // One that nobody vouches for.
    let (server, other) = (Server::start(&python, "starttls", 0), Server::start(&python, "starttls", 0));
    std::fs::copy(other.folder.path().join("ca.pem"), server.folder.path().join("ca.pem")).expect("a file");
    let running = server.site("smtp", "s3cret").await;
    sign_up(&running).await;
    let (state, error) = sent(&running).await;
    assert!(state == "waiting" && error.contains("certificate"), "{state}: {error}");
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_and_for_good_given_up() {
    let Some(python) = python() else { return };
    let mut server = Server::start(&python, "busy", 0);
    let running = server.site("smtp", "s3cret").await;
    sign_up(&running).await;
    let (state, error) = sent(&running).await;
    assert!(state == "waiting" && error.contains("451"), "{state}: {error}");
    pass(MINUTE);
    assert_eq!(sent(&running).await.0, "sent");
    assert!(server.mail().contains("ann@example.org"));
    let server = Server::start(&python, "unknown", 0);
    let running = server.site("smtp", "s3cret").await;
    sign_up(&running).await;
    let (state, error) = sent(&running).await;
    assert!(state == "dead" && error.contains("550"), "{state}: {error}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_gets_it_again() {
    let Some(python) = python() else { return };
    let mut server = Server::start(&python, "dies", 0);
    let running = server.site("smtp", "s3cret").await;
    sign_up(&running).await;
    let (state, error) = sent(&running).await;
    assert!(state == "waiting" && !error.is_empty(), "{state}: {error}");
    server.child.wait().expect("it has ended");
    pass(MINUTE);
    assert_eq!(sent(&running).await.0, "waiting", "nobody is there");
    let mut again = Server::start(&python, "starttls", server.port);
    // What it trusts is read when a site is opened: as by a process that is started again.
    std::fs::copy(again.folder.path().join("ca.pem"), server.folder.path().join("ca.pem")).expect("a file");
    let other = running.another();
    pass(5 * MINUTE);
    other.send_due().await.expect("it is tried");
    let mail = again.mail();
    assert!(mail.contains("ann@example.org"), "{mail}");
    let posted = running.engine.posted().await.expect("the outbox");
    assert_eq!(posted.first().expect("a mail").state, "sent");
}
