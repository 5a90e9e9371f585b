//! A site in a folder of its own, and the binary run on it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// So long the binary may take to say something.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    folder: TempDir,
}

/// What a command did.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A server that runs; it is killed when this goes.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    lines: Receiver<String>,
    /// Lines that were passed over while another was waited for.
    passed: Vec<String>,
}

impl Site {
    /// A new site from a template of `purlin new`.
    pub(crate) fn new(template: &str) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site { folder };
        let run = command(&["new", ".", "--template", template], site.path(), "");
        assert_eq!(run.code, 0, "{}", run.err);
        site
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Site {
        Site { folder: tempfile::tempdir().expect("a folder") }
    }

    /// A site of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Site {
        let site = Site { folder: tempfile::tempdir().expect("a folder") };
        site.write("site.toml", "");
        files.iter().for_each(|(path, text)| site.write(path, text));
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).expect("a file")
    }

    /// Replaces what stands in a file, which must be there.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }

    /// Runs a command within the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        command(arguments, self.path(), "")
    }

    /// Runs a command within the folder, with this on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        command(arguments, self.path(), input)
    }

    /// Runs a command that must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run
    }

    /// Starts `dev` or `serve` on a free port and waits until it listens.
    pub(crate) fn start(&self, command: &str) -> Server {
        let mut server = self.spawn(command);
        server.wait_until_it_listens();
        server
    }

    /// Starts `dev` or `serve` on a free port.
    pub(crate) fn spawn(&self, command: &str) -> Server {
        let mut child = binary()
            .args([command, "--listen", "127.0.0.1:0"])
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (sender, lines) = channel();
        let out = child.stdout.take().expect("standard output");
        let err = child.stderr.take().expect("standard error");
        let pass_on = |stream: Box<dyn std::io::Read + Send>, sender: std::sync::mpsc::Sender<String>| {
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        };
        pass_on(Box::new(out), sender.clone());
        pass_on(Box::new(err), sender);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Server { child, address: nowhere, lines, passed: Vec::new() }
    }
}

impl Server {
    pub(crate) fn wait_until_it_listens(&mut self) {
        let line = self.wait_for("127.0.0.1:");
        let at = line.find("127.0.0.1:").expect("an address");
        let is_part = |c: &char| c.is_ascii_digit() || *c == '.' || *c == ':';
        let address: String = line[at..].chars().take_while(is_part).collect();
        self.address = address.parse().expect("an address");
    }

    /// Waits for a line with this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let from = self.passed.len();
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.passed.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line with {text:?}, but:\n{}", self.passed[from..].join("\n"));
    }

    pub(crate) fn get(&self, path: &str) -> purlin_testkit::http::Answer {
        purlin_testkit::http::get(self.address, path).expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, json: &serde_json::Value) -> purlin_testkit::http::Answer {
        purlin_testkit::http::post_json(self.address, path, json).expect("an answer")
    }

    /// Sends JSON by any method, with a header beside.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        json: &serde_json::Value,
        header: Option<(&str, &str)>,
    ) -> purlin_testkit::http::Answer {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(header);
        let body = if json.is_null() { String::new() } else { json.to_string() };
        purlin_testkit::http::request(self.address, method, path, &headers, &body).expect("an answer")
    }

    /// Sends a form.
    pub(crate) fn post_form(&self, path: &str, form: &str) -> purlin_testkit::http::Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        purlin_testkit::http::request(self.address, "POST", path, &headers, form).expect("an answer")
    }

    /// Stops it, and gives whatever it said that nobody waited for.
    pub(crate) fn rest(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.child.wait().expect("it ends");
        let mut lines: Vec<String> = std::mem::take(&mut self.passed);
        lines.extend(self.lines.iter());
        lines.join("\n")
    }

    /// Sends SIGTERM and gives the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(sent.success());
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary in this folder.
pub(crate) fn command(arguments: &[&str], folder: &Path, input: &str) -> Run {
    let mut child = binary()
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Compares with a file of `golden/`; `UPDATE=1` writes it.
pub(crate) fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("a file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; UPDATE=1 writes it anew", path.display());
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purlin"));
    for name in ["DATABASE_URL", "PORT", "PURLIN_DATABASE_URL", "PURLIN_SERVER_LISTEN", "PURLIN_LOG"] {
        command.env_remove(name);
    }
    command
}
