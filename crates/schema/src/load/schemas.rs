//! `schema` of a `json` field: JSON Schema in the model's file, or in a file of its own.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::models::Draft;
use super::report::Reports;
use super::toml::{self, Data, Node, View};
use crate::json_schema::JsonSchema;
use crate::value::{Kind, Value};

/// Compiles the schemas that a model's fields declare.
pub(super) fn read(draft: &mut Draft<'_>, root: &Path, reports: &Reports) {
    let Some(fields) = draft.view.and_then(|view| view.table("fields", "`[fields]`")) else { return };
    for entry in &fields.table.entries {
        let Some(node) = entry.value.as_table().and_then(|table| table.get("schema")) else { continue };
        let Some(id) = draft.model.field_named(&entry.key).map(|field| field.id) else { continue };
        if draft.model.field(id).kind != Kind::Json {
            continue;
        }
        let schema = declared(fields, &node.value, root, reports);
        draft.model.fields[usize::from(id.0)].schema = schema;
        defaults_fit(draft, id, &entry.value.span, fields);
    }
}

fn declared(view: View<'_>, node: &Node, root: &Path, reports: &Reports) -> Option<Arc<JsonSchema>> {
    let source = match &node.data {
        Data::Table(_) | Data::Bool(_) => node.to_json(),
        Data::Text(path) => from_file(view, &path.value, &node.span, root, reports)?,
        _ => {
            view.file
                .error("wrong-type", &node.span, "`schema` must be a table or the path of a file")
                .hint("write `schema = { type = \"object\", … }` or `schema = \"schemas/meta.json\"`");
            return None;
        }
    };
    match JsonSchema::new(source) {
        Ok(schema) => Some(schema),
        Err(wrong) => {
            view.file
                .error("bad-schema", &node.span, format!("this is no JSON Schema: {wrong}"))
                .hint("see json-schema.org, draft 2020-12");
            None
        }
    }
}

/// A file below the site's folder.
fn from_file(
    view: View<'_>,
    path: &str,
    span: &Range<usize>,
    root: &Path,
    reports: &Reports,
) -> Option<serde_json::Value> {
    let inside = !path.starts_with('/')
        && !path.contains('\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !inside || !path.ends_with(".json") {
        view.file
            .error("bad-value", span, "`schema` names a file of the site that ends in `.json`")
            .hint("write `schema = \"schemas/meta.json\"`");
        return None;
    }
    if !root.join(path).is_file() {
        view.file
            .error("no-file", span, format!("there is no file `{path}` in the site"))
            .hint("its path begins at the site's folder");
        return None;
    }
    let path = PathBuf::from(path);
    let text = toml::read(root, &path, reports)?;
    match serde_json::from_str(&text) {
        Ok(json) => Some(json),
        Err(error) => {
            let file = super::report::File::new(&path, reports);
            let before: usize =
                text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            let at = (before + error.column().saturating_sub(1)).min(text.len());
            let said = error.to_string();
            let what = said.split(" at line ").next().unwrap_or(&said).to_owned();
            file.error("json", &(at..at), format!("this is not JSON: {what}"));
            None
        }
    }
}

/// A default that the schema refuses would make every new record wrong.
fn defaults_fit(draft: &Draft<'_>, id: crate::model::FieldId, span: &Range<usize>, view: View<'_>) {
    let field = draft.model.field(id);
    let Some(crate::model::Source::Literal(value @ Value::Json(_))) = &field.default else { return };
    for problem in field.ty.problems(field, value) {
        let message = format!("the default of `{}{}` {}", field.name, problem.at, problem.message);
        view.file.error("bad-value", span, message);
    }
}
