//! Mails: one template gives the subject (its title), the HTML and, where no text stands beside it, the text.
//!
//! A site's `mail/reset.html` replaces Purlin's own of that name, and `mail/_layout.html` the layout of all of them. Each
//! is rendered once when the site loads, so that no mistake in it waits for the first who needs the mail.

mod plain;

use std::borrow::Cow;
use std::sync::Arc;

use purlin_schema::{Diagnostic, Diagnostics, Site};

use crate::error::RenderError;
use crate::functions::Links;
use crate::templates::{Assets, Own, Templates};
use crate::view::{NoOracle, Record, View};

/// Purlin's own templates of mails, by name.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("_layout.html", include_str!("_layout.html")),
    ("reset.html", include_str!("reset.html")),
    ("password_changed.html", include_str!("password_changed.html")),
    ("verify.html", include_str!("verify.html")),
    ("account_exists.html", include_str!("account_exists.html")),
    ("confirm_email.html", include_str!("confirm_email.html")),
    ("email_changed.html", include_str!("email_changed.html")),
    ("sign_in.html", include_str!("sign_in.html")),
    ("second_step_on.html", include_str!("second_step_on.html")),
    ("second_step_off.html", include_str!("second_step_off.html")),
    ("invitation.html", include_str!("invitation.html")),
    ("account_deleted.html", include_str!("account_deleted.html")),
    ("identity_linked.html", include_str!("identity_linked.html")),
    ("identity_unlinked.html", include_str!("identity_unlinked.html")),
];

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// A mail as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// What the template of a mail sees beside `site`, `user` and `now`.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// `link`: where to go.
    pub link: String,
    /// `hours`: how long the link works; 0 where it always does.
    pub hours: u32,
    /// `email`: the address that the mail goes to.
    pub email: String,
    /// `new_email`: the other address, of a change.
    pub new_email: String,
    /// `code`: what is entered in place of following the link.
    pub code: String,
    /// `provider`: what people call who else knows somebody.
    pub provider: String,
}

/// The templates of a site's mails.
#[derive(Debug)]
pub struct Mails {
    templates: Templates,
}

impl Mails {
    /// Compiles, checks and tries a site's templates of mails.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn load(site: &Arc<Site>, assets: Arc<dyn Assets>) -> Result<Mails, Diagnostics> {
        let links = Arc::new(Links::new(site, assets));
        let alone = Site { templates: site.mails.clone(), pages: Default::default(), ..(**site).clone() };
        let own = TEMPLATES.iter().filter(|(name, _)| !site.mails.contains_key(*name));
        let sources = own.map(|(name, source)| (*name, Cow::Borrowed(*source))).collect();
        let templates = Templates::of(Arc::new(alone), &links, &Own { names: TEMPLATES, sources })?;
        let mails = Mails { templates };
        let mut mistakes = Diagnostics::default();
        for name in TEMPLATES.iter().filter_map(|(name, _)| name.strip_suffix(".html")) {
            if name.starts_with('_') {
                continue;
            }
            if let Err(error) = mails.render(name, &Words::default(), None, 0) {
                mistakes.push(mistake(name, &error));
            }
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(mails) }
    }

    /// Renders a mail; `user` is there for those of somebody who is signed in.
    ///
    /// # Errors
    /// What went wrong, and where in the template.
    #[expect(clippy::result_large_err, reason = "an error is rare, and read field by field")]
    pub fn render(
        &self,
        name: &str,
        words: &Words,
        user: Option<&Record>,
        now: i64,
    ) -> Result<Rendered, RenderError> {
        let html = self.templates.render(&format!("{name}.html"), view(words, user, now))?;
        let read = plain::read(&html);
        let subject: String = read
            .title
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let text_template = format!("{name}.txt");
        let text = match self.templates.has(&text_template) {
            true => self.templates.render(&text_template, view(words, user, now))?,
            false => read.text,
        };
        if subject.is_empty() {
            return Err(RenderError {
                template: format!("{name}.html"),
                file: self.templates.site().mails.get(&format!("{name}.html")).map(|own| own.file.clone()),
                line: None,
                message: "this mail has no subject".to_owned(),
                hint: Some(
                    "its subject is its title: {% block title %}Your password{% endblock %}".to_owned(),
                ),
                caret: None,
            });
        }
        Ok(Rendered { subject: subject.chars().take(LONGEST_SUBJECT).collect(), text, html })
    }
}

fn view(words: &Words, user: Option<&Record>, now: i64) -> View {
    View {
        data: Vec::new(),
        user: user.cloned(),
        params: Vec::new(),
        query: Vec::new(),
        path: "/".to_owned(),
        query_string: String::new(),
        forms: Vec::new(),
        flash: Vec::new(),
        flash_shown: Arc::default(),
        extra: vec![
            ("link".to_owned(), words.link.as_str().into()),
            ("hours".to_owned(), words.hours.into()),
            ("email".to_owned(), words.email.as_str().into()),
            ("new_email".to_owned(), words.new_email.as_str().into()),
            ("code".to_owned(), words.code.as_str().into()),
            ("provider".to_owned(), words.provider.as_str().into()),
        ],
        now,
        oracle: Arc::new(NoOracle),
    }
}

