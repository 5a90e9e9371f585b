//! Servers that follow the database: who reads there, and what he finds.

use std::time::Duration;

use purlin_schema::settings::DatabaseSettings;
use purlin_store::testing::{Cluster, Maria};
use purlin_store::{Mark, looking};

use crate::support::Site;

/// A site on a cluster that others follow.
struct Followed {
    primary: Cluster,
    replicas: Vec<Cluster>,
    site: Site,
}

impl Followed {
    fn new(replicas: usize) -> Option<Followed> {
        let primary = Cluster::new()?;
        let replicas: Vec<Cluster> = (0..replicas).map(|_| primary.replica()).collect();
        let settings = DatabaseSettings {
            replicas: replicas.iter().map(|replica| replica.url("postgres")).collect(),
            replica_lag: Duration::from_secs(600),
            read_timeout: Duration::from_secs(20),
            ..DatabaseSettings::of(primary.url("postgres"))
        };
        let site = Site::at(&settings);
        Some(Followed { primary, replicas, site })
    }

    /// How many posts somebody finds who has seen so much, and whether a replica told him.
    async fn look(&self, seen: Mark) -> (usize, bool) {
        let before = self.site.store.testing().served_by_replicas();
        let found = looking(seen, self.site.ids("posts", "true", &Default::default())).await.len();
        (found, self.site.store.testing().served_by_replicas() > before)
    }

    /// Waits until every replica has all that there is, and that is known.
    async fn catch_up(&self) {
        let testing = self.site.store.testing();
        let end = self.site.store.mark().await;
        while testing.replicas_with(end) < self.replicas.len() {
            // Something to replay: a place just after a page's head is not reached by what is there.
            self.primary.ask("SELECT pg_logical_emit_message(true, 'purlin', 'on')");
            testing.ask_replicas().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_reads_a_replica_and_whoever_wrote_what_he_wrote() {
    let Some(all) = tokio::task::spawn_blocking(|| Followed::new(1)).await.expect("clusters") else { return };
    let replica = &all.replicas[0];
    all.site.add("posts", &[]).await;
    assert_eq!(all.look(Mark::FIRST).await, (1, false), "nothing is known of the replica yet");
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true));
    let before = all.site.store.mark().await;

    replica.ask("SELECT pg_wal_replay_pause()");
    while replica.ask("SELECT pg_get_wal_replay_pause_state()") != "paused" {}
    all.site.add("posts", &[]).await;
    let mine = all.site.store.mark().await;
    assert!(mine > before);
    all.site.store.testing().ask_replicas().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true), "a stranger may read what is a moment old");
    assert_eq!(all.look(mine).await, (2, false), "whoever wrote finds what he wrote");
    let outside = all.site.ids("posts", "true", &Default::default()).await.len();
    assert_eq!(outside, 2, "who does not only look reads the database");

    replica.ask("SELECT pg_wal_replay_resume()");
    all.catch_up().await;
    assert_eq!(all.look(mine).await, (2, true), "it has arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_away_or_none_is_left_out() {
    let Some(mut all) = tokio::task::spawn_blocking(|| Followed::new(2)).await.expect("clusters") else {
        return;
    };
    all.site.add("posts", &[]).await;
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true));

    // One is gone: who would have read there is answered all the same, by the database, and the next ones by the other.
    all.replicas[0].stop();
    for _ in 0..4 {
        assert_eq!(all.look(Mark::FIRST).await.0, 1);
    }
    assert_eq!(all.look(Mark::FIRST).await, (1, true), "the other one goes on");

    // One that is promoted follows nobody any more, and what it has is its own.
    all.replicas[1].ask("SELECT pg_promote()");
    all.site.store.testing().ask_replicas().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, false));

    all.replicas[0].start();
    all.replicas.truncate(1);
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true), "it is found again by itself");
}

/// A site on MariaDB that others follow.
struct FollowedMaria {
    primary: Maria,
    replicas: Vec<Maria>,
    site: Site,
}

impl FollowedMaria {
    fn new(replicas: u32) -> Option<FollowedMaria> {
        let primary = Maria::primary()?;
        primary.ask("CREATE DATABASE shop CHARACTER SET utf8mb4");
        let replicas: Vec<Maria> = (0..replicas).map(|number| primary.replica(number + 2)).collect();
        let url = |maria: &Maria| maria.url("root", "127.0.0.1", "shop");
        let settings = DatabaseSettings {
            replicas: replicas.iter().map(url).collect(),
            replica_lag: Duration::from_secs(600),
            read_timeout: Duration::from_secs(20),
            ..DatabaseSettings::of(url(&primary))
        };
        let site = Site::at(&settings);
        Some(FollowedMaria { primary, replicas, site })
    }

