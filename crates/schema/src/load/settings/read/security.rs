//! What `[cors]`, `[security]` and `[csp]` take. Each value ends up in a header, so each is one that is known.

use std::time::Duration;

use super::{Raw, is_host, list, span};
use crate::settings::Frames;

/// `https://app.example.com`, `*`.
pub(in super::super) fn origins(raw: &Raw) -> Result<Vec<String>, String> {
    let given = match raw.text() {
        Some("*") => vec!["*".to_owned()],
        _ => list(raw)?,
    };
    given.into_iter().map(|text| if text == "*" { Ok(text) } else { origin(&text) }).collect()
}

/// An origin as browsers write it (RFC 6454 §6.1).
fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("has `{text}`, which is no origin; one is written \"https://app.example.com\"");
    let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(wrong()),
    };
    if !is_host(host) || !host.is_ascii() {
        return Err(wrong());
    }
    let host = host.to_ascii_lowercase();
    Ok(format!("{scheme}://{}", host.strip_suffix(usual).unwrap_or(&host)))
}

/// A span of time, or `"off"`.
pub(in super::super) fn hsts(raw: &Raw) -> Result<Option<Duration>, String> {
    match (raw.text(), raw) {
        (Some("off" | "false"), _) | (_, Raw::Bool(false)) => Ok(None),
        _ => span(raw).map(Some).map_err(|_| "must be a span of time, as in \"365d\", or \"off\"".to_owned()),
    }
}

/// `"none"`, `"self"`, or origins.
pub(in super::super) fn frames(raw: &Raw) -> Result<Frames, String> {
    match raw.text() {
        Some("none") => return Ok(Frames::Nobody),
        Some("self") => return Ok(Frames::Own),
        _ => {}
    }
    let wrong =
        || "must be \"none\", \"self\" or a list of sites such as [\"https://partner.example\"]".to_owned();
    let sites: Result<Vec<String>, String> =
        list(raw).map_err(|_| wrong())?.iter().map(|site| origin(site)).collect();
    sites.map(Frames::Sites).map_err(|_| wrong())
}

/// One of a few words.
pub(in super::super) fn one_of(words: &[&str], raw: &Raw) -> Result<String, String> {
    let text = raw.text().unwrap_or_default();
    match words.contains(&text) {
        true => Ok(text.to_owned()),
        false => {
            let all: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            Err(format!("must be one of {}", all.join(", ")))
        }
    }
}

/// The Referrer-Policy. `no-referrer` has browsers send `Origin: null`, and every form would be refused.
pub(in super::super) fn referrer(raw: &Raw) -> Result<String, String> {
    const WORDS: &[&str] = &[
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "origin",
        "origin-when-cross-origin",
        "no-referrer-when-downgrade",
        "unsafe-url",
    ];
    match raw.text() {
        Some("no-referrer") => Err(
            "cannot be \"no-referrer\": browsers would not say where forms come from; write \"same-origin\""
                .to_owned(),
        ),
        _ => one_of(WORDS, raw),
    }
}

/// Who may use a feature: `"none"`, `"self"`, `"*"`, or a list of `"self"` and origins. As the header has it.
pub(in super::super) fn permission(raw: &Raw) -> Result<String, String> {
    let wrong = || {
        "must be \"none\", \"self\", \"*\" or a list such as [\"self\", \"https://maps.example\"]".to_owned()
    };
    let text = match raw {
        Raw::Text(text) | Raw::Outside(text) => Some(text.as_str()),
        _ => None,
    };
    match text {
        Some("none") => return Ok("()".to_owned()),
        Some("self") => return Ok("(self)".to_owned()),
        Some("*") => return Ok("*".to_owned()),
        _ => {}
    }
    let who = list(raw).map_err(|_| wrong())?;
    let told = who.iter().map(|who| match who.as_str() {
        "self" => Ok(who.clone()),
        site => origin(site).map(|site| format!("\"{site}\"")).map_err(|_| wrong()),
    });
    Ok(format!("({})", told.collect::<Result<Vec<_>, _>>()?.join(" ")))
}

