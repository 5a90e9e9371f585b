//! What is looked for, in the order in which it is told.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use purlin_engine::access::{Verdict, Who};
use purlin_schema::expr::{Comparison, ExprKind};
use purlin_schema::model::{AuditLog, Rule, Source};
use purlin_schema::settings::{MailWay, Network, SignUp};
use purlin_schema::{Expr, Input, Value};

use super::{Check, Level, Looked};

type Places = Vec<(String, String)>;

const SITE: &str = "site.toml";

fn at(file: impl Into<String>, what: impl Into<String>) -> (String, String) {
    (file.into(), what.into())
}

fn when(holds: bool, file: &str, what: impl Into<String>) -> Places {
    if holds { vec![at(file, what)] } else { Vec::new() }
}

/// Everything that is looked for.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "PUR-S001",
        level: Level::Unsafe,
        why: "at these levels the log has addresses, paths and what requests asked for, and grows with every request",
        mend: "leave `PURLIN_LOG` out, or set it to info or warn",
        look: |looked| {
            let level = crate::logging::asked().map(|level| ("environment", level));
            let file = fs::read_to_string(looked.site.root.join(".env")).unwrap_or_default();
            let line = file.lines().find_map(|line| line.trim().strip_prefix("PURLIN_LOG="));
            let level = level.or_else(|| line.map(|line| (".env", line.to_owned())));
            let Some((file, level)) = level else { return Vec::new() };
            let loud = level.contains("debug") || level.contains("trace");
            when(loud, file, format!("`PURLIN_LOG` is {level:?}: debugging is on"))
        },
    },
    Check {
        id: "PUR-S002",
        level: Level::Unsafe,
        why: "the site's own address is what cookies, links in mails and the check of hosts are made of",
        mend: "set `[site] url = \"https://example.com\"`",
        look: |looked| {
            let settings = &looked.site.settings;
            let refused = match settings.server.hosts.is_empty() {
                true => ", so requests for any name but this machine's own are refused, and",
                false => ", so",
            };
            when(
                settings.site.url.is_none(),
                SITE,
                format!("`site.url` is not set{refused} cookies are not `Secure`"),
            )
        },
    },
    Check {
        id: "PUR-S003",
        level: Level::Unsafe,
        why: "over plain http passwords and sessions can be read and changed on the way",
        mend: "put a proxy that speaks TLS in front, and write `url = \"https://…\"`",
        look: |looked| {
            let url = looked.site.settings.site.url.as_deref().unwrap_or_default();
            let host = url.strip_prefix("http://").unwrap_or_default();
            when(!host.is_empty() && !is_here(host), SITE, format!("`site.url` is {url}: plain http"))
        },
    },
    Check {
        id: "PUR-S004",
        level: Level::Unsafe,
        why: "Purlin speaks http: whoever reaches the port directly comes without TLS, and all who come through the proxy have one address",
        mend: "listen on 127.0.0.1 behind a proxy on this machine, or name the proxy in `server.trusted_proxies`",
        look: |looked| {
            let server = &looked.site.settings.server;
            let open = !server.listen.ip().is_loopback() && server.trusted_proxies.is_empty();
            when(open, SITE, format!("listens on {} and no proxy is trusted", server.listen))
        },
    },
    Check {
        id: "PUR-S005",
        level: Level::Unsafe,
        why: "whoever can guess the signing key can forge cursors, messages and links",
        mend: "take `openssl rand -base64 32`, and give it as `{ secret = … }` or `{ env = … }`; or leave it out for one that Purlin makes",
        look: |looked| {
            let Some(key) = &looked.site.settings.server.signing_key else { return Vec::new() };
            let text = key.reveal().to_lowercase();
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters.dedup();
            let usual = ["secret", "change", "example", "password", "0123456789", "abcdef"];
            let weak = letters.len() < 12 || usual.iter().any(|word| text.contains(word));
            when(weak, SITE, "`server.signing_key` can be guessed")
        },
    },
    Check {
        id: "PUR-S006",
        level: Level::Unsafe,
        why: "a file that is committed is read by everybody who has the repository, and by whoever finds a copy",
        mend: "write `{ secret = \"name\" }` and keep it by `purlin secrets`, or `{ env = \"NAME\" }`",
        look: |looked| written_secrets(&looked.site.root),
    },
    Check {
        id: "PUR-S007",
        level: Level::Unsafe,
        why: "the pages of every other site may use the API of whoever can reach it",
        mend: "name the origins in `[cors] origins`",
        look: |looked| when(looked.site.settings.cors.everybody, SITE, "`cors.origins` has \"*\""),
    },
    Check {
        id: "PUR-S008",
        level: Level::Unsafe,
        why: "an origin over plain http can be anybody's on the way, and he then acts with the visitor's cookies",
        mend: "name the origin with https, or leave `cors.credentials` out",
        look: |looked| {
            let cors = &looked.site.settings.cors;
            let plain = cors.origins.iter().filter(|origin| origin.starts_with("http://"));
            plain
                .filter(|_| cors.credentials)
                .map(|origin| at(SITE, format!("`cors.origins` has {origin} with credentials")))
                .collect()
        },
    },
    Check {
        id: "PUR-S009",
        level: Level::Unsafe,
        why: "whoever comes by, programs too, may write here without an account",
        mend: "ask for `user != null`, or limit the route in `[limits.routes]` and accept this finding for the file",
        look: public_writes,
    },
    Check {
        id: "PUR-S010",
        level: Level::Unsafe,
        why: "whoever signs up gets, or takes, rights that only the owner should give",
        mend: "leave `role` to administrators and its default at `user`, or close sign-up",
        look: sign_up_with_roles,
    },
    Check {
        id: "PUR-S011",
        level: Level::Unsafe,
        why: "accounts are made under addresses of others, who then cannot have one",
        mend: "set `[mail] url`, and leave `accounts.verify` on; or `signup = \"invited\"`",
        look: |looked| {
            let accounts = &looked.site.settings.accounts;
            when(
                accounts.signup.is_open() && !accounts.verify,
                SITE,
                "sign-up is open and no address is verified",
            )
        },
    },
    Check {
        id: "PUR-S012",
        level: Level::Unsafe,
        why: "nobody gets the mails that links for passwords and addresses come in",
        mend: "set `[mail] url = \"smtps://…\"`",
        look: |looked| {
            let way = match &looked.site.settings.mail.way {
                MailWay::None => "no mail is sent: `mail.url` is not set",
                MailWay::Terminal => "mail goes to the terminal",
                MailWay::Folder(_) => "mail goes to a folder",
                MailWay::Sendmail(_) | MailWay::Smtp(_) => return Vec::new(),
            };
            vec![at(SITE, way)]
        },
    },
    Check {
        id: "PUR-S013",
        level: Level::Unsafe,
        why: "everything that the site keeps goes over that network in the clear, its password too",
        mend: "add `?sslmode=verify-full` to the URL",
        look: |looked| {
            let database = &looked.site.settings.database;
            let all = [&database.url].into_iter().chain(&database.replicas);
            let open = all.filter(|url| is_open_database(url));
            open.map(|url| {
                at(
                    SITE,
                    format!(
                        "{} is on another machine without TLS that is required",
                        purlin_schema::settings::without_password(url)
                    ),
                )
            })
            .collect()
        },
    },
    Check {
        id: "PUR-S014",
        level: Level::Unsafe,
        why: "a disk that fails or a wrong command takes everything along",
        mend: "copy the database elsewhere every day and try to restore it; then write `[deploy] backup = \"how\"`",
        look: |looked| {
            when(
                looked.site.settings.deploy.backup.is_none(),
                SITE,
                "nothing says how the database is backed up",
            )
        },
    },
    Check {
        id: "PUR-S015",
        level: Level::Unsafe,
        why: "every account of the machine can read what the site keeps, or its keys",
        mend: "`chmod -R o-rwx data`, `chmod 600 .env`",
        look: readable_by_all,
    },
    Check {
        id: "PUR-S016",
        level: Level::Unsafe,
        why: "passwords can be tried as fast as the machine hashes",
        mend: "leave `[limits]` as it is, or nearer to it; exempt addresses of your own alone",
        look: |looked| {
            let limits = &looked.site.settings.limits;
            let mut places = when(
                limits.exempt.iter().any(Network::is_everybody),
                SITE,
                "`limits.exempt` has every address",
            );
            for (name, rate, most) in [
                ("wrong_passwords", limits.wrong_passwords, 100),
                ("wrong_passwords_address", limits.wrong_passwords_address, 1_000),
                ("wrong_passwords_account", limits.wrong_passwords_account, 2_000),
            ] {
                let an_hour = u64::from(rate.count) * 3600 / rate.window.as_secs().max(1);
                places.extend(when(
                    an_hour > most,
                    SITE,
                    format!("`limits.{name}` lets {an_hour} be tried an hour"),
                ));
            }
            places
        },
    },
    Check {
        id: "PUR-S017",
        level: Level::Unsafe,
        why: "the password stands in the site's files, and often in the documentation",
        mend: "delete the accounts, or give them other passwords and addresses",
        look: demo_accounts,
    },
    Check {
        id: "PUR-S018",
        level: Level::Unsafe,
        why: "whoever writes `X-Forwarded-For` himself chooses the address that limits and logs see",
        mend: "name the proxy's own address in `server.trusted_proxies`",
        look: |looked| {
            let all = looked.site.settings.server.trusted_proxies.iter().any(Network::is_everybody);
            when(all, SITE, "`server.trusted_proxies` trusts every address")
        },
    },
    Check {
        id: "PUR-S019",
        level: Level::Unsafe,
        why: "`serve` refuses to start on a database that is behind",
        mend: "run `purlin migrate new --name NAME`, look at the file, and commit it",
        look: |looked| {
            let what = format!(
                "the models ask for more than the migrations say; run `purlin migrate new{} --name NAME`",
                looked.argument
            );
            when(looked.is_unwritten, "migrations/", what)
        },
    },
    Check {
        id: "PUR-S020",
        level: Level::Unsafe,
        why: "after an incident nobody can tell who signed in, from where, and whose role was changed",
        mend: "leave `[audit] log` out, or set it to \"security\" or \"all\"",
        look: |looked| when(looked.site.settings.audit.log == AuditLog::Off, SITE, "`audit.log` is off"),
    },
    Check {
        id: "PUR-S021",
        level: Level::Review,
        why: "what `|safe` prints is markup: whoever can change it runs scripts on every visitor's page",
        mend: "print it plainly or by `|markdown`; where it is your own text alone, accept this finding for the file",
        look: |looked| {
            let mut places = Vec::new();
            for template in looked.site.templates.values() {
                for (number, line) in template.source.lines().enumerate().filter(|(_, line)| is_safe(line)) {
                    let what = format!("line {} uses `|safe`: {}", number + 1, line.trim());
                    places.push(at(template.file.display().to_string(), what));
                }
            }
            places
        },
    },
    Check {
        id: "PUR-S022",
        level: Level::Review,
        why: "everybody who may see the page sees these records, whatever the model's rules say",
        mend: "leave `rules = false` out, or accept this finding for the file",
        look: |looked| {
            let mut places = Vec::new();
            for page in looked.site.pages.values() {
                for (name, data) in page.data.iter().filter(|(_, data)| !data.rules) {
                    let model = &looked.site.models.get(data.query.model).name;
                    let what = format!("`data.{name}` reads {model} without access rules (`rules = false`)");
                    places.push(at(page.file.display().to_string(), what));
                }
            }
            places
        },
    },
    Check {
        id: "PUR-S023",
        level: Level::Review,
        why: "`==` compares a text: whoever has a role that includes this one is refused, or let in by `!=`",
        mend: "write `user.is(\"…\")`",
        look: compared_roles,
    },
    Check {
        id: "PUR-S024",
        level: Level::Review,
        why: "a device that is lost or sold stays signed in for that long",
        mend: "set `accounts.session_days` to 90 or less",
        look: |looked| {
            let days = looked.site.settings.accounts.session_days;
            when(days > 90, SITE, format!("a session that nobody uses lives for {days} days"))
        },
    },
];

