//! From a name to addresses: the system's resolver, or a test's.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// What a resolver answers with.
pub type Addresses<'ask> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'ask>>;

/// A resolver. It is asked once for each connection, and what it says is what is connected to.
pub trait Resolve: Send + Sync {
    /// All addresses of a name.
    fn resolve<'ask>(&'ask self, name: &'ask str) -> Addresses<'ask>;
}

/// The system's: `/etc/hosts`, DNS and whatever else it is set to ask.
pub struct System;

impl Resolve for System {
    fn resolve<'ask>(&'ask self, name: &'ask str) -> Addresses<'ask> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
