//! Twelve years of real posts: long Markdown with code, tables, raw HTML and reference links, as seeds of a site.
//!
//! The data is no part of the repository: it is looked for beside it and where `PURLIN_TEST_DATA` says, and where
//! there is none the test says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use purlin_testkit::dom::{self, Document};
use purlin_testkit::{Client, Running};
use serde_json::{Value, json};

/// A post of the data.
struct Post {
    slug: String,
    title: String,
    authors: Vec<String>,
    body: String,
}

pub(crate) fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let said = std::env::var_os("PURLIN_TEST_DATA").map(PathBuf::from);
    [said, Some(beside)]
        .into_iter()
        .flatten()
        .map(|folder| folder.join("rust-blog/posts.ndjson"))
        .find(|file| file.is_file())
}

#[expect(clippy::print_stderr, reason = "what was left out, and how long the rest took, is worth knowing")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test]
async fn real_posts_are_shown_whole_and_inert() {
    let Some(file) = data() else {
        return say("left out: there are no real posts at ../shared/data (or PURLIN_TEST_DATA)");
    };
    let folder = tempfile::tempdir().expect("a folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/press"), folder.path());
    let posts = seeds(&file, &folder.path().join("seeds"));
    let started = Instant::now();
    let running = Running::of(folder.path()).await;
    let seeded = started.elapsed();
    let mut client = running.client();

    let started = Instant::now();
    let mut wrong = Vec::new();
    for post in &posts {
        if let Err(error) = check_post(&mut client, post).await {
            wrong.push(format!("{}: {error}", post.slug));
        }
    }
    assert!(wrong.is_empty(), "{} of {} posts:\n{}", wrong.len(), posts.len(), wrong.join("\n"));
    let shown = started.elapsed();
    let authors = check_authors(&mut client, &posts).await;
    check_lists(&mut client, &posts).await;
    check_feed(&mut client, &posts).await;
    say(&format!(
        "{} posts: seeded in {seeded:.1?}, shown and read in {shown:.1?}; {authors} authors",
        posts.len()
    ));
}

/// Turns the data into the seeds of the site: authors and teams of their own, posts that name them.
fn seeds(file: &Path, to: &Path) -> Vec<Post> {
    fs::create_dir_all(to).expect("a folder");
    let (mut authors, mut teams) = (BTreeSet::new(), BTreeSet::new());
    let (mut rows, mut posts) = (String::new(), Vec::new());
    for line in fs::read_to_string(file).expect("the data").lines() {
        let row: Value = serde_json::from_str(line).expect("a post");
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let names: Vec<String> = row["authors"]
            .as_array()
            .expect("authors")
            .iter()
            .map(|name| name.as_str().expect("a name").into())
            .collect();
        let slug = format!("{}-{}-{}", text("section"), &text("published_at")[..10], text("slug"));
        let seed = json!({
            "title": row["title"], "slug": slug, "section": row["section"], "summary": row["description"],
            "body": row["body"], "release": row["release"], "published_at": row["published_at"],
            "authors": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "team": row["team"].as_str().map(|name| json!({ "name": name })),
        });
        let _ = writeln!(rows, "{seed}");
        authors.extend(names.iter().cloned());
        teams.extend(row["team"].as_str().map(str::to_owned));
        posts.push(Post { slug, title: text("title"), authors: names, body: text("body") });
    }
    let named = |names: &BTreeSet<String>| -> String {
        names.iter().map(|name| format!("{}\n", json!({ "name": name }))).collect()
    };
    fs::write(to.join("authors.ndjson"), named(&authors)).expect("a file");
    fs::write(to.join("teams.ndjson"), named(&teams)).expect("a file");
    fs::write(to.join("posts.ndjson"), rows).expect("a file");
    assert!(posts.len() >= 750, "{}", posts.len());
    posts
}

