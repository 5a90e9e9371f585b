//! Where a site's own tables stand beside those that others made: a file of its own, a schema of its own in PostgreSQL, a
//! database of its own on MySQL.

use crate::error::{CommandError, Outcome};

/// Where the two stand.
pub(super) struct Home {
    /// `database.existing`.
    pub(super) existing: String,
    /// `database.url`, where it is not the usual file.
    pub(super) url: Option<String>,
    /// Lines for `site.toml` that tell of them.
    pub(super) comment: String,
}

/// The home of a site over the database of a URL, of which the server calls the schema or database so.
pub(super) fn of(url: &str, schema: Option<&str>) -> Outcome<Home> {
    let lost = || CommandError::new("the database does not say in which schema its tables stand");
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => {
            let schema = schema.ok_or_else(lost)?;
            let own = if schema == "purlin" { "purlin_site" } else { "purlin" };
            Ok(Home {
                existing: schema.to_owned(),
                url: Some(with_schema(url, own)),
                comment: format!(
                    "# The models with `managed = false` stand in this schema of the database in `.env`; the site's own \
                     tables in\n# the schema `{own}` beside it, which `purlin dev` and `purlin migrate apply` make.\n"
                ),
            })
        }
        Some("mysql" | "mariadb") => {
            let database = schema.ok_or_else(lost)?;
            let own = format!("{database}_purlin");
            Ok(Home {
                existing: database.to_owned(),
                url: Some(with_database(url, &own)),
                comment: format!(
                    "# The models with `managed = false` stand in this database on the server in `.env`; the site's own \
                     tables in\n# the database `{own}` beside it, which `purlin dev` and `purlin migrate apply` make.\n"
                ),
            })
        }
        _ => {
            let file = url.strip_prefix("sqlite:").unwrap_or(url);
            let file = file.strip_prefix("//").unwrap_or(file);
            // The site stands elsewhere, so that a path relative to here would lead nowhere.
            let file = std::path::absolute(file).map_err(CommandError::new)?;
            Ok(Home {
                existing: format!("sqlite:{}", file.display()),
                url: None,
                comment: "# The models with `managed = false` stand in it.\n".to_owned(),
            })
        }
    }
}

fn with_schema(url: &str, schema: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("schema="));
    let pairs: Vec<&str> = others.collect();
    let more = if pairs.is_empty() { String::new() } else { format!("&{}", pairs.join("&")) };
    format!("{base}?schema={schema}{more}")
}

fn with_database(url: &str, database: &str) -> String {
    let (base, query) =
        url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
    let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
    let mut name = String::new();
    for byte in database.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => name.push(char::from(byte)),
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_leads_to_the_same_server_and_keeps_what_it_says() {
        assert_eq!(with_schema("postgres://a:b@h/d", "purlin"), "postgres://a:b@h/d?schema=purlin");
        assert_eq!(
            with_schema("postgres://h/d?sslmode=require&schema=sales", "purlin"),
            "postgres://h/d?schema=purlin&sslmode=require"
        );
        assert_eq!(
            with_database("mysql://a:b@h:1/d?ssl-mode=REQUIRED", "d_purlin"),
            "mysql://a:b@h:1/d_purlin?ssl-mode=REQUIRED"
        );
        assert_eq!(with_database("mysql://h/d", "ö p"), "mysql://h/%C3%B6%20p");
    }
}
