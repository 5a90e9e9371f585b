//! What databases across a network have in common: how they are named and reached, how the way to them is secured,
//! what is said when that fails.

pub(crate) mod address;
pub(crate) mod pool;
pub(crate) mod read;
pub(crate) mod replicas;
pub(crate) mod retry;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod silence;
pub(crate) mod tls;
pub(crate) mod url;

#[cfg(test)]
mod tests;
