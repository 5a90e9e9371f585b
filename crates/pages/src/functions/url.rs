//! `url("posts/[slug]", slug=post.slug)`: the URL of a page, with its parameters and its query filled in.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};
use purlin_schema::page::Segment;
use purlin_schema::{Input, Site};

use super::{Function, Links};
use crate::filters::text_of;
use crate::templates::Assets;
use crate::text::{escape, suggest};
use crate::value::{Shared, refusal};

pub(super) const FUNCTION: Function = Function {
    name: "url",
    about: "The URL of a page by its route, with its parameters and query values.",
    add,
};

/// Purlin's own pages, which a site may link to.
const OWN: [&str; 10] = [
    "login",
    "logout",
    "signup",
    "reset",
    "account",
    "account/email",
    "account/password",
    "account/sessions",
    "account/tokens",
    "account/delete",
];

/// A page that a link can lead to.
pub(crate) struct Target {
    segments: Vec<Segment>,
    /// Names that its query may have.
    query: BTreeSet<String>,
}

impl Links {
    /// The site's pages and static files.
    pub(crate) fn new(site: &Site, assets: Arc<dyn Assets>) -> Links {
        let mut links = Links { assets, routes: HashMap::new() };
        links.add_routes(site);
        links
    }

    fn add_routes(&mut self, site: &Site) {
        for name in OWN {
            let segments = name.split('/').map(|part| Segment::Literal(part.to_owned())).collect();
            self.routes
                .insert(name.to_owned(), Target { segments, query: BTreeSet::from(["next".to_owned()]) });
        }
        for page in site.pages.values() {
            let Some(route) = &page.route else { continue };
            let mut query: BTreeSet<String> = page.query.keys().cloned().collect();
            for (name, data) in &page.data {
                query.insert("page".to_owned());
                query.insert(format!("{name}.page"));
                query.insert("sort".to_owned());
                query.insert(format!("{name}.sort"));
                query.extend(data.query.optional.iter().filter_map(|optional| match &optional.given {
                    Input::Query(name) => Some(name.clone()),
                    _ => None,
                }));
            }
            let target = Target { segments: route.segments.clone(), query };
            self.routes.insert(route.to_string().trim_matches('/').to_owned(), target);
        }
    }

    /// What is wrong with a link, and what to write. Of the arguments only the names are known, and perhaps not even those.
    pub(crate) fn check(&self, route: &str, given: Option<&[&str]>) -> Result<(), (String, String)> {
        let target = self.target(route).ok_or_else(|| {
            let names: Vec<&str> = self.routes.keys().map(String::as_str).collect();
            (format!("there is no page `{route}`"), suggest::hint(route.trim_matches('/'), names))
        })?;
        let Some(given) = given else { return Ok(()) };
        let names: Vec<&str> = target.parameters().collect();
        for name in &names {
            if !given.contains(name) {
                let message = format!("`{name}` of `{route}` is not given");
                return Err((message, format!("write url(\"{route}\", {name}=…)")));
            }
        }
        for name in given {
            if !names.contains(name) && !target.query.contains(*name) {
                let known = names.iter().copied().chain(target.query.iter().map(String::as_str));
                return Err((format!("`{route}` takes no `{name}`"), suggest::hint(name, known)));
            }
        }
        Ok(())
    }

    fn target(&self, route: &str) -> Option<&Target> {
        let name = route.trim_matches('/');
        self.routes.get(name).or_else(|| {
            let folder = if name == "index" { "" } else { name.strip_suffix("/index")? };
            self.routes.get(folder)
        })
    }
}

impl Target {
    fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(name.as_str()),
        })
    }

    fn url(&self, route: &str, values: &HashMap<String, Value>) -> Result<String, Error> {
        let mut out = String::new();
        for segment in &self.segments {
            out.push('/');
            match segment {
                Segment::Literal(text) => out.push_str(&literal(text)),
                Segment::Param(name) => out.push_str(&part(route, name, &value(values, name)?)?),
                Segment::Rest(name) => {
                    let text = value(values, name)?;
                    let parts: Result<Vec<String>, Error> =
                        text.trim_matches('/').split('/').map(|text| part(route, name, text)).collect();
                    out.push_str(&parts?.join("/"));
                }
            }
        }
        if out.is_empty() {
            out.push('/');
        }
        let mut mark = '?';
        for name in &self.query {
            let text = value(values, name)?;
            if !text.is_empty() {
                let _ = write!(out, "{mark}{}={}", escape::percent(name), escape::percent(&text));
                mark = '&';
            }
        }
        Ok(out)
    }
}

fn add(env: &mut Environment<'static>, _: &Arc<Shared>, links: &Arc<Links>) {
    let links = links.clone();
    env.add_function("url", move |route: &str, options: Kwargs| -> Result<String, Error> {
        let given: Vec<&str> = options.args().collect();
        links.check(route, Some(&given)).map_err(|(message, hint)| refusal(format!("{message}; {hint}")))?;
        let values: Result<HashMap<String, Value>, Error> =
            given.iter().map(|name| Ok(((*name).to_owned(), options.get::<Value>(name)?))).collect();
        match links.target(route) {
            Some(target) => target.url(route, &values?),
            None => Err(refusal(format!("there is no page `{route}`"))),
        }
    });
}

fn value(values: &HashMap<String, Value>, name: &str) -> Result<String, Error> {
    values.get(name).map_or(Ok(String::new()), text_of)
}

/// One segment. Nothing, and dots that a browser would resolve, would lead to another page.
fn part(route: &str, name: &str, text: &str) -> Result<String, Error> {
    if text.is_empty() || text == "." || text == ".." {
        return Err(refusal(format!(
            "`{name}` of `{route}` is {}",
            if text.is_empty() { "empty" } else { "no part of a URL" }
        )));
    }
    Ok(escape::percent(text))
}

fn literal(text: &str) -> String {
    // A route's own text may hold what a path may, such as `@` and `+`.
    const KEEP: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'%')
        .add(b'\\')
        .add(b'\'');
    percent_encoding::utf8_percent_encode(text, KEEP).to_string()
}
