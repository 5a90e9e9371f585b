//! `purlin import` that is killed: what was begun is finished by the next run, and each row comes once.

use std::time::Duration;

use purlin_store::testing::{Fresh, Proxy, Seen, Way};
use serde_json::{Value, json};

use crate::site::Site;

const AUTHORS: &str = "[fields]\nname = { type = \"text\", required = true, unique = true, max = 20 }\n[access]\nread = 'true'\n";
/// Names are no key: a row that comes twice would be there twice.
const NOTES: &str = "[fields]\nname = { type = \"text\", index = true }\nby = { type = \"refs\", to = \"authors\" }\n[[check]]\nrule = 'name != \"refused\"'\nfield = \"name\"\nmessage = \"is no name\"\n[access]\nread = 'true'\n";

/// Begins a command that is to be killed.
fn begin(site: &Site, arguments: &[&str]) -> std::process::Child {
    let nowhere = || std::process::Stdio::null();
    std::process::Command::new(env!("CARGO_BIN_EXE_purlin"))
        .args(arguments)
        .current_dir(site.path())
        .env_remove("DATABASE_URL")
        .stdin(std::process::Stdio::piped())
        .stdout(nowhere())
        .stderr(std::fs::File::create(site.path().join("said")).expect("a file"))
        .spawn()
        .expect("the binary runs")
}

/// A site on each database: the URL is the first file's and each server's that answers.
fn on_each_database() -> Vec<(Site, Option<Fresh>)> {
    let on = |server: Option<Fresh>| (site_on(server.as_ref().map(|server| server.url.as_str())), server);
    std::iter::once(None).chain(Fresh::on_servers().into_iter().map(Some)).map(on).collect()
}

fn site_on(url: Option<&str>) -> Site {
    let site = Site::of(&[("models/authors.toml", AUTHORS), ("models/notes.toml", NOTES)]);
    if let Some(url) = url {
        site.write("site.toml", &format!("[database]\nurl = {}\n", json!(url)));
    }
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

/// How far the only import of a site got; nothing where there is none yet.
fn journal(site: &Site) -> Option<Value> {
    let files = std::fs::read_dir(site.path().join("data/imports")).ok()?.flatten();
    let file =
        files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "json"))?;
    // Replaced by a rename, so that it is always whole.
    serde_json::from_slice(&std::fs::read(file).expect("a journal")).expect("JSON")
}

fn notes(count: usize) -> String {
    (0..count)
        .map(|at| format!("{{\"name\":\"note {at:05}\",\"by\":[\"Ada\",\"Bo {}\"]}}\n", at % 7))
        .collect()
}

/// The names that stand in the database, in the order of the ids, and how many authors each has.
fn written(site: &Site) -> Vec<(String, usize)> {
    let out = site.done(&["export", "notes"]).out;
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        (row["name"].as_str().expect("a name").to_owned(), row["by"].as_array().expect("a list").len())
    };
    out.lines().map(row).collect()
}

/// Whether all rows came, each once and with its authors, who came once too.
fn assert_each_came_once(site: &Site, rows: usize, on: &str) {
    let mut names = written(site);
    names.sort();
    let wanted: Vec<(String, usize)> = (0..rows).map(|at| (format!("note {at:05}"), 2)).collect();
    assert!(
        names == wanted,
        "{on}: {} rows, {:?}",
        names.len(),
        names.iter().find(|row| !wanted.contains(row))
    );
    assert_eq!(site.done(&["export", "authors"]).out.lines().count(), 8, "{on}");
}

#[test]
fn an_import_that_is_killed_goes_on_and_writes_each_row_once() {
    const ROWS: usize = 700;
    for (site, server) in on_each_database() {
        let on = server.as_ref().map_or("sqlite", |server| server.url.as_str());
        site.write("notes.ndjson", &notes(ROWS));
        let arguments = ["import", "notes", "notes.ndjson", "--link", "by.name", "--resume"];
        let mut kills = 0;
        // Killed when it has noted something: before a batch, after it, and before the one that follows.
        loop {
            let (mut before, mut seen) = (journal(&site), 0);
            let mut run = begin(&site, &arguments);
            let ended = loop {
                if let Some(status) = run.try_wait().expect("a process") {
                    assert!(status.success(), "{on}: {}", site.read("said"));
                    break true;
                }
                let now = journal(&site);
                seen += u32::from(now != before);
                if seen > kills % 3 {
                    break false;
                }
                before = now;
                std::thread::yield_now();
            };
            if ended {
                break;
            }
            // It may have come to its end meanwhile.
            let _ = run.kill();
            run.wait().expect("it ends");
            kills += 1;
            assert!(kills < 40, "{on}: it does not get on");
        }
        assert!(kills >= 3, "{on}: killed {kills} times");
        assert_each_came_once(&site, ROWS, on);
        let again = site.done(&arguments);
        assert!(again.err.contains("Nothing is left to do: all 700 rows"), "{}", again.err);
    }
}

