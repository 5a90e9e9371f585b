//! What happens to a database: files, `dev`, consent, refusals.

use purlin_store::migrate::DevOutcome;

use super::support::{Folder, wanted};

#[test]
fn dev_makes_tables_from_nothing_and_adds_a_field() {
    let folder = Folder::new();
    let first = wanted(
        r#"
        [users.fields]
        email = { type = "text", required = true }
        [posts.fields]
        title = { type = "text", required = true }
        author = { type = "int", to = "users", required = true }
        [posts.links]
        tags = "tags"
        [posts]
        indexes = [["author"]]
        [tags]
        uniques = [["name"]]
        fields.name = { type = "text" }
        "#,
    );
    assert!(matches!(folder.become_this(&first), DevOutcome::Applied(_)));
    assert_eq!(folder.become_this(&first), DevOutcome::UpToDate);
    folder.run(
        "INSERT INTO users (id, created_at, updated_at, _version, email) VALUES (7, 1, 2, 3, 'a@b.c');
         INSERT INTO posts (created_at, updated_at, _version, title, author) VALUES (1, 2, 3, 'One', 7);",
    );

    let mut second = first.clone();
    let posts = second.snapshot.tables.get_mut("posts").expect("posts");
    posts.fields.insert("subtitle".into(), toml::from_str("type = \"text\"").expect("a column"));
    let mut migrator = folder.migrator();
    let done = migrator.dev_to(&second, |_| panic!("adding a field asks nobody")).expect("it is applied");
    assert_eq!(done.to_string(), "the database was changed:\n+ posts.subtitle text");
    assert!(migrator.is_behind_of(&second).expect("it can be read").is_none());
    assert_eq!(folder.text("SELECT title, author, subtitle FROM posts"), "One|7|null");
}
