//! Compiling: every template parsed, its names and its escaping checked, and all mistakes told at once.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::parse;
use minijinja::{Environment, Error};
use purlin_schema::diagnostics::Severity;
use purlin_schema::value::Kind;
use purlin_schema::{Diagnostic, Diagnostics, Site};

use crate::check::{self, Known, Names};
use crate::escape::{self, Blocks, Checked, Rewritten};
use crate::functions::Links;
use crate::named::Named;
use crate::templates::{Own, operators};

/// What is kept of a template besides its compiled form.
pub(super) struct Compiled {
    pub(super) rewritten: Rewritten,
    pub(super) nonce: bool,
    pub(super) named: Named,
    pub(super) scripts: Vec<String>,
    pub(super) styles: Vec<String>,
}

/// A template that could be parsed.
struct Parsed<'site> {
    source: &'site str,
    file: &'site Path,
    ast: Stmt<'site>,
    names: Names,
}

/// Compiles every template of a site into an environment.
pub(super) fn compile(
    site: &Site,
    links: &Links,
    own: &Own,
    env: &mut Environment<'static>,
    found: &mut Diagnostics,
) -> HashMap<String, Compiled> {
    let sources = sources(site, &own.sources);
    let mut parsed = HashMap::new();
    for &(name, file, source) in &sources {
        match parse(source, name, Default::default()) {
            Ok(ast) => {
                let names = check::check(&Known { site, links, own: own.names, name, file }, &ast);
                parsed.insert(name, Parsed { source, file, ast, names });
            }
            Err(error) => found.push(syntax_error(file, source, &error)),
        }
    }
    find_undefined(site, links, own, &mut parsed);
    let mut mistakes: HashMap<&str, Vec<Diagnostic>> = parsed
        .iter_mut()
        .map(|(name, template)| (*name, std::mem::take(&mut template.names.mistakes)))
        .collect();
    let mut checked = HashMap::new();
    for &(name, _, _) in &sources {
        check_escaping(name, &parsed, &mut checked, &mut Vec::new(), found);
    }
    let has_decimals = has_decimals(site);
    for &(name, file, source) in &sources {
        found.list.append(mistakes.entry(name).or_default());
        let Some(checked) = checked.get_mut(name) else { continue };
        found.list.append(&mut checked.mistakes);
        checked.rewritten.edit(operators::edits(&checked.rewritten.text, has_decimals));
        if let Err(error) = env.add_template_owned(name.to_owned(), checked.rewritten.text.clone()) {
            found.push(syntax_error(file, source, &error));
        }
    }
    for diagnostic in &found.list {
        if let Some((_, file, source)) = sources.iter().find(|(_, file, _)| *file == diagnostic.file) {
            found.sources.entry((*file).to_owned()).or_insert_with(|| (*source).into());
        }
    }
    gather(&parsed, checked)
}

/// Whether a value of this site may be a decimal; what is compared with one is of a field's type.
fn has_decimals(site: &Site) -> bool {
    let mut fields = site.models.iter().flat_map(|model| &model.fields);
    fields.any(|field| matches!(field.kind, Kind::Decimal(scale) if scale > 0))
}

/// Every template: the site's, then those of Purlin's own that the site has not.
fn sources<'site>(
    site: &'site Site,
    own: &'site [(&'static str, Cow<'static, str>)],
) -> Vec<(&'site str, &'site Path, &'site str)> {
    let theirs = site.templates.iter();
    theirs
        .map(|(name, template)| (name.as_str(), template.file.as_path(), template.source.as_str()))
        .chain(own.iter().map(|(name, source)| (*name, Path::new(name), &**source)))
        .collect()
}

