//! The URL of a database server: what is ours to read of it, and what its driver reads.
//!
//! The settings of TLS have the names that people know from `libpq` (`sslmode=verify-full&sslrootcert=ca.pem`) and
//! from MySQL (`ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem`); either is taken for either database. No message shows the
//! URL: a password with an unescaped `@` or `/` in it could stand in any part of what a parser makes of it.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// How the way to the server is secured, as `libpq` documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Never.
    Disable,
    /// Where the server can; whose certificate it has is not looked at.
    Prefer,
    /// Always; whose certificate it has is not looked at.
    Require,
    /// Always, with a certificate of a known authority, for whatever name.
    VerifyCa,
    /// Always, with a certificate of a known authority for this very host.
    VerifyFull,
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    /// What the driver reads: without what is ours.
    pub(crate) rest: String,
    pub(crate) tls: TlsMode,
    /// The file with the authorities' certificates; the system's where absent.
    pub(crate) authorities: Option<PathBuf>,
    /// The files with the client's own certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// The schema of PostgreSQL that the site's own tables stand in; the user's first where absent.
    pub(crate) schema: Option<String>,
}

/// Takes a URL apart. `options` are the names that the driver knows.
///
/// # Errors
/// Where a parameter is unknown or wrong; a sentence without the URL in it.
pub(crate) fn parse(url: &str, options: &[&str]) -> Result<ServerUrl, String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut authorities, mut certificate, mut key, mut schema) = (None, None, None, None, None);
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| format!("database.url: the parameter {name} is not UTF-8"))?;
        match name {
            "sslmode" | "ssl-mode" => mode = Some(tls_mode(&value)?),
            // `libpq` writes `system` for the authorities that the system trusts.
            "sslrootcert" | "ssl-ca" if value == "system" => mode = mode.or(Some(TlsMode::VerifyFull)),
            "sslrootcert" | "ssl-ca" => authorities = Some(PathBuf::from(&*value)),
            "sslcert" | "ssl-cert" => certificate = Some(PathBuf::from(&*value)),
            "sslkey" | "ssl-key" => key = Some(PathBuf::from(&*value)),
            "schema" => schema = Some(schema_name(&value)?),
            _ if options.contains(&name) => rest.push(pair),
            _ => return Err(unknown(name, options)),
        }
    }
    let tls = match (mode, &authorities) {
        (Some(TlsMode::Require), Some(_)) => TlsMode::VerifyCa,
        (Some(mode), _) => mode,
        (None, Some(_)) => TlsMode::VerifyFull,
        (None, None) => TlsMode::Prefer,
    };
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("database.url: sslcert and sslkey are given together or not at all".to_owned()),
    };
    let mut base = base.to_owned();
    if !rest.is_empty() {
        base.push('?');
        base.push_str(&rest.join("&"));
    }
    Ok(ServerUrl { rest: base, tls, authorities, identity, schema })
}

fn schema_name(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    match text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && text.len() <= 63
        && text.chars().all(plain)
    {
        true => Ok(text.to_owned()),
        false => {
            Err("database.url: schema=… is the name of a schema in small letters, digits and `_`".to_owned())
        }
    }
}

fn tls_mode(text: &str) -> Result<TlsMode, String> {
    Ok(match text.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => TlsMode::Disable,
        "allow" | "prefer" | "preferred" => TlsMode::Prefer,
        "require" | "required" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" | "verify-identity" => TlsMode::VerifyFull,
        _ => {
            return Err(format!(
                "database.url: sslmode={text} is unknown: write disable, prefer, require, verify-ca or verify-full"
            ));
        }
    })
}

fn unknown(name: &str, options: &[&str]) -> String {
    let ours = ["sslmode", "sslrootcert", "sslcert", "sslkey", "schema"];
    let known: Vec<&str> = ours.iter().chain(options).copied().collect();
    // A long name may be half of a password with an unescaped `?` in it.
    let shown = if name.len() <= 32 { format!("the parameter {name}") } else { "a parameter".to_owned() };
    format!("database.url: {shown} is unknown: there are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> ServerUrl {
        parse(url, &["connect_timeout"]).unwrap()
    }

    #[test]
    fn what_is_ours_is_taken_and_the_rest_left() {
        let url = of("postgres://u:p@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fca%20x.pem");
        assert_eq!(url.rest, "postgres://u:p@h/d?connect_timeout=3");
        assert_eq!((url.tls, url.authorities), (TlsMode::VerifyFull, Some(PathBuf::from("/ca x.pem"))));
        let url = of("mysql://h/d?ssl-mode=VERIFY_IDENTITY");
        assert_eq!((url.rest.as_str(), url.tls), ("mysql://h/d", TlsMode::VerifyFull));
    }

    #[test]
    fn an_authority_is_never_given_for_nothing() {
        assert_eq!(of("postgres://h/d").tls, TlsMode::Prefer);
        assert_eq!(of("postgres://h/d?sslrootcert=ca.pem").tls, TlsMode::VerifyFull);
        assert_eq!(of("postgres://h/d?sslmode=require&sslrootcert=ca.pem").tls, TlsMode::VerifyCa);
        assert_eq!(of("postgres://h/d?sslrootcert=system").tls, TlsMode::VerifyFull);
    }

    #[test]
    fn mistakes_are_told_without_the_url() {
        for (url, said) in [
            ("postgres://u:secret@h/d?sslmode=yes", "sslmode=yes is unknown"),
            ("postgres://u:secret@h/d?speed=1", "the parameter speed is unknown"),
            ("postgres://u:secret@h/d?sslcert=a", "sslcert and sslkey"),
            ("postgres://u:secret@h/d?schema=a%20-c%20b", "the name of a schema"),
        ] {
            let message = parse(url, &[]).unwrap_err();
            assert!(message.contains(said) && !message.contains("secret"), "{message}");
        }
    }
}
