//! Names in templates, checked when the site loads: filters, functions, templates, routes, files, forms.
//!
//! What only a rendering can tell is left to it: the fields of records, names that a partial gets from its page.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use minijinja::machinery::ast::{CallArg, Expr, Spanned, Stmt};
use purlin_schema::diagnostics::Severity;
use purlin_schema::page::Page;
use purlin_schema::{Diagnostic, Site};

use crate::escape::{Language, range};
use crate::functions::Links;
use crate::named::Named;
use crate::text::suggest;
use crate::value::root;
use crate::{filters, functions};

/// What is known of one template besides its text.
pub(crate) struct Known<'site> {
    pub(crate) site: &'site Site,
    pub(crate) links: &'site Links,
    /// Templates of Purlin's own, which may be named too.
    pub(crate) own: &'static [(&'static str, &'static str)],
    /// Its name.
    pub(crate) name: &'site str,
    /// Its file.
    pub(crate) file: &'site Path,
}

/// What the check of one template gives.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) mistakes: Vec<Diagnostic>,
    /// The template that it extends.
    pub(crate) extends: Option<String>,
    /// Every template that it names.
    pub(crate) templates: BTreeSet<String>,
    /// Whether it calls `csp_nonce()`.
    pub(crate) nonce: bool,
    /// Names that it gives a value.
    pub(crate) assigned: BTreeSet<String>,
    /// What it can ask records for.
    pub(crate) named: Named,
    /// Names that it reads and does not set, with the first place.
    pub(crate) read: Vec<(String, Range<usize>)>,
}

/// Checks the names in one template.
pub(crate) fn check(known: &Known<'_>, template: &Stmt<'_>) -> Names {
    let mut found = Names::default();
    let mut assigned = BTreeSet::new();
    walk(template, &mut |node| match node {
        Node::Assign(name) => {
            assigned.insert(name.to_owned());
        }
        Node::Stmt(_) | Node::Expr(_) => {}
    });
    found.assigned = assigned;
    walk(template, &mut |node| match node {
        Node::Stmt(stmt) => statement(known, stmt, &mut found),
        Node::Expr(expr) => {
            expression(known, expr, &mut found);
            found.named.take(expr);
        }
        Node::Assign(_) => {}
    });
    found
}

/// Names that a page reads and nothing gives it. `outer` are those that its layouts set.
pub(crate) fn check_undefined(known: &Known<'_>, page: &Page, names: &mut Names, outer: &BTreeSet<String>) {
    let is_known = |name: &str| {
        page.data.contains_key(name)
            || outer.contains(name)
            || root::NAMES.contains(&name)
            || functions::names().any(|function| function == name)
            || matches!(name, "loop" | "self" | "super" | "caller")
    };
    let mut said = BTreeSet::new();
    for (name, span) in std::mem::take(&mut names.read) {
        if is_known(&name) || !said.insert(name.clone()) {
            continue;
        }
        let there = page
            .data
            .keys()
            .map(String::as_str)
            .chain(root::NAMES.into_iter().filter(|name| !name.starts_with('_')));
        let hint = match suggest::nearest(&name, there) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it in the front matter: [data.{name}]"),
        };
        names.mistakes.push(
            Diagnostic::error(
                "undefined-name",
                known.file,
                span,
                format!("`{name}` is not defined on this page"),
            )
            .hint(hint),
        );
    }
}

fn statement(known: &Known<'_>, stmt: &Stmt<'_>, found: &mut Names) {
    match stmt {
        Stmt::Extends(extends) => {
            let names = reference(known, &extends.name, false, found);
            found.extends = names.into_iter().next();
        }
        Stmt::Include(include) => {
            reference(known, &include.name, include.ignore_missing, found);
        }
        Stmt::Import(import) => {
            reference(known, &import.expr, false, found);
        }
        Stmt::FromImport(import) => {
            reference(known, &import.expr, false, found);
        }
        _ => {}
    }
}

/// The templates that an expression names. They must be known now, so that their escaping is.
fn reference(known: &Known<'_>, expr: &Expr<'_>, may_miss: bool, found: &mut Names) -> Vec<String> {
    let mut names = Vec::new();
    let mut mistake = |span, message, hint: String| {
        found.mistakes.push(Diagnostic::error("unknown-template", known.file, span, message).hint(hint));
    };
    let Some(literals) = literals(expr) else {
        let hint =
            "write its name out; to choose among several: {% include \"a.html\" if x else \"b.html\" %}";
        mistake(range(expr.span()), "which template this is cannot be told now".to_owned(), hint.to_owned());
        return names;
    };
    for (name, span) in literals {
        let there =
            known.site.templates.keys().map(String::as_str).chain(known.own.iter().map(|(name, _)| *name));
        if !there.clone().any(|known| known == name) {
            if !may_miss {
                mistake(span, format!("there is no template `{name}`"), suggest::hint(&name, there));
            }
        } else if Language::of(&name) != Language::of(known.name) {
            mistake(
                span,
                format!(
                    "`{name}` is written in another language than `{}`, and escaped otherwise",
                    known.name
                ),
                "use templates of one kind together".to_owned(),
            );
        } else {
            found.templates.insert(name.clone());
            names.push(name);
        }
    }
    names
}

