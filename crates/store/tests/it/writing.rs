//! Writing: mutations, their guards, what they refuse and what they tell.

use purlin_schema::model::{Index, OnDelete, Unique};
use purlin_schema::{FieldId, Id, Input, Uuid, Value};
use purlin_store::mutation::{Action, Links};
use purlin_store::{Change, Guard, Refusal};

use crate::support::{Given, Site, id_of, named, on_delete, refused};

#[tokio::test]
async fn an_update_raises_the_version_and_an_empty_one_does_not() {
    let site = Site::new();
    let id = site.add("posts", &[("title", "One".into())]).await;
    let mut later = site.update("posts", id, &[("title", "Two".into())]);
    later.now += 5;
    assert_eq!(site.commit(later.clone()).await.expect("an update").version, 2);
    assert_eq!(site.stored("posts", id, "title").await, Some("Two".into()));
    assert_eq!(site.stored("posts", id, "updated_at").await, Some(Value::Datetime(crate::support::NOW + 5)));
    assert_eq!(site.commit(later).await.expect("an update").version, 2, "nothing changed");
}

#[tokio::test]
async fn a_record_that_changed_meanwhile_is_not_overwritten() {
    let site = Site::new();
    let id = site.add("posts", &[("title", "One".into())]).await;
    site.commit(site.update("posts", id, &[("title", "Two".into())])).await.expect("an update");
    let mut stale = site.update("posts", id, &[("title", "Three".into())]);
    let Action::Update { if_version, .. } = &mut stale.action else { unreachable!("it updates") };
    *if_version = Some(1);
    assert_eq!(refused(site.commit(stale).await), [Refusal::VersionMismatch]);
    let stale = Action::Delete { id: Id::Int(id), if_version: Some(1) };
    assert_eq!(refused(site.commit(site.mutation("posts", stale)).await), [Refusal::VersionMismatch]);
    assert_eq!(refused(site.commit(site.delete("posts", 99)).await), [Refusal::NotFound]);
}

#[tokio::test]
async fn ids_are_never_used_again() {
    let site = Site::new();
    let first = site.add("tags", &[]).await;
    site.commit(site.delete("tags", first)).await.expect("a delete");
    assert!(site.add("tags", &[]).await > first);
}

