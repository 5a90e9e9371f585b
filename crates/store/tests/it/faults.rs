//! Faults on purpose: statements that fail, transactions that end by themselves, a full disk, a process that
//! is killed. Nothing acknowledged is lost and nothing is half written.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::join_all;
use purlin_schema::{Models, Value};
use purlin_store::{Error, Guard, Refusal, StepArgs};

use crate::support::{Given, Site, ids, open, open_with, refused};

/// A little of what the `futures` crate would bring.
mod futures {
    /// Runs futures together and waits for all.
    pub(super) async fn join_all<T: Send + 'static>(
        futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.expect("a task that ends"));
        }
        results
    }
}

/// Many records committed at once, by as many requests.
async fn together(site: &Site, titles: &[String]) -> Vec<Result<(), Error>> {
    let held = site.store.testing().hold_writer().expect("the writer");
    let requests: Vec<_> = titles
        .iter()
        .map(|title| {
            let (store, mutation) =
                (site.store.clone(), site.create("posts", &[("title", title.as_str().into())]));
            async move { store.commit(vec![mutation]).await.map(|_| ()) }
        })
        .collect();
    let waiting = tokio::spawn(join_all(requests));
    // All requests stand in the queue before the writer goes on.
    while site.store.testing().waiting() < titles.len() {
        tokio::task::yield_now().await;
    }
    drop(held);
    waiting.await.expect("all requests")
}

fn titles(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("post {number}")).collect()
}

