//! `[fields]` of a model: one table a field.

use super::models::{Draft, Job, ModelNames, Slot, field_named, on_delete, pending};
use super::names::{self, SYSTEM_FIELDS};
use super::origin;
use super::relations::{Inverse, Wanted};
use super::rules::{self, Written};
use super::toml::{Data, Entry, Node, View};
use crate::expr::Step;
use crate::model::{Field, FieldId, Index, OnDelete, Rule, Source, Unique};
use crate::types::{self, FieldType, Limits, Problem};
use crate::value::{Kind, Value};

/// How long a path that has an index may be: its name is part of the index's.
const MAX_INDEXED: usize = 120;

/// Keys that a field of any type takes.
const COMMON: &[&str] = &[
    "type",
    "required",
    "unique",
    "index",
    "default",
    "min",
    "max",
    "pattern",
    "hidden",
    "read",
    "write",
    "was",
    "description",
    "label",
    "computed",
];

/// What a site may say of a field that Purlin brings.
const OF_OWN: &[&str] = &["type", "label", "description", "read", "write", "min", "max", "pattern", "index"];

/// SQLite takes 2,000 columns and PostgreSQL 1,600; nobody reads as many.
const MOST: usize = 500;

/// What means nothing for a field that is computed.
const NOT_COMPUTED: &[&str] =
    &["required", "unique", "index", "default", "min", "max", "pattern", "write", "was", "from"];

/// Reads every field of a model's file into its draft.
pub(super) fn read_all<'a>(draft: &mut Draft<'a>, fields: View<'a>, names: &ModelNames) {
    // What a slug is made from may be declared after it.
    let mut slugs = Vec::new();
    if let Some(entry) = fields.table.entries.get(MOST) {
        fields
            .file
            .error("too-many", &entry.key_span, format!("a model has at most {MOST} fields"))
            .hint("what belongs together can be a model of its own, or one field of type json");
    }
    for entry in fields.table.entries.iter().take(MOST) {
        let name = entry.key.as_str();
        if SYSTEM_FIELDS.contains(&name) {
            let message = format!("every model has a field `{name}` already");
            fields.file.error("reserved-name", &entry.key_span, message).hint("leave it out");
            continue;
        }
        if !names::check_name(fields.file, entry, "a field") {
            continue;
        }
        let Some(table) = entry.value.as_table() else {
            let message = format!("the field `{name}` must be a table, not {}", entry.value.described());
            let ty = entry.value.as_text().map_or("text", |text| &text.value);
            fields
                .file
                .error("wrong-type", &entry.value.span, message)
                .hint(format!("write `{name} = {{ type = \"{ty}\" }}`"));
            continue;
        };
        let view = View { file: fields.file, table, span: &entry.value.span, what: "a field" };
        if let Some(own) = draft.model.field_named(name).map(|field| field.id) {
            change_own(draft, own, entry, view);
            continue;
        }
        match (read_one(draft, entry, view, names), view.text("from")) {
            (Some(id), Some(from)) => slugs.push((id, view, from)),
            (Some(_), None) => {}
            // It stands in, so that what speaks of it is not told that there is no such field.
            (None, _) => drop(draft.add(Field::plain(name, types::TYPES[0]), entry.key_span.clone())),
        }
    }
    for (id, view, from) in slugs {
        let Some(source) = field_named(&draft.model, view, from) else { continue };
        let field = draft.model.field(source);
        if field.kind == Kind::Text && source != id && !field.hidden {
            draft.model.fields[usize::from(id.0)].from = Some(source);
        } else {
            let message = format!("a slug cannot be made from `{}`", field.name);
            view.file.error("bad-value", &from.span, message).hint("`from` names a field of text");
        }
    }
}

