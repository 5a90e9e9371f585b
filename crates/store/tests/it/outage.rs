//! Servers that go away, fall silent, lose answers and come back while they are being worked on: whoever asks is told
//! within his time, the pool heals by itself, nothing that was acknowledged is lost and nothing that was refused is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use purlin_schema::Value;
use purlin_schema::expr::sample;
use purlin_schema::query::{Limit, Query};
use purlin_schema::settings::DatabaseSettings;
use purlin_store::migrate::Migrator;
use purlin_store::testing::{BY_ITSELF, Fresh, Proxy, Way};
use purlin_store::{Error, StepArgs};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Given, Site};

/// What reading, writing and waiting for a connection may take.
const TIME: Duration = Duration::from_millis(700);
/// What a request takes at most: waiting, work and the answer to `COMMIT`, each in its time; and a busy machine's delay.
const LONGEST: Duration = Duration::from_millis(3 * 700 + 1_500);
/// For what must come by itself, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of everything that was asked.
#[derive(Debug, Default)]
struct Told {
    acknowledged: BTreeSet<i64>,
    refused: BTreeSet<i64>,
    unknown: BTreeSet<i64>,
    reads: usize,
    failed_reads: usize,
    longest: Duration,
    wrong: Vec<String>,
}

impl Told {
    fn summary(&self) -> String {
        format!(
            "acknowledged {}, refused {}, unknown {}; reads {}, failed {}; the longest took {:?}; wrong: {:?}",
            self.acknowledged.len(),
            self.refused.len(),
            self.unknown.len(),
            self.reads,
            self.failed_reads,
            self.longest,
            self.wrong
        )
    }
}

