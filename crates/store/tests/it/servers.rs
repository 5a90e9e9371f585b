//! The servers of this machine, with tables made by hand: what they make of our SQL, whoever sends it.

use std::fmt::Write;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use purlin_schema::expr::arbitrary::World;
use purlin_schema::{Field, Kind, Model, Models, Value};
use purlin_store::testing::{Known, mysql_url, postgres_url};

/// A connection with the tables of the sample models, until [`Server::leave`].
pub(crate) enum Server {
    /// The tables are temporary.
    Postgres(tokio_postgres::Client),
    /// A statement may name a temporary table only once: these are in a database of their own.
    MySql(mysql_async::Conn, String, Known),
}

impl Server {
    /// Those that `PURLIN_TEST_POSTGRES` and `PURLIN_TEST_MYSQL` do not leave out by `off`.
    pub(crate) async fn all(name: &str, models: &Models) -> Vec<Server> {
        let mut servers = Vec::new();
        match postgres_url() {
            Some(url) => {
                let (client, connection) =
                    tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("PostgreSQL");
                tokio::spawn(connection);
                servers.push(Server::Postgres(client));
            }
            None => absent("PostgreSQL", "PURLIN_TEST_POSTGRES"),
        }
        match mysql_url() {
            Some(url) => {
                let mut connection = mysql_async::Conn::from_url(&url).await.expect("MariaDB");
                let database = format!("purlin_sql_{name}_{}", std::process::id());
                let version: Option<String> =
                    connection.query_first("SELECT VERSION()").await.expect("a version");
                let is_mariadb = version.unwrap_or_default().contains("MariaDB");
                let known = if is_mariadb { Known::MariaDb } else { Known::Mysql };
                // The collation is that of the store's own connections.
                let names = format!("SET NAMES utf8mb4 COLLATE {}", collation(known));
                for sql in [names, format!("CREATE DATABASE {database}"), format!("USE {database}")] {
                    connection.query_drop(sql).await.expect("a database");
                }
                servers.push(Server::MySql(connection, database, known));
            }
            None => absent("MariaDB", "PURLIN_TEST_MYSQL"),
        }
        for server in &mut servers {
            let tables = tables(server.known(), models);
            for sql in tables {
                server.run(&sql).await.expect("tables");
            }
        }
        servers
    }

    /// Removes what was made.
    pub(crate) async fn leave(servers: Vec<Server>) {
        for server in servers {
            if let Server::MySql(mut connection, database, _) = server {
                connection.query_drop(format!("DROP DATABASE {database}")).await.expect("our own database");
            }
        }
    }

