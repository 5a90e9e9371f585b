//! `purlin check`, `routes`, `version` and the command line itself.

use std::path::Path;

use crate::site::{Site, command, golden};

const BROKEN: &[(&str, &str)] = &[
    (
        "models/posts.toml",
        "[fields]\ntitle = { type = \"text\", requierd = true }\nauthor = { type = \"ref\", to = \"user\" }\n\n[access]\nread = 'titel == \"x\"'\n",
    ),
    (
        "pages/index.html",
        "+++\n[data.posts]\nfrom = \"post\"\n+++\n{% for post in posts %}{{ post.title }}{% endfor %}\n",
    ),
];

#[test]
fn every_mistake_is_drawn_at_its_place() {
    let run = Site::of(BROKEN).run(&["check"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.out, "");
    golden("check.txt", &run.err);
}

#[test]
fn editors_get_json() {
    let run = Site::of(BROKEN).run(&["check", "--json"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.err, "");
    let json: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    let list = json.as_array().expect("a list");
    let unknown =
        list.iter().find(|one| one["file"] == "models/posts.toml" && one["line"] == 2).expect("a mistake");
    assert_eq!(unknown["severity"], "error");
    assert!(unknown["hint"].as_str().expect("a hint").contains("required"), "{unknown}");
    assert!(list.iter().any(|one| one["file"] == "pages/index.html"), "{json}");
}

#[test]
fn mistakes_in_templates_are_found_without_a_database() {
    let site = Site::of(&[("pages/index.html", "<a href={{ site.name }}>x</a>\n{{ nothing }}\n")]);
    let run = site.run(&["check"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("pages/index.html:1"), "{}", run.err);
    assert!(!site.path().join("data").exists());
}

#[test]
fn a_whole_site_passes() {
    let site = Site::new("blog");
    let run = site.done(&["check"]);
    assert!(run.out.starts_with("OK 5 models, "), "{}", run.out);
    assert_eq!(site.done(&["check", "--json"]).out, "[]\n");
    assert!(!run.out.contains('\x1b'), "colours are for terminals");
}

#[test]
fn what_deserves_a_look_is_listed_before_the_site_goes_out() {
    let site = Site::new("blank");
    let page = "+++\n[data.all]\nfrom = \"users\"\nrules = false\n+++\n{{ all|length }}\n";
    site.write("pages/count.html", page);
    let run = site.run(&["check", "--deploy"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("pages/count.html: `data.all` reads users without access rules"), "{}", run.out);
    assert!(run.out.contains("`site.url` is not set"), "{}", run.out);
    assert!(run.out.contains("purlin migrate new --name NAME"), "{}", run.out);
}

#[test]
fn what_is_no_site_is_told() {
    let empty = tempfile::tempdir().expect("a folder");
    let run = command(&["check"], empty.path(), "");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("purlin new"), "{}", run.err);
    let run = command(&["dev", "nowhere"], empty.path(), "");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("no such folder"), "{}", run.err);
}

#[test]
fn routes_are_listed_with_the_rule_of_each() {
    let run = Site::new("blog").done(&["routes"]);
    let guard = |methods: &str, path: &str| {
        let cells = |line: &str| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let found = run.out.lines().map(cells).find(|cells| cells[0] == methods && cells[1] == path);
        found.unwrap_or_else(|| panic!("no {methods} {path} in {}", run.out)).pop().expect("a guard")
    };
    assert_eq!(guard("GET POST", "/posts/[slug]"), "everybody");
    assert_eq!(guard("POST", "/api/comments"), "user != null");
    assert_eq!(guard("DELETE", "/api/users/[id]"), "administrators");
    assert!(guard("GET", "/api/posts/[id]").contains("status == \"published\" && published_at <= now"));
    assert!(guard("GET", "/write").contains("user.role in "));
    assert_eq!(guard("GET", "/style.css"), "everybody");
    assert!(!Site::new("blog").done(&["routes", "--no-files"]).out.contains("/style.css"));
}

#[test]
fn a_mistaken_command_line_is_told() {
    let folder = Path::new(".");
    assert_eq!(command(&["frobnicate"], folder, "").code, 2);
    assert_eq!(command(&["serve", "--set", "nonsense"], folder, "").code, 2);
    let version = command(&["version"], folder, "");
    assert_eq!(version.out, format!("purlin {}\n", env!("CARGO_PKG_VERSION")));
}