/// A field of the site's own.
fn read_one<'a>(
    draft: &mut Draft<'a>,
    entry: &'a Entry,
    view: View<'a>,
    names: &ModelNames,
) -> Option<FieldId> {
    let ty = field_type(view)?;
    let known: Vec<&str> = COMMON.iter().chain(ty.keys()).chain(origin::OF_FIELD).copied().collect();
    let what = format!("a field of type {}", ty.name());
    View { what: &what, ..view }.known(&known);

    let mut field = Field::plain(&entry.key, ty);
    let wanted = if ty.keys().contains(&"to") {
        Some(reference(&mut field, &draft.model.name, view, names)?)
    } else {
        None
    };
    type_keys(&mut field, view);
    field.required = view.bool("required").unwrap_or(false);
    // A password's hash leaves for nobody, whatever the file says or leaves unsaid.
    field.hidden = view.bool("hidden").unwrap_or(false) || ty.name() == "password";
    field.was = was(draft, view);
    field.description = view.string("description");
    if let Some(label) = view.string("label") {
        field.label = label;
    }
    limits(&mut field, view);
    if let Some(wanted) = &wanted
        && wanted.on_delete == OnDelete::SetNull
        && field.required
        && !wanted.many
        && let Some(node) = view.node("on_delete")
    {
        view.file
            .error("contradiction", &node.span, "a required ref cannot become null")
            .hint("take `required` away, or write `on_delete = \"restrict\"` or \"cascade\"");
    }

    let mut jobs = Vec::new();
    let id = FieldId(u16::try_from(draft.model.fields.len()).unwrap_or(u16::MAX));
    computed(&mut field, view, id, &mut jobs);
    default(&mut field, view, id, wanted.as_ref().is_some_and(|wanted| wanted.many), &mut jobs);
    access(&mut field, view, id, &mut jobs);
    let id = draft.add(field, entry.key_span.clone());
    draft.jobs.extend(jobs);
    keys(draft, id, view, wanted.as_ref().is_some_and(|wanted| wanted.many));
    draft.refs.extend(wanted.map(|wanted| Wanted { field: id, ..wanted }));
    Some(id)
}

/// What a site says of `email`, `password` or `role`.
fn change_own<'a>(draft: &mut Draft<'a>, id: FieldId, entry: &'a Entry, view: View<'a>) {
    let span = draft.spans[usize::from(id.0)].clone();
    if !span.is_empty() || draft.model.field(id).is_system() {
        view.file.error(
            "reserved-name",
            &entry.key_span,
            format!("there is a field `{}` already", entry.key),
        );
        return;
    }
    let what = format!("Purlin's own field `{}`", entry.key);
    if entry.key == "role"
        && let Some(of) = view.table.get("of")
    {
        view.file
            .error("unknown-key", &of.key_span, "the roles are not named here")
            .hint("name them in `site.toml`: `[accounts] roles = [\"editor\"]`");
        return;
    }
    View { what: &what, ..view }.known(OF_OWN);
    let mut field = draft.model.field(id).clone();
    if let Some(ty) = view.text("type")
        && ty.value != field.ty.name()
    {
        let message = format!("`{}` is of type {} in every site", entry.key, field.ty.name());
        view.file.error("bad-value", &ty.span, message).hint("leave `type` out");
    }
    if let Some(label) = view.string("label") {
        field.label = label;
    }
    field.description = view.string("description");
    limits(&mut field, view);
    let mut jobs = Vec::new();
    access(&mut field, view, id, &mut jobs);
    if view.node("read").is_some() {
        draft.jobs.retain(|job| !matches!(job.slot, Slot::FieldRead(other) if other == id));
    }
    draft.jobs.extend(jobs);
    draft.model.fields[usize::from(id.0)] = field;
    keys(draft, id, view, false);
}

/// The name that a field had before, which no field may have now.
fn was(draft: &Draft<'_>, view: View<'_>) -> Option<String> {
    let was = view.text("was")?;
    let fields = draft.view.and_then(|view| view.table("fields", "`[fields]`"));
    if draft.model.field_named(&was.value).is_some()
        || fields.is_some_and(|fields| fields.node(&was.value).is_some())
    {
        let message = format!("there still is a field `{}`", was.value);
        view.file
            .error("contradiction", &was.span, message)
            .hint("`was` is the name that the field had before");
    }
    Some(was.value.clone())
}

