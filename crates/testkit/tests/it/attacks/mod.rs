//! What strangers try, against every route of a site with people, by everybody there is.
//!
//! The server's own tests try each attack on the part that stops it. These go through a whole site: the journal of
//! the scenarios, whose models have fields and rules of every kind, and its routes as [`App::routes`] lists them,
//! so that a new one is attacked from the day it is there. Numbers are those of the list of attacks.
//!
//! [`App::routes`]: purlin_server::App::routes

mod accounts;
mod documents;
mod doors;
mod floods;
mod limits;
mod mail;
mod markup;
mod origins;
mod proxies;
mod questions;
mod reports;
mod writes;

use std::path::Path;
use std::time::Duration;

use purlin_schema::page::Form;
use purlin_schema::{Field, Model, Site};
use purlin_server::{Kind, RouteInfo};
use purlin_testkit::{Client, Running};

/// Everybody there is: nobody, a user, an author, another, an editor, an administrator.
const PEOPLE: &[&str] = &["", "una", "ann", "bob", "eve", "max"];

const PASSWORD: &str = "correct horse battery";

async fn open(site: &str) -> Running {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/sites");
    Running::of(&sites.join(site)).await
}

/// Somebody, signed in unless he is nobody.
async fn somebody(running: &Running, name: &str) -> Client {
    let mut client = running.client();
    if !name.is_empty() {
        client.sign_in(&format!("{name}@example.org"), PASSWORD).await;
    }
    client
}

async fn everybody(running: &Running) -> Vec<(&'static str, Client)> {
    let mut people = Vec::new();
    for name in PEOPLE {
        people.push((*name, somebody(running, name).await));
    }
    people
}

/// A path that fits a route.
fn concrete(route: &RouteInfo) -> String {
    route
        .path
        .replace("[id]", "1")
        .replace("[slug]", "rain-again")
        .replace("[year]", "2026")
        .replace("[...path]", "a/b")
}

/// Whether a provider's own page posts to a route.
fn answered_by_a_provider(route: &RouteInfo) -> bool {
    route.path.starts_with("/login/with/") && route.path.ends_with("/callback")
}

/// The lists of the API: the model's name and the path.
fn lists(running: &Running) -> Vec<(String, String)> {
    // Those of models say which: what is below `auth/` is of accounts.
    let is_list = |route: &RouteInfo| {
        route.kind == Kind::Api && route.methods == ["GET", "POST"] && !route.from.is_empty()
    };
    let routes = running.app.routes().into_iter().filter(is_list);
    let lists: Vec<(String, String)> = routes.map(|route| (route.from, route.path)).collect();
    assert!(!lists.is_empty());
    lists
}

/// Every form of the site's pages: a path of its page, its name, and what it is.
fn forms(site: &Site) -> impl Iterator<Item = (String, &str, &Form)> {
    site.pages.values().flat_map(|page| {
        let path = page.route.as_ref().map(|route| route.to_string().replace("[slug]", "rain-again"));
        let forms = page.forms.iter().map(|(name, form)| (name.as_str(), form));
        forms.filter_map(move |(name, form)| Some((path.clone()?, name, form)))
    })
}

/// Fields that nobody reads.
fn secret(model: &Model) -> impl Iterator<Item = &Field> {
    model.fields.iter().filter(|field| field.hidden || field.ty.name() == "password")
}

/// Whether two kinds of request, sent in turn, can be told apart by their times: nearly every pair says which is which,
/// and by more than what a stranger sees through a network. What else the machine does falls on single requests, and
/// soon on those of the one kind, soon on those of the other.
fn tells_apart(pairs: &[(Duration, Duration)]) -> bool {
    let slower = pairs.iter().filter(|(one, other)| one > other).count();
    let agreeing = slower.max(pairs.len() - slower);
    let median = |which: fn(&(Duration, Duration)) -> Duration| {
        let mut times: Vec<Duration> = pairs.iter().map(which).collect();
        times.sort();
        times[times.len() / 2]
    };
    let (one, other) = (median(|pair| pair.0), median(|pair| pair.1));
    agreeing * 10 >= pairs.len() * 9 && one.max(other) > one.min(other) * 3 / 2
}

#[test]
fn times_tell_what_is_slower_and_not_what_else_the_machine_did() {
    let micros = Duration::from_micros;
    // A load of its own now and then, on the one as on the other, from 0 to 20 times the work itself.
    let load = |at: u64| micros(((at * 2_654_435_761) >> 16) % 20 * 300);
    let pairs = |one: u64, other: u64| -> Vec<(Duration, Duration)> {
        (0..30).map(|at| (micros(one) + load(2 * at), micros(other) + load(2 * at + 1))).collect()
    };
    assert!(!tells_apart(&pairs(300, 300)));
    assert!(!tells_apart(&pairs(300, 330)));
    let quiet = |one: u64, other: u64| vec![(micros(one), micros(other)); 30];
    assert!(tells_apart(&quiet(300, 100)) && tells_apart(&quiet(100, 300)));
    assert!(!tells_apart(&quiet(300, 310)));
}

/// A value in a query string.
fn encoded(text: &str) -> String {
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    encoded.append_key_only(text);
    encoded.finish()
}
