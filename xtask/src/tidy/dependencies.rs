//! Which crate may know which, and why each foreign one is here.

use std::process::Command;

use super::Tree;
use crate::Outcome;

/// What each room may depend on, of Purlin's own crates and of those that would break its promise.
///
/// A room is listed with every crate of ours that it may name; siblings never meet. The second list names
/// foreign crates that it must not have: what the room forbids.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("purlin-schema", &[], &["tokio", "rusqlite", "axum", "hyper", "minijinja"]),
    ("purlin-outgoing", &["purlin-schema"], &["rusqlite", "axum", "minijinja"]),
    ("purlin-store", &["purlin-schema"], &["axum", "hyper", "http", "minijinja"]),
    ("purlin-pages", &["purlin-schema"], &["rusqlite", "axum", "hyper", "http", "tokio"]),
    (
        "purlin-engine",
        &["purlin-schema", "purlin-store", "purlin-pages"],
        &["rusqlite", "axum", "hyper", "http"],
    ),
    ("purlin-server", &["purlin-schema", "purlin-engine", "purlin-outgoing"], &["rusqlite", "minijinja"]),
    (
        "purlin",
        &["purlin-schema", "purlin-store", "purlin-engine", "purlin-server"],
        &["rusqlite", "minijinja"],
    ),
];

/// The direction of dependencies, over `cargo metadata`; development dependencies are free but for the same crates of ours.
pub(super) fn direction(_tree: &Tree) -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    let packages = packages()?;
    for (room, may, must_not) in ROOMS {
        let Some((_, dependencies)) = packages.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("there is no crate {room}"));
            continue;
        };
        for dependency in dependencies {
            let ours = dependency == "purlin" || dependency.starts_with("purlin-");
            if (ours && !may.contains(&dependency.as_str())) || must_not.contains(&dependency.as_str()) {
                wrong.push(format!("{room} may not depend on {dependency}"));
            }
        }
    }
    for (name, _) in &packages {
        let known = ROOMS.iter().any(|(room, ..)| room == name);
        if !known
            && !["purlin-testkit", "purlin-bench-ceiling", "purlin-fuzz", "xtask"].contains(&name.as_str())
        {
            wrong.push(format!("{name} is not among the rooms of xtask/src/tidy/dependencies.rs"));
        }
    }
    Ok(wrong)
}

/// Every crate that a room depends on has a line in `docs/dependencies.md`.
pub(super) fn reasons(tree: &Tree) -> Outcome<Vec<String>> {
    let document = tree.files.iter().find(|(path, _)| path.ends_with("docs/dependencies.md"));
    let text = document.map(|(_, text)| text.as_str()).unwrap_or_default();
    let mut wrong: Vec<String> = packages()?
        .into_iter()
        .filter(|(name, _)| ROOMS.iter().any(|(room, ..)| room == name))
        .flat_map(|(_, dependencies)| dependencies)
        .filter(|name| !name.starts_with("purlin") && !text.contains(&format!("`{name}`")))
        .map(|name| format!("docs/dependencies.md does not say why {name} is here"))
        .collect();
    wrong.sort();
    wrong.dedup();
    Ok(wrong)
}

/// Crates that open requests by themselves: where one is, a request could leave that nobody looked at.
const CLIENTS: &[&str] =
    &["reqwest", "ureq", "isahc", "curl", "attohttpc", "minreq", "surf", "hyper-rustls", "hyper-tls", "awc"];
/// What opens one by hand.
const BY_HAND: &[&str] =
    &["TcpStream::connect", "client::conn", "hyper_util::client", "hyper::client", "lookup_host"];

/// Requests on behalf of a site leave by `crates/outgoing` alone. Servers of tests, the benchmark and a database's own
/// protocol (in its driver) are no such requests.
pub(super) fn outgoing(tree: &Tree) -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, dependencies) in packages()? {
        for client in dependencies.iter().filter(|name| CLIENTS.contains(&name.as_str())) {
            wrong.push(format!("{name} depends on {client}: requests leave by purlin-outgoing"));
        }
    }
    let shipped = |path: &std::path::Path| {
        let path = path.to_string_lossy();
        let else_where = ["crates/outgoing/", "crates/testkit/", "crates/store/src/testing"];
        path.starts_with("crates/")
            && path.contains("/src/")
            && !else_where.iter().any(|own| path.starts_with(own))
    };
    for (path, text) in tree.rust().filter(|(path, _)| shipped(path)) {
        for (at, line) in text.lines().enumerate() {
            for way in BY_HAND.iter().filter(|way| line.contains(*way)) {
                wrong.push(format!(
                    "{}:{} names {way}: requests leave by purlin-outgoing",
                    path.display(),
                    at + 1
                ));
            }
        }
    }
    Ok(wrong)
}

/// The workspace's packages with what they depend on, development dependencies left out.
fn packages() -> Outcome<Vec<(String, Vec<String>)>> {
    let output = Command::new("cargo").args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            let shipped = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
            (name(package), shipped.map(name).collect())
        })
        .collect();
    Ok(packages)
}
