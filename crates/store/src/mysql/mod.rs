//! MySQL and MariaDB.
//!
//! Nothing outside of this folder and of `migrate` knows of `mysql_async`.

mod codec;
pub(crate) mod connect;
pub(crate) mod connection;
mod violation;

use purlin_schema::settings::DatabaseSettings;

use crate::error::Error;
use crate::feed::Feed;
use crate::network::pool::Connector;
use crate::network::server::Server;
use crate::sql::dialect::Flavour;
use connect::Target;

/// A database on a server.
pub(crate) type MySql = Server<Connector<Target>>;

/// Reads the settings, and asks the server which of the two it is.
pub(crate) fn open(settings: &DatabaseSettings, feed: Feed) -> Result<(MySql, Flavour), Error> {
    let target = Target::parse(&settings.url).map_err(Error::Open)?;
    let flavour = flavour(&target)?;
    if flavour == Flavour::Mysql && !settings.replicas.is_empty() {
        let message = "database.replicas is for PostgreSQL and MariaDB: take it out, or let a proxy before the servers send reads there";
        return Err(Error::Open(message.to_owned()));
    }
    let replicas = settings.replicas.iter().map(|url| {
        let target = Target::parse(url).map_err(|why| {
            Error::Open(format!("one of database.replicas: {}", why.trim_start_matches("database.url: ")))
        })?;
        Ok((target.address.place.clone(), Connector::new(kept(target, settings), settings, false)))
    });
    let replicas = replicas.collect::<Result<Vec<_>, Error>>()?;
    let target = kept(target, settings);
    let connector = |writes| Connector::new(target.clone(), settings, writes);
    let server = Server::new(connector(false), connector(true), settings, feed);
    Ok((server.with_replicas(replicas, settings), flavour))
}

/// With statements kept prepared, or without.
fn kept(target: Target, settings: &DatabaseSettings) -> Target {
    if settings.statement_cache { target } else { target.without_statements() }
}

/// Asked on a thread of its own: stores are opened from synchronous code too, sometimes inside a runtime.
fn flavour(target: &Target) -> Result<Flavour, Error> {
    let target = target.clone();
    let failed = |error: &dyn std::fmt::Display| Error::Open(error.to_string());
    let ask = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        runtime.block_on(async {
            let (connection, flavour) = target.connect().await.map_err(|error| failed(&error.message()))?;
            // Whether it takes leave politely is its own business.
            let _ = connection.disconnect().await;
            Ok(flavour)
        })
    };
    let asked = std::thread::spawn(ask).join();
    asked.unwrap_or_else(|_| Err(Error::Open("the database server could not be asked".to_owned())))
}
