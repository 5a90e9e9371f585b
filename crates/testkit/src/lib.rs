//! What tests share: a site that runs in this process, a client for it, and scenarios as data.
//!
//! - [`running`]: a folder becomes a running site on a fresh database, without a socket.
//! - [`book`]: the examples of `docs/book`, run.
//! - [`client`]: a browser's memory (cookies) around requests to it.
//! - [`http`]: the least client for the real binary.
//! - [`scenario`]: `scenarios/<area>/<case>/`: a site, the requests, and what must come of them.
//!
//! Only tests use this crate; it ships nowhere.

pub mod book;
pub mod client;
pub mod http;
pub mod running;
pub mod scenario;

pub use client::{Client, Reply};
pub use running::Running;
