//! Calls: the functions of the table, and what is asked of relations.

use std::ops::Range;

use super::{Checker, Mistake, Related, Thing, Variable};
use crate::expr::functions::{self, OVERLOADS, Overload};
use crate::expr::parse::{Node, NodeKind};
use crate::expr::{Comparison, Expr, ExprKind, Function, Input, Quantifier, Type, Walk, eval};
use crate::value::{Kind, Value};

/// The largest automaton that a pattern may need, in bytes.
pub(in crate::expr) const PATTERN_BYTES: usize = 1 << 20;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        receiver: Option<&Node>,
        name: &str,
        args: &[Node],
        node: &Node,
    ) -> Option<Thing> {
        match (receiver, name) {
            (Some(Node { kind: NodeKind::Name(root), .. }), "is" | "can") if root == "user" => {
                return self.granted(name, args, node).map(Thing::Value);
            }
            (None, "has") => return self.has(args, node).map(Thing::Value),
            (None, "date") => return self.date(args, node).map(Thing::Value),
            (None, "size") if args.len() == 1 => return self.size(&args[0], node).map(Thing::Value),
            (Some(receiver), "size") if args.is_empty() => {
                return self.size(receiver, node).map(Thing::Value);
            }
            (
                Some(receiver),
                "exists" | "all" | "filter" | "exists_one" | "map" | "count" | "any" | "some" | "every",
            ) => {
                return self.on_relation(receiver, name, args, node);
            }
            _ => {}
        }
        let method = receiver.is_some();
        let overloads: Vec<&Overload> =
            OVERLOADS.iter().filter(|overload| overload.name == name && overload.method == method).collect();
        if overloads.is_empty() {
            let mistake = unknown_function(name, method, node);
            return self.wrong(mistake);
        }
        let given: Vec<Option<Expr>> = receiver.into_iter().chain(args).map(|arg| self.value(arg)).collect();
        let given: Option<Vec<Expr>> = given.into_iter().collect();
        self.apply(&overloads, given?, node).map(Thing::Value)
    }

    fn apply(&mut self, overloads: &[&Overload], given: Vec<Expr>, node: &Node) -> Option<Expr> {
        let name = overloads[0].name;
        let many = overloads[0].takes.len();
        if given.len() != many {
            let wanted = many - usize::from(overloads[0].method);
            let message = match wanted {
                0 => format!("`{name}` takes nothing in its brackets"),
                1 => format!("`{name}` takes one value in its brackets"),
                _ => format!("`{name}` takes {wanted} values in its brackets"),
            };
            return self.wrong(Mistake::new("wrong-arguments", node.name.clone(), message));
        }
        let mut args = Vec::with_capacity(many);
        for (at, arg) in given.into_iter().enumerate() {
            let wanted = overloads[0].takes[at];
            // What takes values of several kinds takes JSON as it is.
            let several = overloads.iter().any(|overload| overload.takes[at] != wanted);
            args.push(match &arg.ty {
                Type::Open => self.settle(arg, &Type::Value(wanted))?,
                Type::Value(Kind::Json) if !several && json_may_be(wanted) => self.taken_as(arg, wanted),
                _ => arg,
            });
        }
        let fits = |overload: &&&Overload| {
            overload.takes.iter().zip(&args).all(|(takes, arg)| {
                functions::accepts(*takes, &arg.ty) || arg.is_json() && json_may_be(*takes)
            })
        };
        let Some(overload) = overloads.iter().find(fits) else {
            let wrong = args.iter().enumerate().find(|(at, arg)| {
                !overloads.iter().any(|overload| functions::accepts(overload.takes[*at], &arg.ty))
            });
            let (at, arg) = wrong.unwrap_or((0, &args[0]));
            let takes: Vec<&str> =
                overloads.iter().map(|overload| super::kind_name(overload.takes[at])).collect();
            let takes = match takes.split_last() {
                Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
                _ => takes.concat(),
            };
            let message = format!("`{name}` takes {takes}, and this is {}", self.describe(&arg.ty));
            let hint = match (&arg.ty, overloads[0].takes[at]) {
                (Type::Record(_), _) => Some("name a field of the record".to_owned()),
                (Type::Value(Kind::Json), Kind::Datetime) => {
                    Some("write `timestamp(…)` around the JSON".to_owned())
                }
                (_, wanted) => super::operators::conversion(arg, &Type::Value(wanted)),
            };
            let mistake = Mistake::new("type-mismatch", arg.span.clone(), message);
            return self.wrong(Mistake { hint, ..mistake });
        };
        if overload.function == Function::Matches {
            self.pattern(&args[1])?;
        }
        let literals: Option<Vec<Value>> = args.iter().map(literal).collect();
        let kind = match literals {
            Some(values) => match eval::call(overload.function, &values) {
                Some(value) => ExprKind::Const(value),
                None => {
                    let message = format!("`{name}` cannot read this");
                    let mistake = Mistake::new("bad-literal", args[0].span.clone(), message);
                    let hint = example(overload.function).map(str::to_owned);
                    return self.wrong(Mistake { hint, ..mistake });
                }
            },
            None => ExprKind::Call(overload.function, args),
        };
        Some(self.expr(kind, Type::Value(overload.gives), &node.span))
    }

    fn pattern(&mut self, pattern: &Expr) -> Option<()> {
        let ExprKind::Const(Value::Text(text)) = &pattern.kind else {
            let mistake =
                Mistake::new("wrong-arguments", pattern.span.clone(), "a pattern must be written out");
            return self.wrong(mistake.hint("write it in quotes: `r\"^[a-z]+$\"`"));
        };
        match regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES).build() {
            Ok(_) => Some(()),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.wrong(Mistake::new("bad-literal", pattern.span.clone(), "this pattern is too large"))
            }
            Err(error) => {
                let said = error.to_string();
                let what = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.wrong(Mistake::new(
                    "bad-literal",
                    pattern.span.clone(),
                    format!("this pattern is wrong: {what}"),
                ))
            }
        }
    }

    /// `user.is("editor")` and `user.can("posts.publish")`: the name is written out, so that a wrong one is told now.
    fn granted(&mut self, name: &str, args: &[Node], node: &Node) -> Option<Expr> {
        let (what, example) = match name {
            "is" => ("role", "user.is(\"editor\")"),
            _ => ("permission", "user.can(\"posts.publish\")"),
        };
        let [Node { kind: NodeKind::Text(text), span, .. }] = args else {
            let message = format!("`user.{name}` takes one {what} that is written out");
            return self.wrong(
                Mistake::new("wrong-arguments", node.name.clone(), message)
                    .hint(format!("write `{example}`")),
            );
        };
        let roles = self.scope.models.roles().clone();
        let there: Vec<&str> =
            if name == "is" { roles.names().collect() } else { roles.permissions().collect() };
        if !there.contains(&text.as_str()) {
            let code = if name == "is" { "unknown-role" } else { "unknown-permission" };
            let mistake = Mistake::new(code, span.clone(), format!("there is no {what} `{text}`"));
            let hint = match super::names::nearest(text, there.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if name == "is" => format!("declare it in `site.toml`: `[roles] {text} = {{}}`"),
                None => format!(
                    "give it to a role in `site.toml`: `[roles] editor = {{ permissions = [\"{text}\"] }}`"
                ),
            };
            return self.wrong(mistake.hint(hint));
        }
        let input =
            if name == "is" { Input::HasRole(text.clone()) } else { Input::HasPermission(text.clone()) };
        Some(self.expr(ExprKind::Input(input), Type::Value(Kind::Bool), &node.span))
    }

    /// `date("2026-01-31")`: a literal, as fields of the type have no other.
    fn date(&mut self, args: &[Node], node: &Node) -> Option<Expr> {
        let wrong = "`date` takes one text that is written out";
        let [Node { kind: NodeKind::Text(text), span, .. }] = args else {
            return self.wrong(
                Mistake::new("wrong-arguments", node.name.clone(), wrong)
                    .hint("write `date(\"2026-01-31\")`"),
            );
        };
        match eval::date(text) {
            Some(days) => {
                Some(self.expr(ExprKind::Const(Value::Date(days)), Type::Value(Kind::Date), &node.span))
            }
            None => self.wrong(
                Mistake::new("bad-literal", span.clone(), "`date` cannot read this")
                    .hint("write `date(\"2026-01-31\")`"),
            ),
        }
    }

    /// `has(this.x)`, and of an input, that it is not null.
    fn has(&mut self, args: &[Node], node: &Node) -> Option<Expr> {
        let [arg] = args else {
            return self.wrong(Mistake::new("wrong-arguments", node.name.clone(), "`has` takes one field"));
        };
        let bool = Type::Value(Kind::Bool);
        let is_free = matches!(&arg.kind, NodeKind::Name(name) if self.is_free(name));
        if !is_free && !matches!(arg.kind, NodeKind::Select(..) | NodeKind::Index(..)) {
            let hint = match &arg.kind {
                NodeKind::Name(name) => format!("write `has(this.{name})` or `{name} != null`"),
                _ => "write `has(this.title)`".to_owned(),
            };
            let mistake =
                Mistake::new("wrong-arguments", arg.span.clone(), "`has` takes a field by a path with a dot");
            return self.wrong(mistake.hint(hint));
        }
        let expr = match self.thing(arg)? {
            Thing::Value(expr) => expr,
            _ => {
                let name = self.name_at(arg);
                let mistake = Mistake::new(
                    "relation-as-value",
                    arg.span.clone(),
                    "`has` takes a field, not a relation",
                );
                return self.wrong(mistake.hint(format!("write `size({name}) > 0`")));
            }
        };
        match expr.kind {
            ExprKind::Field(path) => return Some(self.expr(ExprKind::Has(path), bool, &node.span)),
            ExprKind::Member(of, steps) => {
                return Some(self.expr(ExprKind::HasMember(of, steps), bool, &node.span));
            }
            _ => {}
        }
        let null = self.expr(ExprKind::Const(Value::Null), Type::Null, &node.span);
        let kind = ExprKind::Compare(Comparison::NotEqual, Box::new(expr), Box::new(null));
        Some(self.expr(kind, bool, &node.span))
    }

    fn size(&mut self, of: &Node, node: &Node) -> Option<Expr> {
        let int = Type::Value(Kind::Int);
        match self.thing(of)? {
            Thing::Relation(Related { walk, of }, _) => {
                Some(self.seen_from(of, ExprKind::Count(walk, None), int, &node.span))
            }
            Thing::Filtered(Related { walk, of }, condition, _) => {
                let count = ExprKind::Count(walk, Some(Box::new(condition)));
                Some(self.seen_from(of, count, int, &node.span))
            }
            Thing::Sifted(list, condition, _) => {
                let kind = ExprKind::Each(Quantifier::Count, Box::new(list), Box::new(condition));
                Some(self.expr(kind, int, &node.span))
            }
            Thing::Value(expr) if expr.is_json() => {
                Some(self.expr(ExprKind::Call(Function::Size, vec![expr]), int, &node.span))
            }
            Thing::Root(root, span) => {
                self.wrong(Mistake::new("root-as-value", span, format!("`{root}` has no size")))
            }
            Thing::Value(expr) => {
                let overloads: Vec<&Overload> =
                    OVERLOADS.iter().filter(|overload| overload.name == "size" && !overload.method).collect();
                self.apply(&overloads, vec![expr], node)
            }
        }
    }

    fn on_relation(&mut self, receiver: &Node, name: &str, args: &[Node], node: &Node) -> Option<Thing> {
        let instead = match name {
            "exists_one" => Some("`size(tags.filter(t, …)) == 1`"),
            "map" => Some("`tags.exists(t, t.name == …)`"),
            "count" => Some("`size(tags)` or `size(tags.filter(t, …))`"),
            "any" | "some" => Some("`tags.exists(t, …)`"),
            "every" => Some("`tags.all(t, …)`"),
            _ => None,
        };
        if let Some(instead) = instead {
            let mistake =
                Mistake::new("unknown-function", node.name.clone(), format!("there is no `{name}`"));
            return self.wrong(mistake.hint(format!("write {instead}")));
        }
        let over = match self.thing(receiver)? {
            Thing::Relation(related, _) => Over::Rows(related),
            Thing::Value(list) if list.is_json() => Over::Elements(list),
            Thing::Value(expr) => {
                let message =
                    format!("`{name}` looks into a relation, and this is {}", self.describe(&expr.ty));
                let mistake = Mistake::new("type-mismatch", expr.span.clone(), message);
                return self.wrong(match expr.ty {
                    Type::Record(_) => mistake.hint("it is one record: ask by a path, `author.name == …`"),
                    _ => mistake,
                });
            }
            Thing::Filtered(_, _, span) | Thing::Sifted(_, _, span) => {
                let mistake = Mistake::new("type-mismatch", span, format!("`{name}` cannot follow `filter`"));
                return self.wrong(mistake.hint("join the conditions with `&&`"));
            }
            Thing::Root(root, span) => {
                return self.wrong(Mistake::new(
                    "root-as-value",
                    span,
                    format!("`{root}` is not a relation"),
                ));
            }
        };
        let [variable, body] = args else {
            let mistake = Mistake::new(
                "wrong-arguments",
                node.name.clone(),
                format!("`{name}` takes a name and a condition"),
            );
            return self.wrong(mistake.hint(example_of(name)));
        };
        let NodeKind::Name(variable_name) = &variable.kind else {
            let mistake = Mistake::new(
                "wrong-arguments",
                variable.span.clone(),
                "a name for each of the records belongs here",
            );
            return self.wrong(mistake.hint(example_of(name)));
        };
        if super::names::ROOTS.contains(&variable_name.as_str()) {
            let message = format!("`{variable_name}` has a meaning of its own in expressions");
            return self.wrong(
                Mistake::new("name-clash", variable.span.clone(), message).hint("choose another name"),
            );
        }
        let Related { walk, of } = match over {
            Over::Rows(related) => related,
            Over::Elements(list) => return self.on_elements(list, name, variable_name, body, node),
        };
        let outside = self.variables.len();
        // The record that the relation is of has no name, but is a row in scope.
        self.variables.extend(of.is_some().then(|| (String::new(), Variable::Row(walk.model))));
        self.variables.push((variable_name.clone(), Variable::Row(walk.to)));
        let body = self.condition(body);
        self.variables.truncate(outside);
        let body = Box::new(body?);
        let bool = Type::Value(Kind::Bool);
        Some(match name {
            "exists" => Thing::Value(self.seen_from(of, ExprKind::Exists(walk, body), bool, &node.span)),
            "all" => Thing::Value(self.seen_from(of, ExprKind::All(walk, body), bool, &node.span)),
            _ => Thing::Filtered(Related { walk, of }, *body, self.place(&node.span)),
        })
    }

    /// An expression over a relation, seen from the record that the relation is of.
    pub(super) fn seen_from(
        &self,
        record: Option<Box<Expr>>,
        kind: ExprKind,
        ty: Type,
        span: &Range<usize>,
    ) -> Expr {
        let expr = self.expr(kind, ty.clone(), span);
        match record {
            None => expr,
            Some(record) => self.expr(ExprKind::Of(record, Box::new(expr)), ty, span),
        }
    }
}

