//! Scenarios: a site, requests, and what must come of them, as data.
//!
//! `scenarios/<area>/<case>/` holds a site's folder (`site/`; or a file `site` with the name of one of
//! `scenarios/sites/`, which several cases share), `steps.http` and `expected.txt`. Each step is a request after a
//! line that begins with `###`; what stands behind it is the step's title, and may end with `as NAME`, which says
//! whose browser it is:
//!
//! ```text
//! ### Ada signs in as ada
//! POST /login
//!
//! email = ada@example.com
//! password = correct horse battery
//!
//! ### she writes as ada
//! @post = /id
//! POST /api/posts
//!
//! {"title": "One"}
//!
//! ### and reads it
//! GET /api/posts/{{post}}
//! ```
//!
//! - `@name = PLACE` before the request line keeps something of the answer: a JSON pointer into it, the name of
//!   a header, or `mail`: the token of the link in the mail that the step caused. `{{name}}` stands for it in later steps. (And `{{a*9000}}` for so many
//!   letters.) `@name ~ PLACE` keeps an id that another database may number otherwise, since a refused insert can
//!   leave a gap behind: from then on the transcript says `{{name}}` where that id stands as an `id` or in a path. `@wait = 3600` lets so many seconds pass before the step;
//!   one second passes with each step anyway. `@from = 203.0.113.9` is the address of the peer.
//! - A body that begins with `{` or `[` is JSON, any other a form with a field a line; a `Content-Type` of one's
//!   own says otherwise, and the body goes as it is.
//! - A path is written as it reads: what may not stand in one (spaces, quotes, `<`) is percent-encoded.
//! - A header with the value `-` is left out, also where a browser sends it (`Origin`).
//!
//! The transcript has each step's title, request line, status, the headers that say something, the body, and what
//! came of it besides: each read of the store with the number of its statements, each commit, each mail. What
//! differs from run to run is masked: request ids, tokens, cursors, hashes; UUIDs are numbered in the order in which
//! they appear. `UPDATE=1` writes what came instead of comparing, and what it writes is read by a person before it
//! is committed. `ONLY=forms/` runs those alone whose path has that.

mod transcript;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use purlin_engine::mail::Letter;

use crate::client::{Client, Reply};
use crate::running::{self, Running};
use transcript::Transcript;

const SECOND: i64 = 1_000_000;
/// The folder of sites that several cases share.
const SITES: &str = "sites";
/// How many cases run at a time.
const AT_A_TIME: usize = 4;

/// One request of a scenario.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub title: String,
    /// Whose browser sends it.
    pub who: String,
    /// What is kept of its answer: a name, and a JSON pointer or a header.
    pub keep: Vec<(String, String)>,
    /// Which of these are ids that a database may number otherwise.
    pub gapped: Vec<String>,
    /// So many seconds pass before it.
    pub wait: i64,
    /// The address of the peer, where it is not this machine.
    pub from: Option<String>,
    /// `GET`.
    pub method: String,
    /// `/api/posts`.
    pub path: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// Runs every scenario below a folder; gives how many there were.
///
/// # Panics
/// With every scenario whose transcript is not as expected, and everything in the folder that belongs to none.
pub fn run_all(folder: &Path) -> usize {
    let update = std::env::var_os("UPDATE").is_some();
    let only = std::env::var_os("ONLY").unwrap_or_default().to_string_lossy().into_owned();
    let (mut cases, mut wrong) = cases(folder);
    cases.retain(|case| case.to_string_lossy().contains(&only));
    for (case, transcript) in cases.iter().zip(transcripts(folder, &cases)) {
        let expected_file = case.join("expected.txt");
        if update {
            fs::write(&expected_file, &transcript).expect("the transcript is written");
            continue;
        }
        let expected = fs::read_to_string(&expected_file).unwrap_or_default();
        if expected != transcript {
            wrong.push(format!("── {}\n{}", case.display(), difference(&expected, &transcript)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} scenarios differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

/// What came of each case. Several run at a time, each on a thread, which has a clock of its own: a server's answers
/// are mostly waited for.
fn transcripts(folder: &Path, cases: &[PathBuf]) -> Vec<String> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); cases.len()]));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                while let Some((at, case)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|at| cases.get(at).map(|case| (at, case)))
                {
                    let transcript = runtime.block_on(run(folder, case));
                    done.lock().expect("nobody panics with it")[at] = transcript;
                }
            });
        }
    });
    done.into_inner().expect("nobody panics with it")
}

