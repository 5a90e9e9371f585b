//! Roles: what each includes, which permissions it carries, and the groups that carry roles.
//!
//! Everything that a role stands for is worked out when the site loads. At a request a user's role and his groups are
//! looked up here, so that `user.is("editor")` and `user.can("posts.publish")` are known before any query is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

/// The role that everybody has who is signed in.
pub const USER: &str = "user";
/// The role for which every rule holds. No other includes it and no group carries it.
pub const ADMIN: &str = "admin";

/// A site's roles, permissions and groups.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    granted: IndexMap<String, Arc<Granted>>,
    permissions: BTreeSet<String>,
    groups: IndexMap<String, Vec<String>>,
    nothing: Arc<Granted>,
}

/// What somebody has: roles, those included, and their permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
}

/// A role as it is written down.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// The roles that it includes.
    pub includes: Vec<String>,
    /// Permissions of its own.
    pub permissions: Vec<String>,
}

impl Roles {
    /// Works out what roles stand for. `written` has every role of the site but `user` and `admin`, which may be there;
    /// a name that is included and not there counts for nothing, and a circle is walked once.
    #[must_use]
    pub fn new(written: &IndexMap<String, Role>, groups: IndexMap<String, Vec<String>>) -> Roles {
        let permissions: BTreeSet<String> =
            written.values().flat_map(|role| role.permissions.iter().cloned()).collect();
        let mut granted = IndexMap::new();
        for name in [USER].into_iter().chain(written.keys().map(String::as_str)) {
            let mut all = Granted::default();
            // Whatever `user` may, everybody may who is signed in.
            collect(USER, written, &mut all);
            collect(name, written, &mut all);
            granted.insert(name.to_owned(), Arc::new(all));
        }
        let roles = granted.keys().cloned().chain([ADMIN.to_owned()]).collect();
        let everything = Granted { roles, permissions: permissions.clone() };
        granted.insert(ADMIN.to_owned(), Arc::new(everything));
        Roles { granted, permissions, groups, nothing: Arc::default() }
    }

    /// The names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.granted.keys().map(String::as_str)
    }

    /// Whether there is a role of this name.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.granted.contains_key(role)
    }

    /// Every permission that some role carries.
    pub fn permissions(&self) -> impl Iterator<Item = &str> + Clone {
        self.permissions.iter().map(String::as_str)
    }

    /// The groups, each with the roles that it carries.
    #[must_use]
    pub fn groups(&self) -> &IndexMap<String, Vec<String>> {
        &self.groups
    }

    /// What a role stands for; one that the site does not have (any more) stands for nothing.
    #[must_use]
    pub fn of(&self, role: &str) -> &Arc<Granted> {
        self.granted.get(role).unwrap_or(&self.nothing)
    }

    /// What somebody has with a role who is in groups.
    #[must_use]
    pub fn of_member<'group>(&self, role: &str, groups: impl Iterator<Item = &'group str>) -> Arc<Granted> {
        let mut all = self.of(role).clone();
        for role in groups.filter_map(|group| self.groups.get(group)).flatten() {
            let carried = self.of(role);
            if !all.covers(carried) {
                let both = Arc::make_mut(&mut all);
                both.roles.extend(carried.roles.iter().cloned());
                both.permissions.extend(carried.permissions.iter().cloned());
            }
        }
        all
    }

    /// The roles that include a role, besides itself and `admin`.
    #[must_use]
    pub fn including(&self, role: &str) -> Vec<&str> {
        let others = self.granted.iter().filter(|(name, granted)| {
            name.as_str() != role && name.as_str() != ADMIN && granted.has_role(role)
        });
        others.map(|(name, _)| name.as_str()).collect()
    }
}

impl Granted {
    /// Whether the role is his, or included in one that is.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether one of his roles carries the permission.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Whether every role and permission of another is also his.
    #[must_use]
    pub fn covers(&self, other: &Granted) -> bool {
        other.roles.is_subset(&self.roles) && other.permissions.is_subset(&self.permissions)
    }

    /// All his roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    /// All his permissions.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.iter().map(String::as_str)
    }
}

fn collect(name: &str, written: &IndexMap<String, Role>, all: &mut Granted) {
    if !all.roles.insert(name.to_owned()) {
        return;
    }
    let Some(role) = written.get(name) else { return };
    all.permissions.extend(role.permissions.iter().cloned());
    for included in &role.includes {
        if included == USER || written.contains_key(included) {
            collect(included, written, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(list: &[(&str, &[&str], &[&str])], groups: &[(&str, &[&str])]) -> Roles {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let written = list.iter().map(|(name, includes, permissions)| {
            let role = Role { includes: texts(includes), permissions: texts(permissions) };
            ((*name).to_owned(), role)
        });
        let groups = groups.iter().map(|(name, roles)| ((*name).to_owned(), texts(roles)));
        Roles::new(&written.collect(), groups.collect())
    }

    #[test]
    fn a_role_has_what_it_includes_and_what_everybody_has() {
        let roles = roles(
            &[
                ("user", &[], &["comments.write"]),
                ("author", &[], &["posts.write"]),
                ("editor", &["author"], &["posts.publish"]),
                ("chief", &["editor"], &[]),
            ],
            &[("desk", &["editor"])],
        );
        let chief = roles.of("chief");
        assert!(chief.has_role("author") && chief.has_role("user") && !chief.has_role("admin"));
        assert!(chief.has_permission("posts.write") && chief.has_permission("comments.write"));
        assert!(!roles.of("author").has_permission("posts.publish"));
        assert!(roles.of("admin").has_permission("posts.publish") && roles.of("admin").has_role("chief"));
        assert!(!roles.of("gone").has_role("user"));
        assert_eq!(roles.including("author"), ["editor", "chief"]);
        let member = roles.of_member("user", ["desk", "nowhere"].into_iter());
        assert!(member.has_permission("posts.publish") && member.has_role("author"));
        assert!(chief.covers(&member) && !member.covers(chief));
    }

    #[test]
    fn a_circle_ends() {
        let roles = roles(&[("a", &["b"], &["x"]), ("b", &["a"], &["y"])], &[]);
        assert!(roles.of("a").has_permission("y") && roles.of("b").has_permission("x"));
    }
}