/// Waits until so much was seen on the way to a server.
fn seen(runtime: &tokio::runtime::Runtime, proxy: &Proxy, enough: impl FnMut(&Seen) -> bool) {
    let within = async { tokio::time::timeout(Duration::from_secs(120), proxy.has_seen(enough)).await };
    assert!(runtime.block_on(within).is_ok(), "only {:?} was seen", proxy.seen());
}

#[test]
fn a_batch_whose_process_is_dead_is_waited_for() {
    const ROWS: usize = 250;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for server in Fresh::on_servers() {
        let proxy = runtime.block_on(Proxy::before(&server.url));
        let site = site_on(Some(&proxy.url(&server.url)));
        site.write("notes.ndjson", &notes(ROWS));
        let arguments = ["import", "notes", "notes.ndjson", "--link", "by.name", "--resume"];
        // The first batch's commit is on its way when its process dies, and stays there.
        let before = proxy.seen().commits;
        proxy.set(Way::KeepsCommits(before));
        let mut run = begin(&site, &arguments);
        seen(&runtime, &proxy, |seen| seen.commits == before + 1);
        run.kill().expect("a process that is there");
        run.wait().expect("it ends");
        let noted = journal(&site).expect("a journal");
        assert_eq!((&noted["done"], &noted["pending"]["done"]), (&json!(0), &json!(100)), "{}", server.url);
        // Who goes on does not look before it has arrived; one who did would commit the same rows.
        let mut run = begin(&site, &arguments);
        seen(&runtime, &proxy, |seen| seen.locks == 2 || seen.commits > before + 1);
        proxy.set(Way::Open);
        assert!(run.wait().expect("it ends").success(), "{}: {}", server.url, site.read("said"));
        assert_each_came_once(&site, ROWS, &server.url);
    }
}

#[test]
fn rows_before_a_refused_one_are_noted_when_they_are_written() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for server in Fresh::on_servers() {
        let proxy = runtime.block_on(Proxy::before(&server.url));
        let site = site_on(Some(&proxy.url(&server.url)));
        // The database refuses the sixth. Those before it are a transaction, those after it another.
        let mut rows: Vec<String> = notes(10).lines().map(str::to_owned).collect();
        rows.insert(5, r#"{"name":"refused"}"#.to_owned());
        site.write("notes.ndjson", &rows.join("\n"));
        let arguments = ["import", "notes", "notes.ndjson", "--link", "by.name", "--resume"];
        let before = proxy.seen().commits;
        proxy.set(Way::KeepsCommits(before + 1));
        let mut run = begin(&site, &arguments);
        seen(&runtime, &proxy, |seen| seen.commits == before + 2);
        run.kill().expect("a process that is there");
        run.wait().expect("it ends");
        let noted = journal(&site).expect("a journal");
        assert_eq!((&noted["done"], &noted["pending"]["done"]), (&json!(5), &json!(11)), "{}", server.url);
        proxy.set(Way::Open);
        let run = site.run(&arguments);
        assert!(run.code == 0, "{}", run.err);
        assert_each_came_once(&site, 10, &server.url);
    }
}

#[test]
fn an_import_in_one_transaction_that_is_killed_leaves_nothing() {
    use std::io::Write;
    for (site, server) in on_each_database() {
        let on = server.as_ref().map_or("sqlite", |server| server.url.as_str());
        let mut run =
            begin(&site, &["import", "notes", "-", "--format", "ndjson", "--atomic", "--link", "by.name"]);
        // More than a pipe holds: by the time all is handed over most was read, and it waits for the rest.
        let mut input = run.stdin.take().expect("standard input");
        input.write_all(notes(6_000).as_bytes()).expect("it reads");
        run.kill().expect("a process that is there");
        run.wait().expect("it ends");
        assert!(written(&site).is_empty(), "{on}");
        assert_eq!(site.done(&["export", "authors"]).out, "", "{on}: no author of them either");
    }
}
