//! `purlin routes`.

use std::sync::Arc;

use arc_swap::ArcSwap;
use clap::Args;
use purlin_schema::load::Mode;
use purlin_server::{App, Config, Kind};

use super::SiteFolder;
use crate::error::Outcome;
use crate::serve::open_assets;
use crate::{site, terminal};

/// List what a site answers: method, path, what it is, who may
#[derive(Args)]
#[command(after_help = "\
Examples:
  purlin routes
  purlin routes examples/blog | grep POST")]
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
        .into_iter()
        .filter(|route| !(arguments.no_files && route.kind == Kind::Asset))
        .map(|route| vec![route.methods.join(" "), route.path, what(route.kind, &route.from), route.guard])
        .collect();
    terminal::table(&rows).into_iter().for_each(|line| pen.line(line));
    Ok(())
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