/// The cases in order, and what is there but belongs to none.
fn cases(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut found, mut orphans) = (Vec::new(), Vec::new());
    let mut used = BTreeSet::new();
    for area in entries(folder).into_iter().filter(|area| !area.ends_with(SITES)) {
        for case in entries(&area) {
            let (more, shared) = unexpected(&case);
            orphans.extend(more);
            used.extend(shared);
            found.push(case);
        }
    }
    for site in entries(&folder.join(SITES)) {
        if !used.contains(&name_of(&site)) {
            orphans.push(format!("{}: no case uses this site", site.display()));
        }
    }
    if found.is_empty() {
        orphans.push(format!("{}: there are no scenarios", folder.display()));
    }
    (found, orphans)
}

/// What is wrong with a case's folder, and the shared site that it names.
fn unexpected(case: &Path) -> (Vec<String>, Option<String>) {
    let mut wrong = Vec::new();
    for entry in entries(case) {
        if !matches!(name_of(&entry).as_str(), "site" | "steps.http" | "expected.txt") {
            wrong.push(format!("{}: belongs to no scenario", entry.display()));
        }
    }
    for needed in ["site", "steps.http"] {
        if !case.join(needed).exists() {
            wrong.push(format!("{}: has no {needed}", case.display()));
        }
    }
    let shared = fs::read_to_string(case.join("site")).ok().map(|name| name.trim().to_owned());
    (wrong, shared)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

async fn run(folder: &Path, case: &Path) -> String {
    let Ok(text) = fs::read_to_string(case.join("steps.http")) else { return String::new() };
    let steps = parse(&text);
    assert!(!steps.is_empty(), "{}: there are no steps", case.display());
    let own = case.join("site");
    let site = match fs::read_to_string(&own) {
        Ok(name) => folder.join(SITES).join(name.trim()),
        Err(_) => own,
    };
    let running = Running::of(&site).await;
    let mut clients: HashMap<String, Client> = HashMap::new();
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut transcript = Transcript::default();
    for step in steps {
        running::pass(SECOND * (1 + step.wait));
        let client = clients.entry(step.who.clone()).or_insert_with(|| running.client());
        let reply = send(client, &step, &kept).await;
        for (name, place) in &step.keep {
            kept.insert(name.clone(), kept_of(&reply, place));
        }
        for name in &step.gapped {
            transcript.number_otherwise(name, &kept[name]);
        }
        let queries = running.queries();
        let mails = running.mails().await;
        // How mails are sent is told by what came of it.
        drop(running.queries());
        for (name, _) in step.keep.iter().filter(|(_, place)| place == "mail") {
            kept.insert(name.clone(), token_of(&mails));
        }
        transcript.add(&step, &reply, &kept);
        transcript.add_queries(&queries);
        transcript.add_mails(&mails, &kept);
    }
    transcript.text()
}

async fn send(client: &mut Client, step: &Step, kept: &BTreeMap<String, String>) -> Reply {
    let path = encoded(&filled(&step.path, kept));
    let mut body = filled(&step.body, kept);
    let mut headers: Vec<(String, String)> =
        step.headers.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect();
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !typed && !body.is_empty() {
        let is_json = body.starts_with(['{', '[']);
        if !is_json {
            body = form(&body);
        }
        let ty = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.push(("content-type".to_owned(), ty.to_owned()));
    }
    if headers.iter().any(|(_, value)| value.starts_with("multipart/")) {
        body = body.replace('\n', "\r\n") + "\r\n";
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.peer = step.from.as_ref().map(|address| address.parse().expect("an address"));
    client.send(&step.method, &path, &headers, &body).await
}

/// A path with what may not stand in one percent-encoded, so that steps can be read.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// A form's body from a field a line; `\n` within a value is a line break.
fn form(text: &str) -> String {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        form.append_pair(name.trim(), &value.trim().replace("\\n", "\r\n"));
    }
    form.finish()
}

/// The steps in a text.
///
/// # Panics
/// With a line that is none of a step.
#[must_use]
pub fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_body = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("###") {
            let (title, who) =
                title.rsplit_once(" as ").filter(|(_, who)| !who.contains(' ')).unwrap_or((title, ""));
            steps.push(Step {
                title: title.trim().to_owned(),
                who: who.trim().to_owned(),
                ..Step::default()
            });
            in_body = false;
            continue;
        }
        let Some(step) = steps.last_mut() else { continue };
        if in_body {
            step.body.push_str(line);
            step.body.push('\n');
        } else if step.method.is_empty() {
            read_request_line(step, line);
        } else if line.is_empty() {
            in_body = true;
        } else if let Some((name, value)) = line.split_once(':') {
            step.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        } else {
            panic!("{line:?} of the step {:?} is no header", step.title);
        }
    }
    for step in &mut steps {
        assert!(!step.method.is_empty(), "the step {:?} has no request", step.title);
        step.body = step.body.trim_end().to_owned();
    }
    steps
}