async fn check_post(client: &mut Client, post: &Post) -> Result<(), String> {
    let reply = client.get(&format!("/posts/{}", post.slug)).await;
    if reply.status != 200 {
        return Err(format!("{}", reply.status));
    }
    let html = reply.text();
    let document = Document::of(&html);
    well_formed(&document)?;
    let said = letters(&document.text);
    for name in post.authors.iter().chain([&post.title]) {
        if !said.contains(&letters(name)) {
            return Err(format!("{name:?} is not there"));
        }
    }
    let mut rest = said.as_str();
    for part in texts(&post.body) {
        let part = letters(&part);
        match rest.find(&part) {
            Some(at) => rest = &rest[at..],
            // Footnotes stand at the end, wherever they were written.
            None if said.contains(&part) => {}
            None => return Err(format!("{part:?} is not there")),
        }
    }
    Ok(())
}

/// That a browser has nothing to mend, and nothing runs.
pub(crate) fn well_formed(document: &Document) -> Result<(), String> {
    let active = document.active();
    if !active.is_empty() {
        return Err(format!("something runs: {active:?}"));
    }
    match document.faults.first() {
        Some(fault) => Err(fault.clone()),
        None => Ok(()),
    }
}

/// What a text says, part by part: what stands between its marks.
pub(crate) fn texts(markdown: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut parts = Vec::new();
    let mut in_image = false;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Image { .. }) => in_image = true,
            Event::End(TagEnd::Image) => in_image = false,
            Event::Text(text) | Event::Code(text) if !in_image => parts.push(text.into_string()),
            _ => {}
        }
    }
    parts
}

/// Letters and digits alone: spaces and marks may be set otherwise.
pub(crate) fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

async fn check_authors(client: &mut Client, posts: &[Post]) -> usize {
    let mut by_author: BTreeMap<&str, Vec<&Post>> = BTreeMap::new();
    for post in posts {
        for author in &post.authors {
            by_author.entry(author).or_default().push(post);
        }
    }
    let mut found = 0;
    let mut cursor = String::new();
    loop {
        let reply = client.get(&format!("/api/authors?per_page=100&sort=name{cursor}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page = reply.json();
        for author in page["items"].as_array().expect("items") {
            let (name, slug) =
                (author["name"].as_str().expect("a name"), author["slug"].as_str().expect("a slug"));
            let reply = client.get(&format!("/authors/{slug}")).await;
            assert_eq!(reply.status, 200, "{slug}");
            let document = Document::of(&reply.text());
            well_formed(&document).unwrap_or_else(|error| panic!("{slug}: {error}"));
            let words = document.words();
            let own = &by_author[name];
            let links = document.elements.iter().filter(|element| {
                element.attributes.iter().any(|(name, value)| name == "href" && value.starts_with("/posts/"))
            });
            assert_eq!(links.count(), own.len(), "{name}");
            for post in own {
                let title = post.title.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(words.contains(&title), "{name}: {title}");
            }
            found += 1;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, by_author.len());
    found
}

/// The index, page by page, shows each post once.
async fn check_lists(client: &mut Client, posts: &[Post]) {
    let mut seen = BTreeSet::new();
    let mut path = "/".to_owned();
    loop {
        let reply = client.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        let document = Document::of(&reply.text());
        well_formed(&document).unwrap_or_else(|error| panic!("{path}: {error}"));
        let attribute = |element: &dom::Element, wanted: &str| {
            element.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        let mut next = None;
        for element in document.elements.iter().filter(|element| element.name == "a") {
            let to = attribute(element, "href").unwrap_or_default();
            if attribute(element, "rel").as_deref() == Some("next") {
                next = Some(to);
            } else if let Some(slug) = to.strip_prefix("/posts/") {
                assert!(seen.insert(slug.to_owned()), "{slug} twice");
            }
        }
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), posts.len());
}

async fn check_feed(client: &mut Client, posts: &[Post]) {
    let reply = client.get("/feed.xml").await;
    assert_eq!(reply.status, 200);
    let text = dom::xml_text(&reply.text()).unwrap_or_else(|error| panic!("the feed: {error}"));
    assert_eq!(reply.text().matches("<item>").count(), posts.len());
    for post in posts {
        assert!(text.contains(&post.title), "{}", post.title);
    }
    // What a reader makes of the descriptions.
    let said = letters(&Document::of(&text).text);
    for post in posts {
        if let Some(last) =
            texts(&post.body).iter().rev().map(|part| letters(part)).find(|part| part.len() > 8)
        {
            assert!(said.contains(&last), "{}: {last}", post.slug);
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}
