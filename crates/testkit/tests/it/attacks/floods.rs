//! 24–27: much of anything is refused quickly.

use std::time::{Duration, Instant};

use super::{concrete, encoded, everybody, lists, open};

/// So long may the refusal of one request take, in a build without optimisation on a busy machine.
const QUICK: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn attack_24_floods_are_refused_on_every_route() {
    let running = open("journal").await;
    let many = "a=1&".repeat(1_800);
    let deep = |open: &str, close: &str| format!("{}id{}", open.repeat(800), close.repeat(800));
    let filters = [
        deep("(", ")"),
        deep("!", ""),
        format!("id{}", "+1".repeat(1_500)),
        format!("id == 1{}", " || id == 1".repeat(300)),
        format!("id in [{}]", "1,".repeat(2_000)),
        deep("posts.exists(p, p.", ")"),
        format!("title == \"{}\"", "a".repeat(3_000)),
    ];
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            let started = Instant::now();
            let reply = client.get(&format!("{}?{many}", concrete(&route))).await;
            assert!(reply.status.as_u16() < 500 || route.path == "/broken", "{who} {}", route.path);
            assert!(started.elapsed() < QUICK, "{who} {}: {:?}", route.path, started.elapsed());
        }
        for (_, path) in lists(&running) {
            for filter in &filters {
                let started = Instant::now();
                let reply = client.get(&format!("{path}?filter={}", encoded(filter))).await;
                assert!(matches!(reply.status.as_u16(), 200 | 400 | 414), "{who} {path} {}", reply.status);
                assert!(started.elapsed() < QUICK, "{who} {path}: {:?} {:.40}", started.elapsed(), filter);
            }
            for name in ["sort", "fields", "include"] {
                let names = "id,".repeat(1_000) + "id";
                let started = Instant::now();
                let reply = client.get(&format!("{path}?{name}={names}")).await;
                assert!(matches!(reply.status.as_u16(), 200 | 400), "{who} {path} {name} {}", reply.status);
                assert!(started.elapsed() < QUICK, "{who} {path} {name}");
            }
        }
    }
}

#[tokio::test]
async fn attack_25_numbers_and_depth_are_refused() {
    let running = open("library").await;
    let mut client = running.client();
    let ty = [("content-type", "application/json")];
    for (_, path) in lists(&running) {
        for value in [
            "1e100000".to_owned(),
            "-1e100000".to_owned(),
            "9".repeat(900_000),
            format!("0.{}", "1".repeat(900_000)),
            "[".repeat(100_000),
            format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
            "{\"a\":".repeat(100_000),
            format!("\"{}", "\\u0000".repeat(100_000)),
        ] {
            for field in ["title", "pages", "price", "rating", "meta", "author", "tags", "name", "nonsense"] {
                let started = Instant::now();
                let body = format!("{{\"{field}\":{value}}}");
                let reply = client.send("POST", &path, &ty, &body).await;
                assert!(
                    matches!(reply.status.as_u16(), 400 | 401 | 413 | 422),
                    "{path} {field} {:.20}: {}",
                    value,
                    reply.status
                );
                assert!(started.elapsed() < QUICK, "{path} {field} {:.20}: {:?}", value, started.elapsed());
            }
        }
        for asked in [
            "per_page=1e9",
            "per_page=99999999999999999999",
            "per_page=-1",
            "page=99999999999",
            "page=1e3",
            "page=-1",
        ] {
            let reply = client.get(&format!("{path}?{asked}")).await;
            assert_eq!(reply.status, 400, "{path}?{asked}");
        }
    }
}

#[tokio::test]
async fn attack_26_long_paths_are_routed_quickly() {
    let running = open("journal").await;
    let mut client = running.client();
    for path in [
        format!("/{}", "a-".repeat(4_000)),
        format!("/{}", "a/".repeat(4_000)),
        format!("/posts/{}", "a-".repeat(4_000)),
        format!("/docs/{}", "a/".repeat(4_000)),
        format!("/api/posts/{}", "1".repeat(8_000)),
        format!("/{}", "%61".repeat(2_600)),
        "/".repeat(8_000),
    ] {
        client.get(&path).await;
        let started = Instant::now();
        for _ in 0..5 {
            let reply = client.get(&path).await;
            assert!(reply.status.as_u16() < 500);
        }
        assert!(
            started.elapsed() / 5 < Duration::from_millis(50),
            "{:.20}: {:?}",
            path,
            started.elapsed() / 5
        );
    }
}

#[tokio::test]
async fn attack_27_many_ranges_get_the_whole_or_nothing() {
    let running = open("journal").await;
    let mut client = running.client();
    let ranges: Vec<String> = (0..1_000).map(|at| format!("{at}-")).collect();
    for ranges in [
        format!("bytes={}", ranges.join(",")),
        format!("bytes={}", "0-1,".repeat(900)),
        "bytes=0-0,0-0".into(),
    ] {
        for route in running.app.routes() {
            let plain = client.get(&concrete(&route)).await;
            let reply = client.send("GET", &concrete(&route), &[("range", &ranges)], "").await;
            assert!(
                reply.status == plain.status || reply.status == 416,
                "{}: {} {}",
                route.path,
                plain.status,
                reply.status
            );
            assert!(reply.body.len() <= plain.body.len().max(4_000), "{}", route.path);
        }
    }
}
