//! The first room: what a request must be before anybody looks at what it wants.

pub mod access_log;
pub mod cross_site;
pub mod forwarded;
pub mod hosts;
pub mod limits;
pub mod panic_guard;
pub mod rates;
pub mod request_id;

pub use access_log::Line;
pub use forwarded::{Proxies, Sender, place};
pub use hosts::{Host, Hosts};
pub use panic_guard::guarded;
pub use request_id::RequestId;

use http::StatusCode;
use http::request::Parts;

use crate::answer::Problem;

/// Lets a request in: its size, its host, where it comes from.
///
/// # Errors
/// What is wrong with it.
pub fn enter(request: &Parts, hosts: &Hosts, sender: &Sender) -> Result<Host, Problem> {
    limits::check(request)?;
    let host = match hosts.check(request, sender) {
        Ok(host) => host,
        // A load balancer asks after health by address; there is nothing to learn and nothing to poison.
        Err(hosts::HostError::Unknown) if is_health(request.uri.path()) => {
            hosts::named_by(request).map_err(|error| Problem::bad_request("bad_host", error.to_string()))?
        }
        Err(error) => return Err(Problem::bad_request("bad_host", error.to_string())),
    };
    cross_site::check(request, &host, sender.https)
        .map_err(|error| Problem::new(StatusCode::FORBIDDEN, "cross_site", error.to_string()))?;
    Ok(host)
}

fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}
