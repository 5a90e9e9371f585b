//! What happens to a database: files, `dev`, consent, refusals.

use std::fs;

use purlin_store::migrate::{Consent, DevOutcome, MigrationState, Migrator, NewMigration};

use super::actual::{actual, contents, expected};
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

const FIRST: &str = "[posts.fields]\ntitle = { type = \"text\" }\n";
const SECOND: &str = "[posts.fields]\ntitle = { type = \"text\" }\nsubtitle = { type = \"text\" }\n";

#[test]
fn files_written_here_apply_there() {
    let here = Folder::new();
    let mut migrator = here.migrator();
    let first = migrator.write_new_for(&wanted(FIRST), "Initial state").expect("a file");
    assert!(
        first.to_string().ends_with(
            "wrote migrations/0001_initial_state.toml; review it, then run `purlin migrate apply`"
        )
    );
    migrator.write_new_for(&wanted(SECOND), "subtitles").expect("a file");
    assert_eq!(migrator.write_new_for(&wanted(SECOND), "more").expect("none"), NewMigration::Nothing);
    assert_eq!(
        migrator.status().expect("status").to_string(),
        "0001_initial_state  pending\n0002_subtitles  pending\n"
    );
    let behind = migrator.is_behind_of(&wanted(SECOND)).expect("history").expect("it is behind");
    assert_eq!(
        behind.to_string(),
        "the database is not as the models ask; run `purlin migrate apply`\n  not applied: 0001_initial_state\n  not \
         applied: 0002_subtitles"
    );

    let there = Folder::new();
    copy_migrations(&here, &there);
    let mut migrator = there.migrator();
    let applied = migrator.apply(Consent::Refuse).expect("they apply");
    assert_eq!(applied, ["0001_initial_state", "0002_subtitles"]);
    assert_eq!(migrator.apply(Consent::Refuse).expect("nothing to do"), Vec::<String>::new());
    assert!(migrator.is_behind_of(&wanted(SECOND)).expect("history").is_none());
    assert_eq!(actual(&there.database()), expected(&wanted(SECOND).snapshot));
    let status = migrator.status().expect("status").to_string();
    assert!(status.starts_with("0001_initial_state  applied 2"), "{status}");
}

#[test]
fn progress_is_told() {
    let folder = Folder::new();
    folder.migrator().write_new_for(&wanted(FIRST), "first").expect("a file");
    let (sender, heard) = std::sync::mpsc::channel();
    let mut migrator =
        folder.migrator().on_progress(move |progress| sender.send(progress.to_string()).expect("heard"));
    migrator.apply(Consent::Refuse).expect("it applies");
    drop(migrator);
    assert_eq!(
        heard.iter().collect::<Vec<_>>(),
        ["applying 0001_first (operations: 1)", "  + table posts\n    title text", "applied 0001_first"]
    );
}

#[test]
fn what_dev_did_is_recognised_by_new() {
    let folder = Folder::new();
    folder.become_this(&wanted(FIRST));
    folder.become_this(&wanted(SECOND));
    let mut migrator = folder.migrator();
    let status = migrator.status().expect("status");
    assert_eq!(status.only_here, ["+ table posts\n    subtitle text\n    title text"]);
    let made = migrator.write_new_for(&wanted(SECOND), "initial").expect("a file");
    assert!(made.to_string().ends_with("this database has these changes already"), "{made}");
    assert_eq!(migrator.apply(Consent::Refuse).expect("nothing to do"), Vec::<String>::new());
    assert_eq!(folder.become_this(&wanted(SECOND)), DevOutcome::UpToDate);
    let status = migrator.status().expect("status");
    assert_eq!(status.only_here, Vec::<String>::new());
    assert!(matches!(status.migrations[0].state, MigrationState::Applied(_)));
}