/// The texts that an expression may be, where they are written out.
fn literals(expr: &Expr<'_>) -> Option<Vec<(String, Range<usize>)>> {
    match expr {
        Expr::Const(_) => Some(vec![(expr.as_const()?.as_str()?.to_owned(), range(expr.span()))]),
        Expr::List(list) => {
            list.items.iter().map(literals).collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        Expr::IfExpr(choice) => {
            let mut all = literals(&choice.true_expr)?;
            all.extend(literals(choice.false_expr.as_ref()?)?);
            Some(all)
        }
        _ => None,
    }
}

fn expression(known: &Known<'_>, expr: &Expr<'_>, found: &mut Names) {
    match expr {
        Expr::Filter(filter) => {
            if !filters::names().any(|name| name == filter.name) {
                let hint = match filter.name {
                    "pprint" => "it would print every field; write the one you mean".to_owned(),
                    "urlencode" => "write `|url`".to_owned(),
                    name => suggest::hint_near(name, filters::names(), "docs list the filters there are"),
                };
                push(
                    found,
                    known,
                    "unknown-filter",
                    range(expr.span()),
                    format!("there is no filter `{}`", filter.name),
                    hint,
                );
            }
            if filter.name == "safe" && Language::of(known.name) != Language::Text {
                let mistake = Diagnostic::error(
                    "safe-filter",
                    known.file,
                    range(expr.span()),
                    "`|safe` writes a value as markup: whoever can change it can run a script on every visitor's page",
                );
                found.mistakes.push(
                    Diagnostic { severity: Severity::Warning, ..mistake }
                        .hint("write `|markdown`, or leave it out"),
                );
            }
            if filter.name == "date"
                && let Some((format, span)) = first_text(&filter.args)
                && let Some(wrong) = filters::check_format(&format)
            {
                let hint =
                    "%Y, %m, %d, %H, %M; %B is the month's name, %-d the day without a zero".to_owned();
                push(found, known, "date-format", span, format!("this format does not fit: {wrong}"), hint);
            }
            if matches!(filter.name, "default" | "d")
                && let Some(Expr::Var(var)) = &filter.expr
            {
                forgive(found, var.id);
            }
        }
        Expr::Test(test) => {
            if !filters::TESTS.contains(&test.name.replace(' ', "").as_str()) {
                let hint = suggest::hint(test.name, filters::TESTS.iter().copied());
                push(
                    found,
                    known,
                    "unknown-test",
                    range(expr.span()),
                    format!("there is no test `is {}`", test.name),
                    hint,
                );
            }
            if let ("defined" | "undefined", Expr::Var(var)) = (test.name, &test.expr) {
                forgive(found, var.id);
            }
        }
        Expr::Call(call) => {
            if let Expr::Var(var) = &call.expr {
                function(known, var.id, range(var.span()), &call.args, found);
            }
            if let Expr::GetAttr(attr) = &call.expr
                && matches!(&attr.expr, Expr::Var(var) if var.id == "user")
            {
                granted(known, attr.name, &call.args, found);
            }
        }
        Expr::Var(var) if !found.assigned.contains(var.id) => {
            found.read.push((var.id.to_owned(), range(var.span())));
        }
        _ => {}
    }
}

/// `user.is("editor")`, `user.can("posts.publish")`: the name is one that there is.
fn granted(known: &Known<'_>, method: &str, args: &[CallArg<'_>], found: &mut Names) {
    let Some((name, span)) = first_text(args).filter(|_| functions::granted::METHODS.contains(&method))
    else {
        return;
    };
    if let Some((what, hint)) = functions::granted::unknown(known.site, method, &name) {
        let code = if what == "role" { "unknown-role" } else { "unknown-permission" };
        push(found, known, code, span, format!("there is no {what} `{name}`"), hint);
    }
}

/// A name that may be missing, since the template asks for that.
fn forgive(found: &mut Names, name: &str) {
    found.assigned.insert(name.to_owned());
    found.read.retain(|(read, _)| read != name);
}