fn field_type(view: View<'_>) -> Option<&'static dyn FieldType> {
    if view.node("type").is_none() {
        let keys = types::TYPES.iter().flat_map(|ty| ty.keys());
        let keys: Vec<&str> = COMMON.iter().chain(keys).copied().collect();
        view.known(&keys);
        view.missing("type", "type = \"text\"");
        return None;
    }
    let text = view.text("type")?;
    let found = types::named(&text.value);
    if found.is_none() {
        let all: Vec<&str> = types::TYPES.iter().map(|ty| ty.name()).collect();
        let message = format!("there is no field type `{}`", text.value);
        let noted = view.file.error("unknown-type", &text.span, message);
        match likely_type(&text.value) {
            Some(ty) => noted.hint(format!("did you mean `{ty}`?")),
            None => noted.among(&text.value, all.iter().copied()),
        }
    }
    found
}

/// What people who come from elsewhere write at first.
fn likely_type(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "string" | "str" | "varchar" | "char" => "text",
        "integer" | "number" | "bigint" | "i64" => "int",
        "double" | "real" | "f64" => "float",
        "money" | "numeric" | "currency" => "decimal",
        "boolean" | "checkbox" => "bool",
        "timestamp" | "time" | "instant" => "datetime",
        "enum" | "select" => "choice",
        "object" | "jsonb" => "json",
        "relation" | "reference" | "foreign_key" | "belongs_to" | "fk" => "ref",
        "many" | "has_many" | "many_to_many" | "list" => "refs",
        "textarea" | "longtext" => "markdown",
        _ => return None,
    })
}

/// `of`, `scale`, `big`.
fn type_keys(field: &mut Field, view: View<'_>) {
    let takes = |key| field.ty.keys().contains(&key);
    if takes("of") {
        let texts = view.texts("of");
        if view.node("of").is_none() {
            view.missing("of", "of = [\"draft\", \"published\"]");
        }
        for text in texts.unwrap_or_default() {
            if text.value.is_empty() || text.value.contains('\0') {
                view.file.error("bad-value", &text.span, "a choice cannot be empty");
            } else if field.choices.contains(&text.value) {
                view.file.error("named-twice", &text.span, format!("`{}` is named twice", text.value));
            } else {
                field.choices.push(text.value.clone());
            }
        }
        if let Some(node) = view.node("of").filter(|_| field.choices.is_empty()) {
            view.file.error("bad-value", &node.span, "`of` must name a choice");
        }
    }
    if takes("scale") {
        if view.node("scale").is_none() {
            view.missing("scale", "scale = 2");
        }
        let scale = view.int("scale", 0..=18).unwrap_or(2);
        field.kind = Kind::Decimal(u8::try_from(scale).unwrap_or(2));
    }
    if takes("big") {
        field.big = view.bool("big").unwrap_or(false);
    }
}

/// `to`, `inverse`, `on_delete`.
fn reference<'a>(field: &mut Field, model: &str, view: View<'a>, names: &ModelNames) -> Option<Wanted<'a>> {
    let many = field.ty.name() == "refs";
    if many && model.len() + field.name.len() + 2 > names::LONGEST {
        let message = format!("`{model}__{}` is too long a name for the table of the links", field.name);
        view.file.error("bad-name", view.span, message).hint(format!("at most {} letters", names::LONGEST));
    }
    if view.node("to").is_none() {
        view.missing("to", "to = \"users\"");
        return None;
    }
    let to = view.text("to")?;
    let Some((id, kind)) = names.get(&to.value).filter(|_| !to.value.starts_with('_')) else {
        let all: Vec<&str> = names.keys().map(String::as_str).filter(|name| !name.starts_with('_')).collect();
        let message = format!("there is no model `{}`", to.value);
        view.file.error("unknown-model", &to.span, message).among(&to.value, all.iter().copied());
        return None;
    };
    field.kind = *kind;
    let inverse = match view.node("inverse").map(|node| (node, &node.data)) {
        None => Inverse::Model,
        Some((_, Data::Text(text))) => Inverse::Named(text),
        Some((_, Data::Bool(false))) => Inverse::None,
        Some((node, _)) => {
            let message = format!("`inverse` must be a name, or `false` for none, not {}", node.described());
            view.file.error("wrong-type", &node.span, message);
            Inverse::None
        }
    };
    // Deleting a record takes its links with it; neither end is otherwise touched.
    let default = if many { OnDelete::SetNull } else { OnDelete::Restrict };
    let chosen = if many { None } else { view.text("on_delete") };
    let on_delete = chosen.and_then(|text| on_delete(view.file, text)).unwrap_or(default);
    Some(Wanted { field: FieldId::ID, to: *id, many, on_delete, inverse })
}