#[test]
fn dev_takes_files_of_others_beside_its_own_changes() {
    let folder = Folder::new();
    folder.migrator().write_new_for(&wanted(FIRST), "first").expect("a file");
    folder.become_this(&wanted(FIRST));
    // A change of one's own that no file says yet …
    folder.become_this(&wanted(SECOND));
    folder.run(
        "INSERT INTO posts (created_at, updated_at, _version, title, subtitle) VALUES (1, 1, 1, 'a', 'b')",
    );
    // … and somebody else's file, with a new name and a value that the models know nothing of.
    let theirs = "[posts.fields]\nheadline = { type = \"text\" }\nstars = { type = \"int\" }\n";
    let other = Folder::new();
    copy_migrations(&folder, &other);
    let known = "[_known]\nfields.\"posts.headline\" = \"title\"\ndefaults.\"posts.stars\" = 5\n";
    other.migrator().write_new_for(&wanted(&format!("{theirs}{known}")), "theirs").expect("a file");
    copy_migrations(&other, &folder);

    let both = wanted(&format!("{theirs}subtitle = {{ type = \"text\" }}\n"));
    let done =
        folder.migrator().dev_to(&both, |plan| panic!("nothing is lost by\n{plan}")).expect("it follows");
    assert!(matches!(done, DevOutcome::Applied(_)));
    assert_eq!(folder.text("SELECT headline, stars, subtitle FROM posts"), "a|5|b");
    let mut migrator = folder.migrator();
    assert_eq!(migrator.apply(Consent::Refuse).expect("it is recorded"), Vec::<String>::new());
    assert_eq!(migrator.status().expect("status").only_here, ["+ posts.subtitle text"]);
}

#[test]
fn dev_follows_from_one_branch_to_another() {
    let folder = Folder::new();
    folder.migrator().write_new_for(&wanted(FIRST), "first").expect("a file");
    let branch = Folder::new();
    copy_migrations(&folder, &branch);
    folder.migrator().write_new_for(&wanted(SECOND), "here").expect("a file");
    folder.become_this(&wanted(SECOND));
    let theirs = wanted("[posts.fields]\ntitle = { type = \"text\" }\nstars = { type = \"int\" }\n");
    branch.migrator().write_new_for(&theirs, "there").expect("a file");
    fs::remove_file(folder.root().join("migrations/0002_here.toml")).expect("the other branch lacks it");
    copy_migrations(&branch, &folder);

    let mut shown = String::new();
    let outcome = folder.migrator().dev_to(&theirs, |plan| {
        shown = plan.to_string();
        true
    });
    outcome.expect("it follows");
    assert_eq!(shown, "- posts.subtitle, with its values   ! loses data\n+ posts.stars int\n");
    assert_eq!(actual(&folder.database()), expected(&theirs.snapshot));
    assert_eq!(folder.become_this(&theirs), DevOutcome::UpToDate);
    let states: Vec<_> = folder.migrator().status().expect("status").migrations;
    let states: Vec<_> = states.iter().map(|one| (one.label.as_str(), &one.state)).collect();
    assert!(
        matches!(
            states[..],
            [
                ("0001_first", MigrationState::Applied(_)),
                ("0002_here", MigrationState::Missing),
                ("0002_there", MigrationState::Applied(_))
            ]
        ),
        "{states:?}"
    );
}

#[test]
fn applying_files_finds_its_way_from_what_dev_did() {
    let folder = Folder::new();
    folder.become_this(&wanted(FIRST));
    folder.run("INSERT INTO posts (created_at, updated_at, _version, title) VALUES (1, 1, 1, 'a')");
    let written = folder.migrator().write_new_for(&wanted(SECOND), "initial").expect("a file");
    assert!(matches!(written, NewMigration::Written { applied_here: false, .. }));
    assert_eq!(folder.migrator().apply(Consent::Refuse).expect("it applies"), ["0001_initial"]);
    assert_eq!(folder.text("SELECT title, subtitle FROM posts"), "a|null");
    assert!(folder.migrator().status().expect("status").only_here.is_empty());
}

