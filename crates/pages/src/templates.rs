//! All templates of a site, compiled.

mod compile;
mod operators;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use purlin_schema::{Diagnostic, Diagnostics, Site};

use crate::error::{RenderError, caret};
use crate::functions::Links;
use crate::text::escape;
use crate::value::root::Root;
use crate::value::{Shared, json, record, rich};
use crate::view::View;
use crate::{defaults, filters, functions};
use compile::Compiled;

/// What one rendering may cost: an instruction is one, as are 64 bytes. A page of a hundred kilobytes takes some thousand.
const FUEL: u64 = 4_000_000;

/// How deep templates and macros may call each other.
const MAX_DEPTH: usize = 100;

/// The site's static files.
pub trait Assets: Send + Sync {
    /// The fingerprinted URL of a file below `public/`: `style.css` may be `/style.3f2a.css`.
    fn url(&self, name: &str) -> Option<String>;

    /// The names of all files, for the hint beside a name that is wrong.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// All templates of a site, compiled and checked, with Purlin's own where the site has none.
pub struct Templates {
    env: Environment<'static>,
    shared: Arc<Shared>,
    compiled: HashMap<String, Compiled>,
    warnings: Diagnostics,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    /// Compiles and checks a site's templates.
    ///
    /// # Errors
    /// Every mistake in them, with its place.
    pub fn load(site: Arc<Site>, assets: Arc<dyn Assets>) -> Result<Templates, Diagnostics> {
        let links = Arc::new(Links::new(&site, assets));
        let own = Own { names: defaults::TEMPLATES, sources: defaults::for_site(&site) };
        Templates::of(site, &links, &own)
    }

    /// As [`Templates::load`], of a site whose templates stand beside these of Purlin's own.
    pub(crate) fn of(site: Arc<Site>, links: &Arc<Links>, own: &Own) -> Result<Templates, Diagnostics> {
        let mut found = Diagnostics::default();
        let zone = TimeZone::get(&site.settings.site.timezone).unwrap_or_else(|_| {
            let message = format!("`{}` is no time zone", site.settings.site.timezone);
            let mistake = Diagnostic::error("unknown-timezone", "site.toml", 0..0, message);
            found.push(Diagnostic { span: None, ..mistake }.hint("write a name like `Europe/Berlin`"));
            TimeZone::UTC
        });
        let shared = Arc::new(Shared::new(site, zone));
        let mut env = environment(&shared, links);
        let compiled = compile::compile(&shared.site, links, own, &mut env, &mut found);
        if found.has_errors() {
            return Err(found);
        }
        Ok(Templates { env, shared, compiled, warnings: found })
    }

    /// What is worth knowing though it keeps nothing from working: `|safe`, scripts that need a nonce.
    #[must_use]
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Every name by which a template, or one that it extends, includes or imports, can ask a record for a field;
    /// `None` where it might be any.
    #[must_use]
    pub fn names(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.compiled.get(name)?.named.names()
    }

    /// The actions that a template, or one that it extends, includes or imports, can ask about by `can`.
    pub fn actions(&self, name: &str) -> impl Iterator<Item = &'static str> {
        self.compiled.get(name).into_iter().flat_map(|compiled| compiled.named.actions().iter().copied())
    }

    /// Whether a template calls `csp_nonce()`, itself or by one that it extends or includes. The answer then needs a fresh
    /// nonce in `View::extra` under `csp_nonce`, and is not cached.
    #[must_use]
    pub fn uses_nonce(&self, name: &str) -> bool {
        self.compiled.get(name).is_some_and(|compiled| compiled.nonce)
    }

    /// The inline scripts of a template that are the same at each request, those of its layouts and partials included:
    /// their hashes go into the content security policy.
    #[must_use]
    pub fn inline_scripts(&self, name: &str) -> &[String] {
        self.compiled.get(name).map(|compiled| compiled.scripts.as_slice()).unwrap_or_default()
    }

    /// Its inline styles, likewise.
    #[must_use]
    pub fn inline_styles(&self, name: &str) -> &[String] {
        self.compiled.get(name).map(|compiled| compiled.styles.as_slice()).unwrap_or_default()
    }

