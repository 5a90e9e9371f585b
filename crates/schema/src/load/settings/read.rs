//! What each setting takes: from its text or TOML value to its type, or what is wrong with it, as the end of a
//! sentence that begins with its name.

pub(super) mod addresses;
pub(super) mod limits;
pub(super) mod security;

use std::net::SocketAddr;
use std::time::Duration;

use super::SERVERS_OWN;
use crate::model::AuditLog;
use crate::settings::{MailWay, Secret, SignUp};
use crate::types::is_address;
use crate::value::parse_duration;

/// A setting's value before it is read; what comes from outside of TOML is text whatever it means.
pub(super) enum Raw {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<String>),
    Outside(String),
    Other,
}

impl Raw {
    fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) | Raw::Outside(text) => Some(text),
            _ => None,
        }
    }
}

pub(super) fn text(raw: &Raw) -> Result<String, String> {
    match raw.text() {
        Some(text) if text.contains('\0') => Err("contains a NUL character".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err("must be text".to_owned()),
    }
}

pub(super) fn truth(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Bool(truth) => Ok(*truth),
        Raw::Outside(text) => match text.trim() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        },
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn count<T: TryFrom<i64>>(raw: &Raw, least: i64, most: i64) -> Result<T, String> {
    let number = match raw {
        Raw::Int(number) => Some(*number),
        Raw::Outside(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| (least..=most).contains(number));
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

pub(super) fn list(raw: &Raw) -> Result<Vec<String>, String> {
    match raw {
        Raw::List(texts) => Ok(texts.clone()),
        Raw::Outside(text) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(parts.map(str::to_owned).collect())
        }
        _ => Err("must be a list of texts".to_owned()),
    }
}

pub(super) fn span(raw: &Raw) -> Result<Duration, String> {
    let wrong = || "must be a span of time, as in \"30s\" or \"2m\"".to_owned();
    let micros = raw.text().and_then(parse_duration).ok_or_else(wrong)?;
    u64::try_from(micros).ok().filter(|micros| *micros > 0).map(Duration::from_micros).ok_or_else(wrong)
}

/// `"off"`, `"security"` or `"all"`.
pub(super) fn audit_log(raw: &Raw) -> Result<AuditLog, String> {
    match raw.text() {
        Some("off") => Ok(AuditLog::Off),
        Some("security") => Ok(AuditLog::Security),
        Some("all") => Ok(AuditLog::All),
        _ => Err("must be \"off\", \"security\" or \"all\"".to_owned()),
    }
}

/// A span of time, or `"forever"`.
pub(super) fn kept(raw: &Raw) -> Result<Option<Duration>, String> {
    if raw.text() == Some("forever") {
        return Ok(None);
    }
    let span = span(raw).map_err(|_| "must be a span of time, as in \"365d\", or \"forever\"".to_owned())?;
    Ok(Some(span))
}

pub(super) fn bytes(raw: &Raw) -> Result<usize, String> {
    let wrong = || "must be a size, as in \"10 MB\" or a number of bytes".to_owned();
    if let Raw::Int(number) = raw {
        return usize::try_from(*number).ok().filter(|number| *number > 0).ok_or_else(wrong);
    }
    let text = raw.text().ok_or_else(wrong)?.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "b" => 1,
        "kb" | "k" | "kib" => 1 << 10,
        "mb" | "m" | "mib" => 1 << 20,
        "gb" | "g" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: usize = text[..digits].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// Memory for a hash, in KiB: what OWASP recommends at least.
pub(super) fn hash_memory(raw: &Raw) -> Result<u32, String> {
    let kib = u32::try_from(bytes(raw)? / 1024).unwrap_or(u32::MAX);
    let fits = (19 * 1024..=256 * 1024).contains(&kib);
    if fits {
        Ok(kib)
    } else {
        Err("must be from \"19 MiB\", which OWASP recommends, to \"256 MiB\"".to_owned())
    }
}

pub(super) fn listen(raw: &Raw) -> Result<SocketAddr, String> {
    let text = raw.text().unwrap_or_default().trim();
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let any = text.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
    let address = named.or(any).unwrap_or_else(|| text.to_owned());
    address.parse().map_err(|_| "must be an address and a port, as in \"127.0.0.1:8080\"".to_owned())
}

/// A text that nobody guesses.
pub(super) fn signing_key(raw: &Raw) -> Result<Secret, String> {
    match raw.text() {
        Some(text) if text.len() >= 32 => Ok(Secret::new(text.to_owned())),
        _ => Err("must be a random text of 32 characters at least, as `openssl rand -base64 32` gives one"
            .to_owned()),
    }
}

pub(super) fn signing_keys(raw: &Raw) -> Result<Vec<Secret>, String> {
    list(raw)?.into_iter().map(|text| signing_key(&Raw::Text(text))).collect()
}

/// `https://example.com`, without a slash at its end.
pub(super) fn site_url(raw: &Raw) -> Result<String, String> {
    let wrong = || "must be an address such as \"https://example.com\", without a path".to_owned();
    let text = raw.text().ok_or_else(wrong)?.trim();
    let text = text.strip_suffix('/').unwrap_or(text);
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
    if is_host(host) { Ok(text.to_owned()) } else { Err(wrong()) }
}

pub(super) fn hosts(raw: &Raw) -> Result<Vec<String>, String> {
    let hosts = list(raw)?;
    match hosts.iter().find(|host| !is_host(host)) {
        Some(host) => Err(format!("has a name that is not a host: `{host}`; write it as \"example.com\"")),
        None => Ok(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}

/// A host name or address, perhaps with a port.
pub(super) fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_fits = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.len() <= 253
                && name.split('.').all(|label| {
                    !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                })
        }
    };
    port_fits && name_fits
}

pub(super) fn time_zone(raw: &Raw) -> Result<String, String> {
    let name = raw.text().unwrap_or_default();
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err("must be a time zone such as \"Europe/Berlin\" or \"UTC\"".to_owned()),
    }
}

pub(super) fn language(raw: &Raw) -> Result<String, String> {
    let tag = raw.text().unwrap_or_default();
    let part_fits =
        |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    let fits =
        tag.split('-').all(part_fits) && first.len() >= 2 && first.chars().all(|c| c.is_ascii_alphabetic());
    if fits { Ok(tag.to_owned()) } else { Err("must be a language such as \"en\" or \"pt-BR\"".to_owned()) }
}

pub(super) fn database_url(raw: &Raw) -> Result<String, String> {
    let url = raw.text().unwrap_or_default();
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(url.to_owned()),
        Some(("postgres" | "postgresql" | "mysql" | "mariadb", rest)) if rest.starts_with("//") => {
            Ok(url.to_owned())
        }
        _ => Err(
            "must be a database such as \"sqlite:data/site.db\", \"postgres://user:password@host/name\" or \
                  \"mysql://user:password@host/name\""
                .to_owned(),
        ),
    }
}