async fn count(site: &Site, model: &str) -> usize {
    site.rows(&site.query(model)).await.rows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_committed_together() {
    let site = Site::new();
    let before = site.store.testing().transactions();
    let results = together(&site, &titles(100)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(count(&site, "posts").await, 100);
    assert_eq!(site.store.testing().transactions() - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_its_neighbours() {
    let site = Site::new();
    let condition = site.store.condition(site.model("posts").id, &site.expr("posts", "title != \"post 3\""));
    let condition = condition.expect("SQL");
    let held = site.store.testing().hold_writer().expect("the writer");
    let mut feed = site.store.feed();
    let requests: Vec<_> = titles(6)
        .iter()
        .map(|title| {
            let mut mutation = site.create("posts", &[("title", title.as_str().into())]);
            mutation.guards = vec![Guard::Proposed(condition.clone())];
            let store = site.store.clone();
            async move { store.commit(vec![mutation]).await }
        })
        .collect();
    let waiting = tokio::spawn(join_all(requests));
    while site.store.testing().waiting() < 6 {
        tokio::task::yield_now().await;
    }
    drop(held);
    for (number, result) in waiting.await.expect("all requests").into_iter().enumerate() {
        if number == 3 {
            assert_eq!(refused(result), [Refusal::Forbidden]);
        } else {
            assert!(result.is_ok(), "{number}");
        }
    }
    assert_eq!(count(&site, "posts").await, 5);
    let told = feed.try_recv().expect("changes");
    assert_eq!((told.number, told.list.len()), (1, 5), "the refused one's change died with its savepoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_ends_by_itself_takes_one_request_along() {
    let site = Site::new();
    let trigger = "CREATE TRIGGER stop BEFORE INSERT ON posts WHEN NEW.title = 'post 2' \
        BEGIN SELECT RAISE(ROLLBACK, 'stopped by a trigger'); END";
    site.store.testing().run(trigger).await.expect("a trigger");
    let results = together(&site, &titles(5)).await;
    let failed: Vec<usize> = (0..5).filter(|number| results[*number].is_err()).collect();
    assert_eq!(failed, [2]);
    assert!(matches!(&results[2], Err(Error::Database(said)) if said.contains("stopped by a trigger")));
    assert_eq!(count(&site, "posts").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_takes_one_request_along() {
    let site = Site::new();
    // A key that is checked at the commit alone, as another program's table could have it.
    let table = "CREATE TABLE foreigners (post TEXT REFERENCES nobody(id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE nobody (id TEXT PRIMARY KEY);
        CREATE TRIGGER refer AFTER INSERT ON posts WHEN NEW.title = 'post 1' \
        BEGIN INSERT INTO foreigners VALUES (NEW.title); END";
    site.store.testing().run(table).await.expect("tables");
    let results = together(&site, &titles(4)).await;
    let failed: Vec<usize> = (0..4).filter(|number| results[*number].is_err()).collect();
    assert_eq!(failed, [1]);
    assert_eq!(count(&site, "posts").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_may_fail() {
    let site = Site::new();
    let post = site.add("posts", &[("title", "One".into())]).await;
    let mut statement = 0;
    loop {
        let before = (count(&site, "posts").await, count(&site, "comments").await);
        let mut feed = site.store.feed();
        let mutations = vec![
            site.create("posts", &[("title", "Two".into())]),
            site.update("posts", post, &[("title", statement.to_string().into())]),
            site.create("comments", &[("post", Value::Int(post))]),
        ];
        site.store.testing().fail_after(statement);
        let result = site.store.commit(mutations).await;
        let struck = site.store.testing().has_failed();
        site.store.testing().fail_after(-1);
        let after = (count(&site, "posts").await, count(&site, "comments").await);
        let title = site.stored("posts", post, "title").await;
        if !struck {
            assert!(result.is_ok());
            assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1));
            break;
        }
        assert!(matches!(result, Err(Error::Unavailable(_))), "statement {statement}: {result:?}");
        assert_eq!(before, after, "statement {statement}: nothing is half written");
        assert_ne!(title, Some(statement.to_string().into()));
        assert!(feed.try_recv().is_err(), "and nothing is told");
        statement += 1;
    }
    assert!(statement > 5, "{statement} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_every_statement_may_fail() {
    let site = Site::new();
    for statement in 0..30 {
        let before = count(&site, "posts").await;
        site.store.testing().fail_after(statement);
        let results = together(&site, &titles(4)).await;
        site.store.testing().fail_after(-1);
        let made = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(count(&site, "posts").await - before, made, "statement {statement}");
        assert!(made >= 3, "one failure costs one request at most");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_passes() {
    let site = Site::new();
    site.store.testing().run("PRAGMA max_page_count = 60").await.expect("a limit");
    let body = "x".repeat(20_000);
    let mut written = 0;
    let error = loop {
        match site.commit(site.create("posts", &[("title", body.as_str().into())])).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, Error::Unavailable(said) if said == "the disk is full"), "{error:?}");
    assert_eq!(count(&site, "posts").await, written);
    site.store.testing().run("PRAGMA max_page_count = 100000").await.expect("no limit");
    site.add("posts", &[("title", body.into())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_write_is_its_own() {
    let site = Site::new();
    let field = purlin_schema::FieldId(999);
    let mut broken = site.create("posts", &[]);
    let purlin_store::mutation::Action::Create { values, .. } = &mut broken.action else { unreachable!() };
    values.push((field, Value::Null));
    let result = site.commit(broken).await;
    assert!(matches!(result, Err(Error::Database(_))), "{result:?}");
    site.add("posts", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_read_is_its_own() {
    struct Panics;
    impl purlin_schema::Inputs for Panics {
        fn input(&self, _: &purlin_schema::Input) -> Option<Value> {
            panic!("on purpose")
        }
    }
    let site = Site::new();
    site.add("posts", &[]).await;
    let query = site.prepare(&site.filtered("posts", "author == user || title == null"));
    let step = purlin_store::Step { name: "posts".to_owned(), query, must_exist: false };
    let plan = purlin_store::Plan { steps: vec![step] };
    let ask = purlin_store::Ask { inputs: &Panics, steps: &[] };
    assert!(matches!(site.store.read(&plan, ask).await, Err(Error::Database(_))));
    assert_eq!(count(&site, "posts").await, 1);
}

#[tokio::test]
async fn readers_do_not_wait_for_the_writer() {
    let site = Site::new();
    site.add("posts", &[]).await;
    let held = site.store.testing().hold_writer().expect("the writer");
    let (store, mutation) = (site.store.clone(), site.create("posts", &[]));
    let write = tokio::spawn(async move { store.commit(vec![mutation]).await });
    for _ in 0..100 {
        assert_eq!(count(&site, "posts").await, 1);
        tokio::task::yield_now().await;
    }
    assert!(!write.is_finished());
    drop(held);
    write.await.expect("a task").expect("a commit");
    assert_eq!(count(&site, "posts").await, 2);
}

#[tokio::test]
async fn a_long_read_is_moved_and_ended() {
    let site = Site::new();
    let mutations = (0..300).map(|at| site.create("posts", &[("views", Value::Int(at))])).collect();
    site.store.commit(mutations).await.expect("posts");
    site.add("users", &[]).await;
    let author = site.add("users", &[]).await;
    let all: Vec<_> = ids(&site.rows(&site.query("posts")).await.rows);
    let updates = all.iter().map(|id| site.update("posts", *id, &[("author", Value::Int(author))])).collect();
    site.store.commit(updates).await.expect("updates");
    // Each of 300 posts looks at 300 × 300 pairs of its author's posts.
    let filter = "author.posts.all(a, author.posts.all(b, a.views + b.views >= views - 1000000))";
    let query = site.prepare(&site.filtered("posts", filter));
    let store = open_with(site.folder.path(), &site.models, Duration::from_millis(200));
    let models = site.models.clone();
    let impatient = Site { store, models, folder: tempfile::tempdir().expect("a folder"), fresh: None };
    let result = impatient.run(&query, &Given::default(), StepArgs::default()).await;
    assert!(matches!(result, Err(Error::TimedOut(_))), "{:?}", result.map(|set| set.rows.len()));
    let slow = "author.posts.all(a, a.views + views >= 0)";
    let set = site.rows(&site.filtered("posts", slow)).await;
    assert_eq!(set.rows.len(), 300);
}

/// Not a test of its own: the process that [`nothing_acknowledged_is_lost`] kills.
#[tokio::test]
async fn child_that_is_killed() {
    use std::io::Write;
    let Some(folder) = killed_folder() else { return };
    let models: Arc<Models> = Arc::new(purlin_schema::expr::sample::models());
    let store = open(std::path::Path::new(&folder), &models);
    let site = Site { store, models, folder: tempfile::tempdir().expect("a folder"), fresh: None };
    let mut out = std::io::stdout().lock();
    for number in 0_i64.. {
        let pair = ["posts", "tags"].map(|model| {
            let name = if model == "posts" { "title" } else { "name" };
            site.create(model, &[(name, number.to_string().into())])
        });
        site.store.commit(pair.into()).await.expect("a commit");
        writeln!(out, "acknowledged {number}").expect("a pipe");
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let site = Site::new();
    let mut least = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "faults::child_that_is_killed", "--nocapture"])
            .env("PURLIN_TEST_KILLED", site.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let told = lines.map_while(Result::ok).filter(|line| line.contains("acknowledged "));
        let told = told.take(20 * round).count();
        child.kill().expect("to kill it");
        child.wait().expect("its end");
        least += told;
        let store = open(site.folder.path(), &site.models);
        let after = Site {
            store,
            models: site.models.clone(),
            folder: tempfile::tempdir().expect("a folder"),
            fresh: None,
        };
        let posts = count(&after, "posts").await;
        assert!(posts >= least, "{posts} of {least}");
        assert_eq!(posts, count(&after, "tags").await, "both or neither");
        least = posts;
    }
}

#[expect(clippy::disallowed_methods, reason = "the child is told by its environment that it is one")]
fn killed_folder() -> Option<String> {
    std::env::var("PURLIN_TEST_KILLED").ok()
}