    /// Whether there is a template of this name, the site's or Purlin's own.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.env.get_template(name).is_ok()
    }

    /// Renders a template.
    ///
    /// # Errors
    /// What went wrong, and where in the template.
    #[expect(clippy::result_large_err, reason = "an error is rare, and read field by field")]
    pub fn render(&self, name: &str, view: View) -> Result<String, RenderError> {
        let template = self.env.get_template(name).map_err(|error| self.explain(name, &error))?;
        let root = Root::new(self.shared.clone(), name, view);
        template.render(Value::from_object(root)).map_err(|error| self.explain(name, &error))
    }

    /// The site that these are of.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.shared.site
    }

    /// An error of Jinja as a template's author understands it.
    fn explain(&self, asked: &str, error: &Error) -> RenderError {
        // What went wrong in an included template or a block is the source of the error that surrounds it.
        let mut inner = error;
        while let Some(source) =
            std::error::Error::source(inner).and_then(|source| source.downcast_ref::<Error>())
        {
            inner = source;
        }
        let template = inner.name().unwrap_or(asked).to_owned();
        let known = self.shared.site.templates.get(&template);
        let source = known.map(|known| known.source.as_str());
        let compiled = self.compiled.get(&template);
        let span = inner
            .range()
            .map(|span| compiled.map_or(span.clone(), |compiled| compiled.rewritten.original(span)));
        let (message, hint) = sentence(inner, span.clone().and_then(|span| source?.get(span)));
        RenderError {
            file: known.map(|known| known.file.clone()),
            line: inner.line(),
            caret: source.zip(inner.line()).and_then(|(source, line)| caret(source, line, span)),
            template,
            message,
            hint,
        }
    }
}

/// Templates of Purlin's own.
pub(crate) struct Own {
    /// All of them, also those that a site replaces.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// Those that the site has not, as they are for it.
    pub(crate) sources: Vec<(&'static str, Cow<'static, str>)>,
}

/// An environment with all filters and functions and without templates.
fn environment(shared: &Arc<Shared>, links: &Arc<Links>) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // Debug information would hold values of the page, which an error must not show.
    env.set_debug(false);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(MAX_DEPTH);
    env.set_auto_escape_callback(escaping);
    env.set_formatter(print);
    filters::install(&mut env, shared);
    functions::install(&mut env, shared, links);
    env
}

/// The mode in which XML is escaped.
const XML: &str = "xml";

/// How values are escaped in a template, by its name.
fn escaping(name: &str) -> AutoEscape {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html" | "htm") => AutoEscape::Html,
        Some("xml" | "svg" | "rss" | "atom") => AutoEscape::Custom(Cow::Borrowed(XML)),
        Some("json" | "webmanifest" | "js") => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

/// Prints a value: none is nothing, markup is markup in HTML and its source text elsewhere, a record is refused.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return match state.auto_escape() {
            _ if value.is_safe() => out.write_str(text),
            AutoEscape::Html => escape::write_html(out, text),
            AutoEscape::Custom(_) => escape::write_xml(out, text),
            AutoEscape::Json => out.write_str(&json::to_json(value)?),
            _ => out.write_str(text),
        }
        .map_err(Error::from);
    }
    if matches!(state.auto_escape(), AutoEscape::Json) {
        return out.write_str(&json::to_json(value)?).map_err(Error::from);
    }
    if value.is_none() {
        return Ok(());
    }
    if value.as_object().is_none() {
        let text = value.to_string();
        // Python writes True; the web writes true.
        let lower = matches!(text.as_str(), "True" | "False").then(|| text.to_ascii_lowercase());
        return out.write_str(lower.as_deref().unwrap_or(&text)).map_err(Error::from);
    }
    print_object(out, state, value)
}

fn print_object(out: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    if let Some(rich) = rich::of(value) {
        let html = rich.html();
        return match state.auto_escape() {
            AutoEscape::Html => out.write_str(&html),
            AutoEscape::Custom(_) => escape::write_xml(out, &html),
            _ => out.write_str(rich.source()),
        }
        .map_err(Error::from);
    }
    if let Some(error) = record::refuse_print(value) {
        return Err(error);
    }
    // Lists and maps that a template wrote print as those of a field.
    let text = match value.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => json::to_json(value)?,
        _ => value.to_string(),
    };
    match state.auto_escape() {
        AutoEscape::Html => escape::write_html(out, &text),
        AutoEscape::Custom(_) => escape::write_xml(out, &text),
        _ => out.write_str(&text),
    }
    .map_err(Error::from)
}

/// What is wrong and what to do about it.
fn sentence(error: &Error, part: Option<&str>) -> (String, Option<String>) {
    match error.kind() {
        ErrorKind::UndefinedError => {
            let what = part.map(str::trim).map_or("something here".to_owned(), |part| format!("`{part}`"));
            let hint = "a name that this page's front matter does not declare, or a field of a record that is none; \
                        write {% if … %} around what may be missing";
            (format!("{what} is not defined"), Some(hint.to_owned()))
        }
        ErrorKind::OutOfFuel => (
            "this template does more than a page may".to_owned(),
            Some("load fewer records, with limit or per_page".to_owned()),
        ),
        _ => match error.detail() {
            Some(detail) => match detail.split_once("; ") {
                Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
                None => (detail.to_owned(), None),
            },
            None => (error.kind().to_string(), None),
        },
    }
}

#[cfg(test)]
pub(crate) mod testing;
