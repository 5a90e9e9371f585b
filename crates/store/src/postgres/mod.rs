//! PostgreSQL, and what speaks its protocol.
//!
//! Nothing outside of this folder and of `migrate` knows of `tokio_postgres`.

mod codec;
pub(crate) mod connect;
pub(crate) mod connection;
mod transaction;

use purlin_schema::settings::DatabaseSettings;

use crate::error::Error;
use crate::feed::Feed;
use crate::network::server::Server;
use connect::Target;
use connection::Connector;

/// A database on a server.
pub(crate) type Postgres = Server<Connector>;

/// Reads the settings; connects when there is something to ask.
pub(crate) fn open(settings: &DatabaseSettings, feed: Feed) -> Result<Postgres, Error> {
    let target = Target::parse(&settings.url).map_err(Error::Open)?;
    // The server's own clock is the second line: it stops what nobody waits for any more.
    let limit = settings.read_timeout.max(settings.write_timeout) + std::time::Duration::from_secs(1);
    let statement_cache = settings.statement_cache;
    let connector = |writes| Connector { target: target.clone(), limit, statement_cache, writes };
    Ok(Server::new(connector(false), connector(true), settings, feed))
}