/// A site behind a proxy, and those who work on it.
struct Load {
    site: Arc<Site>,
    proxy: Proxy,
    told: Arc<watch::Sender<Told>>,
    stopped: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Load {
    async fn start(fresh: Fresh) -> Load {
        let proxy = Proxy::before(&fresh.url).await;
        let settings = DatabaseSettings {
            read_timeout: TIME,
            write_timeout: TIME,
            pool_timeout: TIME,
            pool: 4,
            ..DatabaseSettings::of(proxy.url(&fresh.url))
        };
        let open = move || Arc::new(Site::on(fresh, &settings));
        let site = tokio::task::spawn_blocking(open).await.expect("a site");
        let told = Arc::new(watch::Sender::new(Told::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for worker in 0..12_i64 {
            let (site, told, stopped) = (site.clone(), told.clone(), stopped.clone());
            workers.spawn(async move {
                let mut number = worker;
                while !stopped.load(Ordering::Relaxed) {
                    if worker % 2 == 0 {
                        write(&site, &told, number).await;
                    } else {
                        read(&site, &told).await;
                    }
                    number += 12;
                }
            });
        }
        Load { site, proxy, told, stopped, workers }
    }

    /// Waits until something has happened.
    async fn until(&self, what: &str, happened: impl Fn(&Told) -> bool) {
        let mut told = self.told.subscribe();
        let waited = timeout(PATIENCE, told.wait_for(happened)).await.is_ok();
        assert!(waited, "{what}: {}", self.told.borrow().summary());
    }

    /// Waits until some more was written and read.
    async fn until_well(&self) {
        let (writes, reads) = {
            let told = self.told.borrow();
            (told.acknowledged.len(), told.reads)
        };
        let more = |told: &Told| told.acknowledged.len() >= writes + 20 && told.reads >= reads + 20;
        self.until("it works by itself", more).await;
    }

    /// Waits until some more writes and reads were refused.
    async fn until_refused(&self, times: usize) {
        let (writes, reads) = {
            let told = self.told.borrow();
            (told.refused.len(), told.failed_reads)
        };
        let more = |told: &Told| told.refused.len() >= writes + times && told.failed_reads >= reads + times;
        self.until("it is told", more).await;
    }

    /// Lets everybody come to his end, and holds what was told against what is there.
    async fn end(mut self) -> Told {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(worker) = self.workers.join_next().await {
            worker.expect("nobody panics");
        }
        let told = self.told.send_replace(Told::default());
        let written = written(&self.site).await;
        let there: BTreeSet<i64> = written.iter().copied().collect();
        assert_eq!(there.len(), written.len(), "something was written twice");
        assert_eq!(told.acknowledged.difference(&there).count(), 0, "acknowledged and lost");
        assert_eq!(told.refused.intersection(&there).count(), 0, "refused and there");
        let explained: BTreeSet<i64> = told.acknowledged.union(&told.unknown).copied().collect();
        assert_eq!(there.difference(&explained).count(), 0, "there and never told");
        assert!(told.wrong.is_empty(), "{:?}", told.wrong);
        assert!(told.longest < LONGEST, "{:?}", told.longest);
        // Readers' and writers' connections, and none that was given up.
        let closed = timeout(PATIENCE, self.proxy.holds_at_most(8)).await;
        assert!(closed.is_ok(), "connections that were given up are still open");
        told
    }
}

async fn write(site: &Site, told: &watch::Sender<Told>, number: i64) {
    let begun = Instant::now();
    let create =
        |title: &str| site.create("posts", &[("views", Value::Int(number)), ("title", Value::from(title))]);
    // One record alone is written by one statement; beside another it takes a transaction.
    let mutations = match number % 4 {
        0 => vec![create(BY_ITSELF)],
        _ => vec![create(""), site.create("tags", &[])],
    };
    let result = timeout(PATIENCE, site.store.commit(mutations)).await;
    told.send_modify(|told| {
        told.longest = told.longest.max(begun.elapsed());
        match result {
            Ok(Ok(_)) => told.acknowledged.insert(number),
            Ok(Err(Error::Unavailable(_) | Error::Busy | Error::Conflict(_))) => told.refused.insert(number),
            Ok(Err(Error::Unknown)) => told.unknown.insert(number),
            other => {
                told.wrong.push(format!("write {number}: {other:?}"));
                false
            }
        };
    });
}

async fn read(site: &Site, told: &watch::Sender<Told>) {
    let begun = Instant::now();
    // More than one statement, so a transaction: as a page reads.
    let query = Query { limit: Limit::Page(3), total: true, ..site.query("posts") };
    let result = timeout(PATIENCE, site.ask(&query, &Given::default(), StepArgs::default())).await;
    told.send_modify(|told| {
        told.longest = told.longest.max(begun.elapsed());
        match result {
            Ok(Ok(_)) => told.reads += 1,
            Ok(Err(Error::Unavailable(_) | Error::Busy | Error::TimedOut(_))) => told.failed_reads += 1,
            other => told.wrong.push(format!("read: {:?}", other.map(|read| read.map(|_| ())))),
        }
    });
}

/// The numbers of all that is there.
async fn written(site: &Site) -> Vec<i64> {
    let query = Query { limit: Limit::All, ..site.query("posts") };
    let set = site.rows(&query).await;
    let views = site.field("posts", "views");
    set.rows
        .iter()
        .map(|row| set.shape.value(row, views).and_then(Value::as_int).expect("a number"))
        .collect()
}

/// Tries an outage on every server.
#[expect(clippy::print_stderr, reason = "what came of it is worth knowing")]
async fn on_servers(outage: impl AsyncFn(&Load)) -> Vec<Told> {
    let mut all = Vec::new();
    for fresh in Fresh::on_servers() {
        let load = Load::start(fresh).await;
        load.until_well().await;
        outage(&load).await;
        load.until_well().await;
        let told = load.end().await;
        eprintln!("{}", told.summary());
        all.push(told);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_told_at_once_and_found_again() {
    on_servers(async |load| {
        for way in [Way::Gone, Way::Resets] {
            load.proxy.set(way);
            load.until_refused(20).await;
            load.proxy.set(Way::Open);
            load.until_well().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_told_in_time_and_found_again() {
    on_servers(async |load| {
        load.proxy.set(Way::Silent);
        // Twice as many as there are connections, so that those are tried too which are made meanwhile.
        load.until_refused(16).await;
        load.proxy.set(Way::Open);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_said_to_be_unknown() {
    let all = on_servers(async |load| {
        load.proxy.set(Way::LosesCommits);
        let both = |told: &Told| {
            let of = |rest: i64| told.unknown.iter().filter(|number| **number % 4 == rest).count();
            of(0) >= 5 && of(2) >= 5
        };
        load.until("commits are lost", both).await;
        load.proxy.set(Way::Open);
    })
    .await;
    for told in all {
        assert!(told.unknown.len() >= 10, "{}", told.summary());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ends_are_made_again() {
    on_servers(async |load| {
        for _ in 0..8 {
            let site = load.site.clone();
            let end = move || site.fresh.as_ref().expect("a server").end_connections();
            tokio::task::spawn_blocking(end).await.expect("they are ended");
            load.until_well().await;
        }
    })
    .await;
}

/// Migrations have no time-out, since what they do may take hours; but nobody waits for a server that answers nobody.
#[test]
fn a_migration_beside_a_server_that_falls_silent_ends_and_says_so() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tried: Vec<_> = Fresh::on_servers()
        .into_iter()
        .map(|fresh| {
            let proxy = runtime.block_on(Proxy::before(&fresh.url));
            let attempt = move || {
                let (folder, url) = (tempfile::tempdir().expect("a folder"), proxy.url(&fresh.url));
                let models = sample::models();
                let mut migrator = Migrator::open(&url, folder.path()).expect("a database");
                proxy.set(Way::Silent);
                let begun = Instant::now();
                let said =
                    migrator.dev(&models, |_| true).map(|_| ()).expect_err("nobody answers").to_string();
                assert!(said.contains("does not answer any more: look whether it is in order"), "{said}");
                let said = migrator.status().map(|_| ()).expect_err("nobody answers").to_string();
                assert!(said.contains("does not answer any more"), "{said}");
                drop(migrator);
                let said =
                    Migrator::open(&url, folder.path()).map(|_| ()).expect_err("nobody answers").to_string();
                assert!(said.contains("does not answer"), "{said}");
                assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
                proxy.set(Way::Open);
                let mut migrator = Migrator::open(&url, folder.path()).expect("it is back");
                migrator.dev(&models, |_| true).expect("tables");
                assert_eq!(migrator.status().expect("status").drift, Vec::<String>::new());
            };
            std::thread::spawn(attempt)
        })
        .collect();
    for attempt in tried {
        attempt.join().expect("it ends");
    }
}