/// A file beside the embedded database, or a schema or a database on the same server.
pub(super) fn existing(raw: &Raw, database: &str) -> Result<String, String> {
    let text = raw.text().unwrap_or_default();
    let embedded = database.starts_with("sqlite:");
    match (text.split_once(':'), embedded) {
        (Some(("sqlite", path)), true) if !path.is_empty() => Ok(text.to_owned()),
        (Some(("sqlite", path)), false) if !path.is_empty() => {
            Err("can be read only where `database.url` is an embedded database too".to_owned())
        }
        (None, false) if !text.is_empty() && text.len() <= 64 && !text.contains(char::is_control) => {
            Ok(text.to_owned())
        }
        (_, true) => Err("must be a file such as \"sqlite:../shop.db\"".to_owned()),
        (_, false) => {
            Err("must be the name of a schema (PostgreSQL) or of a database (MySQL) on the server of \
                           `database.url`, such as \"public\" or \"shop\""
                .to_owned())
        }
    }
}

/// Servers of the database's own kind.
pub(super) fn replicas(raw: &Raw, database: &str) -> Result<Vec<String>, String> {
    let kind = |url: &str| match url.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Some("postgres"),
        Some(("mysql" | "mariadb", _)) => Some("mysql"),
        _ => None,
    };
    let replicas = list(raw)?;
    let Some(wanted) = kind(database) else {
        return Err("has no meaning for an embedded database: `database.url` names no server".to_owned());
    };
    match replicas.iter().all(|url| kind(url) == Some(wanted)) {
        true => Ok(replicas),
        false => Err(format!("must be URLs of the database's own kind, `{wanted}://…`")),
    }
}

