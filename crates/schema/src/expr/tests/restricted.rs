//! What an asker sends tells nothing that he may not read.

use super::Site;
use crate::expr::{Expect, Reading, Scope, check, print, restrict, restrict_sort};
use crate::expr::{ExprKind, Mistake};
use crate::model::{FieldId, ModelId, Rule};

/// The site's rules: users read themselves, posts when published, teams never; e-mail only one's own, mottos never.
fn restricted(site: &Site, text: &str) -> Result<String, Mistake> {
    let expr = site.check(text).unwrap_or_else(|mistakes| panic!("{}", mistakes[0].draw(text)));
    with_reading(site, |reading| restrict(expr, reading).map(|expr| print(&expr, &site.scope())))
}

fn with_reading<T>(site: &Site, then: impl FnOnce(&Reading<'_>) -> T) -> T {
    let rule = |model: &str, text: &str| {
        let scope = Scope::of(&site.models).this(site.models.named(model).expect("a model").id);
        Rule::When(
            check(text, &scope, Expect::Condition).unwrap_or_else(|wrong| panic!("{}", wrong[0].draw(text))),
        )
    };
    let records = |model: ModelId| match site.models.get(model).name.as_str() {
        "users" => rule("users", "active == true || this == user"),
        "posts" => {
            rule("posts", "status == \"published\" || author == user || tags.exists(t, t.name == slug)")
        }
        "teams" => Rule::Administrators,
        "comments" => rule("comments", "post.status == \"published\""),
        _ => Rule::Everybody,
    };
    let field = |model: ModelId, field: FieldId| {
        let model = site.models.get(model);
        match (model.name.as_str(), model.field(field).name.as_str()) {
            ("users", "email") => rule("users", "this == user"),
            ("users", "bio") => Rule::Nobody,
            ("comments", "post") => rule("comments", "score > 0"),
            ("posts", "editors") => rule("posts", "author == user"),
            ("posts", "price") => Rule::Administrators,
            _ => Rule::Everybody,
        }
    };
    then(&Reading { models: &site.models, records: &records, field: &field })
}

#[test]
fn other_models_are_reached_through_their_rules() {
    let site = Site::new();
    for (text, bound) in [
        ("title == \"x\"", "title == \"x\""),
        ("author == 7", "author == 7"),
        ("tags.exists(t, t.name == \"x\")", "tags.exists(t, t.name == \"x\")"),
        (
            "author.name == \"x\"",
            "(author.active == true || author == user ? author.name : error()) == \"x\"",
        ),
        (
            "author.email == \"x\"",
            "((author.active == true || author == user) && author == user ? author.email : error()) == \"x\"",
        ),
        ("author.team.name == \"x\"", "error()"),
        (
            "comments.exists(c, c.score > 3)",
            "comments.exists(c, holds(c.post.status == \"published\" && c.score > 0) && c.score > 3)",
        ),
        (
            "size(comments) > 3",
            "size(comments.filter(c, holds(c.post.status == \"published\" && c.score > 0))) > 3",
        ),
        (
            "comments.all(c, c.score > 3)",
            "comments.all(c, !holds(c.post.status == \"published\" && c.score > 0) || c.score > 3)",
        ),
        (
            "tags.exists(t, t.posts.exists(p, p.title == title))",
            "tags.exists(t, t.posts.exists(p, holds(p.status == \"published\" || p.author == user || \
             p.tags.exists(t2, t2.name == p.slug)) && p.title == title))",
        ),
        (
            "editors.exists(e, e.age > 3)",
            "author == user ? editors.exists(e, holds(e.active == true || e == user) && e.age > 3) : error()",
        ),
        ("user.email == title", "(user == user ? user.email : error()) == title"),
        ("user.team.name == title", "error()"),
        (
            "user.posts.exists(p, p.title == slug)",
            "user.active == true || user == user ? user.posts.exists(p, holds(p.status == \"published\" || \
             p.author == user || p.tags.exists(t, t.name == p.slug)) && p.title == slug) : error()",
        ),
        (
            "data.post.author.email == title",
            "(data.post.author.active == true || data.post.author == user ? \
             (data.post.author == user ? data.post.author.email : error()) : error()) == title",
        ),
    ] {
        let bound = bound.replace("(c.post.status == \"published\") &&", "c.post.status == \"published\" &&");
        let bound = bound.replace("(c.score > 0 ? c.score : error()) > 3", "c.score > 3");
        assert_eq!(
            restricted(&site, text).map_err(|mistake| mistake.draw(text)).as_deref(),
            Ok(bound.as_str()),
            "{text}"
        );
    }
}

#[test]
fn what_nobody_reads_is_a_mistake() {
    let site = Site::new();
    for (text, at) in [
        ("price > 3", "price"),
        ("author.bio == \"x\"", "author.bio"),
        ("has(this.price)", "has(this.price)"),
        ("user.bio == \"x\"", "user.bio"),
        ("featured && tags.exists(t, t.posts.exists(p, p.price > 3))", "p.price"),
        ("size(comments.filter(c, c.author.bio != null)) > 1", "c.author.bio"),
        ("_version == 3", "_version"),
    ] {
        let mistake = restricted(&site, text).expect_err(text);
        assert_eq!((mistake.code, &text[mistake.span.clone()]), ("unreadable-field", at), "{text}");
    }
}

#[test]
fn sorting_tells_nothing_either() {
    let site = Site::new();
    let sorts = |text: &str| {
        let expr = site.check(text).expect("a path");
        let ExprKind::Field(path) = &expr.kind else { panic!("a path") };
        with_reading(&site, |reading| restrict_sort(path, expr.span.clone(), reading)).is_ok()
    };
    assert!(sorts("title") && sorts("cover.name") && sorts("author"));
    assert!(!sorts("price") && !sorts("author.name") && !sorts("author.bio") && !sorts("author.team.name"));
}
