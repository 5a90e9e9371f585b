//! Declared shapes of JSON documents: JSON Schema, checked by `boon`, and what paths may find in them.
//!
//! A schema says everything itself: a `$ref` leads within it, and nothing is ever fetched.

use std::sync::Arc;

use boon::{Compiler, ErrorKind, InstanceToken, SchemaIndex, Schemas, ValidationError};
use serde_json::Value as Json;

use crate::types::Problem;
use crate::value::Kind;

/// A compiled schema.
pub struct JsonSchema {
    source: Json,
    schemas: Schemas,
    index: SchemaIndex,
}

/// What a schema says of one place in a document.
#[derive(Clone, Copy, Debug)]
pub struct Place<'schema> {
    root: &'schema Json,
    at: &'schema Json,
}

/// What a step from a place leads to.
#[derive(Debug)]
pub enum Next<'schema> {
    /// A place that the schema describes.
    Place(Place<'schema>),
    /// Something that it says nothing about.
    Open,
    /// Nothing: the object has only these keys.
    Unknown(Vec<&'schema str>),
}

/// How many mistakes of one document are told.
const MOST_PROBLEMS: usize = 20;
/// How many `$ref`s lead to one place at most.
const MOST_REFS: usize = 16;
const NAME: &str = "urn:purlin:schema";

struct Nowhere;

impl boon::UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Json, Box<dyn std::error::Error>> {
        Err(format!("`{url}` is not in the schema itself, and nothing is fetched").into())
    }
}

impl JsonSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(source: Json) -> Result<Arc<JsonSchema>, String> {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(Nowhere));
        compiler.enable_format_assertions();
        compiler.add_resource(NAME, source.clone()).map_err(|error| told_of_schema(&error))?;
        let index = compiler.compile(NAME, &mut schemas).map_err(|error| told_of_schema(&error))?;
        Ok(Arc::new(JsonSchema { source, schemas, index }))
    }

    /// What is wrong with a document, each with its path in it: `.size.width`.
    #[must_use]
    pub fn problems(&self, document: &Json) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = self.schemas.validate(document, self.index) {
            collect(&error, &mut problems);
        }
        problems
    }

    /// The whole document, as the schema sees it.
    #[must_use]
    pub fn root(&self) -> Place<'_> {
        Place { root: &self.source, at: &self.source }.resolved()
    }
}

impl std::fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonSchema({})", self.source)
    }
}

impl<'schema> Place<'schema> {
    fn to(self, at: &'schema Json) -> Next<'schema> {
        Next::Place(Place { root: self.root, at }.resolved())
    }

    /// The place that `$ref`s lead to.
    fn resolved(mut self) -> Self {
        for _ in 0..MOST_REFS {
            let Some(reference) = self.at.get("$ref").and_then(Json::as_str) else { break };
            let Some(at) = reference.strip_prefix('#').and_then(|path| self.root.pointer(path)) else {
                break;
            };
            self.at = at;
        }
        self
    }

    /// Whether other keywords than those looked at here decide what may stand here.
    fn is_open(self) -> bool {
        ["allOf", "anyOf", "oneOf", "if", "$ref", "$dynamicRef", "patternProperties", "dependentSchemas"]
            .iter()
            .any(|keyword| self.at.get(keyword).is_some())
    }

    /// The value of an object's key.
    #[must_use]
    pub fn key(self, key: &str) -> Next<'schema> {
        let properties = self.at.get("properties").and_then(Json::as_object);
        if let Some(at) = properties.and_then(|properties| properties.get(key)) {
            return self.to(at);
        }
        match (properties, self.at.get("additionalProperties")) {
            (_, Some(more @ Json::Object(_))) => self.to(more),
            (None, _) | (_, Some(Json::Bool(true))) => Next::Open,
            _ if self.is_open() => Next::Open,
            (Some(properties), _) => Next::Unknown(properties.keys().map(String::as_str).collect()),
        }
    }