/// Whether a line of a template has the filter.
fn is_safe(line: &str) -> bool {
    line.match_indices('|').any(|(at, _)| {
        let rest = line[at + 1..].trim_start().strip_prefix("safe");
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split([':', '/', '?']).next().unwrap_or_default(),
    };
    name.is_empty()
        || name == "localhost"
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_open_database(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    if !matches!(scheme, "postgres" | "postgresql" | "mysql" | "mariadb") {
        return false;
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let mode = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("sslmode=").or_else(|| pair.strip_prefix("ssl-mode=")));
    let certified = query.split('&').any(|pair| pair.starts_with("sslrootcert="));
    let required = mode.is_some_and(|mode| {
        matches!(
            mode.to_ascii_lowercase().as_str(),
            "require" | "required" | "verify-ca" | "verify_ca" | "verify-full" | "verify_identity"
        )
    });
    !is_here(host) && !required && !certified
}

/// Secrets that stand in `site.toml` as they are.
fn written_secrets(root: &Path) -> Places {
    let text = fs::read_to_string(root.join(SITE)).unwrap_or_default();
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let mut sections = vec![&table];
    let overrides = table.get("env").and_then(|env| env.get("production")).and_then(toml::Value::as_table);
    sections.extend(overrides);
    let mut places = Vec::new();
    for section in sections {
        let text = |path: [&str; 2]| {
            section.get(path[0]).and_then(|part| part.get(path[1])).and_then(toml::Value::as_str)
        };
        for path in [["server", "signing_key"], ["mail", "password"], ["accounts", "pepper"]] {
            if text(path).is_some() {
                places.push(at(SITE, format!("`{}` stands there as it is", path.join("."))));
            }
        }
        for path in [["database", "url"], ["mail", "url"]] {
            let user =
                text(path).and_then(|url| url.split_once("://")).and_then(|(_, rest)| rest.rsplit_once('@'));
            if user.is_some_and(|(user, _)| user.contains(':')) {
                places.push(at(SITE, format!("`{}` has a password in it", path.join("."))));
            }
        }
    }
    places
}

fn public_writes(looked: &Looked<'_>) -> Places {
    let mut places = Vec::new();
    for model in looked.site.models.iter().filter(|model| !model.internal) {
        let access = &model.access;
        for (action, rule) in
            [("create", &access.create), ("update", &access.update), ("delete", &access.delete)]
        {
            let verdict = Verdict::of(rule, Who::Visitor);
            let open = verdict.is_always() || (action != "create" && !verdict.is_never());
            if open {
                let what = format!("everybody may {action} {}, without an account", model.name);
                places.push(at(format!("models/{}.toml", model.name), what));
            }
        }
    }
    places
}

fn sign_up_with_roles(looked: &Looked<'_>) -> Places {
    let site = looked.site;
    let users = site.models.users();
    if matches!(site.settings.accounts.signup, SignUp::Closed | SignUp::Invited) {
        return Vec::new();
    }
    let Some(role) = users.field_named("role") else { return Vec::new() };
    let file = "models/users.toml";
    let usual = match &role.default {
        Some(Source::Literal(Value::Text(text))) => &**text == "user",
        _ => false,
    };
    let mut places = when(!usual, file, "whoever signs up gets another role than `user`");
    let writable = [Who::Visitor, Who::User].iter().any(|who| !Verdict::of(&role.write, *who).is_never());
    places.extend(when(writable, file, "`role` may be written by others than administrators"));
    let carried: Vec<&str> =
        site.settings.roles.of("user").permissions().filter(|name| *name == "users.invite").collect();
    places.extend(when(
        !carried.is_empty(),
        SITE,
        "everybody who signs up may invite others (`users.invite`)",
    ));
    places
}

#[cfg(unix)]
fn readable_by_all(looked: &Looked<'_>) -> Places {
    use std::os::unix::fs::PermissionsExt as _;
    let root = &looked.site.root;
    let mode = |name: &str| fs::metadata(root.join(name)).ok().map(|file| file.permissions().mode() & 0o777);
    let mut places = Vec::new();
    for (name, mask) in
        [("data", 0o007), ("data/site.db", 0o007), ("data/secret.key", 0o077), (".env", 0o007)]
    {
        // What lies in a folder that nobody enters is nobody's to read.
        let closed =
            name.starts_with("data/") && mode("data").is_some_and(|mode| mode & 0o007 == 0) && mask == 0o007;
        if let Some(mode) = mode(name).filter(|mode| mode & mask != 0 && !closed) {
            places.push(at(name, format!("its mode is {mode:03o}: others may read it")));
        }
    }
    places
}

#[cfg(not(unix))]
fn readable_by_all(_: &Looked<'_>) -> Places {
    Vec::new()
}

/// Accounts of `seeds/` that are in the database.
fn demo_accounts(looked: &Looked<'_>) -> Places {
    let site = looked.site;
    let Ok(entries) = fs::read_dir(site.root.join("seeds")) else { return Vec::new() };
    let mut emails: Vec<String> = Vec::new();
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("users.")) {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let words = text.split(|c: char| c.is_whitespace() || "\"',;:[]{}=".contains(c));
        emails.extend(words.filter(|word| word.contains('@')).map(str::to_lowercase));
    }
    // A file that is not there is not made by looking.
    if let Some(path) = site.settings.database.url.strip_prefix("sqlite:")
        && !site.root.join(path).exists()
    {
        return Vec::new();
    }
    emails.sort();
    emails.dedup();
    if emails.is_empty() {
        return Vec::new();
    }
    let known = crate::commands::user::known_addresses(site, &emails).unwrap_or_default();
    known
        .into_iter()
        .map(|email| at("seeds/", format!("the demo account {email} is in the database")))
        .collect()
}

fn compared_roles(looked: &Looked<'_>) -> Places {
    let site = looked.site;
    let mut places = Vec::new();
    let mut look = |file: String, expr: &Expr| {
        let mut named = Vec::new();
        compared(site, expr, &mut named);
        for role in named {
            let others = site.settings.roles.including(&role).join(", ");
            places.push(at(
                file.clone(),
                format!("`user.role` is compared with \"{role}\", which {others} include"),
            ));
        }
    };
    for model in site.models.iter().filter(|model| !model.internal) {
        let file = format!("models/{}.toml", model.name);
        let access = &model.access;
        let rules = [&access.read, &access.create, &access.update, &access.delete].into_iter();
        let fields = model.fields.iter().flat_map(|field| [&field.read, &field.write]);
        for rule in rules.chain(fields) {
            if let Rule::When(rule) = rule {
                look(file.clone(), rule);
            }
        }
    }
    for page in site.pages.values() {
        if let Some(rule) = &page.require {
            look(page.file.display().to_string(), rule);
        }
    }
    places.sort();
    places.dedup();
    places
}

fn compared(site: &purlin_schema::Site, expr: &Expr, named: &mut Vec<String>) {
    let role = site.models.users().field_named("role").map(|field| field.id);
    let is_role =
        |expr: &Expr| matches!(&expr.kind, ExprKind::Input(Input::User(field)) if Some(*field) == role);
    let mut take = |other: &Expr| {
        if let ExprKind::Const(Value::Text(text)) = &other.kind
            && !site.settings.roles.including(text).is_empty()
            && &**text != purlin_schema::roles::USER
        {
            named.push(text.to_string());
        }
    };
    match &expr.kind {
        ExprKind::Compare(Comparison::Equal | Comparison::NotEqual, left, right) if is_role(left) => {
            take(right);
        }
        ExprKind::Compare(Comparison::Equal | Comparison::NotEqual, left, right) if is_role(right) => {
            take(left);
        }
        // A list that names every role which includes this one says what it means.
        ExprKind::InList(item, list) if is_role(item) => {
            let has = |name: &str| {
                list.iter()
                    .any(|one| matches!(&one.kind, ExprKind::Const(Value::Text(text)) if &**text == name))
            };
            for one in list {
                if let ExprKind::Const(Value::Text(text)) = &one.kind
                    && !site.settings.roles.including(text).iter().all(|other| has(other))
                {
                    take(one);
                }
            }
        }
        _ => {}
    }
    expr.children().for_each(|child| compared(site, child, named));
}
