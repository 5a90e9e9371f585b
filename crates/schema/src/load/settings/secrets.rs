//! Values that stand elsewhere: `{ env = "NAME" }`, `{ file = "/run/secrets/name" }`, `{ secret = "name" }`; and what is
//! never drawn of those that stand in `site.toml` after all.

use super::Layered;
use crate::diagnostics::did_you_mean;
use crate::load::Secrets;
use crate::load::report::File;
use crate::load::toml::{Entry, Node, Table, Text};

/// The last words of settings that are secrets as a whole. Of a URL only its password is.
const SECRET: &[&str] =
    &["password", "signing_key", "signing_keys_old", "client_secret", "private_key", "pepper", "old_peppers"];
/// A file of a secret is no longer than this, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Whether a table stands for a value from elsewhere.
pub(super) fn is_reference(table: &Table) -> bool {
    matches!(table.entries.as_slice(), [entry] if matches!(entry.key.as_str(), "env" | "file" | "secret"))
}

impl Layered<'_> {
    /// The value that a table stands for.
    pub(super) fn referred(&self, file: File<'_>, node: &Node, table: &Table) -> Option<String> {
        let [Entry { key, value, .. }] = table.entries.as_slice() else { return no_reference(file, node) };
        match (key.as_str(), value.as_text()) {
            ("env", Some(name)) => self.variable(file, name),
            ("file", Some(path)) => self.file(file, path),
            ("secret", Some(name)) => self.kept(file, name),
            _ => no_reference(file, node),
        }
    }

    fn variable(&self, file: File<'_>, name: &Text) -> Option<String> {
        let value = self.layers.environment.get(&name.value).cloned();
        let value = value.or_else(|| self.dotenv.get(&name.value).map(|line| line.value.clone()));
        if value.is_none() {
            let message = format!("the variable `{}` is not set", name.value);
            file.error("unset-variable", &name.span, message)
                .hint(format!("set it in the environment, or write `{}=…` in `.env`", name.value));
        }
        value
    }

    /// What a file holds, without the end of its last line.
    fn file(&self, file: File<'_>, path: &Text) -> Option<String> {
        let whole = self.root.join(&path.value);
        let refuse = |what: &str| {
            file.error("secret-file", &path.span, format!("`{}` {what}", path.value))
                .hint("a relative path begins at the site's folder");
            None
        };
        match std::fs::metadata(&whole) {
            Ok(found) if !found.is_file() => return refuse("is no file"),
            Ok(found) if found.len() > MAX_BYTES => return refuse("is too long for a secret"),
            Ok(_) => {}
            Err(_) => return refuse("cannot be read"),
        }
        match std::fs::read(&whole).map(String::from_utf8) {
            Ok(Ok(text)) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Ok(Err(_)) => refuse("is not text"),
            Err(_) => refuse("cannot be read"),
        }
    }

    /// What `purlin secrets` keeps.
    fn kept(&self, file: File<'_>, name: &Text) -> Option<String> {
        let hint = format!("`purlin secrets set {}` keeps one", name.value);
        let secrets = match &self.layers.secrets {
            Secrets::Open(secrets) => secrets,
            Secrets::None => {
                let message = format!("there is no secret `{}`: the site has no `secrets.toml`", name.value);
                file.error("unknown-secret", &name.span, message).hint(hint);
                return None;
            }
            Secrets::Locked(why) => {
                file.error("locked-secrets", &name.span, format!("the secrets cannot be opened: {why}"))
                    .hint("the key stands in `data/secrets.key`, or in the variable PURLIN_SECRETS_KEY");
                return None;
            }
        };
        let value = secrets.get(&name.value).cloned();
        if value.is_none() {
            let meant = did_you_mean(&name.value, secrets.keys().map(String::as_str));
            let meant = meant.map(|name| format!("did you mean `{name}`?"));
            file.error("unknown-secret", &name.span, format!("there is no secret `{}`", name.value))
                .hint(meant.unwrap_or(hint));
        }
        value
    }
}

