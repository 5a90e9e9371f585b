//! `purlin routes`.

use std::sync::Arc;

use arc_swap::ArcSwap;
use clap::Args;
use purlin_schema::expr::{Scope, print};
use purlin_schema::load::Mode;
use purlin_schema::model::Rule;
use purlin_schema::{Model, Site};
use purlin_server::{App, Config, Kind, RouteInfo};

use super::SiteFolder;
use crate::error::Outcome;
use crate::serve::open_assets;
use crate::{site, terminal};

/// List what a site answers: method, path, what it is, who may
///
/// Rules are shown as they were understood, with names of `[define]` written out.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin routes
  purlin routes examples/blog --no-files | grep POST")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    /// Leave out the files of `public/`
    #[arg(long)]
    no_files: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let site = site::load(&arguments.site.site, Mode::Development)?;
    let assets = open_assets(&site.root, false)?;
    let engine = super::check::compile(&site, assets.clone())?;
    let engine = Arc::new(ArcSwap::from_pointee(engine));
    let app = App::new(engine, Config { assets, ..Config::default() });
    let pen = terminal::out();
    let rows: Vec<Vec<String>> = app
        .routes()
        .iter()
        .filter(|route| !(arguments.no_files && route.kind == Kind::Asset))
        .flat_map(|route| rows(&site, route))
        .collect();
    terminal::table(&rows).into_iter().for_each(|line| pen.line(line));
    Ok(())
}

/// A line a route; of a model's, a line a rule.
fn rows(site: &Site, route: &RouteInfo) -> Vec<Vec<String>> {
    let line = |methods: &str, guard: String| {
        vec![methods.to_owned(), route.path.clone(), what(route.kind, &route.from), guard]
    };
    let all = route.methods.join(" ");
    match (route.kind, site.models.named(&route.from), site.pages.get(&route.from)) {
        (Kind::Api, Some(model), _) => {
            let rule = |rule: &Rule| guard(site, model, rule);
            let access = &model.access;
            let by_method: &[(&str, &Rule)] = if route.methods.contains(&"DELETE") {
                &[("GET", &access.read), ("PUT PATCH", &access.update), ("DELETE", &access.delete)]
            } else {
                &[("GET", &access.read), ("POST", &access.create)]
            };
            by_method.iter().map(|(methods, of)| line(methods, rule(of))).collect()
        }
        (Kind::Page, _, Some(page)) => {
            let require = page.require.as_ref().map(|require| print(require, &Scope::of(&site.models)));
            vec![line(&all, require.unwrap_or_else(|| route.guard.clone()))]
        }
        _ => vec![line(&all, route.guard.clone())],
    }
}

fn guard(site: &Site, model: &Model, rule: &Rule) -> String {
    match rule {
        Rule::Administrators => "administrators".to_owned(),
        Rule::Nobody => "nobody".to_owned(),
        Rule::Everybody => "everybody".to_owned(),
        Rule::When(rule) => print(rule, &Scope::of(&site.models).this(model.id).old()),
    }
}

fn what(kind: Kind, from: &str) -> String {
    match kind {
        Kind::Server => "server".to_owned(),
        Kind::Account => "account".to_owned(),
        Kind::Api if from.is_empty() => "api".to_owned(),
        Kind::Api => format!("api {from}"),
        Kind::Page => format!("page {from}"),
        Kind::Asset => "file".to_owned(),
    }
}
