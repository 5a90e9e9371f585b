//! The pages of a new model: a list, a record, and forms to write and edit.

use std::fmt::Write as _;

use purlin_schema::Site;

use super::NewModel;
use super::fields::Declared;

/// What the site's layout calls its blocks.
pub(super) struct Frame {
    content: String,
    title: Option<String>,
}

/// Names that templates and expressions use for other things.
const TAKEN: &[&str] = &[
    "asset",
    "can",
    "data",
    "error",
    "field",
    "flash",
    "form",
    "forms",
    "input",
    "item",
    "items",
    "label",
    "list",
    "loop",
    "message",
    "namespace",
    "now",
    "old",
    "page",
    "params",
    "query",
    "range",
    "request",
    "self",
    "site",
    "today",
    "url",
    "user",
    "users",
    "visitor",
];

impl Frame {
    /// The blocks of `_layout.html`, by the names that layouts usually give them.
    pub(super) fn of(site: &Site) -> Frame {
        let source =
            site.templates.get("_layout.html").map(|template| template.source.as_str()).unwrap_or_default();
        let blocks: Vec<&str> = source
            .split("{%")
            .filter_map(|tag| tag.trim_start_matches(['-', '+', ' ']).strip_prefix("block "))
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        let first =
            |names: &[&str]| names.iter().find(|name| blocks.contains(name)).map(|name| (*name).to_owned());
        let content = first(&["content", "main", "body"]).unwrap_or_else(|| "content".to_owned());
        let title = if blocks.is_empty() { Some("title".to_owned()) } else { first(&["title"]) };
        Frame { content, title }
    }

    fn page(&self, front: &str, title: &str, body: &str) -> String {
        let title = self
            .title
            .as_ref()
            .map(|block| format!("{{% block {block} %}}{title}{{% endblock %}}\n"))
            .unwrap_or_default();
        let content = &self.content;
        format!(
            "+++\n{front}+++\n{{% extends \"_layout.html\" %}}\n{title}{{% block {content} %}}\n{body}{{% endblock %}}\n"
        )
    }
}

/// What templates call one record and the list: `note` and `notes`.
pub(super) fn names(model: &str) -> (String, String) {
    let one = singular(model);
    let one = if one == model || TAKEN.contains(&one.as_str()) { "record".to_owned() } else { one };
    let many = if TAKEN.contains(&model) { "records".to_owned() } else { model.to_owned() };
    (one, many)
}

/// Every page, with its path.
pub(super) fn all(model: &NewModel<'_>, frame: &Frame) -> Vec<(String, String)> {
    let NewModel { name, key, .. } = model;
    vec![
        (format!("pages/{name}.html"), list(model, frame)),
        (format!("pages/{name}/new.html"), new(model, frame)),
        (format!("pages/{name}/[{key}].html"), show(model, frame)),
        (format!("pages/{name}/[{key}]/edit.html"), edit(model, frame)),
    ]
}