#[test]
fn dev_asks_before_it_loses_data_and_a_no_changes_nothing() {
    let folder = Folder::new();
    folder.become_this(&wanted(SECOND));
    folder.run(
        "INSERT INTO posts (created_at, updated_at, _version, title, subtitle) VALUES (1, 1, 1, 'a', 'b')",
    );
    let before = contents(&folder.database());
    let renamed = "[posts.fields]\ntitle = { type = \"text\" }\nteaser = { type = \"text\" }\n";
    let mut asked = Vec::new();
    let outcome = folder.migrator().dev_to(&wanted(renamed), |plan| {
        asked.push(plan.to_string());
        false
    });
    assert_eq!(asked, ["- posts.subtitle, with its values   ! loses data\n+ posts.teaser text\n"]);
    let text = outcome.expect("it is no error").to_string();
    assert!(text.contains("write `was = \"old\"` beside it"), "{text}");
    assert_eq!(contents(&folder.database()), before);

    let known = format!("{renamed}[_known.fields]\n\"posts.teaser\" = \"subtitle\"\n");
    folder.migrator().dev_to(&wanted(&known), |_| panic!("a new name loses nothing")).expect("it is renamed");
    assert_eq!(folder.text("SELECT title, teaser FROM posts"), "a|b");
    assert_eq!(folder.become_this(&wanted(&known)), DevOutcome::UpToDate, "`was` may stay");
}

#[test]
fn a_file_that_was_changed_after_it_was_applied_is_refused() {
    let folder = Folder::new();
    folder.migrator().write_new_for(&wanted(FIRST), "first").expect("a file");
    folder.migrator().apply(Consent::Refuse).expect("it applies");
    let path = folder.root().join("migrations/0001_first.toml");
    let text = fs::read_to_string(&path).expect("the file");
    fs::write(&path, format!("# A comment changes nothing.\n{text}")).expect("written");
    folder.migrator().apply(Consent::Refuse).expect("its meaning is the same");
    fs::write(&path, text.replace("\"text\"", "\"int\"")).expect("written");
    let refused = folder.migrator().apply(Consent::Refuse).expect_err("it was changed").to_string();
    assert!(refused.starts_with("migrations/0001_first.toml was changed after it was applied"), "{refused}");
    assert!(refused.contains("`purlin migrate new`"), "{refused}");
    assert!(folder.migrator().dev_to(&wanted(FIRST), |_| true).is_err());
    assert_eq!(folder.migrator().status().expect("status").migrations[0].state, MigrationState::Changed);
}

#[test]
fn folders_older_than_the_database_and_files_out_of_order_are_refused() {
    let folder = Folder::new();
    folder.migrator().write_new_for(&wanted(FIRST), "first").expect("a file");
    folder.migrator().write_new_for(&wanted(SECOND), "second").expect("a file");
    folder.migrator().apply(Consent::Refuse).expect("they apply");
    let path = |name: &str| folder.root().join("migrations").join(name);
    let apply = || folder.migrator().apply(Consent::Refuse).expect_err("refused").to_string();

    let second = fs::read_to_string(path("0002_second.toml")).expect("the file");
    fs::remove_file(path("0002_second.toml")).expect("gone");
    assert!(apply().starts_with("the database has migration 0002_second, which is not in `migrations/`"));
    assert_eq!(folder.migrator().status().expect("status").migrations[1].state, MigrationState::Missing);
    fs::write(path("0002_second.toml"), &second).expect("back");

    fs::write(path("0002_other.toml"), &second).expect("written");
    let text = apply();
    assert!(text.contains("rename the one that is not applied anywhere to `0003_…`"), "{text}");
    fs::rename(path("0002_other.toml"), path("0000_other.toml")).expect("renamed");
    let text = apply();
    assert!(
        text.contains(
            "numbered before migration 0002_second, which is applied already; rename it to `0003_…`"
        ),
        "{text}"
    );
}

