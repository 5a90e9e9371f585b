//! `purlin seed`, and what `dev` seeds by itself.

use crate::site::Site;

const POSTS: &str = "[fields]\ntitle = { type = \"text\", required = true, unique = true }\nauthor = { type = \"ref\", to = \"authors\", required = true }\nsequel = { type = \"ref\", to = \"posts\" }\n[access]\nread = 'true'\n";
const AUTHORS: &str = "[fields]\nname = { type = \"text\", required = true }\nbest = { type = \"ref\", to = \"posts\" }\n[access]\nread = 'true'\n";

fn linked(posts: &str) -> Site {
    let site = Site::of(&[
        ("models/posts.toml", POSTS),
        ("models/authors.toml", AUTHORS),
        ("seeds/authors.toml", "[[authors]]\nname = \"Ada\"\nbest = { title = \"Two\" }\n"),
        ("seeds/posts.toml", posts),
    ]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

#[test]
fn refs_in_circles_find_each_other() {
    let site = linked(
        "[[posts]]\ntitle = \"One\"\nauthor = { name = \"Ada\" }\nsequel = { title = \"Two\" }\n\n[[posts]]\ntitle = \"Two\"\nauthor = { name = \"Ada\" }\n",
    );
    let run = site.done(&["seed"]);
    assert!(run.err.contains("1 authors, 2 posts"), "{}", run.err);
    let server = site.start("serve");
    let posts = server.get("/api/posts?include=author,sequel&sort=title").json();
    assert_eq!(posts["items"][0]["sequel"]["title"], "Two", "{posts}");
    assert_eq!(posts["items"][1]["author"]["name"], "Ada");
    assert_eq!(server.get("/api/authors?include=best").json()["items"][0]["best"]["title"], "Two");

    let again = site.done(&["seed"]);
    assert!(again.err.contains("left alone"), "{}", again.err);
    assert_eq!(server.get("/api/posts?total=true").json()["total"], 2);
}

#[test]
fn a_mistake_names_file_and_line_and_leaves_no_row_of_its_file() {
    let good = "[[posts]]\ntitle = \"One\"\nauthor = { name = \"Ada\" }\n\n";
    for (bad, told) in [
        ("[[posts]]\ntitle = \"\"\nauthor = { name = \"Ada\" }\n", "seeds/posts.toml:5: `title` is required"),
        (
            "[[posts]]\ntitle = \"Two\"\nauthor = { name = \"Bo\" }\n",
            "seeds/posts.toml:5: `author` names no record",
        ),
        ("[[posts]]\ntitle = \"One\"\nauthor = { name = \"Ada\" }\n", "seeds/posts.toml:5: `title`"),
    ] {
        let site = linked(&format!("{good}{bad}"));
        let run = site.run(&["seed"]);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.err.contains(told), "{told}: {}", run.err);
        let server = site.start("serve");
        assert_eq!(server.get("/api/posts").json()["items"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn dev_seeds_an_empty_database_once() {
    let site = Site::new("blog");
    let mut server = site.start("dev");
    let total = |server: &crate::site::Server| server.get("/api/tags?total=true").json()["total"].clone();
    let tags = total(&server);
    assert!(tags.as_u64().is_some_and(|count| count > 3), "{tags}");
    assert!(server.wait_for("Ctrl-C").contains("Press"));
    drop(server);
    let server = site.start("dev");
    assert_eq!(total(&server), tags);
}

#[test]
fn a_site_grows_alike_from_the_same_seed() {
    let titles = |seed: &str| {
        let site = Site::new("blog");
        site.done(&["migrate", "new", "--name", "first"]);
        site.done(&["migrate", "apply"]);
        let run = site.done(&["seed", "--scale", "3", "--seed", seed]);
        assert!(run.err.contains("30 posts") && run.err.contains("150 comments"), "{}", run.err);
        let server = site.start("serve");
        let posts = server.get("/api/posts?fields=title,slug&include=author&per_page=50").json();
        assert!(posts["items"].as_array().is_some_and(|items| items.len() > 5), "{posts}");
        assert_eq!(server.get("/").status, 200);
        assert_eq!(server.get("/feed.xml").status, 200);
        // The times of writing differ; what was written does not.
        let read = |post: &serde_json::Value| {
            (post["id"].clone(), post["title"].clone(), post["author"]["name"].clone())
        };
        posts["items"].as_array().expect("a list").iter().map(read).collect::<Vec<_>>()
    };
    let first = titles("1");
    assert_eq!(first, titles("1"));
    assert_ne!(first, titles("2"));
}