fn function(known: &Known<'_>, name: &str, span: Range<usize>, args: &[CallArg<'_>], found: &mut Names) {
    let there = functions::names().any(|function| function == name)
        || found.assigned.contains(name)
        || matches!(name, "loop" | "super" | "caller");
    if !there {
        let hint = match name {
            "debug" => "it would print every field; write the one you mean".to_owned(),
            _ => suggest::hint_near(
                name,
                functions::names(),
                "a macro must be imported: {% from \"_macros.html\" import name %}",
            ),
        };
        push(found, known, "unknown-function", span, format!("there is no function `{name}`"), hint);
        // It is told as a function and not as a name as well.
        forgive(found, name);
        return;
    }
    let text = first_text(args);
    match (name, text) {
        ("csp_nonce", _) => found.nonce = true,
        ("asset", Some((file, span))) if known.links.asset(&file).is_none() => {
            let message = known.links.no_asset(&file);
            let (message, hint) =
                message.split_once("; ").map_or((message.as_str(), "put it there"), |parts| parts);
            push(found, known, "unknown-asset", span, message.to_owned(), hint.to_owned());
        }
        ("url", Some((route, span))) => {
            if let Err((message, hint)) = known.links.check(&route, given(args).as_deref()) {
                push(found, known, "unknown-route", span, message, hint);
            }
        }
        ("can", Some((action, span))) if !functions::ACTIONS.contains(&action.as_str()) => {
            let hint = suggest::hint(&action, functions::ACTIONS);
            push(found, known, "unknown-action", span, format!("one cannot ask about `{action}`"), hint);
        }
        ("form" | "form_open" | "field" | "label" | "input" | "message", Some((form, span))) => {
            check_form(known, &form, span, args, found);
        }
        _ => {}
    }
}

/// Whether a page declares the form, and the form the field. Partials and Purlin's own pages get theirs from elsewhere.
fn check_form(known: &Known<'_>, form: &str, span: Range<usize>, args: &[CallArg<'_>], found: &mut Names) {
    let Some(page) = known.site.pages.get(known.name) else { return };
    if matches!(known.name, "login.html" | "signup.html" | "invitation.html") {
        return;
    }
    let Some(declared) = page.forms.get(form) else {
        let hint = suggest::hint(form, page.forms.keys().map(String::as_str));
        push(found, known, "unknown-form", span, format!("this page declares no form `{form}`"), hint);
        return;
    };
    let field = match args.get(1) {
        Some(CallArg::Pos(expr)) => literals(expr).and_then(|all| all.into_iter().next()),
        _ => None,
    };
    let Some((field, span)) = field else { return };
    let model = known.site.models.get(declared.model);
    let names: Vec<&str> = declared.fields.iter().map(|id| model.field(*id).name.as_str()).collect();
    if !names.contains(&field.as_str()) {
        let hint = suggest::hint(&field, names);
        push(
            found,
            known,
            "unknown-field",
            span,
            format!("the form `{form}` takes no field `{field}`"),
            hint,
        );
    }
}

fn push(
    found: &mut Names,
    known: &Known<'_>,
    code: &'static str,
    span: Range<usize>,
    message: String,
    hint: String,
) {
    found.mistakes.push(Diagnostic::error(code, known.file, span, message).hint(hint));
}

