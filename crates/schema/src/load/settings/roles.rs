//! `[roles]` and `[groups]`: what roles include and may do, and which groups carry them.

use std::ops::Range;

use indexmap::IndexMap;

use super::Layered;
use crate::diagnostics::did_you_mean;
use crate::load::names::is_name;
use crate::load::toml::{Entry, Text, View};
use crate::roles::{ADMIN, Role, Roles, USER};

/// The two tables as they stand in `site.toml`.
#[derive(Clone, Copy, Default)]
pub(super) struct Tables<'a> {
    pub(super) roles: Option<View<'a>>,
    pub(super) groups: Option<View<'a>>,
}

/// A name that is used, with where.
type Use<'a> = (&'a str, &'a Range<usize>);

impl<'a> Layered<'a> {
    /// The roles of `accounts.roles` and of `[roles]`, worked out.
    pub(super) fn roles(&self, listed: &[String]) -> Roles {
        let mut written: IndexMap<String, Role> =
            listed.iter().map(|name| (name.clone(), Role::default())).collect();
        let mut included: Vec<(&'a str, Vec<Use<'a>>)> = Vec::new();
        if let Some(view) = self.tables.roles {
            for entry in &view.table.entries {
                if let Some((role, uses)) = role(view, entry) {
                    included.push((entry.key.as_str(), uses));
                    written.insert(entry.key.clone(), role);
                }
            }
            let known = |name: &str| name == USER || written.contains_key(name);
            for (_, uses) in &included {
                unknown_roles(view, uses, &known, &written);
            }
            refuse_cycles(view, &included);
        }
        let mut groups = IndexMap::new();
        if let Some(view) = self.tables.groups {
            for entry in &view.table.entries {
                let Some(uses) = group(view, entry) else { continue };
                unknown_roles(view, &uses, &|name| written.contains_key(name), &written);
                groups.insert(entry.key.clone(), uses.iter().map(|(name, _)| (*name).to_owned()).collect());
            }
        }
        Roles::new(&written, groups)
    }
}

/// The names that `[roles]` adds to those of `accounts.roles`.
pub(super) fn names(tables: &Tables<'_>) -> Vec<String> {
    let entries = tables.roles.iter().flat_map(|view| &view.table.entries);
    let names =
        entries.map(|entry| &entry.key).filter(|name| is_name(name) && *name != USER && *name != ADMIN);
    names.cloned().collect()
}

fn role<'a>(view: View<'a>, entry: &'a Entry) -> Option<(Role, Vec<Use<'a>>)> {
    let Entry { key, key_span, .. } = entry;
    if key == ADMIN {
        view.file
            .error(
                "bad-role",
                key_span,
                "`admin` passes every rule and has every permission: nothing is said of it",
            )
            .hint("give the permissions to another role");
        return None;
    }
    check_name(view, "role", entry)?;
    let table = view.table(key, "a role")?;
    table.known(&["includes", "permissions"]);
    let includes = table.texts("includes").unwrap_or_default();
    let permissions = table.texts("permissions").unwrap_or_default();
    for permission in &permissions {
        if !is_permission(&permission.value) {
            let message = format!("`{}` is not the name of a permission", permission.value);
            view.file
                .error("bad-permission", &permission.span, message)
                .hint("write what it is about and what may be done: \"posts.publish\"");
        }
    }
    let texts = |list: &[&Text]| list.iter().map(|text| text.value.clone()).collect();
    let role = Role { includes: texts(&includes), permissions: texts(&permissions) };
    Some((role, includes.into_iter().map(|text| (text.value.as_str(), &text.span)).collect()))
}

fn group<'a>(view: View<'a>, entry: &'a Entry) -> Option<Vec<Use<'a>>> {
    check_name(view, "group", entry)?;
    let table = view.table(&entry.key, "a group")?;
    table.known(&["roles"]);
    let Some(roles) = table.texts("roles") else {
        if table.node("roles").is_none() {
            table.missing("roles", "roles = [\"editor\"]");
        }
        return None;
    };
    Some(roles.into_iter().map(|text| (text.value.as_str(), &text.span)).collect())
}

fn check_name(view: View<'_>, what: &str, entry: &Entry) -> Option<()> {
    if is_name(&entry.key) {
        return Some(());
    }
    view.file
        .error("bad-name", &entry.key_span, format!("`{}` cannot be the name of a {what}", entry.key))
        .hint("small letters, digits and `_` make a name");
    None
}

fn unknown_roles(
    view: View<'_>,
    uses: &[Use<'_>],
    known: &dyn Fn(&str) -> bool,
    written: &IndexMap<String, Role>,
) {
    for (name, span) in uses {
        if *name == ADMIN {
            view.file
                .error(
                    "bad-role",
                    span,
                    "`admin` passes every rule: no role includes it and no group carries it",
                )
                .hint("an administrator's own role is `admin`: `purlin user role`");
        } else if !known(name) {
            let noted = view.file.error("unknown-role", span, format!("there is no role `{name}`"));
            let names = written.keys().map(String::as_str);
            match did_you_mean(name, names) {
                Some(near) => noted.hint(format!("did you mean `{near}`?")),
                None => noted.hint(format!("declare it: `[roles] {name} = {{ permissions = [] }}`")),
            }
        }
    }
}

/// A role that includes itself on whatever way; each circle is told once, where it closes.
fn refuse_cycles(view: View<'_>, included: &[(&str, Vec<Use<'_>>)]) {
    fn visit<'r>(
        view: View<'_>,
        name: &'r str,
        included: &'r [(&str, Vec<Use<'_>>)],
        open: &mut Vec<&'r str>,
        done: &mut Vec<&'r str>,
    ) {
        if done.contains(&name) {
            return;
        }
        open.push(name);
        let uses = included.iter().find(|(role, _)| *role == name).map_or(&[][..], |(_, uses)| uses);
        for (other, span) in uses {
            if let Some(at) = open.iter().position(|role| role == other) {
                let way = format!("{} → {other}", open[at..].join(" → "));
                view.file
                    .error("role-cycle", span, format!("`{other}` includes itself: {way}"))
                    .hint("leave one of them out");
            } else {
                visit(view, other, included, open, done);
            }
        }
        open.pop();
        done.push(name);
    }
    let (mut open, mut done) = (Vec::new(), Vec::new());
    for (name, _) in included {
        visit(view, name, included, &mut open, &mut done);
    }
}

/// `posts.publish`: names with dots between them.
fn is_permission(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.split('.').all(is_name)
}