/// Looks for names that pages read and nothing gives them.
fn find_undefined(site: &Site, links: &Links, own: &Own, parsed: &mut HashMap<&str, Parsed<'_>>) {
    // Error pages, sign-in and sign-up get further names from the server.
    let is_own = |name: &str| own.names.iter().any(|(known, _)| *known == name);
    for (name, page) in &site.pages {
        if is_own(name) {
            continue;
        }
        let Some(template) = parsed.get(name.as_str()) else { continue };
        let outer: BTreeSet<String> = reachable(name, parsed)
            .iter()
            .filter_map(|outer| parsed.get(outer.as_str()))
            .flat_map(|outer| outer.names.assigned.iter().cloned())
            .collect();
        let known = Known { site, links, own: own.names, name, file: template.file };
        if let Some(template) = parsed.get_mut(name.as_str()) {
            check::check_undefined(&known, page, &mut template.names, &outer);
        }
    }
}

/// Checks the escaping of a template, after that of the one it extends, whose blocks say where its own begin.
fn check_escaping<'site>(
    name: &'site str,
    parsed: &'site HashMap<&'site str, Parsed<'site>>,
    checked: &mut HashMap<&'site str, Checked>,
    above: &mut Vec<&'site str>,
    found: &mut Diagnostics,
) -> Option<Blocks> {
    if let Some(checked) = checked.get(name) {
        return Some(checked.blocks.clone());
    }
    let template = parsed.get(name)?;
    if above.contains(&name) {
        let message = format!("`{name}` extends itself");
        let mistake = Diagnostic::error("template-circle", template.file, 0..0, message);
        found.push(
            Diagnostic { span: None, ..mistake }.hint("a layout extends what is more general than itself"),
        );
        return None;
    }
    above.push(name);
    let parent = template.names.extends.as_deref().and_then(|parent| {
        let (parent, _) = parsed.get_key_value(parent)?;
        check_escaping(parent, parsed, checked, above, found)
    });
    above.pop();
    let result = escape::check(name, template.file, template.source, &template.ast, parent.as_ref());
    let blocks = result.blocks.clone();
    checked.insert(name, result);
    Some(blocks)
}

/// The templates that one names, and those that they name.
fn reachable(name: &str, parsed: &HashMap<&str, Parsed<'_>>) -> BTreeSet<String> {
    let mut all = BTreeSet::from([name.to_owned()]);
    let mut next = vec![name.to_owned()];
    while let Some(name) = next.pop() {
        let Some(template) = parsed.get(name.as_str()) else { continue };
        for named in &template.names.templates {
            if all.insert(named.clone()) {
                next.push(named.clone());
            }
        }
    }
    all
}

fn gather(parsed: &HashMap<&str, Parsed<'_>>, checked: HashMap<&str, Checked>) -> HashMap<String, Compiled> {
    let mut kept: HashMap<String, Compiled> = HashMap::new();
    for name in checked.keys() {
        let reachable = reachable(name, parsed);
        let mut named = Named::default();
        for template in reachable.iter().filter_map(|name| parsed.get(name.as_str())) {
            named.join(&template.names.named);
        }
        let all = || reachable.iter().filter_map(|name| checked.get(name.as_str()));
        let compiled = Compiled {
            rewritten: Rewritten::default(),
            named,
            nonce: reachable
                .iter()
                .any(|name| parsed.get(name.as_str()).is_some_and(|template| template.names.nonce)),
            scripts: all().flat_map(|checked| checked.scripts.iter().cloned()).collect(),
            styles: all().flat_map(|checked| checked.styles.iter().cloned()).collect(),
        };
        kept.insert((*name).to_owned(), compiled);
    }
    for (name, checked) in checked {
        if let Some(compiled) = kept.get_mut(name) {
            compiled.rewritten = checked.rewritten;
        }
    }
    kept
}

fn syntax_error(file: &Path, source: &str, error: &Error) -> Diagnostic {
    let line_start =
        |line: usize| source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let span = error.range().or_else(|| {
        let start: usize = line_start(error.line()?);
        Some(start..start + source.get(start..)?.lines().next().unwrap_or_default().len())
    });
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Diagnostic {
        severity: Severity::Error,
        ..Diagnostic::error("template-syntax", file, span.unwrap_or(0..0), message)
    }
}