/// What an `exists` goes through.
enum Over {
    Rows(Related),
    Elements(Expr),
}

/// Whether JSON may hold a value of a kind.
fn json_may_be(kind: Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Text)
}

fn literal(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Const(value) => Some(value.clone()),
        _ => None,
    }
}

fn example(function: Function) -> Option<&'static str> {
    match function {
        Function::Timestamp => Some("write a time with its zone: `timestamp(\"2026-01-31T12:00:00Z\")`"),
        Function::Duration => {
            Some("write hours, minutes and seconds: `duration(\"36h\")`, `duration(\"1h30m\")`")
        }
        _ => None,
    }
}

fn example_of(name: &str) -> String {
    let example =
        functions::ON_RELATIONS.iter().find(|(known, _)| *known == name).map_or("", |(_, example)| example);
    format!("write `{example}`")
}

fn unknown_function(name: &str, method: bool, node: &Node) -> Mistake {
    let mistake =
        Mistake::new("unknown-function", node.name.clone(), format!("there is no function `{name}`"));
    let (globals, methods) = (functions::globals(), functions::methods());
    let lower = name.to_ascii_lowercase();
    let instead = match (lower.as_str(), method) {
        ("len" | "length" | "count", _) => Some("write `size(…)`".to_owned()),
        ("lower" | "tolower" | "tolowercase" | "upper" | "touppercase", _) => {
            Some("write `text.lowerAscii()`".to_owned())
        }
        ("not", false) => Some("write `!(…)`".to_owned()),
        ("date" | "datetime", true) => Some("write `getFullYear()`, `getMonth()` or `getDate()`".to_owned()),
        ("year" | "getyear", _) => Some("write `published_at.getFullYear()`".to_owned()),
        ("month", _) => Some("write `published_at.getMonth()`, which counts from 0".to_owned()),
        ("day" | "getday" | "getdayofmonth", _) => {
            Some("write `published_at.getDate()`, which counts from 1".to_owned())
        }
        ("now" | "today", false) => Some(format!("write `{lower}` without brackets")),
        ("datetime", false) => Some("write `timestamp(\"2026-01-31T12:00:00Z\")`".to_owned()),
        ("float" | "decimal" | "number", false) => Some("write `double(…)`".to_owned()),
        ("str" | "text", false) => Some("write `string(…)`".to_owned()),
        ("coalesce" | "ifnull", false) => Some("write `x != null ? x : …`".to_owned()),
        _ => {
            let (own, other) = if method { (&methods, &globals) } else { (&globals, &methods) };
            if let Some(near) = super::names::nearest(name, own.iter().copied()) {
                Some(format!("did you mean `{near}`?"))
            } else if other.contains(&name) {
                let form =
                    if method { format!("write `{name}(…)`") } else { format!("write `text.{name}(…)`") };
                Some(form)
            } else {
                None
            }
        }
    };
    let all = || {
        let written =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let relations: Vec<&str> = functions::ON_RELATIONS.iter().map(|(name, _)| *name).collect();
        if method {
            format!("a text or time has {}; a relation has {}", written(&methods), written(&relations))
        } else {
            format!("there is {}", written(&globals))
        }
    };
    mistake.hint(instead.unwrap_or_else(all))
}

/// The same expression seen from so many scopes further in.
pub(in crate::expr) fn shift(expr: Expr, by: usize) -> Expr {
    fn deeper(expr: Expr, by: usize, inside: usize) -> Expr {
        let Expr { mut kind, ty, span } = expr;
        match &mut kind {
            ExprKind::Field(path) | ExprKind::Has(path) if path.scope >= inside => path.scope += by,
            ExprKind::Element(scope) if *scope >= inside => *scope += by,
            ExprKind::Exists(walk, _) | ExprKind::All(walk, _) | ExprKind::Count(walk, _) => {
                shift_walk(walk, by, inside);
            }
            _ => {}
        }
        Expr { kind, ty, span }
            .map_children(&mut |child, opens| deeper(child, by, inside + usize::from(opens)))
    }
    fn shift_walk(walk: &mut Walk, by: usize, inside: usize) {
        if walk.scope >= inside {
            walk.scope += by;
        }
    }
    deeper(expr, by, 0)
}
