//! HTTP: what comes over the wire becomes an action of the engine, and what that gives becomes an answer.
//!
//! A request passes four of the six rooms here, and each is a module:
//!
//! ```text
//!  door ──────▶ route ──────▶ guard ──────▶ (engine) ──────▶ answer
//!  size, host,  which thing   credentials   rules, data       JSON, page, error,
//!  cross-site,  a path means  → actor                         security headers
//!  id, panic
//! ```
//!
//! - [`App`] takes a request through all of them, without a socket; [`serve`] puts it on one.
//! - [`door`], [`route`], [`guard`], [`answer`]: the rooms. [`assets`]: files of `public/`.
//! - `api`, `pages`, `accounts`, `federated`: what answers. [`dev`]: what only `purlin dev` has.
//!
//! Nothing here knows SQL, a template or an access rule: that is the engine's.

mod accounts;
mod api;
mod app;
mod federated;
mod input;
mod listen;
mod pages;
mod reports;

pub mod answer;
pub mod assets;
pub mod body;
pub mod dev;
pub mod door;
pub mod guard;
pub mod route;

pub use app::{App, Config};
pub use assets::Assets;
pub use body::{Body, RequestBody};
pub use listen::serve;
pub use route::{Kind, RouteInfo};
