//! The example newsroom, with its own posts and with the real ones: every page that a link leads to is there, well-formed,
//! inert and whole; and a browser finds that each kind of page fits its screen.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};

use purlin_testkit::dom::{self, Document};
use purlin_testkit::webdriver::{self, Browser, Screen};
use purlin_testkit::{Client, Running};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::press::{copy, data, letters, say, texts, well_formed};

/// A post as its page must show it.
struct Post {
    title: String,
    slug: String,
    authors: Vec<String>,
    team: Option<String>,
    body: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The example in a folder of its own, with the real posts as seeds where there are any.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["site.toml", "models", "pages", "public", "seeds"] {
        let (from, to) = (root().join("examples/newsroom").join(part), folder.path().join(part));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a file");
        }
    }
    let Some(file) = data() else {
        say("left out: the newsroom is looked at with its own posts alone");
        return folder;
    };
    let (mut authors, mut teams) = (BTreeSet::new(), BTreeSet::new());
    let mut rows = String::new();
    for line in fs::read_to_string(file).expect("the data").lines() {
        let mut row: Value = serde_json::from_str(line).expect("a post");
        let names = row["authors"].as_array().expect("authors");
        let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        row["authors"] = names.iter().map(|name| json!({ "name": name })).collect();
        authors.extend(names);
        if let Some(team) = row["team"].as_str().map(str::to_owned) {
            row["team"] = json!({ "name": team });
            teams.insert(team);
        }
        let _ = writeln!(rows, "{row}");
    }
    let named = |names: &BTreeSet<String>| -> String {
        names.iter().map(|name| format!("{}\n", json!({ "name": name }))).collect()
    };
    let write = |name: &str, text: String| fs::write(folder.path().join("seeds").join(name), text);
    write("authors.ndjson", named(&authors)).expect("a file");
    write("teams.ndjson", named(&teams)).expect("a file");
    write("posts.ndjson", rows).expect("a file");
    folder
}

