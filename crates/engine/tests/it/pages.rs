//! Pages and their forms.

use purlin_engine::pages::{FormAnswer, PageAnswer, PageRequest};
use purlin_engine::{Actor, Failure};
use serde_json::json;

use crate::support::Fixture;

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn page(
    site: &Fixture,
    actor: &Actor,
    path: &str,
    query: &[(&str, &str)],
) -> Result<PageAnswer, Failure> {
    let matched = site.engine.route(path).ok_or(Failure::NotFound)?;
    let query = pairs(query);
    let request = PageRequest { actor, path, query_string: "", query: &query, flash: Vec::new() };
    site.engine.page(&matched, request).await
}

async fn submit(
    site: &Fixture,
    actor: &Actor,
    path: &str,
    form: &[(&str, &str)],
) -> Result<FormAnswer, Failure> {
    let matched = site.engine.route(path).ok_or(Failure::NotFound)?;
    let request = PageRequest { actor, path, query_string: "", query: &[], flash: Vec::new() };
    site.engine.submit(&matched, request, &pairs(form)).await
}

async fn with_posts() -> (Fixture, Actor, Actor) {
    let site = Fixture::new().await;
    let (ada, eve) = (site.user("ada", "author").await, site.user("eve", "editor").await);
    site.create(&eve, "tags", &json!({"name": "rust"})).await.unwrap();
    for (title, rating) in [("First", 1), ("Second", 2), ("Third", 3)] {
        let date = format!("2026-01-0{rating}T00:00:00Z");
        let post = json!({"title": title, "rating": rating, "status": "published", "published_at": date, "tags": [1]});
        site.create(&ada, "posts", &post).await.unwrap();
    }
    (site, ada, eve)
}

#[tokio::test]
async fn a_list_has_pages_and_optional_filters() {
    let (site, ..) = with_posts().await;
    let visitor = Actor::Visitor;
    let text = |answer: PageAnswer| answer.body.trim().to_owned();
    assert_eq!(
        text(page(&site, &visitor, "/", &[]).await.unwrap()),
        "[Third by ada][Second by ada] page 1 of 2"
    );
    assert_eq!(
        text(page(&site, &visitor, "/", &[("page", "2")]).await.unwrap()),
        "[First by ada] page 2 of 2"
    );
    assert_eq!(
        text(page(&site, &visitor, "/", &[("rating", "2")]).await.unwrap()),
        "[Second by ada] page 1 of 1"
    );
    assert_eq!(
        text(page(&site, &visitor, "/", &[("rating", "")]).await.unwrap()),
        "[Third by ada][Second by ada] page 1 of 2"
    );
    assert!(matches!(page(&site, &visitor, "/", &[("page", "3")]).await, Err(Failure::NotFound)));
    assert!(matches!(page(&site, &visitor, "/", &[("page", "x")]).await, Err(Failure::BadRequest { .. })));
    assert!(matches!(page(&site, &visitor, "/", &[("rating", "x")]).await, Err(Failure::BadRequest { .. })));
}

#[tokio::test]
async fn a_record_has_its_relations_and_knows_who_may_change_it() {
    let (site, ada, _) = with_posts().await;
    let body = page(&site, &Actor::Visitor, "/posts/first", &[]).await.unwrap().body;
    assert!(body.contains("<h1>First</h1><p>ada</p><b>rust</b>"), "{body}");
    assert!(!body.contains("may edit"));
    let body = page(&site, &ada, "/posts/first", &[]).await.unwrap().body;
    assert!(body.contains("may edit"));
    assert!(matches!(page(&site, &ada, "/posts/none", &[]).await, Err(Failure::NotFound)));
}

#[tokio::test]
async fn a_form_changes_its_record_or_is_shown_again() {
    let (site, ada, _) = with_posts().await;
    let answer =
        submit(&site, &ada, "/posts/first", &[("title", "Première"), ("rating", "5"), ("tags", "1")])
            .await
            .unwrap();
    let FormAnswer::Done { to, say } = answer else { panic!("refused") };
    assert_eq!((to.as_str(), say.as_deref()), ("/posts/first", Some("Saved Première.")));
    let answer = submit(&site, &ada, "/posts/first", &[("title", ""), ("rating", "9")]).await.unwrap();
    let FormAnswer::Again(again) = answer else { panic!("taken") };
    assert_eq!(again.status, 422);
    assert!(again.body.contains("is required") && again.body.contains("value=\"9\""), "{}", again.body);
}