/// `min`, `max`, `pattern`.
fn limits(field: &mut Field, view: View<'_>) {
    let (least, most) = field.ty.default_limits();
    if field.min.is_none() {
        field.min = least;
    }
    if field.max.is_none() {
        field.max = most;
    }
    for key in ["min", "max"] {
        let Some(node) = view.node(key) else { continue };
        let value = match field.ty.limits() {
            Limits::None => {
                let message = format!("`{key}` means nothing for a field of type {}", field.ty.name());
                view.file.error("no-limits", &node.span, message);
                continue;
            }
            Limits::Length => view.int(key, 0..=1 << 32).map(Value::Int),
            Limits::Values => match from_node(field, node) {
                Ok(value) => Some(value),
                Err(problem) => {
                    view.file.error("bad-value", &node.span, format!("`{key}` {}", problem.message));
                    None
                }
            },
        };
        if value.is_some() {
            *(if key == "min" { &mut field.min } else { &mut field.max }) = value;
        }
    }
    let crossed = match (&field.min, &field.max) {
        (Some(min), Some(max)) => min.compare(max) == Some(std::cmp::Ordering::Greater),
        _ => false,
    };
    if crossed && let Some(node) = view.node("max").or_else(|| view.node("min")) {
        view.file.error("contradiction", &node.span, "`min` is greater than `max`");
    }
    let Some(pattern) = view.text("pattern") else { return };
    if field.ty.limits() != Limits::Length {
        let message = format!("`pattern` means nothing for a field of type {}", field.ty.name());
        view.file.error("no-limits", &pattern.span, message);
        return;
    }
    match regex::RegexBuilder::new(&pattern.value).size_limit(1 << 20).build() {
        Ok(regex) => field.pattern = Some(regex),
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            view.file.error("bad-pattern", &pattern.span, format!("this is no regular expression: {reason}"));
        }
    }
}

fn computed<'a>(field: &mut Field, view: View<'a>, id: FieldId, jobs: &mut Vec<Job<'a>>) {
    let Some(text) = view.text("computed") else { return };
    if field.ty.keys().contains(&"to") || field.ty.name() == "password" {
        let message = format!("a field of type {} cannot be computed", field.ty.name());
        view.file.error("contradiction", &text.span, message);
        return;
    }
    for key in NOT_COMPUTED {
        if let Some(entry) = view.table.get(key) {
            let message = format!("`{key}` means nothing for a computed field");
            view.file.error("contradiction", &entry.key_span, message);
        }
    }
    field.computed = Some(pending());
    field.write = Rule::Nobody;
    jobs.push(Job { slot: Slot::Computed(id), text: text.clone(), file: Some(view.file) });
}

fn default<'a>(field: &mut Field, view: View<'a>, id: FieldId, many: bool, jobs: &mut Vec<Job<'a>>) {
    let Some(node) = view.node("default").filter(|_| field.computed.is_none()) else { return };
    if let Some(text) = node.as_text().and_then(rules::after_equals) {
        field.default = Some(Source::Expr(pending()));
        jobs.push(Job { slot: Slot::Default(id), text, file: Some(view.file) });
        return;
    }
    field.default = literal(field, view, "default", node, many);
}

