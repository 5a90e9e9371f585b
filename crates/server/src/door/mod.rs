//! The first room: what a request must be before anybody looks at what it wants.

pub mod access_log;
pub mod cors;
pub mod cross_site;
pub mod forwarded;
pub mod hosts;
pub mod limits;
pub mod panic_guard;
pub mod rates;
pub mod request_id;

pub use access_log::Line;
pub use cors::Cors;
pub use cross_site::CrossSite;
pub use forwarded::{Proxies, Sender, place};
pub use hosts::{Host, Hosts};
pub use panic_guard::guarded;
pub use request_id::RequestId;

use http::StatusCode;
use http::request::Parts;

use crate::answer::Problem;

/// Lets a request in: its size, its host, where it comes from. What another site's page may have caused comes in where
/// `may` says so.
///
/// # Errors
/// What is wrong with it.
pub fn enter(
    request: &Parts,
    hosts: &Hosts,
    sender: &Sender,
    may: impl FnOnce(CrossSite) -> bool,
) -> Result<Host, Problem> {
    limits::check(request)?;
    let host = match hosts.check(request, sender) {
        Ok(host) => host,
        // A load balancer asks after health by address; there is nothing to learn and nothing to poison.
        Err(hosts::HostError::Unknown) if is_health(request.uri.path()) => {
            hosts::named_by(request).map_err(|error| Problem::bad_request("bad_host", error.to_string()))?
        }
        Err(error) => return Err(Problem::bad_request("bad_host", error.to_string())),
    };
    match cross_site::check(request, &host, sender.https) {
        Err(error) if !may(error) => {
            Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", error.to_string()))
        }
        _ => Ok(host),
    }
}

fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}