    /// An element of an array.
    #[must_use]
    pub fn element(self, at: Option<usize>) -> Next<'schema> {
        let first = self.at.get("prefixItems").and_then(Json::as_array);
        match (first.zip(at).and_then(|(first, at)| first.get(at)), self.at.get("items")) {
            (Some(item), _) => self.to(item),
            (None, Some(items @ Json::Object(_))) if at.is_some() || first.is_none() => self.to(items),
            _ => Next::Open,
        }
    }

    /// The one type that stands here, by JSON Schema's name; null beside it is left aside.
    #[must_use]
    pub fn ty(self) -> Option<&'schema str> {
        let one = match self.at.get("type")? {
            Json::String(ty) => Some(ty.as_str()),
            Json::Array(types) => {
                let mut other = types.iter().filter_map(Json::as_str).filter(|ty| *ty != "null");
                other.next().filter(|_| other.next().is_none())
            }
            _ => None,
        };
        one.filter(|_| !self.is_open())
    }

    /// The kind of the values that stand here, where they are neither arrays nor objects and of one type.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self.ty()? {
            "string" => Some(Kind::Text),
            "integer" => Some(Kind::Int),
            "number" => Some(Kind::Float),
            "boolean" => Some(Kind::Bool),
            _ => None,
        }
    }
}

fn told_of_schema(error: &boon::CompileError) -> String {
    let told = match error {
        boon::CompileError::ValidationError { src, .. } => {
            let mut problems = Vec::new();
            collect(src, &mut problems);
            problems
                .first()
                .map(|problem| format!("`{}` {}", problem.at.trim_start_matches('.'), problem.message))
        }
        boon::CompileError::LoadUrlError { src, .. } => Some(src.to_string()),
        _ => None,
    };
    told.unwrap_or_else(|| error.to_string().replace(NAME, "the schema"))
}

/// The mistakes at the ends of an error's tree; what fits none of several shapes is one mistake.
fn collect(error: &ValidationError<'_, '_>, problems: &mut Vec<Problem>) {
    if problems.len() >= MOST_PROBLEMS {
        return;
    }
    let alternatives = matches!(error.kind, ErrorKind::AnyOf | ErrorKind::OneOf(_));
    if !error.causes.is_empty() && !alternatives {
        return error.causes.iter().for_each(|cause| collect(cause, problems));
    }
    let at: String = error.instance_location.tokens.iter().map(written).collect();
    let problem = |at: String, code, message: String| Problem { at, ..Problem::new(code, message) };
    match &error.kind {
        ErrorKind::Required { want } => problems.extend(
            want.iter().map(|key| problem(at.clone() + &step(key), "required", "is required".into())),
        ),
        ErrorKind::AdditionalProperties { got } => problems
            .extend(got.iter().map(|key| {
                problem(at.clone() + &step(key), "unknown_field", "is not a declared key".into())
            })),
        kind => {
            let (code, message) = told(kind);
            problems.push(problem(at, code, message));
        }
    }
}

fn written(token: &InstanceToken<'_>) -> String {
    match token {
        InstanceToken::Prop(key) => step(key),
        InstanceToken::Item(at) => format!("[{at}]"),
    }
}

/// A key as an expression's path writes it.
fn step(key: &str) -> String {
    let plain = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|other| other.is_ascii_alphanumeric() || other == '_');
    if plain { format!(".{key}") } else { format!("[{}]", Json::from(key)) }
}

