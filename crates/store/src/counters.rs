//! The last id that a table gave: ids are never used again, not even those of records that are gone.

use purlin_schema::ModelId;

use crate::error::Error;
use crate::sql::dialect::Dialect;
use crate::{Database, Store, sqlite};

impl Store {
    /// The greatest id that a model with integers for ids ever gave, also to a record that is gone.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_id(&self, model: ModelId) -> Result<i64, Error> {
        let name = &self.catalog.model(model).name;
        let on_server = match self.catalog.dialect {
            Dialect::Postgres => {
                let sequence =
                    format!("pg_get_serial_sequence('{}', 'id')::regclass", self.catalog.dialect.quote(name));
                format!(
                    "SELECT coalesce((SELECT last_value FROM pg_sequences WHERE \
                     format('%I.%I', schemaname, sequencename)::regclass = {sequence}), 0)"
                )
            }
            _ => format!(
                "SELECT CAST(coalesce(max(AUTO_INCREMENT), 1) - 1 AS SIGNED) FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{name}'"
            ),
        };
        let statement = self.catalog.statement(&on_server, &[]);
        match &self.database {
            Database::Sqlite(sqlite) => sqlite::counters::last(&sqlite.path, name),
            Database::Postgres(server) => server.number(&statement).await,
            Database::MySql(server) => server.number(&statement).await,
        }
    }

    /// Gives no id up to this one any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn raise_last_id(&self, model: ModelId, to: i64) -> Result<(), Error> {
        let name = &self.catalog.model(model).name;
        let to = to.max(self.last_id(model).await?);
        if to < 1 {
            return Ok(());
        }
        let table = self.catalog.dialect.quote(name);
        let on_server = match self.catalog.dialect {
            Dialect::Postgres => format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), {to})"),
            _ => format!("ALTER TABLE {table} AUTO_INCREMENT = {}", to.saturating_add(1)),
        };
        let statement = self.catalog.statement(&on_server, &[]);
        match &self.database {
            Database::Sqlite(sqlite) => sqlite::counters::raise(&sqlite.path, name, to),
            Database::Postgres(server) => server.run(&statement).await,
            Database::MySql(server) => server.run(&statement).await,
        }
    }
}
