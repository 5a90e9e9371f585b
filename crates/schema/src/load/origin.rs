//! `managed = false`: the table, columns and links of a model whose records are not Purlin's.

use super::models::Draft;
use super::toml::{Data, View};
use crate::model::{Field, FieldId, ModelId, Rule};
use crate::origin::{Origin, OriginColumn, OriginKey, OriginLinks};

/// Keys of `[model]` that only a model which is not managed takes.
const OF_MODEL: &[&str] = &["table", "key", "view", "created_at", "updated_at"];

/// Keys of a field that only such a model's takes.
pub(super) const OF_FIELD: &[&str] = &["column", "references", "links", "mixed", "blank", "cast"];

/// Reads where a model's records stand, if it is not managed.
pub(super) fn read(draft: &mut Draft<'_>, view: View<'_>) {
    let table = view.table("model", "`[model]`");
    let managed = table.and_then(|table| table.bool("managed")).unwrap_or(true);
    let Some(table) = table.filter(|_| !managed) else {
        refuse_stray_keys(draft, view);
        return;
    };
    let key = match table.node("key").map(|node| &node.data) {
        Some(Data::List(_)) => OriginKey::Columns(
            table.texts("key").unwrap_or_default().iter().map(|text| text.value.clone()).collect(),
        ),
        Some(_) => table.string("key").map(OriginKey::Column).unwrap_or_default(),
        None if table.bool("view").unwrap_or(false) => OriginKey::Place,
        None => OriginKey::Row,
    };
    let name = table.string("table").unwrap_or_else(|| draft.model.name.clone());
    let mut origin = Origin { table: name, key, ..Origin::default() };
    times(draft, table, &mut origin);
    let fields = view.table("fields", "`[fields]`");
    for field in &draft.model.fields {
        let of = fields.and_then(|fields| fields.table.get(&field.name)).and_then(|entry| {
            let table = entry.value.as_table()?;
            Some(View { file: view.file, table, span: &entry.value.span, what: "a field" })
        });
        let Some(of) = of.filter(|_| field.declared) else { continue };
        if let Some(links) = of.table("links", "`links`") {
            links.known(&["table", "source", "target"]);
            let name = |key| links.string(key).unwrap_or_default();
            let links = OriginLinks { table: name("table"), source: name("source"), target: name("target") };
            origin.links.insert(field.id, links);
            continue;
        }
        if let Some(node) = of.node("on_delete") {
            let message = "`on_delete` means nothing here: the database's own foreign keys say what happens";
            of.file.error("contradiction", &node.span, message).hint("leave it out");
        }
        origin.columns.insert(field.id, column(field, of));
    }
    access(draft, view, &origin);
    draft.model.origin = Some(Box::new(origin));
}

/// The column of a field.
fn column(field: &Field, of: View<'_>) -> OriginColumn {
    let name = of.string("column").unwrap_or_else(|| field.name.clone());
    let through = of.string("references").map(|column| (String::new(), column, OriginKey::Row));
    let mixed = of.bool("mixed").unwrap_or(false);
    let blank = of.bool("blank").unwrap_or(false);
    let cast = of.text("cast").and_then(|text| {
        let plain = |letter: char| letter.is_alphanumeric() || "_. \"()[],".contains(letter);
        if !text.value.is_empty() && text.value.chars().all(plain) {
            return Some(text.value.clone());
        }
        let message = "`cast` is the name of a type of the database";
        of.file.error("bad-value", &text.span, message).hint("as in cast = \"public.mood\"");
        None
    });
    OriginColumn { name, mixed, blank, cast, through }
}

/// `created_at` and `updated_at` of `[model]`: the columns of the times that Purlin keeps. Without them there are none.
fn times(draft: &mut Draft<'_>, table: View<'_>, origin: &mut Origin) {
    for (key, field) in [("created_at", FieldId::CREATED_AT), ("updated_at", FieldId::UPDATED_AT)] {
        match table.string(key) {
            Some(name) => {
                let column = OriginColumn { name, mixed: false, blank: false, cast: None, through: None };
                origin.columns.insert(field, column);
            }
            None => draft.model.fields[usize::from(field.0)].hidden = true,
        }
    }
}

