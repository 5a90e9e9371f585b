//! Why a request got no answer.

use std::net::IpAddr;

/// Why a request got no answer. No variant holds what the URL may hold besides its host.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The URL is none that may be asked.
    #[error("the address of the request {0}")]
    Url(&'static str),
    /// The host's name leads nowhere.
    #[error("`{0}` cannot be resolved")]
    Unresolved(String),
    /// The host's name leads to where no request of a site goes.
    #[error("`{host}` leads to {address}, which is {what}")]
    Address {
        /// The host of the URL.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What kind of address that is.
        what: &'static str,
    },
    /// Nobody answers there, or not as HTTP is spoken.
    #[error("`{host}` cannot be reached: {why}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// In the words of whoever noticed.
        why: String,
    },
    /// A redirect that is not followed.
    #[error("`{host}` redirects {why}")]
    Redirect {
        /// Whose redirect.
        host: String,
        /// Why not.
        why: &'static str,
    },
    /// It took too long.
    #[error("`{0}` took too long")]
    TooSlow(String),
    /// The answer is too long, compressed or not.
    #[error("`{0}` answers with more than is taken")]
    TooLong(String),
    /// The answer is compressed as nobody asked for, or damaged.
    #[error("`{0}` answers in an encoding that cannot be read")]
    Encoding(String),
}
