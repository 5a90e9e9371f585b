//! Which fields a template can ask its records for.
//!
//! A record is neither printed nor walked through, so whoever wants a field of it writes its name: after a dot, in
//! brackets, or as a text that a filter takes. The names that are written anywhere in a template, and in those that it
//! extends, includes and imports, are therefore all that its page must read. Where a name is worked out while
//! rendering, or somebody looks at a record whole, nothing is known and everything is read.

use std::collections::BTreeSet;

use minijinja::Value;
use minijinja::machinery::ast::{CallArg, Expr};
use minijinja::value::ValueKind;

use crate::functions::{ACTIONS, CREATE};

/// Filters that take a field's name: as their first argument or by the keyword.
const BY_NAME: &[&str] =
    &["attr", "groupby", "map", "max", "min", "rejectattr", "selectattr", "sort", "sum", "unique"];

/// What one template, or several together, can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    names: BTreeSet<String>,
    /// Whether it may be anything.
    open: bool,
    /// Actions that `can` asks about.
    actions: BTreeSet<&'static str>,
}

impl Named {
    /// Takes in an expression; those within it come by themselves.
    pub(crate) fn take(&mut self, expr: &Expr<'_>) {
        match expr {
            Expr::GetAttr(attr) => self.add(attr.name),
            Expr::GetItem(item) => self.open |= !matches!(item.subscript_expr, Expr::Const(_)),
            Expr::Const(_) => match expr.as_const() {
                Some(value) => self.constant(&value),
                None => self.open = true,
            },
            Expr::Filter(filter) if BY_NAME.contains(&filter.name) => {
                self.open |= !filter.args.iter().enumerate().all(|(at, arg)| is_written_out(at, arg));
            }
            // It gives fields that nobody names.
            Expr::Filter(filter) if filter.name == "free" => self.open = true,
            Expr::Call(call) if matches!(&call.expr, Expr::Var(var) if var.id == "can") => {
                let asked = match call.args.first() {
                    Some(CallArg::Pos(action)) => action.as_const(),
                    _ => None,
                };
                let asked = asked.as_ref().and_then(Value::as_str);
                let may_ask = |action: &&&'static str| asked.is_none_or(|asked| asked == **action);
                self.actions.extend(ACTIONS.iter().filter(may_ask));
                // Whether one like it may be made is told by the record itself.
                let named = matches!(call.args.get(1), Some(CallArg::Pos(Expr::Const(_))));
                self.open |= may_ask(&&CREATE) && !named;
            }
            _ => {}
        }
    }

    /// Takes in what another can ask for.
    pub(crate) fn join(&mut self, other: &Named) {
        self.names.extend(other.names.iter().cloned());
        self.open |= other.open;
        self.actions.extend(&other.actions);
    }

    /// The actions that `can` asks about.
    pub(crate) fn actions(&self) -> &BTreeSet<&'static str> {
        &self.actions
    }

    /// The names, where they are known.
    pub(crate) fn names(&self) -> Option<&BTreeSet<String>> {
        (!self.open).then_some(&self.names)
    }

    fn constant(&mut self, value: &Value) {
        match (value.kind(), value.as_str()) {
            (_, Some(text)) => text.split(['.', ',']).for_each(|name| self.add(name.trim())),
            (ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Plain, None) => {
                self.open = true;
            }
            _ => {}
        }
    }

    fn add(&mut self, name: &str) {
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }
}

fn is_written_out(at: usize, arg: &CallArg<'_>) -> bool {
    match arg {
        CallArg::Pos(expr) => at > 0 || matches!(expr, Expr::Const(_)),
        CallArg::Kwarg(name, expr) => *name != "attribute" || matches!(expr, Expr::Const(_)),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::templates::testing;

    #[test]
    fn what_is_written_is_what_can_be_asked_for() {
        for (template, names) in [
            ("{{ post.title }} {{ post['slug'] }}", "slug title"),
            ("{% for p in posts|sort(attribute='author.name') %}{{ p.id }}{% endfor %}", "author id name"),
            ("{% macro show(p) %}{{ p.body }}{% endmacro %}{{ show(post) }}", "body"),
            ("{{ posts|map(attribute='title')|join(', ') }} {{ posts[0].slug }}", " slug title"),
            ("{{ posts|selectattr('featured', 'eq', yes)|length }}", "eq featured"),
            ("{{ [1, 2]|length }} {{ 'x'|date('%Y') }}", "%Y x"),
        ] {
            let named = testing::named(template);
            let found = named.names().unwrap_or_else(|| panic!("{template} is known"));
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            assert_eq!(found.join(" "), names, "{template}");
        }
    }

    #[test]
    fn what_can_is_asked_about_is_known() {
        for (template, actions) in [
            ("{% if can('update', post) %}x{% endif %}", "update"),
            ("{{ can('delete', post) or can('update', post) }}", "delete update"),
            ("{{ can(action, post) }}", "create delete update"),
            ("{{ post.title }}", ""),
        ] {
            let named = testing::named(template);
            let found: Vec<&str> = named.actions().iter().copied().collect();
            assert_eq!(found.join(" "), actions, "{template}");
        }
    }

    #[test]
    fn what_is_worked_out_while_rendering_may_be_anything() {
        for template in [
            "{{ post[name] }}",
            "{{ post['ti' ~ rest] }}",
            "{{ posts|map(attribute=name)|first }}",
            "{{ posts|sort(*how) }}",
            "{{ post|attr(name) }}",
            "{{ post|free|length }}",
        ] {
            assert!(testing::named(template).names().is_none(), "{template}");
        }
    }
}