fn list(model: &NewModel<'_>, frame: &Frame) -> String {
    let NewModel { name, one, many, .. } = model;
    let plural = caption(name);
    let front = format!("[data.{many}]\nfrom     = \"{name}\"\nsort     = \"-created_at\"\nper_page = 20\n");
    let body = format!(
        "\
<header class=\"head head-row\">
  <h1>{plural}</h1>
  {{% if can(\"create\", \"{name}\") %}}<a class=\"button\" href=\"{{{{ url(\"{name}/new\") }}}}\">New {single}</a>{{% endif %}}
</header>
<ul class=\"rows\">
  {{% for {one} in {many} %}}
  <li>
    <a href=\"{link}\">{label}</a>
    <span class=\"meta\">{{{{ {one}.created_at|date(\"%-d %b %Y\") }}}}</span>
  </li>
  {{% else %}}
  <li class=\"empty\">There is nothing here yet.</li>
  {{% endfor %}}
</ul>
{{% if {many}.has_prev or {many}.has_next %}}
<nav class=\"pager\" aria-label=\"Pages\">
  {{% if {many}.has_prev %}}<a rel=\"prev\" href=\"{{{{ {many}.prev_url }}}}\">Previous page</a>{{% else %}}<span></span>{{% endif %}}
  {{% if {many}.has_next %}}<a rel=\"next\" href=\"{{{{ {many}.next_url }}}}\">Next page</a>{{% endif %}}
</nav>
{{% endif %}}
",
        single = spoken(name),
        link = link(model, ""),
        label = label(model),
    );
    frame.page(&front, &plural, &body)
}

fn new(model: &NewModel<'_>, frame: &Frame) -> String {
    let NewModel { name, key, .. } = model;
    let single = spoken(name);
    let front = format!(
        "[page]\nrequire = '{}'\n\n[form.new]\ncreate = \"{name}\"\nfields = [{}]\nthen   = \"/{name}/{{data.new.{key}}}\"\nsay    = \"The {single} is saved.\"\n",
        require(model),
        entered(model)
    );
    let body = format!(
        "\
<div class=\"desk\">
  <header class=\"head\">
    <h1>New {single}</h1>
  </header>
  {{{{ form(\"new\", button=\"Save\") }}}}
  <p><a href=\"{{{{ url(\"{name}\") }}}}\">Back to the list</a></p>
</div>
"
    );
    frame.page(&front, &format!("New {single}"), &body)
}

fn show(model: &NewModel<'_>, frame: &Frame) -> String {
    let NewModel { one, key, name, .. } = model;
    let refs: Vec<String> = model
        .fields
        .iter()
        .filter(|field| field.to().is_some())
        .map(|field| format!("\"{}\"", field.name))
        .collect();
    let include = if refs.is_empty() { String::new() } else { format!("include = [{}]\n", refs.join(", ")) };
    let front = format!(
        "[data.{one}]\nfrom    = \"{name}\"\nfilter  = '{}'\n{include}one     = true\n",
        by_key(model)
    );
    let mut facts = String::new();
    let mut prose = String::new();
    for field in &model.fields {
        let is_heading = Some(&field.name) == model.label.as_ref();
        // An account that shows nothing but its number says nothing.
        let is_nameless = field.is_owner() && model.label_of("users") == "id";
        if is_heading || is_nameless || field.name == *key || matches!(field.ty, "password" | "json" | "slug")
        {
            continue;
        }
        if matches!(field.ty, "markdown" | "html") {
            let value = format!("{one}.{}", field.name);
            writeln!(prose, "  {{% if {value} %}}<div class=\"prose\">{{{{ {value} }}}}</div>{{% endif %}}")
                .expect("a string grows");
        } else {
            facts.push_str(&fact(model, field));
        }
    }
    if !facts.is_empty() {
        facts = format!("  <dl class=\"facts\">\n{facts}  </dl>\n");
    }
    let body = format!(
        "\
<article>
  <header class=\"head\">
    <h1>{label}</h1>
    <p class=\"meta\">
      <time datetime=\"{{{{ {one}.created_at|rfc3339 }}}}\">{{{{ {one}.created_at|date(\"%-d %B %Y\") }}}}</time>
      {{% if can(\"update\", {one}) %}}<a href=\"{edit}\">Edit</a>{{% endif %}}
    </p>
  </header>
{facts}{prose}</article>
<p><a href=\"{{{{ url(\"{name}\") }}}}\">All {plural}</a></p>
",
        label = label(model),
        edit = link(model, "/edit"),
        plural = name.replace('_', " "),
    );
    frame.page(&front, &label(model), &body)
}

fn fact(model: &NewModel<'_>, field: &Declared) -> String {
    let value = format!("{}.{}", model.one, field.name);
    let shown = match field.ty {
        "bool" => format!("{{{{ \"Yes\" if {value} else \"No\" }}}}"),
        "date" => format!("{{{{ {value}|date(\"%-d %B %Y\") }}}}"),
        "datetime" => format!("{{{{ {value}|date(\"%-d %B %Y, %H:%M\") }}}}"),
        "url" => format!("<a href=\"{{{{ {value}|safe_url }}}}\">{{{{ {value} }}}}</a>"),
        "ref" => format!("{{{{ {value}.{} }}}}", model.label_of(field.to().unwrap_or_default())),
        "refs" => {
            let label = model.label_of(field.to().unwrap_or_default());
            format!(
                "{{% for other in {value} %}}{{{{ other.{label} }}}}{{% if not loop.last %}}, {{% endif %}}{{% endfor %}}"
            )
        }
        _ => format!("{{{{ {value} }}}}"),
    };
    let line = format!("<dt>{}</dt><dd>{shown}</dd>", field.caption());
    let is_there = if field.ty == "bool" || field.ty == "int" || field.ty == "float" || field.ty == "decimal"
    {
        format!("{value} is not none")
    } else {
        value
    };
    format!("    {{% if {is_there} %}}{line}{{% endif %}}\n")
}

fn edit(model: &NewModel<'_>, frame: &Frame) -> String {
    let NewModel { one, name, key, .. } = model;
    let single = spoken(name);
    let filter = match &model.owner {
        Some(owner) => format!("{} && ({owner} == user || user.role == \"admin\")", by_key(model)),
        None => by_key(model),
    };
    let front = format!(
        "[page]\nrequire = '{}'\n\n[data.{one}]\nfrom   = \"{name}\"\nfilter = '{filter}'\none    = true\n\n\
         [form.edit]\nupdate = \"data.{one}\"\nfields = [{}]\nthen   = \"/{name}/{{data.{one}.{key}}}\"\nsay    = \"Saved.\"\n\n\
         [form.remove]\ndelete = \"data.{one}\"\nthen   = \"/{name}\"\nsay    = \"The {single} is gone.\"\n",
        require(model),
        entered(model)
    );
    let body = format!(
        "\
<div class=\"desk\">
  <header class=\"head\">
    <h1>Edit {single}</h1>
    <p class=\"meta\"><a href=\"{link}\">{label}</a></p>
  </header>
  {{{{ form(\"edit\", button=\"Save\") }}}}
  {{% if can(\"delete\", {one}) %}}
  <section>
    <details class=\"danger\">
      <summary>Delete this {single}</summary>
      <p>It is removed for good.</p>
      {{{{ form(\"remove\", button=\"Yes, delete it\") }}}}
    </details>
  </section>
  {{% endif %}}
</div>
",
        link = link(model, ""),
        label = label(model),
    );
    frame.page(&front, &format!("Edit {single}"), &body)
}

fn label(model: &NewModel<'_>) -> String {
    let one = &model.one;
    match &model.label {
        Some(label) => format!("{{{{ {one}.{label} or \"(no {})\" }}}}", label.replace('_', " ")),
        None => format!("{} {{{{ {one}.id }}}}", caption(&spoken(&model.name))),
    }
}

fn link(model: &NewModel<'_>, rest: &str) -> String {
    let NewModel { name, key, one, .. } = model;
    format!("{{{{ url(\"{name}/[{key}]{rest}\", {key}={one}.{key}) }}}}")
}

fn by_key(model: &NewModel<'_>) -> String {
    format!("{key} == params.{key}", key = model.key)
}

/// Who may see the pages that write; the model's own rules hold besides.
fn require(model: &NewModel<'_>) -> &'static str {
    if model.owner.is_some() { "user != null" } else { "user.role == \"admin\"" }
}

fn entered(model: &NewModel<'_>) -> String {
    let fields = model.fields.iter().filter(|field| field.is_entered());
    fields.map(|field| format!("\"{}\"", field.name)).collect::<Vec<_>>().join(", ")
}

/// What a person calls one record.
fn spoken(model: &str) -> String {
    singular(model).replace('_', " ")
}

fn caption(name: &str) -> String {
    let text = name.replace('_', " ");
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

/// The singular of an English plural, as far as endings tell.
fn singular(plural: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| plural.ends_with(ending));
    if let Some(stem) = plural.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    if ends(&["sses", "xes", "ches", "shes", "zes"]) {
        return plural[..plural.len() - 2].to_owned();
    }
    match plural.strip_suffix('s') {
        Some(stem) if !ends(&["ss", "us", "is"]) && stem.len() > 1 && plural != "news" => stem.to_owned(),
        _ => plural.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many() {
        for (many, one) in [
            ("notes", "note"),
            ("categories", "category"),
            ("boxes", "box"),
            ("classes", "class"),
            ("news", "news"),
            ("houses", "house"),
            ("blog_posts", "blog_post"),
            ("status", "status"),
        ] {
            assert_eq!(singular(many), one);
        }
    }

    #[test]
    fn names_that_templates_need_are_left_alone() {
        assert_eq!(names("notes"), ("note".to_owned(), "notes".to_owned()));
        assert_eq!(names("pages"), ("record".to_owned(), "pages".to_owned()));
        assert_eq!(names("messages").0, "record");
        assert_eq!(names("news").0, "record");
    }
}