fn told(kind: &ErrorKind<'_, '_>) -> (&'static str, String) {
    let list = |values: &[Json]| values.iter().map(Json::to_string).collect::<Vec<_>>().join(", ");
    match kind {
        ErrorKind::Type { want, .. } => {
            let words = want.iter().map(|ty| match ty.to_string().as_str() {
                "string" => "text".to_owned(),
                "boolean" => "true or false".to_owned(),
                "integer" => "a whole number".to_owned(),
                "number" => "a number".to_owned(),
                "array" => "a list".to_owned(),
                "object" => "an object".to_owned(),
                other => other.to_owned(),
            });
            ("wrong_type", format!("must be {}", words.collect::<Vec<_>>().join(" or ")))
        }
        ErrorKind::Enum { want } => ("not_a_choice", format!("must be one of {}", list(want))),
        ErrorKind::Const { want } => ("not_a_choice", format!("must be {want}")),
        ErrorKind::Format { want, .. } => ("invalid", format!("is not of the format {want}")),
        ErrorKind::Pattern { want, .. } => ("pattern", format!("does not match {want}")),
        ErrorKind::MinLength { want, .. } => ("too_short", format!("is shorter than {want} characters")),
        ErrorKind::MaxLength { want, .. } => ("too_long", format!("is longer than {want} characters")),
        ErrorKind::Minimum { want, .. } => ("too_small", format!("is less than {want}")),
        ErrorKind::Maximum { want, .. } => ("too_large", format!("is greater than {want}")),
        ErrorKind::ExclusiveMinimum { want, .. } => ("too_small", format!("must be greater than {want}")),
        ErrorKind::ExclusiveMaximum { want, .. } => ("too_large", format!("must be less than {want}")),
        ErrorKind::MultipleOf { want, .. } => ("invalid", format!("is not a multiple of {want}")),
        ErrorKind::MinItems { want, .. } => ("too_short", format!("has fewer than {want} elements")),
        ErrorKind::MaxItems { want, .. } => ("too_long", format!("has more than {want} elements")),
        ErrorKind::MinProperties { want, .. } => ("too_short", format!("has fewer than {want} keys")),
        ErrorKind::MaxProperties { want, .. } => ("too_long", format!("has more than {want} keys")),
        ErrorKind::UniqueItems { .. } => ("invalid", "has an element twice".to_owned()),
        ErrorKind::AdditionalItems { .. } | ErrorKind::FalseSchema => {
            ("invalid", "is not allowed here".to_owned())
        }
        ErrorKind::AnyOf | ErrorKind::OneOf(_) | ErrorKind::Not => {
            ("invalid", "has none of the shapes that are allowed".to_owned())
        }
        other => ("invalid", format!("is not as declared: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: Json, document: &Json) -> Vec<String> {
        let schema = JsonSchema::new(schema).expect("a schema");
        let problems = schema.problems(document);
        problems.into_iter().map(|problem| format!("meta{} {}", problem.at, problem.message)).collect()
    }

    #[test]
    fn mistakes_name_their_path() {
        let schema = json!({
            "type": "object",
            "properties": {
                "colour": { "enum": ["red", "blue"] },
                "size": { "type": "object", "required": ["width"], "properties": { "width": { "type": "number", "minimum": 1 } } },
                "tags": { "type": "array", "items": { "type": "string", "maxLength": 3 } },
            },
            "additionalProperties": false,
        });
        let wrong = json!({"colour": "green", "size": {}, "tags": ["a", 1, "long one"], "odd key": 1});
        let mut found = told(schema.clone(), &wrong);
        found.sort();
        assert_eq!(
            found,
            [
                "meta.colour must be one of \"red\", \"blue\"",
                "meta.size.width is required",
                "meta.tags[1] must be text",
                "meta.tags[2] is longer than 3 characters",
                "meta[\"odd key\"] is not a declared key",
            ]
        );
        assert!(told(schema.clone(), &json!({"size": {"width": 2}})).is_empty());
        assert_eq!(told(schema, &json!({"size": {"width": 0}})), ["meta.size.width is less than 1"]);
    }

    #[test]
    fn nothing_is_fetched() {
        for reference in ["https://example.com/x.json", "file:///etc/passwd", "other.json"] {
            let wrong = JsonSchema::new(json!({ "$ref": reference })).expect_err("a foreign reference");
            assert!(wrong.contains("nothing is fetched") || wrong.contains("error"), "{reference}: {wrong}");
        }
        let own = json!({"$defs": {"x": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/x"}}});
        assert_eq!(told(own, &json!({"a": 1})), ["meta.a must be text"]);
    }

    #[test]
    fn a_schema_that_is_none_is_told() {
        let wrong = JsonSchema::new(json!({"type": "texts"})).expect_err("no such type");
        assert!(wrong.contains("type"), "{wrong}");
        assert!(JsonSchema::new(json!({"pattern": "["})).is_err());
        assert!(
            JsonSchema::new(json!({"$ref": "#"})).is_ok_and(|schema| !schema.problems(&json!(1)).is_empty())
        );
    }
}
