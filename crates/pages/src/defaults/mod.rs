//! Purlin's own pages: sign-in, sign-up, one's account, and errors. A site overrides each by a template of the same name.
//!
//! Those for accounts, 403 and 404 stand in the site's own `_layout.html` where it has the blocks that they fill. 500 and
//! what else can fail stand in Purlin's, which asks for no data: what failed may be just what the site's layout needs.

use std::borrow::Cow;

use purlin_schema::Site;

/// The style sheet of Purlin's own pages, served at [`CSS_PATH`].
pub const CSS: &str = include_str!("purlin.css");

/// Where the server serves [`CSS`].
pub const CSS_PATH: &str = "/_purlin/purlin.css";

/// What stands in the templates for the layout's name.
const LAYOUT: &str = "LAYOUT";

/// The layout of Purlin's own.
const OWN_LAYOUT: &str = "_purlin_layout.html";

/// The layout of a site.
const SITE_LAYOUT: &str = "_layout.html";

/// Templates by name.
pub(crate) const TEMPLATES: &[(&str, &str)] = &[
    (OWN_LAYOUT, include_str!("_purlin_layout.html")),
    ("login.html", include_str!("login.html")),
    ("login_mail.html", include_str!("login_mail.html")),
    ("second.html", include_str!("second.html")),
    ("signup.html", include_str!("signup.html")),
    ("verify.html", include_str!("verify.html")),
    ("reset.html", include_str!("reset.html")),
    ("account/index.html", include_str!("account/index.html")),
    ("account/password.html", include_str!("account/password.html")),
    ("account/email.html", include_str!("account/email.html")),
    ("account/sessions.html", include_str!("account/sessions.html")),
    ("account/tokens.html", include_str!("account/tokens.html")),
    ("account/second.html", include_str!("account/second.html")),
    ("account/identities.html", include_str!("account/identities.html")),
    ("account/leaving.html", include_str!("account/leaving.html")),
    ("account/finish.html", include_str!("account/finish.html")),
    ("account/confirm.html", include_str!("account/confirm.html")),
    ("account/act.html", include_str!("account/act.html")),
    ("account/invitations.html", include_str!("account/invitations.html")),
    ("invitation.html", include_str!("invitation.html")),
    ("account/delete.html", include_str!("account/delete.html")),
    ("403.html", include_str!("403.html")),
    ("404.html", include_str!("404.html")),
    ("500.html", include_str!("500.html")),
    ("error.html", include_str!("error.html")),
];

/// Purlin's own templates that a site has not, as they are for that site.
pub(crate) fn for_site(site: &Site) -> Vec<(&'static str, Cow<'static, str>)> {
    let layout = match site.templates.get(SITE_LAYOUT) {
        Some(layout) if has_block(&layout.source, "content") => SITE_LAYOUT,
        _ => OWN_LAYOUT,
    };
    TEMPLATES
        .iter()
        .filter(|(name, _)| !site.templates.contains_key(*name))
        .map(|(name, source)| {
            let place = format!("{{% extends \"{LAYOUT}\" %}}");
            let source = match source.strip_prefix(place.as_str()) {
                Some(rest) => Cow::Owned(format!("{{% extends \"{layout}\" %}}{rest}")),
                None => Cow::Borrowed(*source),
            };
            (*name, source)
        })
        .collect()
}

/// Whether a template has a block of this name.
fn has_block(source: &str, name: &str) -> bool {
    source.split("{%").skip(1).any(|tag| {
        let mut words =
            tag.trim_start_matches(['-', '+']).split(|c: char| c.is_whitespace() || c == '%' || c == '-');
        let mut next = || words.by_ref().find(|word| !word.is_empty());
        next() == Some("block") && next() == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::testing;
    use crate::view::{FieldView, FormView};

    #[test]
    fn a_layout_with_the_block_is_used() {
        assert!(has_block("a {%- block content -%} b", "content"));
        assert!(!has_block("{% block contents %} {{ content }}", "content"));
        let site = testing::site(&[("_layout.html", "<main>{% block content %}{% endblock %}</main>")]);
        let found = for_site(&site);
        let of =
            |name: &str| found.iter().find(|(known, _)| *known == name).map(|(_, source)| source.to_string());
        assert!(of("login.html").expect("it is there").starts_with("{% extends \"_layout.html\" %}"));
        assert!(of("500.html").expect("it is there").contains(OWN_LAYOUT));
        let own = for_site(&testing::site(&[("login.html", "mine")]));
        assert!(own.iter().all(|(name, _)| *name != "login.html"));
    }

    #[test]
    fn each_page_is_shown_in_either_layout() {
        for layout in [
            None,
            Some("<html><title>{% block title %}{% endblock %}</title>{% block content %}{% endblock %}"),
        ] {
            let templates: Vec<(&str, &str)> =
                layout.iter().map(|source| ("_layout.html", *source)).collect();
            let templates = testing::load(&templates).expect("Purlin's own templates are right");
            for (name, _) in TEMPLATES {
                let mut view = testing::view();
                let password = FieldView { name: "password".into(), ..FieldView::default() };
                let form = FormView { fields: vec![password], ..FormView::default() };
                view.forms.push(("signup".into(), form));
                let html = templates.render(name, view).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(html.contains("<html"), "{name}");
                assert!(!html.contains("style=") && !html.contains("<script"), "{name}");
            }
        }
    }

    #[test]
    fn what_was_entered_stands_there_again_and_is_inert() {
        let mut view = testing::view();
        let attack = "\"><svg onload=alert(1)>";
        for name in ["next", "email", "message"] {
            view.extra.push((name.into(), attack.into()));
        }
        let html =
            testing::load(&[]).expect("they are right").render("login.html", view).expect("it is shown");
        assert!(!html.contains("<svg"), "{html}");
        assert_eq!(html.matches("&quot;&gt;&lt;svg onload=alert(1)&gt;").count(), 3, "{html}");
        assert!(html.contains("aria-invalid=\"true\"") && html.contains("role=\"alert\""), "{html}");
    }
}
