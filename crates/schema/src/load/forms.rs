//! `[form.…]` of a page, and the texts with expressions in them.

use indexmap::IndexMap;

use super::fields::literal;
use super::pages::Context;
use super::report::File;
use super::rules::{after_equals, without_database};
use super::toml::{Entry, Text, View};
use crate::expr::{Expect, Scope};
use crate::model::{Field, FieldId, ModelId, Rule, Source};
use crate::page::{Form, FormAction, TextPart, TextTemplate};

const KEYS: &[&str] = &["create", "update", "delete", "fields", "set", "then", "say"];

/// Reads a form; none where what it does is not known.
pub(super) fn read(context: &Context<'_>, view: View<'_>, entry: &Entry) -> Option<Form> {
    let view = view.table(&entry.key, "a form (`[form.…]`)")?;
    view.known(KEYS);
    let (action, model) = action(context, view)?;
    let fields = fields(context, view, &action, model);
    let set = set(context, view, &action, model);
    if action == FormAction::Create {
        warn_incomplete(context, view, entry, model, &fields, &set);
    }
    // What the form made can be spoken of afterwards.
    let mut data: IndexMap<String, ModelId> = context.data.clone();
    if action == FormAction::Create {
        data.insert("new".to_owned(), model);
    }
    let scope = context.scope().data(&data);
    let then = view.text("then").and_then(|text| then(context, view, text, &scope));
    let say = view.text("say").and_then(|text| text_template(context, view.file, text, &scope));
    Some(Form { action, model, fields, set, then, say })
}

fn action(context: &Context<'_>, view: View<'_>) -> Option<(FormAction, ModelId)> {
    let entries = view.table.entries.iter();
    let mut verbs = entries.filter(|entry| matches!(entry.key.as_str(), "create" | "update" | "delete"));
    let Some(verb) = verbs.next() else {
        view.file
            .error("missing-key", view.span, "the form does nothing")
            .hint("write `create = \"model\"`, `update = \"data.name\"` or `delete = \"data.name\"`");
        return None;
    };
    if let Some(second) = verbs.next() {
        let message = format!("a form does one thing: `{}` or `{}`", verb.key, second.key);
        view.file.error("contradiction", &second.key_span, message).hint("make two forms of it");
    }
    let text = view.text(&verb.key)?;
    if verb.key == "create" {
        return Some((FormAction::Create, context.model(view, text)?));
    }
    let Some(name) = text.value.strip_prefix("data.") else {
        let message = format!("`{}` must name a record of this page", verb.key);
        view.file
            .error("bad-value", &text.span, message)
            .hint(format!("write `{} = \"data.name\"`", verb.key));
        return None;
    };
    let Some(model) = context.data.get(name) else {
        let message = if context.lists.iter().any(|list| list == name) {
            format!("`data.{name}` is a list, and a form acts on one record")
        } else {
            format!("this page has no query `{name}`")
        };
        let names: Vec<String> = context.data.keys().map(|name| format!("data.{name}")).collect();
        let noted = view.file.error("unknown-data", &text.span, message);
        if names.is_empty() {
            noted.hint("a query with `one = true` finds one record");
        } else {
            noted.among(&text.value, names.iter().map(String::as_str));
        }
        return None;
    };
    let name = name.to_owned();
    Some((if verb.key == "update" { FormAction::Update(name) } else { FormAction::Delete(name) }, *model))
}

fn fields(context: &Context<'_>, view: View<'_>, action: &FormAction, model: ModelId) -> Vec<FieldId> {
    if matches!(action, FormAction::Delete(_)) {
        if let Some(entry) = view.table.get("fields") {
            view.file
                .error("contradiction", &entry.key_span, "deleting takes no fields")
                .hint("leave `fields` out");
        }
        return Vec::new();
    }
    if view.node("fields").is_none() {
        view.missing("fields", "fields = [\"…\"]");
        return Vec::new();
    }
    let mut fields = Vec::new();
    for text in view.texts("fields").unwrap_or_default() {
        let Some(id) = context.field(view, model, text) else { continue };
        let field = context.models.get(model).field(id);
        if fields.contains(&id) {
            view.file.error("named-twice", &text.span, format!("`{}` is named twice", field.name));
        } else if writable(view, text, field) {
            fields.push(id);
        }
    }
    fields
}

/// Whether anybody may write a field at all; notes it where nobody may.
fn writable(view: View<'_>, text: &Text, field: &Field) -> bool {
    let (why, hint) = if field.is_system() {
        ("Purlin keeps it", "leave it out")
    } else if field.computed.is_some() {
        ("it is computed", "leave it out")
    } else if matches!(field.write, Rule::Nobody) {
        ("it says `write = false`", "its default fills it, or `set` of this form")
    } else {
        return true;
    };
    let message = format!("a form cannot take `{}`: {why}", field.name);
    view.file.error("not-writable", &text.span, message).hint(hint);
    false
}

