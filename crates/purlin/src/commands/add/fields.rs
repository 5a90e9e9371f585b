//! Fields as the command line names them, and the model's file.

use std::fmt::Write as _;

use purlin_schema::Models;
use purlin_schema::diagnostics::did_you_mean;
use purlin_schema::types;

use super::NewModel;
use crate::error::{CommandError, Outcome};

/// A field of the new model.
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) ty: &'static str,
    /// What stands in parentheses: a model, choices, a scale.
    arguments: Vec<String>,
    pub(super) required: bool,
    /// The field that a slug is made from.
    from: Option<String>,
}

impl Declared {
    /// The model that it refers to.
    pub(super) fn to(&self) -> Option<&str> {
        matches!(self.ty, "ref" | "refs").then(|| self.arguments.first().map(String::as_str)).flatten()
    }

    /// Whether it is the account that made the record.
    pub(super) fn is_owner(&self) -> bool {
        let names = ["author", "owner", "creator", "writer", "member", "account"];
        self.ty == "ref" && self.to() == Some("users") && names.contains(&self.name.as_str())
    }

    /// Whether a person enters it.
    pub(super) fn is_entered(&self) -> bool {
        !self.is_owner() && self.from.is_none()
    }

    /// What a person calls it.
    pub(super) fn caption(&self) -> String {
        let text = self.name.replace('_', " ");
        let mut characters = text.chars();
        characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
    }
}

/// Reads `status:choice(draft,published)!`.
pub(super) fn parse(text: &str, model: &str, models: &Models) -> Outcome<Declared> {
    let (name, rest) = text.split_once(':').unwrap_or((text, "text"));
    let required = name.ends_with('!') || rest.ends_with('!');
    let (name, rest) = (name.trim_end_matches('!'), rest.trim_end_matches('!'));
    let (ty, arguments) = match rest.split_once('(') {
        Some((ty, inner)) => {
            let inner = inner
                .strip_suffix(')')
                .ok_or_else(|| CommandError::new(format_args!("`{text}` has no `)` at its end")))?;
            let list = inner.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
            (ty.trim_end_matches('!'), list.collect())
        }
        None => (rest, Vec::new()),
    };
    let known = types::named(ty).ok_or_else(|| {
        let names = types::TYPES.iter().map(|ty| ty.name());
        let error = CommandError::new(format_args!("`{text}`: there is no field type `{ty}`"));
        match did_you_mean(ty, names.clone()) {
            Some(meant) => error.hint(format_args!("did you mean `{meant}`?")),
            None => error.hint(format_args!("there are {}", names.collect::<Vec<_>>().join(", "))),
        }
    })?;
    let field = Declared { name: name.to_owned(), ty: known.name(), arguments, required, from: None };
    check_arguments(text, &field, model, models)?;
    Ok(field)
}

fn check_arguments(text: &str, field: &Declared, model: &str, models: &Models) -> Outcome {
    let wants = |what: &str| Err(CommandError::new(format_args!("`{text}`: {what}")));
    match (field.ty, field.arguments.as_slice()) {
        ("ref" | "refs", [to]) if to == model || models.named(to).is_some_and(|to| !to.internal) => Ok(()),
        ("ref" | "refs", [to]) => {
            let names: Vec<&str> =
                models.iter().filter(|model| !model.internal).map(|model| model.name.as_str()).collect();
            let error = CommandError::new(format_args!("`{text}`: there is no model `{to}`"));
            Err(match did_you_mean(to, names.iter().copied()) {
                Some(meant) => error.hint(format_args!("did you mean `{meant}`?")),
                None => error.hint(format_args!("there are {}; add `{to}` first", names.join(", "))),
            })
        }
        ("ref" | "refs", _) => wants(&format!("say which model, as in `{}:{}(users)`", field.name, field.ty)),
        ("choice", [_, ..]) => Ok(()),
        ("choice", []) => wants(&format!("say which, as in `{}:choice(draft,published)`", field.name)),
        ("decimal" | "text", [number]) if number.parse::<u32>().is_ok() => Ok(()),
        (_, []) => Ok(()),
        (ty, _) => wants(&format!("`{ty}` takes nothing in parentheses like that")),
    }
}

/// The field by which a record is named: one that sounds like it, else the first text.
pub(super) fn label_of(fields: &[Declared]) -> Option<String> {
    let usual = ["title", "name", "label", "subject", "headline"];
    let texts = || fields.iter().filter(|field| field.ty == "text");
    let named = texts().find(|field| usual.contains(&field.name.as_str()));
    named.or_else(|| texts().next()).map(|field| field.name.clone())
}

