//! The headers that every answer has, errors and static files included.
//!
//! They are made once of a site's settings, for pages, the API and files apart: a map each that a request copies. What an
//! answer says itself stays.

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use purlin_engine::pages::Inline;
use purlin_schema::settings::{CspSettings, Frames, Policies, SecuritySettings, Settings};

use crate::body::Body;
use crate::door::RequestId;
use crate::route::REPORTS;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page may load where the site says nothing else: its own scripts and styles, pictures from anywhere over https,
/// and nothing inline but what it names.
const PAGE_POLICY: &[(&str, &str)] = &[
    ("default-src", "'none'"),
    ("script-src", "'self'"),
    ("style-src", "'self'"),
    ("img-src", "'self' data: https:"),
    ("font-src", "'self'"),
    ("connect-src", "'self'"),
    ("media-src", "'self'"),
    ("manifest-src", "'self'"),
    ("form-action", "'self'"),
    ("base-uri", "'none'"),
];

/// Of which kind an answer is, for what it says besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// A page, an account, whatever is neither of the others.
    #[default]
    Pages,
    /// The API.
    Api,
    /// A file of `public/`.
    Files,
}

/// What a site's answers say.
pub struct Dressing {
    pages: Pair,
    api: Pair,
    files: Pair,
    always: HeaderValue,
    says_always: bool,
    policy: String,
}

/// What answers of one family have where they do not say otherwise.
struct Pair {
    html: HeaderMap,
    /// What is no page may load nothing.
    data: HeaderMap,
}

impl Dressing {
    /// That of a site.
    #[must_use]
    pub fn of(settings: &Settings) -> Dressing {
        let security = &settings.security;
        let pair = |policies: &Policies| Pair {
            html: defaults(&page_policy(&settings.csp, policies), policies, security),
            data: defaults(
                &format!("default-src 'none'; frame-ancestors {}", ancestors(policies)),
                policies,
                security,
            ),
        };
        Dressing {
            pages: pair(&security.pages),
            api: pair(&security.api),
            files: pair(&security.files),
            always: always(security).unwrap_or(HeaderValue::from_static("")),
            says_always: security.hsts.is_some(),
            policy: page_policy(&settings.csp, &security.pages),
        }
    }

    /// The content security policy of a page with inline scripts or styles: those that are known by their hashes, and
    /// those that carry a nonce. None where the usual one does.
    #[must_use]
    pub fn policy_with(&self, nonce: Option<&str>, inline: Option<&Inline>) -> Option<HeaderValue> {
        if nonce.is_none() && inline.is_none() {
            return None;
        }
        let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
        let (scripts, styles) =
            inline.map(|inline| (inline.scripts.as_str(), inline.styles.as_str())).unwrap_or_default();
        let policy = self
            .policy
            .replacen("script-src 'self'", &format!("script-src 'self'{nonce}{scripts}"), 1)
            .replacen("style-src 'self'", &format!("style-src 'self'{styles}"), 1);
        HeaderValue::from_str(&policy).ok()
    }

    /// Puts on what every answer has; a header that is there already stays.
    pub fn dress(&self, response: &mut Response<Body>, family: Family, id: RequestId, https: bool) {
        if response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        let headers = response.headers_mut();
        let is_page =
            headers.get(header::CONTENT_TYPE).is_none_or(|ty| ty.as_bytes().starts_with(b"text/html"));
        let pair = match family {
            Family::Pages => &self.pages,
            Family::Api => &self.api,
            Family::Files => &self.files,
        };
        // A copy of a map costs a third of filling one; the few that the answer has go into it.
        let own = std::mem::replace(headers, if is_page { pair.html.clone() } else { pair.data.clone() });
        headers.extend(own);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if https && self.says_always && !headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, self.always.clone());
        }
        if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
            headers.insert(REQUEST_ID, id);
        }
    }
}