    pub(crate) fn known(&self) -> Known {
        match self {
            Server::Postgres(_) => Known::Postgres,
            Server::MySql(_, _, known) => *known,
        }
    }

    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), String> {
        match self {
            Server::Postgres(client) => {
                client.batch_execute(sql).await.map_err(|error| format!("{error:?}\n{sql}"))
            }
            Server::MySql(connection, ..) => {
                connection.query_drop(sql).await.map_err(|error| format!("{error}\n{sql}"))
            }
        }
    }

    /// The rows of a statement, as text.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        match self {
            Server::Postgres(client) => {
                let found = client.simple_query(sql).await.map_err(|error| format!("{error:?}\n{sql}"))?;
                let rows = found.into_iter().filter_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => {
                        Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
                    }
                    _ => None,
                });
                Ok(rows.collect())
            }
            Server::MySql(connection, ..) => {
                let rows: Vec<mysql_async::Row> =
                    connection.query(sql).await.map_err(|error| format!("{error}\n{sql}"))?;
                let text = |value: mysql_async::Value| match value {
                    mysql_async::Value::NULL => None,
                    mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                    other => Some(other.as_sql(true)),
                };
                Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
            }
        }
    }

    /// The ids in the first column.
    pub(crate) async fn ids(&mut self, sql: &str) -> Result<Vec<i64>, String> {
        let rows = self.rows(sql).await?;
        let id = |row: Vec<Option<String>>| row[0].as_ref().and_then(|id| id.parse().ok());
        rows.into_iter().map(|row| id(row).ok_or_else(|| format!("no id\n{sql}"))).collect()
    }

    /// Fills the tables with so many rows that an index matters.
    pub(crate) async fn crowd(&mut self) {
        let postgres = self.known() == Known::Postgres;
        let numbers = match self.known() {
            Known::Postgres => "generate_series(1, 5000) AS n(n)",
            Known::MariaDb => "(SELECT seq AS n FROM seq_1_to_5000) AS n",
            _ => {
                "(WITH RECURSIVE m(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM m WHERE n < 99) \
                 SELECT a.n * 100 + b.n + 1 AS n FROM m a CROSS JOIN m b WHERE a.n < 50) AS n"
            }
        };
        let n = "n.n";
        let text = |prefix: &str| match postgres {
            true => format!("'{prefix}' || {n}"),
            false => format!("CONCAT('{prefix}', {n})"),
        };
        let slug = text("slug-");
        for sql in [
            format!(
                "INSERT INTO posts (id, slug, title, views, author, published_at) SELECT {n}, {slug}, {slug}, {n}, {n}, '2026-01-01 00:00:00' FROM {numbers}"
            ),
            format!("INSERT INTO comments (id, post, author) SELECT {n}, {n}, {n} FROM {numbers}"),
            format!("INSERT INTO tags (id, slug) SELECT {n}, {slug} FROM {numbers}"),
            format!("INSERT INTO posts__tags (source, target) SELECT {n}, {n} FROM {numbers}"),
        ] {
            self.run(&sql).await.expect("rows");
        }
        for table in ["posts", "comments", "tags", "posts__tags"] {
            let sql = if postgres { format!("ANALYZE {table}") } else { format!("ANALYZE TABLE {table}") };
            self.run(&sql).await.expect("statistics");
        }
    }

    /// How a statement is run.
    pub(crate) async fn explain(&mut self, sql: &str) -> Result<String, String> {
        let how = if self.known() == Known::Mysql { "FORMAT=TRADITIONAL " } else { "" };
        let rows = self.rows(&format!("EXPLAIN {how}{sql}")).await?;
        let line = |row: Vec<Option<String>>| row.into_iter().flatten().collect::<Vec<_>>().join(" | ");
        Ok(rows.into_iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// Whether a plan reads all of a table's rows.
    pub(crate) fn scans(&self, plan: &str, table: &str) -> bool {
        match self {
            Server::Postgres(_) => plan.lines().any(|line| line.contains(&format!("Seq Scan on {table} "))),
            Server::MySql(..) => plan.lines().any(|line| line.contains(" | ALL | ")),
        }
    }

    /// Puts the rows of a world in place of those that are there.
    pub(crate) async fn fill(&mut self, world: &World) {
        let known = self.known();
        let mut statements = vec!["ROLLBACK".to_owned(), "BEGIN".to_owned()];
        let models: &Arc<Models> = &world.models;
        for model in models.iter() {
            statements.push(format!("DELETE FROM {}", quoted(known, &model.name)));
            for field in model.fields.iter().filter(|field| field.is_many()) {
                statements.push(format!("DELETE FROM {}", link_table(known, model, field)));
            }
            for row in world.rows(model.id) {
                let columns = model.fields.iter().zip(row).filter(|(field, _)| field.has_column());
                let (names, values): (Vec<_>, Vec<_>) = columns
                    .map(|(field, value)| (quoted(known, &field.name), known.literal(value, field.kind)))
                    .unzip();
                let (names, values) = (names.join(","), values.join(","));
                let table = quoted(known, &model.name);
                statements.push(format!("INSERT INTO {table} ({names}) VALUES ({values})"));
            }
        }
        for ((model, field), links) in &world.links {
            let model = models.get(*model);
            let field = model.field(*field);
            let to = field.reference.as_ref().expect("a list of refs").to;
            for (source, target) in links {
                let id = |value: &Value| known.literal(value, value.kind().unwrap_or(Kind::Int));
                let (source, target) =
                    (id(&world.rows(model.id)[*source][0]), id(&world.rows(to)[*target][0]));
                let table = link_table(known, model, field);
                statements.push(format!("INSERT INTO {table} VALUES ({source},{target})"));
            }
        }
        for sql in statements {
            self.run(&sql).await.expect("rows");
        }
    }
}

fn absent(server: &str, variable: &str) {
    let left_out = std::env::var_os(variable).is_some_and(|value| value == "off");
    assert!(left_out, "no {server} answers: start it, name another in {variable}, or leave it out by `off`");
}

fn quoted(known: Known, name: &str) -> String {
    if known == Known::Postgres { format!("\"{name}\"") } else { format!("`{name}`") }
}

fn link_table(known: Known, model: &Model, field: &Field) -> String {
    quoted(known, &format!("{}__{}", model.name, field.name))
}

/// Tables as migrations make them, without what refers to others: random rows may.
fn tables(known: Known, models: &Models) -> Vec<String> {
    let mut statements = Vec::new();
    for model in models.iter() {
        let columns = model.fields.iter().filter(|field| field.has_column()).map(|field| {
            let key = if field.name == "id" { " PRIMARY KEY" } else { "" };
            format!("{} {}{key}", quoted(known, &field.name), column_type(known, field.kind))
        });
        let columns = columns.chain(known.path_columns(model)).collect::<Vec<_>>().join(", ");
        statements.push(create(known, &quoted(known, &model.name), &columns));
        for field in model.fields.iter().filter(|field| field.is_many()) {
            let kind = |model: &Model| if model.uuid_ids { Kind::Uuid } else { Kind::Int };
            let to = models.get(field.reference.as_ref().expect("a list of refs").to);
            let (source, target) = (quoted(known, "source"), quoted(known, "target"));
            let mut columns = String::new();
            write!(columns, "{source} {}, ", column_type(known, kind(model))).expect("a string");
            write!(columns, "{target} {}, ", column_type(known, kind(to))).expect("a string");
            write!(columns, "PRIMARY KEY ({source}, {target})").expect("a string");
            let table = link_table(known, model, field);
            statements.push(create(known, &table, &columns));
            let name = quoted(known, &format!("{}__{}_target", model.name, field.name));
            statements.push(format!("CREATE INDEX {name} ON {table} ({target})"));
        }
        for (at, field) in model.fields.iter().enumerate() {
            let refers = field.reference.as_ref().is_some_and(|reference| !reference.many);
            if refers || field.name == "views" || field.name == "slug" || field.name == "published_at" {
                let nulls = if known == Known::Postgres { " NULLS FIRST, id" } else { "" };
                let (table, column) = (quoted(known, &model.name), quoted(known, &field.name));
                let name = quoted(known, &format!("{}_{at}", model.name));
                statements.push(format!("CREATE INDEX {name} ON {table} ({column}{nulls})"));
            }
        }
    }
    statements
}

fn create(known: Known, table: &str, columns: &str) -> String {
    match known {
        Known::Postgres => format!("CREATE TEMPORARY TABLE {table} ({columns})"),
        _ => format!("CREATE TABLE {table} ({columns}) CHARACTER SET utf8mb4 COLLATE {}", collation(known)),
    }
}

fn collation(known: Known) -> &'static str {
    if known == Known::Mysql { "utf8mb4_0900_bin" } else { "utf8mb4_nopad_bin" }
}

fn column_type(known: Known, kind: Kind) -> String {
    let postgres = known == Known::Postgres;
    match kind {
        Kind::Bool => "boolean",
        Kind::Int | Kind::Duration => "bigint",
        Kind::Float if postgres => "double precision",
        Kind::Float => "double",
        Kind::Decimal(scale) if postgres => return format!("numeric(19, {scale})"),
        Kind::Decimal(scale) => return format!("decimal(19, {scale})"),
        Kind::Text if postgres => "text COLLATE \"C\"",
        Kind::Text => "varchar(191)",
        Kind::Date => "date",
        Kind::Datetime if postgres => "timestamptz(6)",
        Kind::Datetime => "datetime(6)",
        Kind::Uuid if postgres => "uuid",
        Kind::Uuid => "binary(16)",
        Kind::Json if postgres => "jsonb",
        Kind::Json => "json",
    }
    .to_owned()
}
