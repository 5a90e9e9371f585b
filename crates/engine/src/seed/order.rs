//! In which order models are filled, so that a row finds what it refers to.

use purlin_schema::{Field, Model, ModelId, Models};

/// Models in an order in which those referred to come first, as far as circles allow, each with how many refs
/// lie below it. What others keep is not filled.
pub(crate) fn by_dependency(models: &Models) -> Vec<(ModelId, usize)> {
    let own = |model: &&Model| !model.internal && model.origin.is_none();
    let mut left: Vec<&Model> = models.iter().map(AsRef::as_ref).filter(own).collect();
    let mut ordered: Vec<(ModelId, usize)> = Vec::new();
    while !left.is_empty() {
        // In a circle, what needs the fewest others that are not there yet goes first: those that it must have count more.
        let missing = |model: &&Model| {
            let waits =
                |field: &&Field| refers_to(field).is_some_and(|to| to != model.id && !has(&ordered, to));
            let fields = model.fields.iter().filter(waits);
            fields.map(|field| if field.required { 1_000 } else { 1 }).sum::<usize>()
        };
        let next = left.iter().enumerate().min_by_key(|(_, model)| missing(model)).map_or(0, |(at, _)| at);
        let model = left.remove(next);
        let below = model.fields.iter().filter_map(refers_to).filter(|to| *to != model.id);
        let depth = below
            .filter_map(|to| ordered.iter().find(|(known, _)| *known == to))
            .map(|(_, depth)| depth + 1)
            .max();
        ordered.push((model.id, depth.unwrap_or_default()));
    }
    ordered
}

/// The model that a field refers to.
pub(crate) fn refers_to(field: &Field) -> Option<ModelId> {
    field.reference.as_ref().map(|reference| reference.to)
}

fn has(ordered: &[(ModelId, usize)], model: ModelId) -> bool {
    ordered.iter().any(|(known, _)| *known == model)
}
