//! The one way by which requests leave a site: webhooks, imports, avatars, scripts, providers of identities.
//!
//! A stranger often says where such a request goes, and this machine sees what he does not: itself, its neighbours, the
//! metadata of its host. So each request, and each hop of a redirect, passes the same gate: the URL is http or https and
//! names nobody's password; its host is resolved here; *every* address of the answer is looked at; and the connection is made
//! to one of those very addresses, so that a name which resolves to something else a moment later gains nothing. What
//! comes back is bounded in time, head, length, and length after decompression.
//!
//! - [`Client`]: sends a request. [`Limits`]: how much of an answer is taken. [`Refused`]: why there is none.
//! - [`address`]: which addresses are public. [`Gate`]: which others the owner lets requests to.
//!
//! Nothing else in the workspace opens an outgoing HTTP connection; `cargo xtask tidy` holds that.

pub mod address;
mod body;
mod client;
mod connect;
mod gate;
mod refused;
mod resolve;

pub use client::{Client, Limits};
pub use gate::Gate;
pub use refused::Refused;
pub use resolve::{Addresses, Resolve, System};

pub use http;
pub use url::Url;
