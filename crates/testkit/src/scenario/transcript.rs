//! What came of a scenario, as text that is the same in every run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use purlin_engine::mail::Letter;

use super::Step;
use crate::client::Reply;

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

/// What stands for the nonce of an answer, in its policy and its body.
const NONCE: &str = "«nonce»";

/// The answers of a scenario so far.
#[derive(Default)]
pub(super) struct Transcript {
    text: String,
    /// UUIDs in the order in which they appeared.
    uuids: Vec<String>,
    /// Ids that another database may number otherwise, with their names.
    gapped: Vec<(String, String)>,
}

impl Transcript {
    /// Says `{{name}}` for an id from now on.
    pub(super) fn number_otherwise(&mut self, name: &str, id: &str) {
        self.gapped.push((id.to_owned(), format!("{{{{{name}}}}}")));
    }

    /// Adds an answer.
    pub(super) fn add(&mut self, step: &Step, reply: &Reply, kept: &BTreeMap<String, String>) {
        let mut part = String::new();
        let who = if step.who.is_empty() { String::new() } else { format!(" ({})", step.who) };
        let _ = writeln!(part, "### {}{who}", step.title);
        let _ = writeln!(part, "> {} {}", step.method, step.path);
        let _ = writeln!(part, "< {}", reply.status.as_u16());
        for name in SHOWN {
            for value in reply.headers.get_all(*name) {
                let value = self.numbered(value.to_str().unwrap_or("?"));
                let _ = writeln!(part, "< {name}: {}", masked(&value));
            }
        }
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap_or("?");
            let (name, rest) = cookie.split_once('=').unwrap_or((cookie, ""));
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            let _ = writeln!(
                part,
                "< set-cookie: {name}={};{attributes}",
                if value.is_empty() { "" } else { "…" }
            );
        }
        let policy = reply.header("content-security-policy");
        let nonce =
            policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).map(|(nonce, _)| nonce);
        // Tests of its own tell of the policy; here it matters which scripts of the page it lets run.
        if nonce.is_some() || policy.contains("'sha256-") {
            let policy = nonce.map_or(policy.to_owned(), |nonce| policy.replace(nonce, NONCE));
            let _ = writeln!(part, "< content-security-policy: {policy}");
        }
        let body = self.shown_body(reply, nonce);
        if !body.is_empty() {
            let _ = writeln!(part, "\n{}", body.trim_end());
        }
        part.push('\n');
        for (name, value) in kept.iter().filter(|(_, value)| value.len() > 40) {
            part = part.replace(value.as_str(), &format!("{{{{{name}}}}}"));
        }
        let part = self.numbered(&part);
        self.text.push_str(&self.ungapped(&part));
    }

    /// Puts names in the place of ids that may differ: as `"id": 7` and as a part of a path.
    fn ungapped(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.gapped {
            for before in ["\"id\": ", "/"] {
                let written = format!("{before}{id}");
                let mut parts = text.split(&written);
                let mut out = parts.next().unwrap_or_default().to_owned();
                for rest in parts {
                    let is_longer =
                        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "-._".contains(c));
                    let _ = write!(out, "{before}{}{rest}", if is_longer { id } else { name });
                }
                text = out;
            }
        }
        text
    }

    /// Adds what a step read and wrote.
    pub(super) fn add_queries(&mut self, queries: &[String]) {
        for line in queries {
            let _ = writeln!(self.text, "* {line}");
        }
        if !queries.is_empty() {
            self.text.push('\n');
        }
    }

    /// Adds the mails that a step caused.
    pub(super) fn add_mails(&mut self, mails: &[Letter], kept: &BTreeMap<String, String>) {
        for mail in mails {
            let mut part = format!("* mail {} to {}: {}\n", mail.template, mail.recipient, mail.subject);
            for line in mail.text.lines().filter(|line| !line.trim().is_empty()) {
                let _ = writeln!(part, "*   {line}");
            }
            for (name, value) in kept.iter().filter(|(_, value)| value.len() > 40) {
                part = part.replace(value.as_str(), &format!("{{{{{name}}}}}"));
            }
            let hidden = match part.split_once("token=") {
                Some((before, rest)) if !rest.starts_with("{{") => {
                    let end = rest.find('>').unwrap_or(rest.len());
                    format!("{before}token=…{}", &rest[end..])
                }
                _ => part,
            };
            self.text.push_str(&hidden);
            self.text.push('\n');
        }
    }

    /// All of it.
    pub(super) fn text(self) -> String {
        self.text
    }

    fn shown_body(&mut self, reply: &Reply, nonce: Option<&str>) -> String {
        let kind = reply.header("content-type");
        if kind.contains("json") {
            let mut json: serde_json::Value = match serde_json::from_slice(&reply.body) {
                Ok(json) => json,
                Err(_) => return reply.text(),
            };
            mask_json(&mut json);
            return serde_json::to_string_pretty(&json).unwrap_or_default();
        }
        if kind.starts_with("text/") || kind.contains("xml") {
            let text = nonce.map_or_else(|| reply.text(), |nonce| reply.text().replace(nonce, NONCE));
            let text = self.numbered(&text);
            return masked(&text)
                .lines()
                .filter(|line| !line.trim().is_empty())
                .collect::<Vec<_>>()
                .join("\n");
        }
        if reply.body.is_empty() { String::new() } else { format!("({} bytes)", reply.body.len()) }
    }

    /// Puts a number in the place of each UUID.
    fn numbered(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let at_start = !out.ends_with(|c: char| c.is_ascii_alphanumeric());
            match rest.get(..36).filter(|start| at_start && is_uuid(start)) {
                Some(uuid) => {
                    let at = self.uuids.iter().position(|known| known == uuid).unwrap_or_else(|| {
                        self.uuids.push(uuid.to_owned());
                        self.uuids.len() - 1
                    });
                    let _ = write!(out, "«uuid {}»", at + 1);
                    rest = &rest[36..];
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }
}

/// A UUIDv7 with hyphens; one that a scenario wrote itself has another version and stays.
fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => byte == b'7',
        _ => byte.is_ascii_hexdigit(),
    })
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

/// Replaces runs of twelve or more hexadecimal digits with a letter among them: hashes and ids.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    let flush = |run: &mut String, masked: &mut String| {
        let is_hash = run.len() >= 12
            && run.bytes().all(|byte| byte.is_ascii_hexdigit())
            && run.bytes().any(|byte| byte.is_ascii_digit())
            && (run.len() >= 16 || run.bytes().any(|byte| byte.is_ascii_alphabetic()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_masked_and_words_are_not() {
        assert_eq!(masked("/style.0123456789abcdef.css international"), "/style.….css international");
    }

    #[test]
    fn an_id_that_may_differ_has_a_name() {
        let mut transcript = Transcript::default();
        transcript.number_otherwise("new", "8");
        let shown = transcript.ungapped("/api/users/8 /88 /8.css {\"id\": 8, \"size\": 8}");
        assert_eq!(shown, "/api/users/{{new}} /88 /8.css {\"id\": {{new}}, \"size\": 8}");
    }

    #[test]
    fn uuids_are_numbered() {
        let (one, two) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058");
        let shown = Transcript::default().numbered(&format!("\"{one}\" {two}-x é{one}"));
        assert_eq!(shown, "\"«uuid 1»\" «uuid 2»-x é«uuid 1»");
    }
}