    async fn look(&self, seen: Mark) -> (usize, bool) {
        let before = self.site.store.testing().served_by_replicas();
        let found = looking(seen, self.site.ids("posts", "true", &Default::default())).await.len();
        (found, self.site.store.testing().served_by_replicas() > before)
    }

    async fn catch_up(&self) {
        let testing = self.site.store.testing();
        let end = self.site.store.mark().await;
        assert_ne!(end, Mark::LAST, "it is known where the database stands");
        let begun = std::time::Instant::now();
        while testing.replicas_with(end) < self.replicas.len() {
            testing.ask_replicas().await;
            assert!(begun.elapsed() < Duration::from_secs(60), "the replicas do not come so far");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_too_whoever_looks_reads_a_replica_and_whoever_wrote_what_he_wrote() {
    let made = tokio::task::spawn_blocking(|| FollowedMaria::new(1)).await.expect("servers");
    let Some(all) = made else { return };
    let replica = &all.replicas[0];
    all.site.add("posts", &[]).await;
    assert_eq!(all.look(Mark::FIRST).await, (1, false), "nothing is known of the replica yet");
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true));
    let mut before = all.site.store.mark().await;

    // It goes on receiving and applies nothing.
    replica.ask("STOP SLAVE SQL_THREAD");
    for round in 2..6 {
        all.site.add("posts", &[]).await;
        let mine = all.site.store.mark().await;
        assert!(mine > before, "each write is a later place");
        all.site.store.testing().ask_replicas().await;
        assert_eq!(all.look(Mark::FIRST).await, (1, true), "a stranger may read what is a moment old");
        assert_eq!(all.look(mine).await, (round, false), "whoever wrote finds what he wrote");
        before = mine;
    }
    replica.ask("START SLAVE SQL_THREAD");
    all.catch_up().await;
    assert_eq!(all.look(before).await, (5, true), "it has arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_a_replica_that_is_away_or_none_is_left_out() {
    let made = tokio::task::spawn_blocking(|| FollowedMaria::new(2)).await.expect("servers");
    let Some(mut all) = made else { return };
    all.site.add("posts", &[]).await;
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true));

    // One is gone: who would have read there is answered all the same, and the next ones by the other.
    all.replicas[0].stop();
    for _ in 0..4 {
        assert_eq!(all.look(Mark::FIRST).await.0, 1);
    }
    assert_eq!(all.look(Mark::FIRST).await, (1, true), "the other one goes on");

    // One that has become a server of its own follows nobody any more, and what it has is its own.
    all.replicas[1].ask("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0");
    all.site.store.testing().ask_replicas().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, false));

    all.replicas[0].start();
    all.replicas.truncate(1);
    all.catch_up().await;
    assert_eq!(all.look(Mark::FIRST).await, (1, true), "it is found again by itself");

    // A database without a log of its own has no place that anybody could have come to.
    all.primary.shut_down();
    all.primary.start_with(&["--server-id=1"]);
    // Of a write on a connection that died meanwhile nobody knows; after it there are others.
    let mut tries = 0..10;
    while all.site.commit(all.site.create("posts", &[])).await.is_err() {
        assert!(tries.next().is_some(), "the database is back");
    }
    assert_eq!(all.site.store.mark().await, Mark::LAST);
}

/// One that follows another database with tables of the same names is none of this one's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_a_replica_of_another_database_is_left_out() {
    let made = tokio::task::spawn_blocking(|| Some((FollowedMaria::new(0)?, FollowedMaria::new(1)?)));
    let Some((ours, theirs)) = made.await.expect("servers") else { return };
    let settings = DatabaseSettings {
        replicas: vec![theirs.replicas[0].url("root", "127.0.0.1", "shop")],
        replica_lag: Duration::from_secs(600),
        ..DatabaseSettings::of(ours.primary.url("root", "127.0.0.1", "shop"))
    };
    theirs.site.add("posts", &[]).await;
    theirs.catch_up().await;
    let site = ours.site.through(&settings);
    site.add("posts", &[]).await;
    site.store.testing().ask_replicas().await;
    assert_eq!(site.store.testing().replicas_with(Mark::FIRST), 0);
}