/// A literal of a file for a field; notes one that the field does not take.
pub(super) fn literal(field: &Field, view: View<'_>, key: &str, node: &Node, many: bool) -> Option<Source> {
    let one = |node: &Node| {
        let read = from_node(field, node).and_then(|value| match field.ty.check(field, &value) {
            Some(problem) if !value.is_null() => Err(problem),
            _ => Ok(value),
        });
        match read {
            Ok(value) => Some(value),
            Err(problem) => {
                let noted = view.file.error("bad-value", &node.span, format!("`{key}` {}", problem.message));
                if let (Some(text), false) = (node.as_text(), field.choices.is_empty()) {
                    noted.among(&text.value, field.choices.iter().map(String::as_str));
                }
                None
            }
        }
    };
    if !many {
        return one(node).map(Source::Literal);
    }
    match &node.data {
        Data::List(items) => Some(Source::Ids(items.iter().filter_map(one).collect())),
        _ => view.wrong(key, node, "a list of ids"),
    }
}

/// A TOML value as the field's type reads it. TOML's integers have 64 bits and need no string to be exact.
pub(super) fn from_node(field: &Field, node: &Node) -> Result<Value, Problem> {
    match (&node.data, field.kind) {
        (Data::Int(number), Kind::Int) if field.big => Ok(Value::Int(*number)),
        _ => field.ty.from_json(field, &node.to_json()),
    }
}

/// `read` and `write`.
fn access<'a>(field: &mut Field, view: View<'a>, id: FieldId, jobs: &mut Vec<Job<'a>>) {
    for (key, slot) in [("read", Slot::FieldRead(id)), ("write", Slot::FieldWrite(id))] {
        let Some(node) = view.node(key) else { continue };
        if key == "write" && field.computed.is_some() {
            continue;
        }
        match rules::written(view.file, key, node) {
            Some(Written::Expr(text)) => jobs.push(Job { slot, text: text.clone(), file: Some(view.file) }),
            Some(Written::Bool(truth)) => {
                let rule = if truth { Rule::Everybody } else { Rule::Nobody };
                *(if key == "read" { &mut field.read } else { &mut field.write }) = rule;
            }
            None => {}
        }
    }
}

/// `index = ["colour", "size.width"]` of a JSON field, or of a model of documents.
pub(super) fn path_indexes(draft: &mut Draft<'_>, id: FieldId, view: View<'_>) {
    for path in view.texts("index").unwrap_or_default() {
        let is_word = |key: &str| {
            key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        let keys: Vec<&str> = path.value.split('.').collect();
        if keys.len() > types::MAX_DOCUMENT_DEPTH
            || path.value.len() > MAX_INDEXED
            || !keys.iter().all(|key| is_word(key))
        {
            let message = format!("`{}` is no path of keys that are words", path.value);
            view.file
                .error("bad-value", &path.span, message)
                .hint("write `index = [\"colour\", \"size.width\"]`");
            continue;
        }
        let indexed = (id, keys.into_iter().map(|key| Step::Key(key.into())).collect());
        if draft.model.path_indexes.contains(&indexed) {
            view.file.error("named-twice", &path.span, format!("`{}` is named twice", path.value));
        } else {
            draft.model.path_indexes.push(indexed);
        }
    }
}

/// `unique` and `index`.
fn keys(draft: &mut Draft<'_>, id: FieldId, view: View<'_>, many: bool) {
    let field = draft.model.field(id);
    let (ty, computed) = (field.ty, field.computed.is_some());
    if ty.kind() == Kind::Json
        && !computed
        && view.node("index").is_some_and(|node| matches!(node.data, Data::List(_)))
    {
        path_indexes(draft, id, view);
        return;
    }
    for key in ["unique", "index"] {
        if view.bool(key) != Some(true) || computed {
            continue;
        }
        if many || !ty.is_key() {
            if let Some(node) = view.node(key) {
                let message = format!("a field of type {} cannot be `{key}`", ty.name());
                view.file.error("not-a-key", &node.span, message);
            }
            continue;
        }
        if key == "unique" {
            draft.model.uniques.push(Unique { fields: vec![id], message: None });
        } else if !draft.model.indexes.iter().any(|index| index.fields == [(id, false)]) {
            draft.model.indexes.push(Index { fields: vec![(id, false)] });
        }
    }
}