/// Records with a name get addresses that say it.
pub(super) fn add_slug(fields: &mut Vec<Declared>, label: Option<&str>) {
    let from = label.map(str::to_owned);
    if let Some(field) = fields.iter_mut().find(|field| field.name == "slug" && field.ty == "slug") {
        field.from = from;
        return;
    }
    let Some(at) = fields.iter().position(|field| Some(field.name.as_str()) == label) else { return };
    if fields.iter().any(|field| field.name == "slug") {
        return;
    }
    // A name that may be missing makes no address.
    if !fields[at].required {
        return;
    }
    let slug = Declared { name: "slug".to_owned(), ty: "slug", arguments: Vec::new(), required: false, from };
    fields.insert(at + 1, slug);
}

/// `models/notes.toml`.
pub(super) fn toml(model: &NewModel<'_>) -> String {
    let mut text = format!("# Made by `purlin add {}`. It is yours: change it as you like.\n", model.name);
    if let Some(label) = &model.label {
        write!(text, "\n[model]\nlabel = \"{label}\"\n").expect("a string grows");
    }
    text.push_str("\n[fields]\n");
    let widest = model.fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    for (at, field) in model.fields.iter().enumerate() {
        let mut keys = keys(field);
        if field.to().is_some_and(|to| inverse_is_taken(model, &model.fields[..at], to)) {
            keys.insert(2, format!("inverse = \"{}_as_{}\"", model.name, field.name));
        }
        let keys = keys.join(", ");
        writeln!(text, "{:widest$} = {{ {keys} }}", field.name).expect("a string grows");
    }
    text.push_str("\n# Who may do what. What is not named here only administrators may.\n[access]\n");
    text.push_str(&access(model));
    text
}

/// Whether what is referred to has another field or relation by this model's name, by which it would find its way back.
fn inverse_is_taken(model: &NewModel<'_>, before: &[Declared], to: &str) -> bool {
    let target = model.models.named(to);
    before.iter().any(|other| other.to() == Some(to))
        || target.is_some_and(|target| {
            target.field_named(&model.name).is_some() || target.relation_named(&model.name).is_some()
        })
}

fn keys(field: &Declared) -> Vec<String> {
    let mut keys = vec![format!("type = \"{}\"", field.ty)];
    let first = field.arguments.first().map(String::as_str).unwrap_or_default();
    match field.ty {
        "ref" | "refs" => keys.push(format!("to = \"{first}\"")),
        "choice" => {
            let list: Vec<String> = field.arguments.iter().map(|choice| toml_text(choice)).collect();
            keys.push(format!("of = [{}]", list.join(", ")));
            keys.push(format!("default = {}", toml_text(first)));
        }
        "decimal" => keys.push(format!("scale = {}", if first.is_empty() { "2" } else { first })),
        "bool" => keys.push("default = false".to_owned()),
        "text" => keys.push(format!("max = {}", if first.is_empty() { "200" } else { first })),
        "slug" => {
            keys.extend(field.from.iter().map(|from| format!("from = \"{from}\"")));
            keys.push("unique = true".to_owned());
        }
        _ => {}
    }
    if field.is_owner() {
        keys.extend(
            ["required = true", "default = \"= user\"", "write = false", "on_delete = \"cascade\""]
                .map(str::to_owned),
        );
    } else if field.required {
        keys.push("required = true".to_owned());
    }
    keys
}

fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn access(model: &NewModel<'_>) -> String {
    let has_states = model.fields.iter().any(|field| {
        field.name == "status"
            && field.ty == "choice"
            && field.arguments.iter().any(|choice| choice == "published")
    });
    match &model.owner {
        Some(owner) => {
            let read = if has_states {
                format!("status == \"published\" || {owner} == user")
            } else {
                "true".to_owned()
            };
            format!(
                "read   = '{read}'\ncreate = 'user != null'\nupdate = '{owner} == user'\ndelete = '{owner} == user'\n"
            )
        }
        None => {
            let read = if has_states { "status == \"published\"" } else { "true" };
            format!(
                "read   = '{read}'\n# create = 'user != null'\n# update = 'user.role == \"editor\"'\n# delete = 'user.role == \"editor\"'\n"
            )
        }
    }
}
