//! What a careful expert would write by hand for the workloads of `cargo xtask bench`.
//!
//! This server is the yardstick: axum, minijinja, and rusqlite or tokio-postgres, with every measure that Purlin takes too
//! (on a file WAL with `synchronous=FULL`, a statement cache under the planner's stability guarantee, reads on
//! the runtime's own thread, one writer with group commit; on a server connections that are kept, statements that are
//! prepared, questions that share a flight; answers written straight from rows), and nothing of what a
//! framework adds: no models, no access rules, no settings, no access log. It knows its six
//! routes and no others. The ratio of Purlin's CPU time to this one's is what the framework costs.
//!
//! Where a choice was open, it was measured, and the comment beside it says so.

mod answer;
mod api;
mod assets;
mod backend;
mod data;
mod json;
mod markdown;
mod pages;
mod postgres;
mod sqlite;
mod time;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use backend::{Backend, Fault};
use postgres::Postgres;
use sqlite::Sqlite;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as the machine that the numbers are quoted for has cores.
const WORKER_THREADS: usize = 2;

/// A client that has not sent its headers by then is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

const USAGE: &str =
    "usage: purlin-bench-ceiling make PLACE        write the benchmark's data to a new database
       purlin-bench-ceiling fill PLACE        write it into a database that Purlin migrated
       purlin-bench-ceiling serve PLACE ADDR  serve the first kind
       purlin-bench-ceiling empty URL         make a database on a server, empty though there was one
       purlin-bench-ceiling drop URL          end it
A PLACE is a file, or a URL of PostgreSQL.";

/// What every handler shares.
struct Shared<B> {
    backend: B,
    templates: pages::Templates,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Fault> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build()?;
    let is_url = arguments.get(1).is_some_and(|place| place.starts_with("postgres:"));
    match (arguments, is_url) {
        (["make", file], false) => sqlite::make(file),
        (["fill", file], false) => sqlite::fill(file),
        (["serve", file, address], false) => runtime.block_on(serve(Sqlite::open(file)?, address)),
        (["make", url], true) => runtime.block_on(postgres::make(url)),
        (["fill", url], true) => runtime.block_on(postgres::fill(url)),
        (["empty", url], true) => runtime.block_on(postgres::empty(url)),
        (["drop", url], true) => runtime.block_on(postgres::drop_database(url)),
        (["serve", url, address], true) => {
            runtime.block_on(async { serve(Postgres::open(url).await?, address).await })
        }
        _ => Err(USAGE.into()),
    }
}

#[expect(clippy::print_stderr, reason = "a command speaks to its terminal")]
fn complain(message: &str) {
    eprintln!("{message}");
}

async fn serve<B: Backend>(backend: B, address: &str) -> Result<(), Fault> {
    let shared = Arc::new(Shared { backend, templates: pages::Templates::load()? });
    let router = Router::new()
        .route("/", get(pages::index::<B>))
        .route("/posts/{slug}", get(pages::post::<B>))
        .route("/api/posts", get(api::list::<B>).post(api::create::<B>))
        .route("/api/posts/{id}", get(api::one::<B>))
        .fallback(assets::serve)
        .with_state(shared);
    accept(address, router).await
}

/// Serves HTTP/1.1 alone: `axum::serve` would look at each connection's first bytes for HTTP/2 as well.
async fn accept(address: &str, router: Router) -> Result<(), Fault> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks is the client's affair.
            let _ = connection.await;
        });
    }
}