#[test]
fn mistakes_in_files_name_file_and_line() {
    let folder = Folder::new();
    fs::create_dir(folder.root().join("migrations")).expect("a folder");
    let head = "# A migration.\n\n[[operation]]\nop = \"create_table\"\ntable = \"posts\"\n\n[[operation]]\n";
    for (rest, message) in [
        ("op = \"add_feild\"\n", "migrations/0001_a.toml:7: unknown variant `add_feild`"),
        ("op = \"drop_table\"\ntabel = \"posts\"\n", "migrations/0001_a.toml:7: "),
        ("op = \"drop_table\"\ntable = \"pots\"\n", "migrations/0001_a.toml:7: there is no table `pots`"),
        ("op = \"drop_table\ntable = 1\n", "migrations/0001_a.toml:8: "),
        (
            "op = \"add_field\"\ntable = \"posts\"\nfield = \"x\"\ncolumn = { type = \"txet\" }\n",
            "migrations/0001_a.toml:7: `txet` is no type of a column",
        ),
        (
            "op = \"add_field\"\ntable = \"posts\"\nfield = \"x\"\ncolumn = { type = \"int\" }\ndefault = \"one\"\n",
            "migrations/0001_a.toml:7: \"one\" is no int",
        ),
        (
            "op = \"add_field\"\ntable = \"posts\"\nfield = \"x\"\ncolumn = { type = \"int\", to = \"users\" }\n",
            "migrations/0001_a.toml:7: `posts.x` refers to `users`, which is not there",
        ),
    ] {
        fs::write(folder.root().join("migrations/0001_a.toml"), format!("{head}{rest}")).expect("written");
        let error = folder.migrator().apply(Consent::Refuse).expect_err(rest).to_string();
        assert!(error.starts_with(message), "{error}\n\nshould begin\n\n{message}");
    }
    fs::write(folder.root().join("migrations/first.toml"), "").expect("written");
    let error = folder.migrator().status().expect_err("its name").to_string();
    assert_eq!(error, "migrations/first.toml: a migration is called `0001_name.toml`");
}

#[test]
fn names_of_migrations_make_file_names() {
    let folder = Folder::new();
    for name in ["", "../x", "a/b", "ü"] {
        let refused = folder.migrator().write_new_for(&wanted(FIRST), name).expect_err(name).to_string();
        assert!(refused.starts_with("a migration's name is made of letters"), "{refused}");
    }
}

#[test]
fn databases_of_a_newer_purlin_and_of_others_are_refused() {
    let folder = Folder::new();
    folder.become_this(&wanted(FIRST));
    folder.run(
        "ALTER TABLE _migrations RENAME COLUMN snapshot TO something; UPDATE _migrations SET format = 2",
    );
    let refused = folder.migrator().dev_to(&wanted(FIRST), |_| true).expect_err("newer").to_string();
    assert!(
        refused
            .starts_with("this database was migrated by a newer Purlin (format 2, this one knows up to 1)")
    );

    let foreign = Folder::new();
    drop(foreign.migrator());
    foreign.run("CREATE TABLE wp_posts (id)");
    let refused = foreign.migrator().dev_to(&wanted(FIRST), |_| true).expect_err("foreign").to_string();
    assert!(
        refused.contains("already has tables (such as `wp_posts`) that Purlin did not make"),
        "{refused}"
    );

    let other = Migrator::open("postgres://localhost/x", foreign.root()).err().expect("unknown").to_string();
    assert!(other.contains("names no user"), "{other}");
}

#[test]
fn another_list_of_choices_keeps_nobody_from_serving() {
    let folder = Folder::new();
    let picture = |of: &str| wanted(&format!("[users.fields]\nrole = {{ type = \"text\", of = [{of}] }}"));
    folder.become_this(&picture("\"user\""));
    let migrator = folder.migrator();
    assert!(migrator.is_behind_of(&picture("\"user\", \"editor\"")).expect("history").is_none());
    assert!(migrator.is_behind_of(&wanted("[users]")).expect("history").is_some());
}

#[test]
fn two_tables_of_one_name_are_refused() {
    let folder = Folder::new();
    let text = "[tags]\n[posts.links]\ntags = \"tags\"\n[posts__tags]\n";
    let refused = folder.migrator().dev_to(&wanted(text), |_| true).expect_err("a clash").to_string();
    assert_eq!(
        refused,
        "`posts.tags` keeps its links in a table `posts__tags`, and something else is called so"
    );
}

fn copy_migrations(from: &Folder, to: &Folder) {
    fs::create_dir_all(to.root().join("migrations")).expect("a folder");
    for entry in fs::read_dir(from.root().join("migrations")).expect("the files") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("its name");
        fs::copy(&path, to.root().join("migrations").join(name)).expect("copied");
    }
}
