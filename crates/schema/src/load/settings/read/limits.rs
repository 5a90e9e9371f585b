//! What `[limits]` takes.

use std::time::Duration;

use super::Raw;
use crate::settings::{LimitBy, PathPart, Rate, RouteLimit};
use crate::value::parse_duration;

/// `"100/1m"`.
pub(in super::super) fn rate(raw: &Raw) -> Result<Rate, String> {
    raw.text().and_then(rate_of).ok_or_else(|| "must be a number within a time, as in \"10/15m\"".to_owned())
}

/// A route, and `"100/1m"` or `"100/1m by account"`.
pub(in super::super) fn route(name: &str, raw: &Raw) -> Result<RouteLimit, String> {
    let wrong =
        || "must be a number within a time, as in \"100/1m\", perhaps with \" by account\"".to_owned();
    let text = raw.text().ok_or_else(wrong)?;
    let (rate, by) = match text.split_once(" by ") {
        None => (text, LimitBy::Address),
        Some((rate, by)) => match by.trim() {
            "address" => (rate, LimitBy::Address),
            "account" => (rate, LimitBy::Account),
            _ => return Err("is by \"address\" or by \"account\"".to_owned()),
        },
    };
    let rate = rate_of(rate).ok_or_else(wrong)?;
    let (methods, path) = match name.split_once(' ') {
        Some((methods, path)) => (methods.split(',').map(str::to_owned).collect(), path.trim()),
        None => (Vec::new(), name),
    };
    const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if let Some(other) = methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        return Err(format!("has `{other}`, which is no method; there are {}", METHODS.join(", ")));
    }
    let (path, and_below) = parts(path)?;
    Ok(RouteLimit { name: name.to_owned(), methods, path, and_below, rate, by })
}

fn rate_of(text: &str) -> Option<Rate> {
    let (count, window) = text.trim().split_once('/')?;
    let count = count.trim().parse().ok().filter(|count| (1..=1_000_000_000).contains(count))?;
    let window = window.trim();
    // `/m` is `/1m`.
    let one = if window.starts_with(|letter: char| letter.is_ascii_digit()) { "" } else { "1" };
    let micros = u64::try_from(parse_duration(&format!("{one}{window}"))?).ok()?;
    let window = Duration::from_micros(micros);
    let fits = (Duration::from_secs(1)..=Duration::from_secs(31 * 86_400)).contains(&window);
    fits.then_some(Rate { count, window })
}

/// A path as `purlin routes` prints it, `/posts/[slug]`; a `*` at its end stands for whatever follows.
fn parts(path: &str) -> Result<(Vec<PathPart>, bool), String> {
    let wrong = || "must name a route, as in \"/api/posts\", \"POST /contact\" or \"/api/*\"".to_owned();
    if path == "*" {
        return Ok((Vec::new(), true));
    }
    let inner = path.strip_prefix('/').ok_or_else(wrong)?;
    let mut parts = Vec::new();
    let mut rest = inner.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = rest.next() {
        let is_last = rest.peek().is_none();
        match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
            Some(name) if name.starts_with("...") && is_last => return Ok((parts, true)),
            Some(name) if !name.is_empty() && !name.starts_with("...") => parts.push(PathPart::Any),
            None if part == "*" && is_last => return Ok((parts, true)),
            None if !part.contains(['*', '[', ']', '?', '#']) => parts.push(PathPart::Is(part.to_owned())),
            _ => return Err(wrong()),
        }
    }
    Ok((parts, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, text: &str) -> Result<RouteLimit, String> {
        route(name, &Raw::Text(text.to_owned()))
    }

    #[test]
    fn a_limit_covers_its_routes() {
        for (name, covered, others) in [
            (
                "POST /contact",
                &["POST /contact", "POST /contact/"][..],
                &["GET /contact", "POST /contact/x", "POST /"][..],
            ),
            ("GET /posts/[slug]", &["GET /posts/a", "HEAD /posts/a"], &["GET /posts", "GET /posts/a/b"]),
            ("/api/*", &["GET /api", "DELETE /api/posts/1"], &["GET /apis", "GET /"]),
            ("PUT,PATCH /api/[model]/[id]", &["PUT /api/a/1", "PATCH /api/b/2"], &["POST /api/a/1"]),
            ("/docs/[...path]", &["GET /docs/a/b"], &["GET /doc/a"]),
            ("*", &["GET /", "PURGE /a/b"], &[]),
            ("/", &["GET /"], &["GET /a"]),
        ] {
            let limit = limit(name, "5/1h").expect("it is right");
            let covers = |request: &&&str| {
                let (method, path) = request.split_once(' ').expect("two parts");
                limit.covers(method, path)
            };
            assert!(covered.iter().all(|request| covers(&request)), "{name}");
            assert!(!others.iter().any(|request| covers(&request)), "{name}");
        }
    }

    #[test]
    fn rates_are_numbers_within_times() {
        for (text, count, seconds) in
            [("5/1h", 5, 3600), ("100/m", 100, 60), (" 7 / 90s ", 7, 90), ("1/d", 1, 86_400)]
        {
            let rate = rate_of(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((rate.count, rate.window.as_secs()), (count, seconds), "{text}");
        }
        for wrong in ["", "5", "0/1h", "-1/1h", "5/0s", "5/-1m", "5/1y", "a/1h", "5/100ms", "5/60d"] {
            assert_eq!(rate_of(wrong), None, "{wrong}");
        }
        assert_eq!(limit("/a", "5/1h by account").map(|limit| limit.by), Ok(LimitBy::Account));
        for (name, text) in [
            ("/a", "5/1h by cookie"),
            ("a", "5/1h"),
            ("FETCH /a", "5/1h"),
            ("/a/*/b", "5/1h"),
            ("/a?b", "5/1h"),
        ] {
            assert!(limit(name, text).is_err(), "{name} {text}");
        }
    }
}
