//! `[model] kind = "documents"`: fields that the file does not declare.

use super::fields;
use super::models::Draft;
use super::toml::View;
use crate::expr::Step;
use crate::free;

/// Reads whether records have free fields, and which of these have an index.
pub(super) fn read(draft: &mut Draft<'_>, view: View<'_>) {
    let Some(table) = view.table("model", "`[model]`") else { return };
    let documents = match table.text("kind") {
        Some(kind) if kind.value == "documents" => true,
        Some(kind) => {
            let message = format!("there is no kind of model `{}`", kind.value);
            let hint = "leave `kind` out, or write \"documents\" for fields that nobody declares";
            table.file.error("bad-value", &kind.span, message).hint(hint);
            return;
        }
        None => false,
    };
    if !documents {
        for (key, hint) in [
            ("index", "write `index = true` on a field, or `[[index]]` with `fields`"),
            ("freed", "write `kind = \"documents\"` beside it"),
        ] {
            if let Some(node) = table.node(key) {
                let message = format!("`{key}` of a model names free fields, and this model has none");
                table.file.error("contradiction", &node.span, message).hint(hint);
            }
        }
        return;
    }
    if let (Some(false), Some(kind)) = (table.bool("managed"), table.node("kind")) {
        let message = "a table that is not Purlin's has no place for free fields";
        table.file.error("contradiction", &kind.span, message).hint("leave `kind` out");
        return;
    }
    let id = draft.add_nameless(free::field());
    draft.model.free = Some(id);
    fields::path_indexes(draft, id, table);
    let names = draft.model.path_indexes.iter().filter(|(of, _)| *of == id);
    let strange = names.filter_map(|(_, steps)| match steps.first() {
        Some(Step::Key(name)) if draft.model.free_field(name).is_none() => Some(name.to_string()),
        _ => None,
    });
    for name in strange.collect::<Vec<_>>() {
        let span = table.node("index").map_or(0..0, |node| node.span.clone());
        let message = format!("`{name}` is no free field of this model");
        table
            .file
            .error("bad-value", &span, message)
            .hint("an index of a declared field stands with the field");
    }
    for text in table.texts("freed").unwrap_or_default() {
        if draft.model.free_field(&text.value).is_some() {
            draft.model.freed.push(text.value.clone());
            continue;
        }
        let message = format!("`{}` is no free field of this model", text.value);
        table
            .file
            .error("bad-value", &text.span, message)
            .hint("`freed` names fields that are no longer declared");
    }
}
