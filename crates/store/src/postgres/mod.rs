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
use crate::network::pool::Connector;
use crate::network::server::Server;
use connect::Target;

/// A database on a server.
pub(crate) type Postgres = Server<Connector<Target>>;

/// Reads the settings; connects when there is something to ask.
pub(crate) fn open(settings: &DatabaseSettings, feed: Feed) -> Result<Postgres, Error> {
    let target = Target::parse(&settings.url).map_err(Error::Open)?;
    let connector = |writes| Connector::new(target.clone(), settings, writes);
    let replicas = settings.replicas.iter().map(|url| {
        let target = Target::parse(url).map_err(|why| {
            Error::Open(format!("one of database.replicas: {}", why.trim_start_matches("database.url: ")))
        })?;
        Ok((target.address.place.clone(), Connector::new(target, settings, false)))
    });
    let replicas = replicas.collect::<Result<Vec<_>, Error>>()?;
    Ok(Server::new(connector(false), connector(true), settings, feed).with_replicas(replicas, settings))
}
