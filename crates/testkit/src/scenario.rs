//! Scenarios: a site, requests, and what must come of them, as data.
//!
//! `scenarios/<area>/<case>/` holds a site's folder (`site/`, or a line `site = ../other` in `case.toml`-free form:
//! a file `site` with a path relative to the case), `steps.http` and `expected.txt`. A step is a request as it
//! goes over the wire, after a line that begins with `###`; what stands behind the `###` is its title, and may
//! end with `as NAME`, which says whose browser it is:
//!
//! ```text
//! ### Ada signs in as ada
//! POST /login
//! Content-Type: application/x-www-form-urlencoded
//!
//! email=ada@example.com&password=secret-enough
//!
//! ### she reads what she wrote as ada
//! GET /api/posts/{{id}}
//! ```
//!
//! `{{status}}`-like names are what an earlier step kept with a line `@id = /id` (a JSON pointer into its answer, or
//! the name of a header) before its request line. The transcript has each step's title, request line, status,
//! the headers that say something, and the body. What differs from run to run (request ids, tokens, hashes) is
//! masked. `UPDATE=1` writes what came instead of comparing.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Client, Reply};
use crate::running::Running;

/// Headers that a transcript shows.
const SHOWN: &[&str] = &[
    "allow",
    "content-type",
    "etag",
    "location",
    "retry-after",
    "www-authenticate",
    "cache-control",
    "vary",
];

/// One request of a scenario.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub title: String,
    /// Whose browser sends it.
    pub who: String,
    /// What is kept of its answer: a name, and a JSON pointer or a header.
    pub keep: Vec<(String, String)>,
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
/// With every scenario whose transcript is not as expected.
pub async fn run_all(folder: &Path) -> usize {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let cases = cases(folder);
    for case in &cases {
        let transcript = run(case).await;
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

/// The folders with a `steps.http`, in order.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    for folder in folders {
        if folder.join("steps.http").is_file() {
            found.push(folder);
        } else if folder.file_name().is_some_and(|name| name != "site") {
            found.extend(cases(&folder));
        }
    }
    found
}

async fn run(case: &Path) -> String {
    let link = case.join("site");
    let site = if link.is_file() {
        case.join(fs::read_to_string(&link).expect("the name of a site").trim())
    } else {
        link
    };
    let running = Running::of(&site).await;
    let steps = parse(&fs::read_to_string(case.join("steps.http")).expect("steps"));
    let mut clients: HashMap<String, Client> = HashMap::new();
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut transcript = String::new();
    for step in steps {
        let client = clients.entry(step.who.clone()).or_insert_with(|| running.client());
        let path = filled(&step.path, &kept);
        let headers: Vec<(String, String)> =
            step.headers.iter().map(|(name, value)| (name.clone(), filled(value, &kept))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = client.send(&step.method, &path, &headers, &filled(&step.body, &kept)).await;
        for (name, place) in &step.keep {
            kept.insert(name.clone(), kept_of(&reply, place));
        }
        record(&mut transcript, &step, &reply, &kept);
    }
    transcript
}

/// The steps in a text.
#[must_use]
pub fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_body = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("###") {
            let (title, who) = title.rsplit_once(" as ").unwrap_or((title, ""));
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
            if let Some((name, place)) = line.strip_prefix('@').and_then(|line| line.split_once('=')) {
                step.keep.push((name.trim().to_owned(), place.trim().to_owned()));
            } else if let Some((method, path)) = line.split_once(' ') {
                step.method = method.to_owned();
                step.path = path.trim().to_owned();
            }
        } else if line.is_empty() {
            in_body = true;
        } else if let Some((name, value)) = line.split_once(':') {
            step.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    for step in &mut steps {
        step.body = step.body.trim_end().to_owned();
    }
    steps
}

fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
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

fn record(transcript: &mut String, step: &Step, reply: &Reply, kept: &BTreeMap<String, String>) {
    let who = if step.who.is_empty() { String::new() } else { format!(" ({})", step.who) };
    let _ = writeln!(transcript, "### {}{who}", step.title);
    let _ = writeln!(transcript, "> {} {}", step.method, step.path);
    let _ = writeln!(transcript, "< {}", reply.status.as_u16());
    for name in SHOWN {
        for value in reply.headers.get_all(*name) {
            let _ = writeln!(transcript, "< {name}: {}", masked(value.to_str().unwrap_or("?")));
        }
    }
    for cookie in reply.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap_or("?");
        let (name, rest) = cookie.split_once('=').unwrap_or((cookie, ""));
        let attributes = rest.split_once(';').map(|(_, attributes)| attributes).unwrap_or_default();
        let _ = writeln!(transcript, "< set-cookie: {name}=…;{attributes}");
    }
    let body = shown_body(reply);
    let body = kept
        .iter()
        .filter(|(_, value)| value.len() > 20)
        .fold(body, |body, (name, value)| body.replace(value.as_str(), &format!("{{{{{name}}}}}")));
    if !body.is_empty() {
        let _ = writeln!(transcript, "\n{}", body.trim_end());
    }
    transcript.push('\n');
}

