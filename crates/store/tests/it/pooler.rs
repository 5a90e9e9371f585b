//! PgBouncer in transaction mode between a site and PostgreSQL: what works, what is refused, and that nothing of a session
//! stays behind for others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use purlin_schema::Value;
use purlin_schema::query::{Limit, Query};
use purlin_schema::settings::DatabaseSettings;
use purlin_store::migrate::Migrator;
use purlin_store::testing::{Bouncer, Fresh};
use purlin_store::{Error, StepArgs};

use crate::support::{Given, Site};

/// Connections of the pooler to the server: fewer than work at once.
const FEW: usize = 3;

/// What is set of a session that others could come to have.
const SETTINGS: [(&str, &str); 7] = [
    ("lock_timeout", "0"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("client_min_messages", "notice"),
    ("search_path", "\"$user\", public"),
];

/// What the pooler's connections have of these that is not as it was: each is looked at while all are held.
async fn left_behind(url: &str) -> Vec<String> {
    let mut clients = Vec::new();
    for _ in 0..FEW {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the pooler");
        tokio::spawn(connection);
        client.batch_execute("BEGIN").await.expect("a transaction");
        clients.push(client);
    }
    let mut found = Vec::new();
    for client in &clients {
        for (name, usual) in SETTINGS {
            let rows = client.simple_query(&format!("SHOW {name}")).await.expect("a setting");
            let value = rows.iter().find_map(|row| match row {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            if value.as_deref() != Some(usual) {
                found.push(format!("{name} = {value:?}"));
            }
        }
        let locks =
            client.simple_query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'").await.expect("locks");
        let is_row = |row: &&tokio_postgres::SimpleQueryMessage| {
            matches!(row, tokio_postgres::SimpleQueryMessage::Row(_))
        };
        found.extend(locks.iter().find(is_row).map(|_| "a lock".to_owned()));
    }
    found
}

/// A database with the sample's tables, and the pooler before it.
fn pooled(mode: &str, settings: &str) -> Option<(Site, Bouncer, String)> {
    let fresh = Fresh::postgres()?;
    let url = fresh.url.clone();
    let site = Site::on(fresh, &DatabaseSettings::of(url.clone()));
    let bouncer = Bouncer::before(&url, mode, FEW, settings)?;
    let through = bouncer.url(&url);
    Some((site, bouncer, through))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_statement_is_another_sessions() {
    let start = || pooled("transaction", "");
    let Some((direct, _bouncer, url)) = tokio::task::spawn_blocking(start).await.expect("a site") else {
        return;
    };
    let settings = DatabaseSettings {
        statement_cache: false,
        pool: 12,
        read_timeout: Duration::from_secs(30),
        write_timeout: Duration::from_secs(30),
        pool_timeout: Duration::from_secs(30),
        ..DatabaseSettings::of(url.clone())
    };
    let site = Arc::new(direct.through(&settings));
    let (done, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut work = tokio::task::JoinSet::new();
    for worker in 0..16_i64 {
        let (site, done, reads) = (site.clone(), done.clone(), reads.clone());
        work.spawn(async move {
            if worker % 2 == 0 {
                for number in 0..25 {
                    let create = site.create("posts", &[("views", Value::Int(worker * 1000 + number))]);
                    let made = match number % 5 {
                        0 => site.store.commit_alone(&format!("work {}", worker % 3), vec![create]).await,
                        _ => site.store.commit(vec![create]).await,
                    };
                    made.map(drop).unwrap_or_else(|error| panic!("{worker}, {number}: {error}"));
                }
                return;
            }
            // Of one statement, and of several in one snapshot.
            while !done.load(Ordering::Relaxed) {
                for total in [false, true] {
                    let query = Query { limit: Limit::Page(5), total, ..site.query("posts") };
                    let read = site.ask(&query, &Given::default(), StepArgs::default()).await;
                    read.map(drop).unwrap_or_else(|error| panic!("{worker}: {error}"));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    // The writers come to their ends by themselves, and then the readers are told.
    for _ in 0..8 {
        work.join_next().await.expect("a worker").expect("nobody fails");
    }
    done.store(true, Ordering::Relaxed);
    while let Some(worker) = work.join_next().await {
        worker.expect("nobody fails");
    }
    let set = direct.rows(&Query { limit: Limit::All, ..direct.query("posts") }).await;
    let views = direct.field("posts", "views");
    let written: BTreeSet<i64> =
        set.rows.iter().filter_map(|row| set.shape.value(row, views).and_then(Value::as_int)).collect();
    assert_eq!((written.len(), set.rows.len()), (8 * 25, 8 * 25), "each is there, and once");
    assert!(reads.load(Ordering::Relaxed) > 8);
    let fresh = direct.fresh.as_ref().expect("a server");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'purlin' \
                    AND backend_type = 'client backend'";
    assert_ne!(fresh.rows(sessions)[0][0].as_deref(), Some("0"));
    assert_eq!(left_behind(&url).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_it_is_said_what_to_set() {
    let start = || pooled("transaction", "");
    let Some((direct, _bouncer, url)) = tokio::task::spawn_blocking(start).await.expect("a site") else {
        return;
    };
    let site = Arc::new(direct.through(&DatabaseSettings { pool: 12, ..DatabaseSettings::of(url) }));
    // Until one has come to a session where its statement was not prepared.
    for _ in 0..200 {
        let mut work = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let site = site.clone();
            work.spawn(async move {
                let query = Query { limit: Limit::Page(5), total: true, ..site.query("posts") };
                site.ask(&query, &Given::default(), StepArgs::default()).await.map(drop)
            });
        }
        while let Some(read) = work.join_next().await {
            if let Err(Error::Database(message)) = read.expect("nobody panics") {
                assert!(message.contains("say `statement_cache = false` under [database]"), "{message}");
                return;
            }
        }
    }
    panic!("no statement came to another session");
}

/// Pools of one and of several, those that lend what was used last and those that take turns.
#[test]
fn migrations_are_refused_and_leave_nothing_behind() {
    for (connections, turns) in [(1, 0), (FEW, 0), (2, 1), (FEW, 1)] {
        let Some(fresh) = Fresh::postgres() else { return };
        let settings = format!("server_round_robin = {turns}");
        let Some(bouncer) = Bouncer::before(&fresh.url, "transaction", connections, &settings) else {
            return;
        };
        let url = bouncer.url(&fresh.url);
        let folder = tempfile::tempdir().expect("a folder");
        let models = purlin_schema::expr::sample::models();
        let mut migrator = Migrator::open(&url, folder.path()).expect("looking is no matter");
        assert_eq!(migrator.status().expect("status").drift, Vec::<String>::new());
        let refused = migrator.dev(&models, |_| true).map(|_| ()).expect_err("a pooler").to_string();
        assert!(
            refused.contains("through a pooler that gives each transaction another session"),
            "{refused}"
        );
        assert!(refused.contains("PURLIN_DATABASE_URL=postgres://"), "{refused}");
        drop(migrator);
        assert!(fresh.rows("SELECT 1 FROM pg_class WHERE relname = '_migrations'").is_empty());
        if connections == FEW {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            assert_eq!(runtime.block_on(left_behind(&url)), Vec::<String>::new());
        }
        // By the server itself it is done, and then the site is found up to date by either way.
        Migrator::open(&fresh.url, folder.path())
            .expect("the server")
            .dev(&models, |_| true)
            .expect("tables");
        let behind = Migrator::open(&url, folder.path()).expect("the pooler").is_behind(&models);
        assert!(behind.expect("history").is_none());
    }
}

#[test]
fn a_pooler_that_keeps_sessions_is_a_server_like_any_other() {
    let Some(fresh) = Fresh::postgres() else { return };
    let Some(bouncer) = Bouncer::before(&fresh.url, "session", FEW + 2, "") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let models = purlin_schema::expr::sample::models();
    let mut migrator = Migrator::open(&bouncer.url(&fresh.url), folder.path()).expect("a database");
    migrator.dev(&models, |_| true).expect("tables");
    assert_eq!(migrator.status().expect("status").drift, Vec::<String>::new());
}

/// What is said where the URL asks for what a pooler does not hand on.
#[test]
fn a_schema_that_the_pooler_does_not_hand_on_is_told() {
    let Some(fresh) = Fresh::postgres() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (settings, said) in [
        ("", "take options= and schema= out of database.url"),
        ("ignore_startup_parameters = options", "does not hand on schema=…"),
    ] {
        let Some(bouncer) = Bouncer::before(&fresh.url, "transaction", FEW, settings) else { return };
        let url = format!("{}?schema=purlin", bouncer.url(&fresh.url));
        let told = Migrator::open(&url, folder.path()).map(|_| ()).expect_err("a pooler").to_string();
        assert!(told.contains(said), "{told}");
    }
}
