//! Small sites and views for the unit tests of this crate.

use super::*;
use crate::view::NoOracle;

/// Static files that are all there.
pub(crate) struct AnyAsset;

impl Assets for AnyAsset {
    fn url(&self, name: &str) -> Option<String> {
        (!name.contains("missing")).then(|| format!("/{name}?v=1"))
    }

    fn names(&self) -> Vec<String> {
        vec!["style.css".to_owned(), "logo.svg".to_owned()]
    }
}

/// A site with these templates and nothing else.
pub(crate) fn site(templates: &[(&str, &str)]) -> Arc<Site> {
    use purlin_schema::page::Template;
    use purlin_schema::settings::*;
    let settings = Settings {
        site: SiteSettings {
            name: "Test".into(),
            url: Some("https://test.example".into()),
            description: String::new(),
            timezone: "UTC".into(),
            language: "en".into(),
            extra: Default::default(),
        },
        server: ServerSettings {
            listen: ([127, 0, 0, 1], 8080).into(),
            hosts: Vec::new(),
            max_body_bytes: 1,
            timeout: std::time::Duration::from_secs(1),
            max_connections: 1,
            trusted_proxies: Vec::new(),
            forwarded: Default::default(),
            signing_key: None,
            signing_keys_old: Vec::new(),
        },
        database: DatabaseSettings::of(""),
        accounts: AccountSettings {
            roles: Vec::new(),
            signup: SignUp::Open,
            signup_fields: None,
            verify: true,
            deletion: true,
            session_days: 1,
            fresh: std::time::Duration::from_secs(1),
            acting: true,
            tokens: true,
            password_ends_tokens: true,
            providers: Vec::new(),
            jwt: JwtSettings {
                audience: Vec::new(),
                lifetime: std::time::Duration::from_secs(1),
                claims: Vec::new(),
            },
            passwords: Default::default(),
            mail_sign_in: false,
            second_factor: Vec::new(),
        },
        api: ApiSettings { path: "/api".into(), max_per_page: 100 },
        mail: MailSettings {
            from: None,
            way: MailWay::Terminal,
            user: None,
            password: None,
            ca: None,
            links: "https://test.example".into(),
        },
        limits: Default::default(),
        cors: Default::default(),
        security: Default::default(),
        csp: Default::default(),
        outgoing: Default::default(),
        deploy: Default::default(),
        audit: Default::default(),
        roles: Default::default(),
    };
    Arc::new(Site {
        root: "/site".into(),
        settings,
        models: Arc::default(),
        pages: Default::default(),
        templates: templates
            .iter()
            .map(|(name, source)| {
                let template = Template {
                    name: (*name).into(),
                    file: format!("pages/{name}").into(),
                    source: (*source).into(),
                    data: Default::default(),
                };
                ((*name).into(), template)
            })
            .collect(),
        mails: Default::default(),
    })
}

/// The environment of a site without templates.
pub(crate) fn environment() -> Environment<'static> {
    let site = site(&[]);
    let links = Arc::new(Links::new(&site, Arc::new(AnyAsset)));
    super::environment(&Arc::new(Shared::new(site, TimeZone::UTC)), &links)
}

/// The view of a visitor on an empty page.
pub(crate) fn view() -> View {
    View {
        data: Vec::new(),
        user: None,
        params: Vec::new(),
        query: Vec::new(),
        path: "/".into(),
        query_string: String::new(),
        forms: Vec::new(),
        flash: Vec::new(),
        flash_shown: Arc::default(),
        extra: Vec::new(),
        now: 0,
        oracle: Arc::new(NoOracle),
    }
}

/// What one line of HTML template gives.
pub(crate) fn render_line(source: &str) -> Result<String, String> {
    let templates = Templates::load(site(&[("t.html", source)]), Arc::new(AnyAsset)).map_err(|found| {
        found.list.iter().map(|mistake| mistake.message.clone()).collect::<Vec<_>>().join("; ")
    })?;
    templates.render("t.html", view()).map_err(|error| error.to_string())
}

/// A site of these templates.
pub(crate) fn load(templates: &[(&str, &str)]) -> Result<Templates, Vec<String>> {
    Templates::load(site(templates), Arc::new(AnyAsset))
        .map_err(|found| found.list.into_iter().map(|mistake| mistake.message).collect())
}

/// What a template can ask records for.
pub(crate) fn named(source: &str) -> crate::named::Named {
    let templates = load(&[("t.html", source)]).expect("a template that can be loaded");
    templates.compiled["t.html"].named.clone()
}