/// The name of a feature (Permissions Policy §4).
pub(in super::super) fn is_feature(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Where a page may load something from (CSP3 §2.3.1): origins, hosts whose first label is `*`, schemes without scripts.
pub(in super::super) fn sources(directive: &str, raw: &Raw) -> Result<Vec<String>, String> {
    let given = list(raw)?;
    for source in &given {
        let told = match source.as_str() {
            // Styles alone: they run nothing.
            "unsafe-inline" if directive == "style" => continue,
            "unsafe-inline" | "unsafe-eval" | "unsafe-hashes" | "*" => Some(
                "the policy would guard nothing any more; a script of a page's own carries `csp_nonce()`",
            ),
            "wasm-unsafe-eval" if directive == "script" => continue,
            "data:" | "blob:" | "https:" if !matches!(directive, "script" | "worker" | "frame" | "form") => {
                continue;
            }
            "blob:" if directive == "worker" => continue,
            "data:" | "blob:" | "https:" => Some("whoever can write anything there could run it here"),
            _ => None,
        };
        if let Some(told) = told {
            return Err(format!("cannot have `{source}`: {told}"));
        }
        if !is_source(source) {
            return Err(format!(
                "has `{source}`, which is no source; one is written \"https://cdn.example.com\" or \"https://*.example.com\""
            ));
        }
    }
    let quoted = |source: String| match source.starts_with("unsafe-") || source.starts_with("wasm-") {
        true => format!("'{source}'"),
        false => source,
    };
    Ok(given.into_iter().map(quoted).collect())
}

fn is_source(text: &str) -> bool {
    let rest = ["https://", "wss://", "http://", "ws://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let Some(rest) = rest else { return false };
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%+@".contains(&byte);
    is_host(host) && host.is_ascii() && path.bytes().all(plain)
}

/// `true`, `false`, or the names of policies.
pub(in super::super) fn trusted_types(raw: &Raw) -> Result<Option<Vec<String>>, String> {
    let wrong = || "must be true, false or a list of policies such as [\"dompurify\"]".to_owned();
    match super::truth(raw) {
        Ok(truth) => return Ok(truth.then(Vec::new)),
        Err(_) if matches!(raw, Raw::List(_) | Raw::Outside(_)) => {}
        Err(_) => return Err(wrong()),
    }
    let names = list(raw)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-#=_/@.%".contains(&byte);
    let fits = |name: &String| !name.is_empty() && name.bytes().all(plain);
    if names.is_empty() || !names.iter().all(fits) { Err(wrong()) } else { Ok(Some(names)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    fn texts(texts: &[&str]) -> Raw {
        Raw::List(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn origins_are_as_browsers_write_them() {
        let given = texts(&["https://App.example.com:443", "http://localhost:5173", "http://[::1]:80"]);
        let origins_of = origins(&given).expect("they are right");
        assert_eq!(origins_of, ["https://app.example.com", "http://localhost:5173", "http://[::1]"]);
        for wrong in [
            "null",
            "app.example.com",
            "https://app.example.com/",
            "ftp://a.b",
            "https://*.a.b",
            "https://a b",
        ] {
            assert!(origins(&texts(&[wrong])).is_err(), "{wrong}");
        }
        assert_eq!(origins(&text("*")), Ok(vec!["*".to_owned()]));
    }

    #[test]
    fn attack_15_no_value_ends_its_header() {
        for wrong in [
            "https://a.b\r\nx: y",
            "https://a.b; script-src *",
            "https://a.b, https://c",
            "'unsafe-inline'",
            "x",
        ] {
            for directive in ["script", "img"] {
                assert!(sources(directive, &texts(&[wrong])).is_err(), "{wrong}");
            }
            assert!(frames(&texts(&[wrong])).is_err() && permission(&texts(&[wrong])).is_err(), "{wrong}");
            assert!(trusted_types(&texts(&[wrong, "'none'; a"])).is_err(), "{wrong}");
            assert!(one_of(&["same-origin"], &text(wrong)).is_err() && referrer(&text(wrong)).is_err());
        }
        assert!(!is_feature("camera=*, x") && is_feature("picture-in-picture"));
    }

    #[test]
    fn sources_run_nothing_from_everywhere() {
        for (directive, right) in [
            ("script", "https://js.example.com/v3/"),
            ("script", "wasm-unsafe-eval"),
            ("style", "unsafe-inline"),
            ("img", "blob:"),
            ("connect", "wss://*.example.com:8443"),
            ("worker", "blob:"),
        ] {
            assert!(sources(directive, &texts(&[right])).is_ok(), "{directive} {right}");
        }
        for (directive, wrong) in [
            ("script", "https:"),
            ("script", "data:"),
            ("script", "unsafe-inline"),
            ("script", "unsafe-eval"),
            ("script", "*"),
            ("frame", "data:"),
            ("img", "unsafe-inline"),
            ("style", "*"),
        ] {
            assert!(sources(directive, &texts(&[wrong])).is_err(), "{directive} {wrong}");
        }
    }
}