#[tokio::test]
async fn guards_are_asked_in_their_order() {
    let site = Site::new();
    let ada = site.add("users", &[("name", "Ada".into())]).await;
    let id = site
        .add("posts", &[("title", "One".into()), ("author", Value::Int(ada)), ("status", "draft".into())])
        .await;
    let condition =
        |text: &str| site.store.condition(id_of(&site, "posts"), &site.expr("posts", text)).expect("SQL");
    let status = site.field("posts", "status");
    let guards = vec![
        Guard::Visible(condition("status == \"draft\"")),
        Guard::Stored(condition("author == user")),
        Guard::Proposed(condition("author == user && old.status == \"draft\"")),
        Guard::Check(
            condition("status != \"published\" || published_at != null"),
            Some(status),
            "a date".into(),
        ),
        Guard::FieldWrite(site.field("posts", "views"), condition("title == \"Two\"")),
    ];
    let attempt = |values: &[(&str, Value)], user: Option<i64>| {
        let mut mutation = site.update("posts", id, values);
        mutation.guards.clone_from(&guards);
        mutation.inputs = user.map(|id| (Input::User(FieldId::ID), Value::Int(id))).into_iter().collect();
        site.commit(mutation)
    };
    let retitle = [("title", Value::from("Two"))];
    assert_eq!(refused(attempt(&retitle, None).await), [Refusal::Forbidden]);
    assert_eq!(refused(attempt(&retitle, Some(7)).await), [Refusal::Forbidden]);
    let views = [("views", Value::Int(1))];
    assert_eq!(
        refused(attempt(&views, Some(ada)).await),
        [Refusal::FieldForbidden(site.field("posts", "views"))]
    );
    assert_eq!(refused(attempt(&[("author", Value::Null)], Some(ada)).await), [Refusal::Forbidden]);
    let publish = [("status", Value::from("published"))];
    let check = Refusal::Field { field: Some(status), code: "check", message: "a date".to_owned() };
    assert_eq!(refused(attempt(&publish, Some(ada)).await), [check]);
    let publish =
        [("status", "published".into()), ("published_at", Value::Datetime(1)), ("title", "Two".into())];
    attempt(&publish, Some(ada)).await.expect("an update");
    assert_eq!(refused(attempt(&retitle, Some(ada)).await), [Refusal::NotFound], "no longer a draft");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let site = Site::with(|models| {
        let posts = named(models, "posts");
        let at = |name: &str| posts.fields.iter().find(|field| field.name == name).expect("a field").id;
        let (title, slug, author, package) = (at("title"), at("slug"), at("author"), at("package"));
        posts.fields[usize::from(package.0)].required = true;
        posts.uniques = vec![
            Unique { fields: vec![slug], message: None },
            Unique { fields: vec![author, title], message: Some("you wrote this already".into()) },
        ];
    });
    let ada = site.add("users", &[]).await;
    let values = |package: Value, cover: Value| {
        vec![
            ("title", Value::from("One")),
            ("slug", "one".into()),
            ("author", Value::Int(ada)),
            ("package", package),
            ("cover", cover),
        ]
    };
    site.add("posts", &values("x".into(), Value::Null)).await;
    let wrong =
        refused(site.commit(site.create("posts", &values("".into(), Value::Uuid(Uuid::from_u128(7))))).await);
    let told: Vec<(Option<FieldId>, &str, &str)> = wrong
        .iter()
        .map(|refusal| match refusal {
            Refusal::Field { field, code, message } => (*field, *code, message.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let field = |name: &str| Some(site.field("posts", name));
    assert_eq!(
        told,
        [
            (field("package"), "required", "is required"),
            (field("cover"), "not_found", "does not exist"),
            (field("slug"), "unique", "is already taken"),
            (field("author"), "unique", "you wrote this already"),
        ]
    );
}

#[tokio::test]
async fn lists_of_refs_are_replaced_and_told() {
    let site = Site::new();
    for _ in 0..4 {
        site.add("tags", &[]).await;
    }
    let mut feed = site.store.feed();
    let id = site.add_linked("posts", &[], &[("tags", &[1, 2, 2])]).await;
    let tags = site.field("posts", "tags");
    let relink = |links: Links| {
        let values = Vec::new();
        let links = vec![(tags, links)];
        site.commit(site.mutation(
            "posts",
            Action::Update { id: Id::Int(id), if_version: None, values, merges: Vec::new(), links },
        ))
    };
    let list = |ids: &[i64]| ids.iter().map(|id| Id::Int(*id)).collect::<Vec<_>>();
    relink(Links::Replace(list(&[3, 2]))).await.expect("replaced");
    relink(Links::Add(list(&[2, 4]))).await.expect("added");
    relink(Links::Remove(list(&[3, 1]))).await.expect("removed");
    assert_eq!(
        site.ids("tags", &format!("posts.exists(p, p.id == {id})"), &Default::default()).await,
        [2, 4]
    );
    let wrong = refused(relink(Links::Add(list(&[99]))).await);
    assert!(
        matches!(wrong.as_slice(), [Refusal::Field { code: "not_found", field: Some(field), .. }] if *field == tags)
    );
    let mut told = Vec::new();
    while let Ok(changes) = feed.try_recv() {
        told.push(
            changes
                .list
                .iter()
                .filter_map(|change| match change {
                    Change::Link { target: Id::Int(target), added, .. } => Some((*target, *added)),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(
        told,
        [vec![(1, true), (2, true)], vec![(1, false), (3, true)], vec![(4, true)], vec![(3, false)],]
    );
}

#[tokio::test]
async fn deleting_cascades_clears_and_restricts() {
    let site = Site::with(|models| {
        on_delete(models, "posts", "author", OnDelete::Cascade);
        on_delete(models, "comments", "post", OnDelete::Cascade);
        on_delete(models, "comments", "author", OnDelete::SetNull);
        on_delete(models, "assets", "owner", OnDelete::Restrict);
    });
    let ada = site.add("users", &[]).await;
    let bob = site.add("users", &[]).await;
    let tag = site.add("tags", &[]).await;
    let post = site.add_linked("posts", &[("author", Value::Int(ada))], &[("tags", &[tag])]).await;
    let other = site.add("posts", &[("author", Value::Int(bob))]).await;
    site.add("comments", &[("post", Value::Int(post)), ("author", Value::Int(bob))]).await;
    let kept = site.add("comments", &[("post", Value::Int(other)), ("author", Value::Int(ada))]).await;
    let asset = site.commit(site.create("assets", &[("owner", Value::Int(ada))])).await.expect("an asset");
    let delete = site.delete("users", ada);
    assert_eq!(refused(site.commit(delete.clone()).await), [Refusal::Referenced(id_of(&site, "assets"))]);
    let gone = Action::Delete { id: asset.id, if_version: None };
    site.commit(site.mutation("assets", gone)).await.expect("a delete");
    let mut feed = site.store.feed();
    site.commit(delete).await.expect("a delete");
    assert_eq!(site.ids("posts", "true", &Given::default()).await, [other]);
    assert_eq!(site.ids("comments", "true", &Given::default()).await, [kept]);
    assert_eq!(site.stored("comments", kept, "author").await, Some(Value::Null));
    let told: Vec<(String, bool)> = feed
        .try_recv()
        .expect("changes")
        .list
        .iter()
        .map(|change| match change {
            Change::Record { model, new, .. } => (site.models.get(*model).name.clone(), new.is_some()),
            Change::Link { .. } => ("link".to_owned(), false),
        })
        .collect();
    let expected =
        [("comments", true), ("comments", false), ("link", false), ("posts", false), ("users", false)];
    assert_eq!(told, expected.map(|(name, stays)| (name.to_owned(), stays)));
}

#[tokio::test]
async fn records_that_refer_to_each_other_go_together() {
    let site = Site::with(|models| {
        on_delete(models, "users", "team", OnDelete::Cascade);
        on_delete(models, "teams", "lead", OnDelete::Cascade);
    });
    let ada = site.add("users", &[]).await;
    let team = site.add("teams", &[("lead", Value::Int(ada))]).await;
    site.commit(site.update("users", ada, &[("team", Value::Int(team))])).await.expect("an update");
    let bob = site.add("users", &[("team", Value::Int(team))]).await;
    site.commit(site.delete("users", bob)).await.expect("a delete");
    assert_eq!(site.ids("teams", "true", &Given::default()).await, [team]);
    site.commit(site.delete("teams", team)).await.expect("a delete");
    assert!(site.ids("users", "true", &Given::default()).await.is_empty());
    assert!(site.ids("teams", "true", &Given::default()).await.is_empty());
}

#[tokio::test]
async fn the_answer_holds_the_record_as_it_may_be_read() {
    let site = Site::new();
    let query = purlin_schema::query::Query {
        limit: purlin_schema::query::Limit::One,
        include: vec![site.include("posts", "tags")],
        ..site.filtered("posts", "id == params.id && status == \"published\"")
    };
    let tag = site.add("tags", &[]).await;
    let returning = Some(site.prepare(&query));
    let mut mutation = site.create("posts", &[("status", "published".into())]);
    mutation.returning.clone_from(&returning);
    let Action::Create { links, .. } = &mut mutation.action else { unreachable!("it creates") };
    links.push((site.field("posts", "tags"), vec![Id::Int(tag)]));
    let outcome = site.commit(mutation).await.expect("a record");
    let (_, row) = outcome.row.expect("a row");
    assert_eq!(row.values[0], Value::from(outcome.id));
    assert_eq!(crate::support::many(&row.related[0]).len(), 1);
    let Id::Int(id) = outcome.id else { panic!("an integer") };
    let mut hide = site.update("posts", id, &[("status", "draft".into())]);
    hide.returning = returning;
    assert!(site.commit(hide).await.expect("an update").row.is_none());
}

/// The writer puts an answer together from what it wrote; reading the record afterwards must give the very same.
#[tokio::test]
async fn the_answer_is_what_a_reader_finds() {
    use purlin_schema::query::{Limit, Query, Select, Selected};
    use purlin_schema::value::Decimal;
    let site = Site::with(|models| {
        let posts = named(models, "posts");
        let at = posts.fields.iter().position(|field| field.name == "slug").expect("a field");
        posts.fields[at].computed = Some(Site::new().expr("posts", "title + string(views)"));
    });
    let posts = site.model("posts");
    let chosen = posts.fields.iter().filter(|field| !field.is_many()).map(|field| {
        let guard = (field.name == "views").then(|| site.expr("posts", "status == \"published\""));
        Selected { field: field.id, guard }
    });
    let query = Query {
        select: Select::Fields(chosen.collect()),
        limit: Limit::One,
        ..site.filtered("posts", "id == params.id && title != \"unseen\"")
    };
    let returning = site.prepare(&query);
    let some = [
        ("title", Value::from("one")),
        ("views", Value::Int(7)),
        ("rating", Value::Float(-0.0)),
        ("price", Value::Decimal(Decimal { units: 5, scale: 1 })),
        ("meta", Value::Json(Box::new(serde_json::json!({"b": [0.1, null], "a": 1})))),
    ];
    let mut made = site.create("posts", &some);
    made.returning = Some(returning.clone());
    let made = site.commit(made).await.expect("a record");
    let Id::Int(id) = made.id else { panic!("an integer") };
    let mut answers = vec![made];
    for change in [
        ("status", Value::from("published")),
        ("status", "published".into()),
        ("views", Value::Null),
        ("title", "unseen".into()),
    ] {
        let read = site.run(&returning, &params(id), Default::default()).await.expect("a set");
        let answered = answers.pop().expect("an answer").row.map(|(_, row)| format!("{row:?}"));
        assert_eq!(answered, read.rows.first().map(|row| format!("{row:?}")));
        let mut changed = site.update("posts", id, &[change]);
        changed.returning = Some(returning.clone());
        answers.push(site.commit(changed).await.expect("an update"));
    }
    assert!(answers[0].row.is_none(), "it is not to be seen any more");
}

/// The record that an answer's query is about.
fn params(id: i64) -> Given {
    Given(vec![(Input::Param("id".to_owned()), Value::Int(id))])
}

/// Posts whose slug is made from the title and unique.
fn slugs(models: &mut [purlin_schema::Model]) {
    let posts = named(models, "posts");
    let at = |name: &str| posts.fields.iter().find(|field| field.name == name).expect("a field").id;
    let (title, slug) = (at("title"), at("slug"));
    let field = &mut posts.fields[usize::from(slug.0)];
    field.ty = purlin_schema::types::named("slug").expect("the type");
    field.from = Some(title);
    posts.uniques = vec![Unique { fields: vec![slug], message: None }];
}

#[tokio::test]
async fn slugs_are_made_and_kept_apart() {
    let site = Site::with(|models| slugs(models));
    let slug = async |id| site.stored("posts", id, "slug").await.expect("a record");
    let title = [("title", Value::from("Hello, World!"))];
    let mut last = 0;
    for expected in ["hello-world", "hello-world-2", "hello-world-3"] {
        last = site.add("posts", &title).await;
        assert_eq!(slug(last).await, expected.into());
    }
    let given = site.add("posts", &[("title", "Other".into()), ("slug", "hello-world".into())]).await;
    assert_eq!(slug(given).await, "hello-world-4".into());
    site.commit(site.update("posts", last, &[("title", "Renamed".into())])).await.expect("an update");
    assert_eq!(slug(last).await, "hello-world-3".into(), "a published address stays");
    site.commit(site.update("posts", last, &[("slug", "".into())])).await.expect("an update");
    assert_eq!(slug(last).await, "renamed".into());
    site.commit(site.update("posts", last, &[("slug", "renamed".into())])).await.expect("an update");
    assert_eq!(slug(last).await, "renamed".into(), "its own slug is not taken");
    let other = site.add("posts", &[("title", "日本 語".into())]).await;
    assert_eq!(slug(other).await, "日本-語".into(), "other scripts stay as they are");
    let nothing = site.add("posts", &[("title", "!?".into())]).await;
    assert_eq!(slug(nothing).await, "posts".into());
    let same = vec![site.create("posts", &title); 40];
    let made = site.store.commit(same).await.expect("posts");
    let Some(Id::Int(last)) = made.last().map(|outcome| outcome.id) else { panic!("an id") };
    let Value::Text(many) = slug(last).await else { panic!("a slug") };
    assert!(many.starts_with("hello-world-"), "{many}");
}

#[tokio::test]
async fn who_may_not_write_does_not_learn_what_is_taken() {
    let site = Site::with(|models| {
        let users = named(models, "users");
        let email = users.fields.iter().find(|field| field.name == "email").expect("a field").id;
        users.uniques = vec![Unique { fields: vec![email], message: None }];
    });
    site.add("users", &[("email", "ada@example.org".into())]).await;
    let condition = site.store.condition(id_of(&site, "users"), &site.expr("users", "role == \"user\""));
    let guard = Guard::Proposed(condition.expect("SQL"));
    for (role, expected) in [("admin", "Forbidden"), ("user", "Field")] {
        let mut mutation =
            site.create("users", &[("email", "ada@example.org".into()), ("role", role.into())]);
        mutation.guards = vec![guard.clone()];
        let told = format!("{:?}", refused(site.commit(mutation).await));
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_record_refers_to_what_its_own_commit_makes_and_both_stand_or_fall() {
    let site = Site::new();
    let old = site.add("tags", &[("name", "old".into())]).await;
    let ada = site.create("users", &[("name", "Ada".into())]);
    let tag = site.create("tags", &[("name", "new".into())]);
    let mut post = site.create("posts", &[("title", "One".into())]);
    let (author, tags) = (site.field("posts", "author"), site.field("posts", "tags"));
    let Action::Create { links, .. } = &mut post.action else { unreachable!("it creates") };
    links.push((tags, vec![Id::Int(old)]));
    post.refers = vec![(author, 0), (tags, 1)];
    let made = site.store.commit(vec![ada, tag.clone(), post.clone()]).await.expect("three records");
    let written = [made[0].id, made[2].id].map(|id| Value::from(id).as_int().expect("an integer"));
    assert_eq!(site.stored("posts", written[1], "author").await, Some(Value::Int(written[0])));
    let tagged = "tags.exists(t, t.name == 'new') && tags.size() == 2";
    assert_eq!(site.ids("posts", tagged, &Given::default()).await, [written[1]]);

    post.refers = vec![(tags, 0)];
    let gone = site.delete("tags", 99);
    let refused = site.store.commit(vec![tag, post, gone]).await;
    assert!(matches!(refused, Err(purlin_store::Error::Refused { at: 2, .. })), "{refused:?}");
    assert_eq!(site.ids("tags", "true", &Given::default()).await.len(), 2);
}

/// What a key takes of a text is each database's own; of which field it was too much is told alike.
#[tokio::test]
async fn a_text_that_a_key_does_not_take_is_told_of_its_field() {
    let site = Site::with(|models| {
        let posts = models.iter_mut().find(|model| model.name == "posts").expect("posts");
        let field = |name: &str| posts.field_named(name).expect("a field of the sample").id;
        let fields = vec![(field("slug"), false), (field("title"), true)];
        posts.indexes.push(Index { fields });
    });
    // Of letters that do not repeat: PostgreSQL would take a text that can be made short.
    let mut state = 7_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from(state >> 24).expect("eight bits") % 90)
    };
    let texts: Vec<String> =
        [5_000, 12_000].into_iter().map(|length| (0..length).map(|_| letter()).collect()).collect();
    let id = site.add("posts", &[("title", "short".into()), ("slug", "draft".into())]).await;
    let told = |field: &str| {
        let message = if site.is_on_mysql() {
            "is longer than the database keeps"
        } else {
            "is larger than the database keeps"
        };
        [Refusal::Field {
            field: Some(site.field("posts", field)),
            code: "too_long",
            message: message.to_owned(),
        }]
    };
    for (field, long) in
        ["title", "slug"].into_iter().flat_map(|field| texts.iter().map(move |text| (field, text)))
    {
        let create = site.create("posts", &[("title", "x".into()), (field, long.as_str().into())]);
        let update = site.update("posts", id, &[(field, long.as_str().into())]);
        if site.fresh.is_none() {
            // A file takes it.
            site.commit(create).await.expect("a record");
            continue;
        }
        assert_eq!(refused(site.commit(create).await), told(field));
        assert_eq!(refused(site.commit(update).await), told(field));
    }
    assert_eq!(site.ids("posts", "title == \"short\"", &Given::default()).await, [id]);
}
