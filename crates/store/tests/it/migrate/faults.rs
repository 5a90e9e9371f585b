//! Death and company: a process killed in the middle of a migration, and two that migrate at once.
//!
//! The child is this test binary, run again with [`CHILD`] set to a site's folder.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use purlin_store::migrate::{Consent, Migrator};

use super::actual::{actual, contents, expected};
use super::support::{Folder, wanted};

/// Names the folder whose database the child migrates.
const CHILD: &str = "PURLIN_TEST_MIGRATE";
/// Names the database.
const CHILD_URL: &str = "PURLIN_TEST_MIGRATE_URL";

pub(super) const OLD: &str = "
[parents]
fields.x = { type = \"text\" }
fields.y = { type = \"int\" }
fields._free = { type = \"json\", required = true }
uniques = [[\"x\"]]
paths = [\"_free.w\", \"_free.v\"]
[children.fields]
parent = { type = \"int\", to = \"parents\", required = true }
[parents.links]
friends = \"parents\"
";
pub(super) const NEW: &str = "
[elders]
fields.x = { type = \"int\", required = true }
fields.z = { type = \"text\", required = true }
fields.w = { type = \"int\", required = true }
fields._free = { type = \"json\", required = true }
uniques = [[\"x\", \"z\"]]
paths = [\"_free.u\", \"_free.v\"]
[elders.links]
friends = \"elders\"
[children.fields]
parent = { type = \"int\", to = \"elders\" }
[others.fields]
child = { type = \"int\", to = \"children\" }
[_known]
tables.elders = \"parents\"
defaults.\"elders.z\" = \"z\"
";

/// What the child does; does nothing in an ordinary run.
#[test]
fn child() {
    let Some(root) = std::env::var_os(CHILD) else { return };
    let tell = |text: &str| {
        let mut out = std::io::stdout();
        // A parent that went away is no reason to stop.
        let _ = writeln!(out, "> {text}").and_then(|()| out.flush());
    };
    let url = std::env::var_os(CHILD_URL)
        .map_or("sqlite:data/site.db".to_owned(), |url| url.to_string_lossy().into_owned());
    let migrator = Migrator::open(&url, Path::new(&root)).expect("a database");
    let mut migrator = migrator.on_progress(move |progress| tell(&progress.to_string()));
    migrator.apply(Consent::Grant).expect("it is applied");
}

fn spawn(root: &Path) -> Child {
    spawn_on(root, "sqlite:data/site.db")
}

/// A child that migrates the database of a URL by the files of a folder.
pub(super) fn spawn_on(root: &Path, url: &str) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "migrate::faults::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, root)
        .env(CHILD_URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// A site whose database is at the old state with many rows, and whose files lead to the new one.
fn halfway() -> Folder {
    let folder = Folder::new();
    let mut migrator = folder.migrator();
    migrator.write_new_for(&wanted(OLD), "old").expect("a file");
    migrator.apply(Consent::Refuse).expect("creating loses nothing");
    folder.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
           INSERT INTO parents (created_at, updated_at, _version, x, y, _free) SELECT i, i, 1, i, i, json_object('w', i, 'v', 1) FROM n;
         INSERT INTO children (created_at, updated_at, _version, parent) SELECT 1, 1, 1, id FROM parents;
         INSERT INTO parents__friends SELECT id, 3001 - id FROM parents;",
    );
    migrator.write_new_for(&wanted(NEW), "new").expect("a file");
    folder
}

#[test]
fn killed_anywhere_it_is_at_the_old_or_the_new_state() {
    let before = halfway();
    let after = halfway();
    after.migrator().apply(Consent::Grant).expect("it is applied");
    let (old, new) = (contents(&before.database()), contents(&after.database()));
    let (mut were_old, mut were_new) = (0, 0);
    for round in 0..24_u32 {
        let folder = halfway();
        let mut child = spawn(folder.root());
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let said =
            lines.map_while(Result::ok).filter(|line| line.contains("> ")).take(round as usize % 20 + 1);
        said.for_each(drop);
        // A moment more, so that it dies within statements too and not between them alone.
        let more = Duration::from_micros(u64::from(round) * 700 % 5_000);
        let heard = Instant::now();
        while heard.elapsed() < more {
            std::hint::spin_loop();
        }
        child.kill().expect("it dies");
        child.wait().expect("it is dead");

        let database = folder.database();
        let now = contents(&database);
        let is_old = now == old;
        assert!(is_old || now == new, "round {round}: neither the old state nor the new one");
        let picture = if is_old { OLD } else { NEW };
        assert_eq!(actual(&database), expected(&wanted(picture).snapshot));
        drop(database);
        if is_old {
            were_old += 1;
        } else {
            were_new += 1;
        }

        folder.migrator().apply(Consent::Grant).expect("it goes on from there");
        assert_eq!(contents(&folder.database()), new);
    }
    assert!(were_old > 0 && were_new > 0, "killed too early or too late each time: {were_old}, {were_new}");
}

#[test]
fn of_processes_that_migrate_at_once_one_does_and_the_others_find_it_done() {
    let folder = halfway();
    migrate_at_once(&folder);
    assert_eq!(folder.text("SELECT count(*) FROM elders"), "3000");
}

#[test]
fn processes_that_begin_at_once_make_the_database_once() {
    let folder = halfway();
    std::fs::remove_dir_all(folder.root().join("data")).expect("the database is gone");
    migrate_at_once(&folder);
}

fn migrate_at_once(folder: &Folder) {
    let children: Vec<_> = (0..4).map(|_| spawn(folder.root())).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(actual(&folder.database()), expected(&wanted(NEW).snapshot));
    assert_eq!(folder.text("SELECT number, name FROM _migrations"), "1|old\n2|new");
}

#[test]
fn a_second_process_waits_for_the_first() {
    let folder = halfway();
    let held = folder.database();
    held.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let mut child = spawn(folder.root());
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let waits = lines.any(|line| line.contains("another process holds the database; waiting"));
    assert!(waits, "it says that it waits");
    held.execute_batch("ROLLBACK").expect("the lock is gone");
    assert!(lines.any(|line| line.contains("applied 0002_new")), "it goes on");
    lines.for_each(drop);
    assert!(child.wait().expect("it ends").success());
}
