//! The table of workloads. Each is a request, what its answer must contain, and how many clients ask at once.

use std::sync::atomic::{AtomicU64, Ordering};

/// The posts in the data (bench/ceiling/src/data.rs): ids 1 to this, of which those that end in 3 are drafts.
const POSTS: u64 = 10_000;

/// Pages are read of so many of the newest posts: readers crowd, and rendered Markdown may be kept.
const POPULAR_POSTS: u64 = 1_000;

/// One kind of request.
pub(super) struct Workload {
    /// What `--only` calls it.
    pub(super) name: &'static str,
    /// What the table calls it.
    pub(super) title: &'static str,
    pub(super) clients: usize,
    pub(super) status: &'static str,
    /// Makes a request from a random number.
    pub(super) ask: fn(u64) -> Ask,
}

/// A request, less what all share.
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: String,
    /// The answer's body contains this.
    pub(super) expect: String,
}

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "record",
        title: "one record as JSON",
        clients: 16,
        status: "200",
        ask: |random| {
            let id = published(random % POSTS);
            get(format!("/api/posts/{id}"), format!("\"slug\":\"post-{id}\""))
        },
    },
    Workload {
        name: "list",
        title: "a filtered list of 20 with authors",
        clients: 16,
        status: "200",
        ask: |_| {
            let query = "status=published&sort=-published_at&include=author&per_page=20";
            get(format!("/api/posts?{query}"), "\"slug\":\"post-10000\"".to_owned())
        },
    },
    Workload {
        name: "create",
        title: "a durable create, 64 clients",
        clients: 64,
        status: "201",
        ask: |_| create(),
    },
    Workload {
        name: "post",
        title: "a post's page with comments",
        clients: 16,
        status: "200",
        ask: |random| {
            let id = published(POSTS - random % POPULAR_POSTS - 1);
            get(format!("/posts/post-{id}"), format!("<h1>Post {id}: "))
        },
    },
    Workload {
        name: "index",
        title: "the index page with counts",
        clients: 16,
        status: "200",
        ask: |_| get("/".to_owned(), "<a href=\"/posts/post-9981\">".to_owned()),
    },
    Workload {
        name: "static",
        title: "a 10 kB static file",
        clients: 16,
        status: "200",
        ask: |_| get("/10k.txt".to_owned(), "timber span tile roof".to_owned()),
    },
];

/// The post of this number, or its neighbour when it is a draft.
fn published(number: u64) -> u64 {
    let id = number + 1;
    if id % 10 == 3 { id + 1 } else { id }
}

fn get(path: String, expect: String) -> Ask {
    Ask { method: "GET", path, body: String::new(), expect }
}

/// A post of 1.5 kB with a title of its own. It is dated before all others, so that it is in no list that is measured.
fn create() -> Ask {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let text =
        "A purlin is the beam under a roof that nobody sees, and *everything* rests on it.\\n\\n".repeat(18);
    let body = format!(
        r#"{{"title":"Bench {number}","body":"{text}","status":"published","published_at":"2020-01-01T00:00:00Z"}}"#
    );
    let expect = format!("\"slug\":\"bench-{number}\"");
    Ask { method: "POST", path: "/api/posts".to_owned(), body, expect }
}