fn read_request_line(step: &mut Step, line: &str) {
    let kept = line.strip_prefix('@').and_then(|line| Some((line, line.find(['=', '~'])?)));
    if let Some((line, at)) = kept {
        let (name, place) = (line[..at].trim(), line[at + 1..].trim());
        if line[at..].starts_with('~') {
            step.gapped.push(name.to_owned());
        }
        match name {
            "wait" => step.wait = place.parse().expect("a number of seconds"),
            "from" => step.from = Some(place.to_owned()),
            _ => step.keep.push((name.to_owned(), place.to_owned())),
        }
    } else if let Some((method, path)) = line.split_once(' ') {
        step.method = method.to_owned();
        step.path = path.trim().to_owned();
    }
}

fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    let mut text = kept
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    // `{{a*8200}}` is so many of the letter.
    while let Some((before, rest)) = text.split_once("{{") {
        let Some((inside, after)) = rest.split_once("}}") else { break };
        let Some((what, times)) = inside.split_once('*') else { break };
        let Ok(times) = times.parse() else { break };
        text = format!("{before}{}{after}", what.repeat(times));
    }
    text
}

fn kept_of(reply: &Reply, place: &str) -> String {
    if !place.starts_with('/') {
        return reply.header(place).to_owned();
    }
    let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match json.pointer(place) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// The token of the link in the last mail.
fn token_of(mails: &[Letter]) -> String {
    let text = mails.last().map(|mail| mail.text.as_str()).unwrap_or_default();
    let token = text.split_once("token=").map_or("", |(_, rest)| rest);
    token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

fn difference(expected: &str, came: &str) -> String {
    let (expected, came): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), came.lines().collect());
    let same = expected.iter().zip(&came).take_while(|(expected, came)| expected == came).count();
    let from = same.saturating_sub(6);
    let mut text = String::new();
    let mut lines = |mark: &str, lines: &[&str]| {
        for line in lines.iter().take(14) {
            let _ = writeln!(text, "{mark}{line}");
        }
    };
    lines("  ", &came[from..same]);
    lines("- ", &expected[same..]);
    lines("+ ", &came[same..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_titles_people_headers_and_bodies() {
        let steps = parse(
            "### Ada signs in as ada\n@token = /token\n@wait = 3\nPOST /login\nAccept: */*\n\na=1\nb=2\n\n### looks as if\nGET /\n",
        );
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].title.as_str(), steps[0].who.as_str()), ("Ada signs in", "ada"));
        assert_eq!(steps[0].keep, [("token".to_owned(), "/token".to_owned())]);
        assert_eq!(steps[0].wait, 3);
        assert_eq!(steps[0].headers, [("Accept".to_owned(), "*/*".to_owned())]);
        assert_eq!(steps[0].body, "a=1\nb=2");
        assert_eq!((steps[1].method.as_str(), steps[1].path.as_str()), ("GET", "/"));
    }

    #[test]
    fn what_was_kept_is_filled_in() {
        let kept = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
        assert_eq!(filled("/{{id}}/{{ab*3}}?{{x}}", &kept), "/7/ababab?{{x}}");
    }

    #[test]
    fn an_id_that_may_differ_is_kept_and_marked() {
        let steps = parse("### one\n@new ~ /id\n@other = /name\nPOST /x\n");
        let kept = |name: &str, place: &str| (name.to_owned(), place.to_owned());
        assert_eq!(steps[0].keep, [kept("new", "/id"), kept("other", "/name")]);
        assert_eq!(steps[0].gapped, ["new"]);
    }

    #[test]
    fn a_form_has_a_field_a_line() {
        assert_eq!(form("a = 1 & 2\nb = x\\ny"), "a=1+%26+2&b=x%0D%0Ay");
    }

    #[test]
    fn what_belongs_to_no_case_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "one").unwrap();
        };
        for name in ["api/good/site", "api/good/steps.http", "sites/one/site.toml", "sites/two/site.toml"] {
            write(name);
        }
        let told = cases(folder.path()).1;
        assert_eq!((told.len(), told[0].contains("two")), (1, true), "{told:?}");
        write("api/good/notes.txt");
        write("api/bad/site");
        let told = cases(folder.path()).1.join("\n");
        for part in ["notes.txt: belongs", "bad: has no steps.http", "two: no case"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