fn defaults(csp: &str, policies: &Policies, security: &SecuritySettings) -> HeaderMap {
    // Room for those of the answer too: a copy has as much.
    let mut headers = HeaderMap::with_capacity(24);
    let permissions: Vec<String> =
        security.permissions.iter().map(|(name, who)| format!("{name}={who}")).collect();
    let framed = match policies.frames {
        Frames::Nobody => "DENY",
        Frames::Own => "SAMEORIGIN",
        // The older header knows no list, and would forbid what the policy allows.
        Frames::Sites(_) => "",
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::REFERRER_POLICY, &policies.referrer),
        (header::X_FRAME_OPTIONS, framed),
        (OPENER_POLICY, &policies.opener),
        (EMBEDDER_POLICY, policies.embedder.as_deref().unwrap_or_default()),
        (RESOURCE_POLICY, &policies.resource),
        (PERMISSIONS_POLICY, &permissions.join(", ")),
        (header::CACHE_CONTROL, "private, no-cache"),
    ] {
        // Every part of them was looked at when the settings were read.
        if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn ancestors(policies: &Policies) -> String {
    match &policies.frames {
        Frames::Nobody => "'none'".to_owned(),
        Frames::Own => "'self'".to_owned(),
        Frames::Sites(sites) => format!("'self' {}", sites.join(" ")),
    }
}

fn page_policy(csp: &CspSettings, policies: &Policies) -> String {
    let mut directives: Vec<(&str, String)> =
        PAGE_POLICY.iter().map(|(name, sources)| (*name, (*sources).to_owned())).collect();
    for (name, more) in csp.sources.iter().filter(|(_, more)| !more.is_empty()) {
        match directives.iter_mut().find(|(known, _)| known == name) {
            Some((_, sources)) => *sources = format!("{sources} {}", more.join(" ")),
            None => directives.push((name, format!("'self' {}", more.join(" ")))),
        }
    }
    directives.push(("frame-ancestors", ancestors(policies)));
    if let Some(names) = &csp.trusted_types {
        directives.push(("require-trusted-types-for", "'script'".to_owned()));
        if !names.is_empty() {
            directives.push(("trusted-types", names.join(" ")));
        }
    }
    if csp.reports {
        directives.push(("report-uri", REPORTS.to_owned()));
    }
    let written: Vec<String> =
        directives.into_iter().map(|(name, sources)| format!("{name} {sources}")).collect();
    written.join("; ")
}

fn always(security: &SecuritySettings) -> Option<HeaderValue> {
    let mut text = format!("max-age={}", security.hsts?.as_secs());
    if security.hsts_subdomains {
        text.push_str("; includeSubDomains");
    }
    if security.hsts_preload {
        text.push_str("; preload");
    }
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use purlin_schema::load::Layers;

    use super::*;

    fn settings(toml: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("site.toml"), toml).unwrap();
        match purlin_schema::Site::load(folder.path(), &Layers::default()) {
            Ok((site, _)) => site.settings,
            Err(mistakes) => panic!("{}", mistakes.draw(false)),
        }
    }

    fn dressed(dressing: &Dressing, family: Family, ty: &'static str, https: bool) -> HeaderMap {
        let mut response = crate::answer::answer(StatusCode::OK, ty, "x");
        dressing.dress(&mut response, family, RequestId::next(), https);
        response.headers().clone()
    }

    #[test]
    fn what_is_inline_goes_into_the_policy() {
        let dressing = Dressing::of(&settings("[csp]\nscript = [\"https://js.example.com\"]\n"));
        let policy = dressing.policy_with(Some("abc"), None).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self' 'nonce-abc' https://js.example.com;"), "{policy}");
        let inline = Inline { scripts: " 'sha256-a' 'sha256-b'".into(), styles: " 'sha256-c'".into() };
        let policy = dressing.policy_with(None, Some(&inline)).unwrap();
        let expected =
            "script-src 'self' 'sha256-a' 'sha256-b' https://js.example.com; style-src 'self' 'sha256-c';";
        assert!(policy.to_str().unwrap().contains(expected), "{policy:?}");
        assert!(
            dressing.policy_with(Some("a\nb"), None).is_none() && dressing.policy_with(None, None).is_none()
        );
    }

    #[test]
    fn what_an_answer_says_itself_stays() {
        let mut response = crate::answer::answer(StatusCode::OK, "text/plain", "x");
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for cookie in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        Dressing::of(&settings("")).dress(&mut response, Family::Pages, RequestId::next(), false);
        let headers = response.headers();
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(header::CACHE_CONTROL), ["no-store"]);
        assert_eq!(all(header::SET_COOKIE), ["a=1", "b=2"]);
        assert_eq!(all(header::CONTENT_TYPE), ["text/plain"]);
    }

    #[test]
    fn attack_42_every_answer_is_dressed() {
        let dressing = Dressing::of(&settings(""));
        for family in [Family::Pages, Family::Api, Family::Files] {
            for ty in ["text/html; charset=utf-8", "application/json", "image/png"] {
                let headers = dressed(&dressing, family, ty, true);
                let policy = headers["content-security-policy"].to_str().unwrap();
                assert!(
                    policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'")
                );
                assert!(!policy.contains("unsafe"));
                assert_eq!(headers["x-content-type-options"], "nosniff");
                assert_eq!(headers["x-frame-options"], "DENY");
                assert_eq!(headers["strict-transport-security"], "max-age=31536000");
                assert!(headers.contains_key("x-request-id"));
            }
        }
    }

    #[test]
    fn an_owner_sets_them_for_each_family() {
        let toml = r#"
            [security]
            hsts = "400d"
            hsts_subdomains = true
            hsts_preload = true
            frames = "self"
            referrer = "same-origin"
            [security.permissions]
            geolocation = ["self", "https://maps.example"]
            fullscreen = "self"
            [security.pages]
            opener = "same-origin-allow-popups"
            embedder = "credentialless"
            [security.api]
            frames = "none"
            [security.files]
            resource = "cross-origin"
            frames = ["https://partner.example"]
            [csp]
            script = ["https://js.example.com"]
            frame = ["https://player.example.com"]
            trusted_types = ["dompurify"]
        "#;
        let dressing = Dressing::of(&settings(toml));
        let pages = dressed(&dressing, Family::Pages, "text/html", true);
        assert_eq!(pages["strict-transport-security"], "max-age=34560000; includeSubDomains; preload");
        assert_eq!(pages["x-frame-options"], "SAMEORIGIN");
        assert_eq!(pages["referrer-policy"], "same-origin");
        assert_eq!(pages["cross-origin-opener-policy"], "same-origin-allow-popups");
        assert_eq!(pages["cross-origin-embedder-policy"], "credentialless");
        assert_eq!(pages["cross-origin-resource-policy"], "same-origin");
        assert_eq!(
            pages["permissions-policy"],
            "camera=(), microphone=(), payment=(), usb=(), geolocation=(self \"https://maps.example\"), \
             fullscreen=(self)"
        );
        let policy = pages["content-security-policy"].to_str().unwrap();
        for part in [
            "script-src 'self' https://js.example.com;",
            "frame-src 'self' https://player.example.com;",
            "frame-ancestors 'self';",
            "require-trusted-types-for 'script'; trusted-types dompurify; report-uri /_purlin/reports",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        let api = dressed(&dressing, Family::Api, "application/json", false);
        assert_eq!(api["x-frame-options"], "DENY");
        assert_eq!(api["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
        assert!(
            !api.contains_key("strict-transport-security")
                && !api.contains_key("cross-origin-embedder-policy")
        );
        let files = dressed(&dressing, Family::Files, "image/png", false);
        assert_eq!(files["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(
            files["content-security-policy"],
            "default-src 'none'; frame-ancestors 'self' https://partner.example"
        );
        assert!(!files.contains_key("x-frame-options"));
        let mut off = settings("[csp]\nreports = false\n");
        off.security.hsts = None;
        let off = dressed(&Dressing::of(&off), Family::Pages, "text/html", true);
        assert!(!off["content-security-policy"].to_str().unwrap().contains("report"));
        assert!(!off.contains_key("strict-transport-security"));
        assert_eq!(settings("").security.hsts, Some(Duration::from_secs(31_536_000)));
    }
}