pub(super) fn roles(raw: &Raw) -> Result<Vec<String>, String> {
    let roles = list(raw)?;
    for (at, role) in roles.iter().enumerate() {
        if !crate::load::names::is_name(role) {
            return Err(format!(
                "has a role that is not a name: `{role}`; small letters, digits and `_` make one"
            ));
        }
        if roles[..at].contains(role) {
            return Err(format!("names `{role}` twice"));
        }
        if matches!(role.as_str(), "user" | "admin") {
            return Err(format!("need not name `{role}`, which every site has"));
        }
    }
    Ok(roles)
}

pub(super) fn api_path(raw: &Raw) -> Result<String, String> {
    let wrong = || "must be a path such as \"/api\"".to_owned();
    let path = raw.text().ok_or_else(wrong)?.trim_end_matches('/');
    let parts = path.strip_prefix('/').ok_or_else(wrong)?;
    let fits = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !part.starts_with('.')
    };
    if !parts.split('/').all(fits) {
        return Err(wrong());
    }
    let first = parts.split('/').next().unwrap_or_default();
    if SERVERS_OWN.contains(&first) {
        return Err(format!("cannot be below `/{first}`, which is the server's own"));
    }
    Ok(path.to_owned())
}

/// `"open"`, `"closed"`, or the domains whose addresses may.
pub(super) fn sign_up(raw: &Raw) -> Result<SignUp, String> {
    let wrong = || {
        "must be \"open\", \"invited\", \"closed\" or a list of domains such as [\"example.com\"]".to_owned()
    };
    match raw {
        Raw::Bool(true) => return Ok(SignUp::Open),
        Raw::Bool(false) => return Ok(SignUp::Closed),
        Raw::Text(text) | Raw::Outside(text) => match text.trim() {
            "open" | "true" | "1" => return Ok(SignUp::Open),
            "closed" | "false" | "0" => return Ok(SignUp::Closed),
            "invited" => return Ok(SignUp::Invited),
            _ => {}
        },
        _ => {}
    }
    let domains = list(raw).map_err(|_| wrong())?;
    let fits = |domain: &String| domain.contains('.') && !domain.contains(':') && is_host(domain);
    if domains.is_empty() || !domains.iter().all(fits) {
        return Err(wrong());
    }
    Ok(SignUp::Domains(domains.iter().map(|domain| domain.to_lowercase()).collect()))
}

/// By what mail leaves. What a URL of SMTP holds besides its host is looked at by whoever connects.
pub(super) fn mail_way(raw: &Raw) -> Result<MailWay, String> {
    let wrong = || {
        "must be \"smtps://mail.example.com\" (TLS), \"smtp://mail.example.com:587\" (STARTTLS), \"sendmail:\", \
         \"folder:data/mail\", \"terminal\" or \"none\""
            .to_owned()
    };
    let text = text(raw)?;
    Ok(match text.split_once(':') {
        None if text == "none" => MailWay::None,
        None if text == "terminal" => MailWay::Terminal,
        Some(("sendmail", "")) => MailWay::Sendmail("/usr/sbin/sendmail".to_owned()),
        Some(("sendmail", path)) => MailWay::Sendmail(path.to_owned()),
        Some(("folder", path)) if !path.is_empty() => MailWay::Folder(path.to_owned()),
        Some(("smtp" | "smtps", rest)) if rest.len() > 2 && rest.starts_with("//") => MailWay::Smtp(text),
        _ => return Err(wrong()),
    })
}

/// `Name <address>`, or the address alone.
pub(super) fn mail_from(raw: &Raw) -> Result<String, String> {
    let wrong = || "must be a sender such as \"Blog <hello@example.com>\"".to_owned();
    let text = text(raw)?.trim().to_owned();
    let address = match text.strip_suffix('>') {
        Some(front) => front.rsplit_once('<').ok_or_else(wrong)?.1,
        None => text.as_str(),
    };
    if is_address(address) && !text.contains(char::is_control) { Ok(text) } else { Err(wrong()) }
}