fn shown_body(reply: &Reply) -> String {
    let kind = reply.header("content-type");
    if kind.contains("json") {
        let mut json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        mask_json(&mut json);
        return serde_json::to_string_pretty(&json).unwrap_or_default();
    }
    if kind.starts_with("text/") || kind.contains("xml") {
        let text = reply.text();
        return masked(&text).lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n");
    }
    if reply.body.is_empty() { String::new() } else { format!("({} bytes)", reply.body.len()) }
}

/// Replaces what differs from run to run.
fn mask_json(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if matches!(name.as_str(), "request_id" | "token" | "next" | "cursor") && value.is_string() {
                    *value = serde_json::Value::from("…");
                } else {
                    mask_json(value);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(mask_json),
        _ => {}
    }
}

/// Replaces runs of 16 or more hexadecimal or base64 characters that hold a digit: hashes and ids.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    let flush = |run: &mut String, masked: &mut String| {
        let is_hash = run.len() >= 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        masked.push_str(if is_hash { "…" } else { run });
        run.clear();
    };
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            run.push(character);
        } else {
            flush(&mut run, &mut masked);
            masked.push(character);
        }
    }
    flush(&mut run, &mut masked);
    masked
}

fn difference(expected: &str, came: &str) -> String {
    let (expected, came): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), came.lines().collect());
    let same = expected.iter().zip(&came).take_while(|(expected, came)| expected == came).count();
    let from = same.saturating_sub(6);
    let lines = |mark: &str, lines: &[&str], from: usize| {
        lines.iter().skip(from).take(14).map(|line| format!("{mark}{line}\n")).collect::<String>()
    };
    format!(
        "{}{}{}",
        lines("  ", &came[..same.min(came.len())], from),
        lines("- ", &expected, same),
        lines("+ ", &came, same)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_titles_people_headers_and_bodies() {
        let steps = parse(
            "### Ada signs in as ada\n@token = /token\nPOST /login\nAccept: */*\n\na=1\nb=2\n\n### looks\nGET /\n",
        );
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].title.as_str(), steps[0].who.as_str()), ("Ada signs in", "ada"));
        assert_eq!(steps[0].keep, [("token".to_owned(), "/token".to_owned())]);
        assert_eq!(steps[0].headers, [("Accept".to_owned(), "*/*".to_owned())]);
        assert_eq!(steps[0].body, "a=1\nb=2");
        assert_eq!(
            (steps[1].method.as_str(), steps[1].path.as_str(), steps[1].who.as_str()),
            ("GET", "/", "")
        );
    }

    #[test]
    fn hashes_are_masked_and_words_are_not() {
        assert_eq!(masked("/style.0123456789abcdef.css international"), "/style.….css international");
    }
}