#[tokio::test]
async fn every_page_of_the_newsroom_is_there_whole_and_inert() {
    let folder = site();
    let running = Running::of(folder.path()).await;
    let mut client = running.client();
    let (pages, faults) = crawl(&mut client).await;
    assert!(faults.is_empty(), "{} pages of {}:\n{}", faults.len(), pages.len(), faults.join("\n"));

    let posts = posts(&mut client).await;
    let mut wrong = Vec::new();
    for post in &posts {
        let of = |(path, _): &&(String, Document)| path.starts_with("/posts/") && path.ends_with(&post.slug);
        let candidates: Vec<_> = pages.iter().filter(of).collect();
        if !candidates.iter().any(|(_, document)| shows(document, post)) {
            wrong.push(format!("{} ({} pages)", post.title, candidates.len()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} posts are not shown:\n{}",
        wrong.len(),
        posts.len(),
        wrong.join("\n")
    );
    for name in ["authors", "teams"] {
        let kinds = pages.iter().filter(|(path, _)| path.starts_with(&format!("/{name}/")));
        assert!(kinds.count() > 3, "pages of {name}");
    }
    assert_eq!(client.get("/posts/1/another-slug").await.status, 404);
    let lost = Document::of(&client.get("/nothing/here").await.text());
    assert!(well_formed(&lost).is_ok() && lost.words().contains("No such page"));
    let feed = client.get("/feed.xml").await;
    let said = dom::xml_text(&feed.text()).unwrap_or_else(|error| panic!("the feed: {error}"));
    assert!(feed.status == 200 && said.contains(&posts[0].title), "{}", posts[0].title);
    say(&format!("{} pages of {} posts", pages.len(), posts.len()));
}

/// Every page that can be reached from the front page, and what is wrong with some.
async fn crawl(client: &mut Client) -> (Vec<(String, Document)>, Vec<String>) {
    let (mut pages, mut faults) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::from(["/".to_owned(), "/search?q=release".to_owned()]);
    let mut next: VecDeque<String> = seen.iter().cloned().collect();
    while let Some(path) = next.pop_front() {
        let reply = client.get(&path).await;
        // What a post's own text says is there need not be.
        if reply.status != 200 {
            faults.push(format!("{path}: {}", reply.status));
            continue;
        }
        let document = Document::of(&reply.text());
        if let Err(fault) = well_formed(&document) {
            faults.push(format!("{path}: {fault}"));
        }
        next.extend(links(&document).filter(|link| seen.insert(link.clone())));
        pages.push((path, document));
    }
    (pages, faults)
}

/// The pages of this site that a document leads to. A post leads where its writer says, so that only links by the site's own
/// addresses are followed.
fn links(document: &Document) -> impl Iterator<Item = String> {
    const OWN: [&str; 5] = ["/posts/", "/authors", "/teams", "/archive", "/search"];
    let address = |element: &dom::Element| {
        let href = element.attributes.iter().find(|(name, _)| name == "href")?;
        let path = href.1.split('#').next().unwrap_or_default();
        let is_own = path == "/" || OWN.iter().any(|prefix| path.starts_with(prefix));
        is_own.then(|| path.to_owned())
    };
    document.elements.iter().filter(|element| element.name == "a").filter_map(address)
}

/// Every post, newest first, as the API has it.
async fn posts(client: &mut Client) -> Vec<Post> {
    let (mut posts, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = client
            .get(&format!("/api/posts?include=authors,team&sort=-published_at&per_page=100{cursor}"))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page = reply.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        posts.extend(page["items"].as_array().expect("items").iter().map(|post| Post {
            title: text(&post["title"]),
            slug: text(&post["slug"]),
            authors: post["authors"].as_array().into_iter().flatten().map(|one| text(&one["name"])).collect(),
            team: post["team"]["name"].as_str().map(str::to_owned),
            body: text(&post["body"]),
        }));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return posts,
        }
    }
}

fn shows(document: &Document, post: &Post) -> bool {
    let said = letters(&document.text);
    let names = post.authors.iter().chain(&post.team).chain([&post.title]);
    let parts = texts(&post.body);
    names.chain(&parts).all(|part| said.contains(&letters(part)))
}

#[tokio::test]
async fn each_kind_of_page_of_the_newsroom_fits_its_screen() {
    if let Some(why) = webdriver::absent() {
        return say(&format!("left out: {why}"));
    }
    let folder = site();
    let running = Running::of(folder.path()).await;
    let mut client = running.client();
    let posts = posts(&mut client).await;
    // Those that are hardest to fit: the longest, and the one with the longest line of code.
    let widest = |post: &&Post| post.body.lines().map(str::len).max();
    let hard = [posts.iter().max_by_key(|post| post.body.len()), posts.iter().max_by_key(widest)];
    let slugs: Vec<String> = hard.into_iter().flatten().map(|post| post.slug.clone()).collect();
    let (pages, _) = crawl(&mut client).await;
    let path = |part: &str| {
        let found = pages.iter().find(|(path, _)| path.starts_with("/posts/") && path.ends_with(part));
        found.map(|(path, _)| path.clone()).expect("a page")
    };
    let named = |kind: &str| pages.iter().map(|(path, _)| path).find(|path| path.starts_with(kind)).cloned();
    let mut kinds: Vec<(String, String)> = [
        ("front", "/"),
        ("archive", "/archive?section=main"),
        ("authors", "/authors"),
        ("teams", "/teams"),
        ("search", "/search?q=release"),
        ("search-nothing", "/search?q=zzzz"),
        ("nothing", "/nothing"),
    ]
    .map(|(name, path)| (name.to_owned(), path.to_owned()))
    .into();
    kinds.extend(named("/authors/").map(|path| ("author".to_owned(), path)));
    kinds.extend(named("/teams/").map(|path| ("team".to_owned(), path)));
    kinds.push(("post".to_owned(), path("routes-that-wait-for-the-tide")));
    kinds.extend(slugs.iter().enumerate().map(|(at, slug)| (format!("hard-post-{at}"), path(slug))));

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(purlin_server::serve(running.app.clone(), listener, 100, pending()));
    let visit = tokio::task::spawn_blocking(move || {
        let browser = Browser::start(&root().join("target/screenshots"));
        for (screen, width) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
            for dark in [false, true] {
                browser.look(screen, dark);
                for (kind, path) in &kinds {
                    browser.go(&format!("{origin}{path}"));
                    let name = format!("newsroom-{kind}-{width}{}", if dark { "-dark" } else { "" });
                    browser.screenshot(&name);
                    assert!(browser.overflow() <= 0, "{name} is {} points too wide", browser.overflow());
                }
            }
        }
    });
    let came = visit.await;
    server.abort();
    if let Err(error) = came {
        std::panic::resume_unwind(error.into_panic());
    }
}
