//! `[cors]`, `[security]` and `[csp]`: what answers say to browsers about who may do what with them.

use std::time::Duration;

/// `[cors]`: which other sites' pages may use the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSettings {
    /// `origins`: `https://app.example.com`, each as browsers write it.
    pub origins: Vec<String>,
    /// `origins` has `*`: the pages of every site, without cookies.
    pub everybody: bool,
    /// `credentials`: whether they may come with cookies.
    pub credentials: bool,
    /// `max_age`: how long a browser need not ask again.
    pub max_age: Duration,
}

impl CorsSettings {
    /// Whether any other site's pages may.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.everybody || !self.origins.is_empty()
    }
}

/// `[security]`.
#[derive(Clone, Debug)]
pub struct SecuritySettings {
    /// `hsts`: for how long browsers ask over https alone; nothing where they are not told so.
    pub hsts: Option<Duration>,
    /// `hsts_subdomains`: whether that goes for every name below the site's.
    pub hsts_subdomains: bool,
    /// `hsts_preload`: whether browsers may ship with it.
    pub hsts_preload: bool,
    /// `[security.permissions]`: what pages may do besides, by the names of the Permissions Policy, with the header's values.
    pub permissions: Vec<(String, String)>,
    /// For pages: `[security]`, and over it `[security.pages]`.
    pub pages: Policies,
    /// For the API: `[security]`, and over it `[security.api]`.
    pub api: Policies,
    /// For files of `public/`: `[security]`, and over it `[security.files]`.
    pub files: Policies,
}

/// What the answers of one kind say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// `frames`: which sites may frame them.
    pub frames: Frames,
    /// `referrer`: the Referrer-Policy.
    pub referrer: String,
    /// `opener`: the Cross-Origin-Opener-Policy.
    pub opener: String,
    /// `embedder`: the Cross-Origin-Embedder-Policy, where one is set.
    pub embedder: Option<String>,
    /// `resource`: the Cross-Origin-Resource-Policy.
    pub resource: String,
}

/// Which sites may frame an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frames {
    /// `"none"`.
    Nobody,
    /// `"self"`.
    Own,
    /// `["https://partner.example"]`: these, and the site itself.
    Sites(Vec<String>),
}

impl Default for Policies {
    fn default() -> Policies {
        Policies {
            frames: Frames::Nobody,
            referrer: "strict-origin-when-cross-origin".to_owned(),
            opener: "same-origin".to_owned(),
            embedder: None,
            resource: "same-origin".to_owned(),
        }
    }
}

impl Default for SecuritySettings {
    fn default() -> SecuritySettings {
        let denied = ["camera", "geolocation", "microphone", "payment", "usb"];
        SecuritySettings {
            hsts: Some(Duration::from_secs(365 * 86_400)),
            hsts_subdomains: false,
            hsts_preload: false,
            permissions: denied.map(|name| (name.to_owned(), "()".to_owned())).to_vec(),
            pages: Policies::default(),
            api: Policies::default(),
            files: Policies::default(),
        }
    }
}

/// `[csp]`: what pages may load besides what is the site's own.
#[derive(Clone, Debug)]
pub struct CspSettings {
    /// Sources by the directive that they are added to: `script-src`.
    pub sources: Vec<(&'static str, Vec<String>)>,
    /// `trusted_types`: whether scripts may write markup only through a policy; with the names of those, or any.
    pub trusted_types: Option<Vec<String>>,
    /// `reports`: whether browsers report what they refused.
    pub reports: bool,
}

impl Default for CspSettings {
    fn default() -> CspSettings {
        CspSettings { sources: Vec::new(), trusted_types: None, reports: true }
    }
}

impl CspSettings {
    /// The settings' names, and the directives that each adds to.
    pub const DIRECTIVES: &[(&str, &str)] = &[
        ("script", "script-src"),
        ("style", "style-src"),
        ("img", "img-src"),
        ("font", "font-src"),
        ("connect", "connect-src"),
        ("media", "media-src"),
        ("frame", "frame-src"),
        ("worker", "worker-src"),
        ("form", "form-action"),
    ];
}
