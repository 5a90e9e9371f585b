//! What a careful expert would write by hand for the workloads of `cargo xtask bench`.
//!
//! This server is the yardstick: axum, rusqlite and minijinja with every measure that
//! Purlin takes too (WAL with `synchronous=FULL`, a statement cache under the planner's stability guarantee, reads on
//! the runtime's own thread, one writer with group commit, answers written straight from rows), and nothing of what a
//! framework adds: no models, no access rules, no settings, no access log. It knows its six
//! routes and no others. The ratio of Purlin's CPU time to this one's is what the framework costs.
//!
//! Where a choice was open, it was measured, and the comment beside it says so.

mod answer;
mod api;
mod assets;
mod data;
mod db;
mod fill;
mod json;
mod markdown;
mod pages;
mod time;
mod writer;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as the machine that the numbers are quoted for has cores.
const WORKER_THREADS: usize = 2;

/// A client that has not sent its headers by then is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

const USAGE: &str =
    "usage: purlin-bench-ceiling make FILE        write the benchmark's data to a new database
       purlin-bench-ceiling fill FILE        write it into a database that Purlin migrated
       purlin-bench-ceiling serve FILE ADDR  serve the first kind";

/// What every handler shares.
struct Shared {
    writer: writer::Writer,
    templates: pages::Templates,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["make", file] => fill::make(file),
        ["fill", file] => fill::fill(file),
        ["serve", file, address] => serve(file, address),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command speaks to its terminal")]
fn complain(message: &str) {
    eprintln!("{message}");
}

fn serve(file: &str, address: &str) -> Result<(), Box<dyn Error>> {
    db::set_file(file);
    let shared =
        Arc::new(Shared { writer: writer::Writer::start(db::open()?), templates: pages::Templates::load()? });
    let router = Router::new()
        .route("/", get(pages::index))
        .route("/posts/{slug}", get(pages::post))
        .route("/api/posts", get(api::list).post(api::create))
        .route("/api/posts/{id}", get(api::one))
        .fallback(assets::serve)
        .with_state(shared);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build()?;
    runtime.block_on(accept(address, router))
}

/// Serves HTTP/1.1 alone: `axum::serve` would look at each connection's first bytes for HTTP/2 as well.
async fn accept(address: &str, router: Router) -> Result<(), Box<dyn Error>> {
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