/// Nobody writes to the tables of others but whom the file names; and nobody at all what cannot be found again.
fn access(draft: &mut Draft<'_>, view: View<'_>, origin: &Origin) {
    let table = view.table("access", "`[access]`");
    let given = |key| table.and_then(|table| table.table.get(key).map(|entry| (table, entry)));
    if let Some(why) = origin.only_read() {
        for (table, entry) in ["create", "update", "delete"].into_iter().filter_map(given) {
            let message = format!("the records of `{}` are only read: {why}", draft.model.name);
            table
                .file
                .error("contradiction", &entry.key_span, message)
                .hint(format!("leave `{}` out", entry.key));
        }
    }
    let access = &mut draft.model.access;
    let rules =
        [("create", &mut access.create), ("update", &mut access.update), ("delete", &mut access.delete)];
    for (key, rule) in rules {
        if given(key).is_none() {
            *rule = Rule::Nobody;
        }
    }
}

fn refuse_stray_keys(draft: &Draft<'_>, view: View<'_>) {
    let hint = "write `managed = false` under `[model]` for a table that Purlin does not keep";
    let model = view.table("model", "`[model]`").into_iter().flat_map(|table| &table.table.entries);
    let fields = view.table("fields", "`[fields]`").into_iter().flat_map(|table| &table.table.entries);
    let of_fields = fields
        .filter(|field| draft.model.field_named(&field.key).is_some_and(|field| field.declared))
        .filter_map(|field| field.value.as_table())
        .flat_map(|table| &table.entries)
        .filter(|entry| OF_FIELD.contains(&entry.key.as_str()));
    for entry in model.filter(|entry| OF_MODEL.contains(&entry.key.as_str())).chain(of_fields) {
        let message = format!("`{}` is for models that are not managed", entry.key);
        view.file.error("contradiction", &entry.key_span, message).hint(hint);
    }
}

/// Says in which schema of the server they stand, finds the tables that refs are looked up in, and refuses refs between
/// models that are kept apart.
pub(super) fn connect(drafts: &mut [Draft<'_>], existing: Option<&str>) {
    let schema = existing.filter(|existing| !existing.starts_with("sqlite:")).unwrap_or_default();
    for draft in &mut *drafts {
        let Some(origin) = draft.model.origin.as_deref_mut() else { continue };
        schema.clone_into(&mut origin.schema);
        if let Some(view) = draft.view.filter(|_| !schema.is_empty() && origin.key == OriginKey::Row) {
            let span = view.table("model", "`[model]`").map_or(view.span, |table| table.span);
            view.file
                .error("missing-key", span, "nothing is said of what tells the records of the table apart")
                .hint("write `key = \"id\"`, `key = [\"order\", \"line\"]`, or `view = true` where nothing does");
        }
    }
    let origins: Vec<Option<Origin>> =
        drafts.iter().map(|draft| draft.model.origin.as_deref().cloned()).collect();
    let origin_of = |model: ModelId| origins.get(usize::from(model.0)).and_then(Option::as_ref);
    for draft in drafts {
        let own = draft.model.id;
        for field in &draft.model.fields {
            let Some(reference) = &field.reference else { continue };
            let target = origin_of(reference.to);
            if target.is_some() != origin_of(own).is_some() {
                let span = &draft.spans[usize::from(field.id.0)];
                if let Some(view) = draft.view {
                    view.file
                        .error(
                            "contradiction",
                            span,
                            "a ref cannot lead between a managed model and one that is not",
                        )
                        .hint("keep the other's key in a field of its own type");
                }
                continue;
            }
            let (Some(target), Some(origin)) = (target, draft.model.origin.as_deref_mut()) else { continue };
            let Some(column) = origin.columns.get_mut(&field.id) else { continue };
            if let Some((table, _, key)) = &mut column.through {
                (*table, *key) = (target.table.clone(), target.key.clone());
            } else if matches!(target.key, OriginKey::Columns(_))
                && let Some(view) = draft.view
            {
                let span = &draft.spans[usize::from(field.id.0)];
                view.file
                    .error(
                        "contradiction",
                        span,
                        "the ids there are made of a key: nothing here can hold them",
                    )
                    .hint("say which column of the other table is meant: `references = \"code\"`");
            }
        }
    }
}