#[tokio::test]
async fn attack_06_a_form_takes_what_it_shows_from_whom_it_may() {
    let (site, ada, _) = with_posts().await;
    let bob = site.user("bob", "author").await;
    let forged = submit(&site, &ada, "/posts/first", &[("title", "x"), ("status", "draft"), ("author", "2")])
        .await
        .unwrap();
    let FormAnswer::Again(again) = forged else { panic!("a field that the form does not show was taken") };
    assert_eq!(again.status, 422);
    assert!(matches!(submit(&site, &bob, "/posts/first", &[("title", "x")]).await, Err(Failure::Forbidden)));
    assert!(matches!(
        submit(&site, &Actor::Visitor, "/posts/first", &[("title", "x")]).await,
        Err(Failure::Unauthenticated)
    ));
    assert!(matches!(
        submit(&site, &ada, "/posts/first", &[("_form", "other")]).await,
        Err(Failure::BadRequest { .. })
    ));
    let body = page(&site, &ada, "/posts/first", &[]).await.unwrap().body;
    assert!(body.contains("<h1>First</h1>"), "nothing was written");
}

const EDIT: &str = r#"+++
[data.post]
from = "posts"
filter = "id == params.id"
one = true
[form.edit]
update = "data.post"
fields = ["title", "featured"]
then = "/{data.post.body}/{data.post.title}"
+++
{{ form("edit") }}
"#;

#[tokio::test]
async fn a_form_shows_no_control_for_what_its_user_may_not_write() {
    let site = Fixture::with(&[("pages/edit/[id].html", EDIT)]).await;
    let (ada, eve) = (site.user("ada", "author").await, site.user("eve", "editor").await);
    let post = json!({"title": "One", "status": "published", "published_at": "2026-01-01T00:00:00Z"});
    site.create(&ada, "posts", &post).await.unwrap();
    let shown = page(&site, &eve, "/edit/1", &[]).await.unwrap().body;
    assert!(shown.contains("name=\"featured\""), "{shown}");
    submit(&site, &eve, "/edit/1", &[("title", "One"), ("featured", "on")]).await.unwrap();
    let shown = page(&site, &ada, "/edit/1", &[]).await.unwrap().body;
    assert!(!shown.contains("name=\"featured\""), "{shown}");
    let answer = submit(&site, &ada, "/edit/1", &[("title", "evil.net")]).await.unwrap();
    let FormAnswer::Done { to, .. } = answer else { panic!("what he was not shown was taken as unticked") };
    assert_eq!(to, "/evil.net", "attack 14: an empty piece leads nowhere else");
    let featured = site.list(&ada, "posts", &[("featured", "true")]).await.unwrap();
    assert_eq!(featured, ["evil.net"]);
}

/// A page reads the fields that its templates name; what its later queries and its rules look at is there all the same.
#[tokio::test]
async fn fields_that_no_template_names_still_lead_to_others() {
    let page_of = |body: &str| {
        format!(
            "+++\n[data.post]\nfrom = \"posts\"\nfilter = 'slug == params.slug'\none = true\ninclude = [\"author\"]\n\
             [data.others]\nfrom = \"posts\"\nfilter = 'rating < data.post.rating && author == data.post.author'\n\
             sort = \"-rating\"\n+++\n{body}"
        )
    };
    let (named, whole) = (
        page_of("{{ post.title }}:{% for other in others %} {{ other.slug }}{% endfor %}"),
        page_of(
            "{% set key = 'rat' ~ 'ing' %}{{ post[key] }}{% if can('update', post) %} may edit{% endif %}",
        ),
    );
    let site =
        Fixture::with(&[("pages/named/[slug].html", &named), ("pages/whole/[slug].html", &whole)]).await;
    let ada = site.user("ada", "author").await;
    for (title, rating) in [("First", 1), ("Second", 2), ("Third", 3)] {
        let post = json!({"title": title, "rating": rating, "status": "published", "published_at": "2026-01-01T00:00:00Z"});
        site.create(&ada, "posts", &post).await.unwrap();
    }
    let shown = page(&site, &Actor::Visitor, "/named/third", &[]).await.unwrap();
    assert_eq!(shown.body.trim(), "Third: second first");
    let shown = page(&site, &ada, "/whole/second", &[]).await.unwrap();
    assert_eq!(shown.body.trim(), "2 may edit");
}
