//! `purlin add`: a model with pages to list, show, write and edit its records.
//!
//! What it writes is a beginning to be changed by hand: rules that say who may do what, and pages within the
//! site's own layout. The site is loaded before, so that refs find their models, and checked after.

mod fields;
mod pages;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use purlin_schema::load::Mode;
use purlin_schema::{FieldId, Models, Site};

use crate::error::{CommandError, Outcome};
use crate::serve::open_assets;
use crate::{site, terminal};
use fields::Declared;

/// Add a model, with pages to list, show, write and edit
///
/// Writes models/MODEL.toml and pages/MODEL…, for you to change. A field is name:type, with ! behind
/// where it is required. Types: text, markdown, int, float, decimal(2), bool, date, datetime, duration,
/// email, url, json, choice(a,b), ref(MODEL), refs(MODEL). A slug is made from the first text.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin add notes title:text! body:markdown
  purlin add posts title:text! body:markdown author:ref(users) status:choice(draft,published)
  purlin add events name:text! starts:datetime! price:decimal(2) --site /srv/club

In most shells ( and ) need quotes: 'author:ref(users)'.")]
pub(super) struct Arguments {
    /// The model's name, in the plural: it is the table, the API and the pages' address
    #[arg(value_name = "MODEL")]
    model: String,
    /// Its fields: name:type, with ! behind where it is required
    #[arg(value_name = "FIELD:TYPE", required = true)]
    fields: Vec<String>,
    /// The site's folder
    #[arg(long, value_name = "SITE", default_value = ".")]
    site: PathBuf,
}

/// A model that is about to be written, with what its pages need to know.
struct NewModel<'site> {
    name: String,
    /// What templates call one record.
    one: String,
    /// What templates call the list.
    many: String,
    fields: Vec<Declared>,
    /// The field by which a record is named, where there is one.
    label: Option<String>,
    /// `slug` or `id`: the parameter of its pages.
    key: &'static str,
    /// The ref to the account that made a record, as rules name it.
    owner: Option<String>,
    models: &'site Models,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let root = &arguments.site;
    let site = site::load(root, Mode::Development)?;
    let model = NewModel::new(arguments, &site)?;
    let mut files = vec![(format!("models/{}.toml", model.name), fields::toml(&model))];
    files.extend(layout(root));
    files.extend(pages::all(&model, &pages::Frame::of(&site)));
    if let Some((taken, _)) = files.iter().find(|(path, _)| root.join(path).exists()) {
        return Err(CommandError::new(format_args!(
            "{} is there already; nothing was written",
            root.join(taken).display()
        )));
    }
    for (path, text) in &files {
        super::new::write(&root.join(path), text.as_bytes())?;
    }
    let pen = terminal::out();
    for (path, _) in &files {
        pen.line(format_args!("{} {}", pen.good("wrote"), root.join(path).display()));
    }
    // What was just written must pass; where it does not, whoever reads this knows which file to look at.
    let site = site::load(root, Mode::Development)?;
    super::check::compile(&site, open_assets(&site.root, false)?)?;
    say_what_next(&model, root);
    Ok(())
}

impl<'site> NewModel<'site> {
    fn new(arguments: &Arguments, site: &'site Arc<Site>) -> Outcome<NewModel<'site>> {
        let name = arguments.model.clone();
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if !is_name(&name) {
            return Err(CommandError::new(format_args!("`{name}` cannot be a model's name"))
                .hint("use small letters, digits and `_`, and begin with a letter: `blog_posts`"));
        }
        if site.models.named(&name).is_some() {
            return Err(CommandError::new(format_args!("there is a model `{name}` already")).hint(
                format_args!(
                    "add fields to {} by hand",
                    arguments.site.join(format!("models/{name}.toml")).display()
                ),
            ));
        }
        let mut declared: Vec<Declared> = Vec::new();
        for text in &arguments.fields {
            let field = fields::parse(text, &name, &site.models)?;
            if !is_name(&field.name) || matches!(field.name.as_str(), "id" | "created_at" | "updated_at") {
                return Err(CommandError::new(format_args!("`{}` cannot be a field's name", field.name))
                    .hint("every model has `id`, `created_at` and `updated_at`; others have small letters, digits and `_`"));
            }
            if declared.iter().any(|known| known.name == field.name) {
                return Err(CommandError::new(format_args!("the field `{}` is named twice", field.name)));
            }
            declared.push(field);
        }
        let label = fields::label_of(&declared);
        fields::add_slug(&mut declared, label.as_deref());
        let key = if declared.iter().any(|field| field.name == "slug") { "slug" } else { "id" };
        let owner = declared.iter().find(|field| field.is_owner()).map(|field| field.name.clone());
        let (one, many) = pages::names(&name);
        Ok(NewModel { one, many, fields: declared, label, key, owner, models: &site.models, name })
    }

    /// The name of the field that names a record of another model, or of this one, to everybody.
    fn label_of(&self, model: &str) -> String {
        if model == self.name {
            return self.label.clone().unwrap_or_else(|| "id".to_owned());
        }
        let Some(model) = self.models.named(model) else { return "id".to_owned() };
        let label = model.field(model.label);
        let is_open = matches!(label.read, purlin_schema::model::Rule::Everybody) && !label.hidden;
        if is_open { label.name.clone() } else { model.field(FieldId::ID).name.clone() }
    }
}

/// The layout and stylesheet of a new site, where this one has none.
fn layout(root: &Path) -> Vec<(String, String)> {
    if root.join("pages/_layout.html").exists() {
        return Vec::new();
    }
    super::new::layout_files()
        .filter(|(path, _)| !root.join(path).exists())
        .map(|(path, bytes)| ((*path).to_owned(), String::from_utf8_lossy(bytes).into_owned()))
        .collect()
}

fn say_what_next(model: &NewModel<'_>, root: &Path) {
    let pen = terminal::out();
    let site = super::as_argument(root);
    let name = &model.name;
    pen.line("");
    pen.line(format_args!(
        "  {}   then open {}",
        pen.bold(format_args!("purlin dev{site}")),
        pen.link(format_args!("/{name}"))
    ));
    match &model.owner {
        Some(owner) => pen
            .line(format_args!("Whoever is signed in may write; `{owner}` alone may change what he wrote.")),
        None => {
            pen.line("Everybody may read; administrators alone may write. Make one:");
            pen.line(format_args!(
                "  {}",
                pen.bold(format_args!("purlin user create{site} --email you@example.com --role admin"))
            ));
        }
    }
    pen.line(format_args!(
        "Who may do what stands in {}; link to the list with {}.",
        root.join(format!("models/{name}.toml")).display(),
        pen.bold(format_args!("<a href=\"/{name}\">"))
    ));
}