fn mistake(name: &str, error: &RenderError) -> Diagnostic {
    let file = error.file.clone().unwrap_or_else(|| format!("mail/{name}.html").into());
    let line = error.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let mistake = Diagnostic::error("mail-template", file, 0..0, format!("{}{line}", error.message));
    let mistake = Diagnostic { span: None, ..mistake };
    match &error.hint {
        Some(hint) => mistake.hint(hint.clone()),
        None => mistake,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::testing;
    use purlin_schema::page::Template;

    fn load(mails: &[(&str, &str)]) -> Result<Mails, Vec<String>> {
        let mut site = (*testing::site(&[])).clone();
        for (name, source) in mails {
            let template = Template {
                name: (*name).into(),
                file: format!("mail/{name}").into(),
                source: (*source).into(),
                data: Default::default(),
            };
            site.mails.insert((*name).into(), template);
        }
        Mails::load(&Arc::new(site), Arc::new(testing::AnyAsset))
            .map_err(|found| found.list.into_iter().map(|mistake| mistake.message).collect())
    }

    fn words() -> Words {
        Words {
            link: "https://test.example/reset?token=a&b".into(),
            hours: 1,
            email: "ada@example.com".into(),
            new_email: "\"><svg onload=x>@example.com".into(),
            code: "123 456".into(),
            provider: "<b>Example</b>".into(),
        }
    }

    #[test]
    fn each_mail_has_a_subject_a_text_with_the_link_and_inert_html() {
        let mails = load(&[]).expect("Purlin's own are right");
        for (name, _) in TEMPLATES.iter().filter(|(name, _)| !name.starts_with('_')) {
            let name = name.trim_end_matches(".html");
            let mail =
                mails.render(name, &words(), None, 0).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(mail.subject.contains("Test"), "{name}: {}", mail.subject);
            assert!(mail.html.starts_with("<!doctype html>") && !mail.html.contains("<svg"), "{name}");
            assert!(
                !mail.text.contains('<') || mail.text.contains("<https://test.example/"),
                "{name}: {}",
                mail.text
            );
            assert!(mail.text.lines().all(|line| line.trim_end() == line), "{name}: {}", mail.text);
        }
        let reset = mails.render("reset", &words(), None, 0).expect("it is right");
        assert!(reset.text.contains("<https://test.example/reset?token=a&b>"), "{}", reset.text);
        assert!(reset.html.contains("href=\"https://test.example/reset?token=a&amp;b\""), "{}", reset.html);
    }

    #[test]
    fn a_site_replaces_one_or_the_layout_and_writes_the_text_itself() {
        let own = [
            (
                "_layout.html",
                "<title>{% block title %}{% endblock %}</title><i>{% block content %}{% endblock %}</i>",
            ),
            ("reset.txt", "Go to {{ link }} & see"),
        ];
        let mails = load(&own).expect("they are right");
        let mail = mails.render("reset", &words(), None, 0).expect("it is right");
        assert_eq!(mail.text, "Go to https://test.example/reset?token=a&b & see");
        assert!(mail.html.contains("<i>"), "{}", mail.html);
        let own = [("reset.html", "<title>Fish &amp; chips\n for {{ email }}</title><p>{{ link }}")];
        let mail = load(&own).expect("it is right").render("reset", &words(), None, 0).expect("it is right");
        assert_eq!(mail.subject, "Fish & chips for ada@example.com");
    }

    #[test]
    fn attack_15_no_subject_has_a_second_line() {
        let own = [("reset.html", "<title>{{ new_email }}</title>")];
        let mails = load(&[("reset.html", "<title>x {{ new_email }}</title>")]).expect("it is right");
        assert!(load(&own).is_err(), "a subject that can be empty");
        let evil = Words { new_email: "a\r\nBcc: eve@evil.example\u{85}\u{0}b".into(), ..words() };
        let mail = mails.render("reset", &evil, None, 0).expect("it is right");
        assert_eq!(mail.subject, "x a Bcc: eve@evil.example \u{fffd}b");
    }

    #[test]
    fn mistakes_are_found_when_the_site_loads() {
        assert!(load(&[("reset.html", "<title>x</title>{{ lnk }}")]).unwrap_err()[0].contains("`lnk`"));
        assert!(load(&[("reset.html", "<p>x")]).unwrap_err()[0].contains("no subject"));
        assert!(load(&[("reset.html", "<title>x</title><a onclick=\"{{ link }}\">")]).is_err());
    }
}
