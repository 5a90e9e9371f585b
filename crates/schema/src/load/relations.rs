//! Relations: each ref gives its model a way to the other, and the other a way back under the inverse's name.

use super::models::Draft;
use super::names;
use super::toml::Text;
use crate::model::{Field, FieldId, ModelId, OnDelete, Reference, Relation, RelationBy, RelationId};

/// A ref whose other end waits for its model.
pub(super) struct Wanted<'a> {
    pub(super) field: FieldId,
    pub(super) to: ModelId,
    pub(super) many: bool,
    pub(super) on_delete: OnDelete,
    pub(super) inverse: Inverse<'a>,
}

/// What the way back is called.
pub(super) enum Inverse<'a> {
    /// As the site says.
    Named(&'a Text),
    /// As the model that has the ref.
    Model,
    /// There is no way back.
    None,
}

/// Gives every ref its relation, and every model it leads to the inverse.
pub(super) fn connect(drafts: &mut [Draft<'_>]) {
    for draft in &mut *drafts {
        for wanted in std::mem::take(&mut draft.refs) {
            let by = if wanted.many { RelationBy::Refs(wanted.field) } else { RelationBy::Ref(wanted.field) };
            let name = draft.model.field(wanted.field).name.clone();
            let relation = add(draft, &name, wanted.to, by);
            draft.model.fields[usize::from(wanted.field.0)].reference =
                Some(Reference { to: wanted.to, many: wanted.many, on_delete: wanted.on_delete, relation });
            draft.refs.push(wanted);
        }
    }
    // Inverses come after all own relations, so that a clash is always the inverse's.
    for from in 0..drafts.len() {
        for wanted in std::mem::take(&mut drafts[from].refs) {
            add_inverse(drafts, from, &wanted);
        }
    }
}

fn add(draft: &mut Draft<'_>, name: &str, to: ModelId, by: RelationBy) -> RelationId {
    let id = RelationId(u16::try_from(draft.model.relations.len()).unwrap_or(u16::MAX));
    draft.model.relations.push(Relation { id, name: name.to_owned(), to, by });
    draft.model.relations_by_name.insert(name.to_owned(), id);
    id
}

fn add_inverse(drafts: &mut [Draft<'_>], from: usize, wanted: &Wanted<'_>) {
    let source = &drafts[from];
    let field = source.model.field(wanted.field);
    let (name, span) = match wanted.inverse {
        Inverse::None => return,
        Inverse::Named(text) => (text.value.clone(), text.span.clone()),
        Inverse::Model => (source.model.name.clone(), source.spans[usize::from(wanted.field.0)].clone()),
    };
    let target = &drafts[usize::from(wanted.to.0)];
    let this = described(&source.model.name, field);
    if let (Inverse::Named(_), Some(view), false) = (&wanted.inverse, source.view, names::is_name(&name)) {
        let message = format!("`{name}` cannot be the name of a relation");
        view.file.error("bad-name", &span, message).hint("small letters, digits and `_` make a name");
        return;
    }
    if let Some(other) = clash(drafts, target, &name) {
        if let Some(view) = source.view {
            let message =
                format!("the inverse of {this} is called `{name}` in `{}`, as is {other}", target.model.name);
            let advice = match wanted.inverse {
                Inverse::Named(_) => "choose another name for one of them".to_owned(),
                _ => format!(
                    "name it: `inverse = \"{}_by_{}\"`, or `inverse = false` for none",
                    source.model.name, field.name
                ),
            };
            view.file.error("name-clash", &span, message).hint(advice);
        }
        return;
    }
    let by =
        if wanted.many { RelationBy::InverseRefs(wanted.field) } else { RelationBy::Inverse(wanted.field) };
    let to = drafts[from].model.id;
    add(&mut drafts[usize::from(wanted.to.0)], &name, to, by);
}

/// What already has this name in a model.
fn clash(drafts: &[Draft<'_>], target: &Draft<'_>, name: &str) -> Option<String> {
    if name == names::COUNTS {
        return Some("what templates read counts of relations from".to_owned());
    }
    if let Some(id) = target.model.relations_by_name.get(name) {
        let relation = target.model.relation(*id);
        if let RelationBy::Inverse(field) | RelationBy::InverseRefs(field) = relation.by {
            let other = &drafts[usize::from(relation.to.0)].model;
            return Some(format!("the inverse of {}", described(&other.name, other.field(field))));
        }
    }
    let field = target.model.field_named(name)?;
    Some(format!("the field {}", described(&target.model.name, field)))
}

fn described(model: &str, field: &Field) -> String {
    format!("`{model}.{}`", field.name)
}
