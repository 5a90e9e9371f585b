//! `purlin migrate`, from the first model to a field that goes.

use crate::site::Site;

const NOTES: &str = "[fields]\ntitle = { type = \"text\" }\nbody = { type = \"text\" }\n";

#[test]
fn a_model_becomes_a_migration_and_then_tables() {
    let site = Site::of(&[("models/notes.toml", NOTES)]);
    assert!(site.done(&["migrate", "plan"]).out.contains("+ table notes"));
    assert!(site.done(&["migrate", "plan", "--sql"]).out.contains("CREATE TABLE \"notes\""));
    let new = site.done(&["migrate", "new", "--name", "First notes"]);
    assert!(new.out.contains("migrations/0001_first_notes.toml"), "{}", new.out);
    assert!(site.read("migrations/0001_first_notes.toml").contains("create_table"));
    assert!(site.done(&["migrate", "status"]).out.contains("0001_first_notes  pending"));
    assert!(site.done(&["migrate", "apply"]).out.contains("Applied 1 migration"));
    assert!(site.done(&["migrate", "apply"]).out.contains("Nothing to apply"));
    assert!(site.done(&["migrate", "status"]).out.contains("0001_first_notes  applied 20"));
    assert!(site.done(&["migrate", "new", "--name", "again"]).out.contains("Nothing to write"));
}

#[test]
fn what_loses_data_needs_consent() {
    let site = Site::of(&[("models/notes.toml", NOTES)]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site.write("models/notes.toml", "[fields]\ntitle = { type = \"text\" }\n");
    site.done(&["migrate", "new", "--name", "no_body"]);
    let refused = site.run(&["migrate", "apply"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("notes.body") && refused.err.contains("--allow-data-loss"),
        "{}",
        refused.err
    );
    assert!(site.done(&["migrate", "status"]).out.contains("0002_no_body  pending"));
    site.done(&["migrate", "apply", "--allow-data-loss"]);
    assert!(site.done(&["migrate", "status"]).out.contains("0002_no_body  applied"));
}

#[test]
fn a_changed_file_is_noticed() {
    let site = Site::of(&[("models/notes.toml", NOTES)]);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site.edit("migrations/0001_first.toml", "body", "text");
    let run = site.run(&["migrate", "apply"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("was changed after it was applied"), "{}", run.err);
    assert_eq!(site.run(&["migrate", "new", "--name", "a/b"]).code, 1);
}
