//! Database servers that go away, and such as follow others, as those see it who ask over HTTP.

use std::time::{Duration, Instant};

use purlin_store::testing::{BY_ITSELF, Cluster, Fresh, Proxy, Way};
use purlin_testkit::{Client, Reply, Running};
use serde_json::json;

const POSTS: &str = "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'true'\n";
const PAGE: &str = "+++\n[data.posts]\nfrom = \"posts\"\n+++\n<p>{{ posts | length }}</p>\n";
const TIMES: &str =
    "[database]\nread_timeout = \"1s\"\nwrite_timeout = \"1s\"\npool_timeout = \"1s\"\npool = 2\n";

fn files(settings: &str) -> [(&'static str, &str); 3] {
    [("site.toml", settings), ("models/posts.toml", POSTS), ("pages/index.html", PAGE)]
}

/// How many posts somebody is told of.
async fn count(client: &mut Client) -> usize {
    let reply = client.get("/api/posts").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let list: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    list["items"].as_array().expect("items").len()
}

/// The title lets the proxy know a statement that commits by itself.
async fn create(client: &mut Client) -> Reply {
    client.json("POST", "/api/posts", &json!({ "title": BY_ITSELF })).await
}

fn header<'reply>(reply: &'reply Reply, name: &str) -> &'reply str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reading and writing are both refused, clearly and in time.
async fn is_unavailable(client: &mut Client, way: Way) {
    let begun = Instant::now();
    let (list, made, page) = (client.get("/api/posts").await, create(client).await, client.get("/").await);
    for (reply, kind) in
        [(&list, "application/problem+json"), (&made, "application/problem+json"), (&page, "text/html")]
    {
        assert_eq!(reply.status, 503, "{way:?}: {}", reply.text());
        assert_eq!(header(reply, "retry-after"), "1", "{way:?}");
        assert!(header(reply, "content-type").starts_with(kind), "{way:?}: {:?}", reply.headers);
    }
    // Two for each, and the machine's own delay.
    assert!(begun.elapsed() < Duration::from_secs(10), "{way:?}: {:?}", begun.elapsed());
}

/// Until it listens: the proxy has to take its port again.
async fn open_again(proxy: &Proxy) {
    proxy.set(Way::Open);
    while tokio::net::TcpStream::connect(proxy.address).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_a_503_and_what_nobody_knows_is_said() {
    for fresh in Fresh::on_servers() {
        let proxy = Proxy::before(&fresh.url).await;
        let running = Running::at(proxy.url(&fresh.url), Some(fresh), &files(TIMES)).await;
        let mut client = running.client();
        assert_eq!(create(&mut client).await.status, 201);
        for way in [Way::Gone, Way::Resets, Way::Silent] {
            proxy.set(way);
            if way != Way::Silent {
                // A write that is under way when its connection goes is another matter, below.
                proxy.holds_at_most(0).await;
            }
            is_unavailable(&mut client, way).await;
            open_again(&proxy).await;
            assert_eq!(count(&mut client).await, 1, "what was refused was not written");
        }
        proxy.set(Way::LosesCommits);
        let reply = create(&mut client).await;
        assert_eq!(reply.status, 500, "{}", reply.text());
        assert!(reply.text().contains("\"code\":\"unknown_outcome\""), "{}", reply.text());
        assert!(!reply.headers.contains_key("retry-after"), "a program would do it again");
        open_again(&proxy).await;
        assert_eq!(count(&mut client).await, 2, "it was written: only the answer was lost");
        assert_eq!(create(&mut client).await.status, 201);
        assert_eq!(count(&mut client).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wrote_finds_it_whatever_the_replicas_have() {
    let Some(primary) = Cluster::new() else { return };
    let replica = primary.replica();
    let settings =
        format!("[database]\nreplicas = [\"{}\"]\nreplica_lag = \"10m\"\n", replica.url("postgres"));
    let running = Running::at(primary.url("postgres"), None, &files(&settings)).await;
    let mut ann = running.client();
    let reply = create(&mut ann).await;
    assert_eq!(reply.status, 201);
    let cookie = header(&reply, "set-cookie");
    assert!(cookie.starts_with("purlin_written=") && cookie.contains("HttpOnly"), "{cookie}");
    let store = running.engine.store();
    let end = store.mark().await;
    while store.testing().replicas_with(end) == 0 {
        primary.ask("SELECT pg_logical_emit_message(true, 'purlin', 'on')");
        store.testing().ask_replicas().await;
    }

    replica.ask("SELECT pg_wal_replay_pause()");
    while replica.ask("SELECT pg_get_wal_replay_pause_state()") != "paused" {}
    let reply = create(&mut ann).await;
    assert_eq!(reply.status, 201);
    assert_eq!(count(&mut ann).await, 2, "she wrote it");
    assert!(ann.get("/").await.text().contains("<p>2</p>"));
    let mut stranger = running.client();
    assert_eq!(count(&mut stranger).await, 1, "he reads the replica");
    assert!(
        !stranger.get("/").await.headers.contains_key("purlin-written"),
        "who only looks is given nothing"
    );
    // A program sends the header back; one that is forged or of no sense leads to the database.
    for mark in [header(&reply, "purlin-written"), "18446744073709551615", "", "é"] {
        stranger.headers = vec![("purlin-written".to_owned(), mark.to_owned())];
        assert_eq!(count(&mut stranger).await, 2, "{mark}");
    }
    // Another node of the site knows nothing of who wrote, and keeps to the mark all the same.
    stranger.headers = vec![("cookie".to_owned(), "purlin_written=forged".to_owned())];
    assert_eq!(count(&mut stranger).await, 2);
}