fn no_reference(file: File<'_>, node: &Node) -> Option<String> {
    file.error("wrong-type", &node.span, "a table cannot stand here").hint(
        "a value from elsewhere is written `{ env = \"NAME\" }`, `{ file = \"/run/secrets/name\" }` or \
         `{ secret = \"name\" }`",
    );
    None
}

/// The text in which mistakes in `site.toml` are drawn: what it holds of secrets is covered, each byte by a star. Works on
/// lines, for a file that cannot be parsed is drawn too.
pub(super) fn covered(text: &str) -> String {
    let mut until: Option<&str> = None;
    let cover = |line: &str| {
        if let Some(end) = until {
            until = until.filter(|_| !line.contains(end));
            return stars(line);
        }
        let secret = secret_in(line);
        until = secret.and_then(|value| {
            let ends = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]")];
            let (begin, end) = ends.into_iter().find(|(begin, _)| value.trim_start().starts_with(begin))?;
            let rest = value.trim_start().strip_prefix(begin)?;
            (!rest.contains(end)).then_some(end)
        });
        match secret {
            Some(value) => format!("{}{}", &line[..line.len() - value.len()], stars(value)),
            None => without_passwords(line),
        }
    };
    text.split_inclusive('\n').map(cover).collect()
}

/// What follows the `=` of a setting that is a secret, unless it says where that stands.
fn secret_in(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim().trim_matches(['"', '\'']);
    let is_secret = SECRET.contains(&key.rsplit('.').next()?.trim());
    Some(value).filter(|value| is_secret && !value.trim_start().starts_with('{'))
}

fn stars(text: &str) -> String {
    let star = |letter: char| match letter.is_ascii_whitespace() {
        true => letter.to_string(),
        false => "*".repeat(letter.len_utf8()),
    };
    text.chars().map(star).collect()
}

/// A line without what stands between a name and a host in its URLs, well-formed or not.
fn without_passwords(line: &str) -> String {
    let covered = |word: &str| {
        let (who, host) = word.rsplit_once('@')?;
        let scheme = who.find(":/").map_or(0, |at| at + 1);
        let name = scheme + who[scheme..].find(':')? + 1;
        Some(format!("{}{}@{host}", &who[..name], stars(&who[name..])))
    };
    let words = line.split_inclusive(['"', '\'', ' ', '\t']);
    words.map(|word| covered(word).unwrap_or_else(|| word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn what_is_secret_is_covered_byte_by_byte() {
        for (line, drawn) in [
            ("password = \"hunter2\" # mine\n", "password = ********* * ****\n"),
            ("mail.password=7", "mail.password=*"),
            ("password = { env = \"X\" }", "password = { env = \"X\" }"),
            ("url = \"postgres://u:hünter@2@host/db\"", "url = \"postgres://u:*********@host/db\""),
            (
                "replicas = [\"mysql://u:a@h/d\", \"mysql://u:b@h/d\"]",
                "replicas = [\"mysql://u:*@h/d\", \"mysql://u:*@h/d\"]",
            ),
            ("url = \"postgres:/u:x@host/db\"", "url = \"postgres:/u:*@host/db\""),
            ("from = \"A: <a@example.com>\"", "from = \"A: <a@example.com>\""),
            ("url = \"https://example.com\"", "url = \"https://example.com\""),
            ("signing_key = \"abc", "signing_key = ****"),
            ("private_key = \"\"\"\nab\ncd\n\"\"\"\nx = 1", "private_key = ***\n**\n**\n***\nx = 1"),
            ("client_secret = \"ab\"", "client_secret = ****"),
            ("signing_keys_old = [\n \"a\",\n \"b\"]\nc = 1", "signing_keys_old = *\n ****\n ****\nc = 1"),
        ] {
            assert_eq!(covered(line), drawn);
            assert_eq!(covered(line).len(), line.len(), "places stay");
        }
    }
}