/// The first argument, where it is a text that is written out.
fn first_text(args: &[CallArg<'_>]) -> Option<(String, Range<usize>)> {
    match args.first() {
        Some(CallArg::Pos(expr @ Expr::Const(_))) => literals(expr)?.into_iter().next(),
        _ => None,
    }
}

/// The names of keyword arguments; none where they are not written out.
fn given<'ast>(args: &'ast [CallArg<'_>]) -> Option<Vec<&'ast str>> {
    args.iter()
        .filter(|arg| !matches!(arg, CallArg::Pos(_)))
        .map(|arg| match arg {
            CallArg::Kwarg(name, _) => Some(*name),
            _ => None,
        })
        .collect()
}

/// A part of a template.
enum Node<'walk, 'source> {
    Stmt(&'walk Stmt<'source>),
    Expr(&'walk Expr<'source>),
    /// A name gets a value.
    Assign(&'walk str),
}

type Visit<'visit> = dyn FnMut(Node<'_, '_>) + 'visit;

/// Visits every part of a template, outer before inner.
fn walk(stmt: &Stmt<'_>, visit: &mut Visit<'_>) {
    visit(Node::Stmt(stmt));
    match stmt {
        Stmt::Template(template) => bodies(&[&template.children], visit),
        Stmt::EmitExpr(emit) => walk_expr(&emit.expr, visit),
        Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
        Stmt::ForLoop(each) => {
            assign(&each.target, visit);
            walk_expr(&each.iter, visit);
            each.filter_expr.iter().for_each(|expr| walk_expr(expr, visit));
            bodies(&[&each.body, &each.else_body], visit);
        }
        Stmt::IfCond(choice) => {
            walk_expr(&choice.expr, visit);
            bodies(&[&choice.true_body, &choice.false_body], visit);
        }
        Stmt::WithBlock(with) => {
            for (target, expr) in &with.assignments {
                assign(target, visit);
                walk_expr(expr, visit);
            }
            bodies(&[&with.body], visit);
        }
        Stmt::Set(set) => {
            assign(&set.target, visit);
            walk_expr(&set.expr, visit);
        }
        Stmt::SetBlock(set) => {
            assign(&set.target, visit);
            set.filter.iter().for_each(|expr| walk_expr(expr, visit));
            bodies(&[&set.body], visit);
        }
        Stmt::AutoEscape(auto) => {
            walk_expr(&auto.enabled, visit);
            bodies(&[&auto.body], visit);
        }
        Stmt::FilterBlock(filter) => {
            walk_expr(&filter.filter, visit);
            bodies(&[&filter.body], visit);
        }
        Stmt::Block(block) => bodies(&[&block.body], visit),
        Stmt::Import(import) => {
            assign(&import.name, visit);
            walk_expr(&import.expr, visit);
        }
        Stmt::FromImport(import) => {
            for (name, alias) in &import.names {
                assign(alias.as_ref().unwrap_or(name), visit);
            }
            walk_expr(&import.expr, visit);
        }
        Stmt::Extends(extends) => walk_expr(&extends.name, visit),
        Stmt::Include(include) => walk_expr(&include.name, visit),
        Stmt::Macro(macro_) => walk_macro(macro_, visit),
        Stmt::CallBlock(call) => {
            walk_expr(&call.call.expr, visit);
            walk_args(&call.call.args, visit);
            walk_macro(&call.macro_decl, visit);
        }
        Stmt::Do(call) => {
            walk_expr(&call.call.expr, visit);
            walk_args(&call.call.args, visit);
        }
    }
}

fn walk_macro(macro_: &Spanned<minijinja::machinery::ast::Macro<'_>>, visit: &mut Visit<'_>) {
    visit(Node::Assign(macro_.name));
    macro_.args.iter().for_each(|arg| assign(arg, visit));
    macro_.defaults.iter().for_each(|expr| walk_expr(expr, visit));
    bodies(&[&macro_.body], visit);
}

fn bodies(bodies: &[&Vec<Stmt<'_>>], visit: &mut Visit<'_>) {
    bodies.iter().flat_map(|body| body.iter()).for_each(|stmt| walk(stmt, visit));
}

/// The names in the target of an assignment.
fn assign(target: &Expr<'_>, visit: &mut Visit<'_>) {
    match target {
        Expr::Var(var) => visit(Node::Assign(var.id)),
        Expr::List(list) => list.items.iter().for_each(|item| assign(item, visit)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| assign(item, visit)),
        other => walk_expr(other, visit),
    }
}

fn walk_args(args: &[CallArg<'_>], visit: &mut Visit<'_>) {
    for arg in args {
        match arg {
            CallArg::Pos(expr)
            | CallArg::Kwarg(_, expr)
            | CallArg::PosSplat(expr)
            | CallArg::KwargSplat(expr) => {
                walk_expr(expr, visit);
            }
        }
    }
}

fn walk_expr(expr: &Expr<'_>, visit: &mut Visit<'_>) {
    visit(Node::Expr(expr));
    let mut inner = |expr: &Expr<'_>| walk_expr(expr, visit);
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(slice) => {
            inner(&slice.expr);
            [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(inner);
        }
        Expr::UnaryOp(op) => inner(&op.expr),
        Expr::BinOp(op) => [&op.left, &op.right].into_iter().for_each(inner),
        Expr::Compare(compare) => {
            inner(&compare.expr);
            compare.ops.iter().for_each(|op| inner(&op.expr));
        }
        Expr::IfExpr(choice) => {
            inner(&choice.test_expr);
            inner(&choice.true_expr);
            choice.false_expr.iter().for_each(inner);
        }
        Expr::Filter(filter) => {
            filter.expr.iter().for_each(&mut inner);
            walk_args(&filter.args, visit);
        }
        Expr::Test(test) => {
            inner(&test.expr);
            walk_args(&test.args, visit);
        }
        Expr::GetAttr(attr) => inner(&attr.expr),
        Expr::GetItem(item) => [&item.expr, &item.subscript_expr].into_iter().for_each(inner),
        Expr::Call(call) => {
            inner(&call.expr);
            walk_args(&call.args, visit);
        }
        Expr::List(list) => list.items.iter().for_each(inner),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(inner),
        Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(inner),
    }
}