/// `set`: fields that the form fills by itself.
fn set(context: &Context<'_>, view: View<'_>, action: &FormAction, model: ModelId) -> Vec<(FieldId, Source)> {
    let Some(table) = view.table("set", "`set`") else { return Vec::new() };
    if matches!(action, FormAction::Delete(_)) {
        view.file.error("contradiction", table.span, "deleting sets nothing").hint("leave `set` out");
        return Vec::new();
    }
    let mut list = Vec::new();
    for entry in &table.table.entries {
        let name = Text::at(&entry.key, &entry.key_span);
        let Some(id) = context.field(table, model, &name) else { continue };
        let field = context.models.get(model).field(id);
        if field.is_system() || field.computed.is_some() {
            let message = format!("`{}` cannot be set", field.name);
            view.file.error("not-writable", &entry.key_span, message);
            continue;
        }
        let expression = entry.value.as_text().and_then(after_equals);
        let source = match expression {
            Some(text) => {
                let scope = context.scope().form(model);
                let expr = context.check(view.file, &text, &scope, expected(field));
                expr.and_then(|expr| without_database(view.file, &text, expr)).map(Source::Expr)
            }
            None => literal(field, table, &entry.key, &entry.value, field.is_many()),
        };
        list.extend(source.map(|source| (id, source)));
    }
    list
}

/// A form that gives no value to a required field can only fail.
fn warn_incomplete(
    context: &Context<'_>,
    view: View<'_>,
    entry: &Entry,
    model: ModelId,
    fields: &[FieldId],
    set: &[(FieldId, Source)],
) {
    for field in &context.models.get(model).fields {
        let given = fields.contains(&field.id) || set.iter().any(|(id, _)| *id == field.id);
        let filled = field.default.is_some() || field.from.is_some() || field.is_system();
        if field.required && !given && !filled && view.node("fields").is_some() {
            let message = format!("the form `{}` gives no `{}`, which is required", entry.key, field.name);
            view.file
                .warn("incomplete-form", &entry.key_span, message)
                .hint("add it to `fields` or `set`, or give it a default");
        }
    }
}

fn expected(field: &Field) -> Expect {
    match &field.reference {
        Some(reference) if reference.many => Expect::Refs(reference.to),
        Some(reference) => Expect::Ref(reference.to),
        None => Expect::Value(field.kind),
    }
}

/// `then`: a path on this site, so that nobody is sent elsewhere by what he typed.
fn then(context: &Context<'_>, view: View<'_>, text: &Text, scope: &Scope<'_>) -> Option<TextTemplate> {
    let path = text.value.as_str();
    if !path.starts_with('/') || path[1..].starts_with(['/', '\\']) {
        view.file
            .error("bad-value", &text.span, "`then` must be a path of this site")
            .hint("write it from the root: `then = \"/posts/{data.post.slug}\"`");
        return None;
    }
    text_template(context, view.file, text, scope)
}

/// Text with expressions in braces; a brace itself is written twice.
pub(super) fn text_template(
    context: &Context<'_>,
    file: File<'_>,
    text: &Text,
    scope: &Scope<'_>,
) -> Option<TextTemplate> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let source = text.value.as_str();
    let mut at = 0;
    let mut fine = true;
    while let Some(c) = source[at..].chars().next() {
        let twice = source[at + c.len_utf8()..].starts_with(c);
        match c {
            '{' | '}' if twice => {
                literal.push(c);
                at += 2;
            }
            '{' => {
                let Some(end) = closing_brace(source, at + 1) else {
                    file.error("bad-value", &text.place(&(at..at + 1)), "this brace is not closed")
                        .hint("an expression stands in braces: `{data.post.slug}`; a brace itself is `{{`");
                    return None;
                };
                if !literal.is_empty() {
                    parts.push(TextPart::Literal(std::mem::take(&mut literal)));
                }
                let inner = text.part(at + 1..end);
                let expr = context.check(file, &inner, scope, Expect::Anything);
                match expr.and_then(|expr| without_database(file, &inner, expr)) {
                    Some(expr) => parts.push(TextPart::Expr(expr)),
                    None => fine = false,
                }
                at = end + 1;
            }
            '}' => {
                file.error("bad-value", &text.place(&(at..at + 1)), "this brace closes nothing")
                    .hint("a brace itself is `}}`");
                return None;
            }
            c => {
                literal.push(c);
                at += c.len_utf8();
            }
        }
    }
    if !literal.is_empty() {
        parts.push(TextPart::Literal(literal));
    }
    fine.then_some(TextTemplate { parts })
}

/// The brace that closes an expression: not one within its quotes.
fn closing_brace(source: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, c) in source[from..].char_indices() {
        match (quote, c) {
            (None, '}') => return Some(from + at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}
