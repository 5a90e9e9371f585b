//! What tests share: a site that runs in this process, a client for it, and scenarios as data.
//!
//! - [`running`]: a folder becomes a running site on a fresh database, without a socket.
//! - [`book`]: the examples of `docs/book`, run.
//! - [`dom`]: whether a page is well-formed and inert.
//! - [`client`]: a browser's memory (cookies) around requests to it.
//! - [`foreign`]: programs of others, installed at test time.
//! - [`fuzz`]: what fuzz targets do, and their seeds again.
//! - [`http`]: the least client for the real binary.
//! - [`scenario`]: `scenarios/<area>/<case>/`: a site, the requests, and what must come of them.
//! - [`smtp`]: a mail server that takes, refuses or hangs.
//! - [`webdriver`]: a real Chromium.
//!
//! Only tests use this crate; it ships nowhere.

pub mod book;
pub mod client;
pub mod dom;
pub mod foreign;
pub mod fuzz;
pub mod http;
pub mod running;
pub mod scenario;
pub mod smtp;
pub mod webdriver;

pub use client::{Client, Reply};
pub use running::{BEGINNING, Running, pass};
