//! The first pages: what there is, a list of each model, a page for each record.

use std::fmt::Write as _;

use super::models::{Field, Is, Model};
use super::names;

/// Columns that a list shows; a record's page shows all.
const SHOWN: usize = 6;

const LAYOUT: &str = r#"+++
[page]
require = 'user.role == "admin"'
+++
<!doctype html>
<html lang="{{ site.language }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{% block title %}Start{% endblock %} · {{ site.name }}</title>
  <link rel="stylesheet" href="{{ asset("style.css") }}">
</head>
<body>
<header>
  <a href="/">{{ site.name }}</a>
  {% if user %}<form method="post" action="/logout"><button type="submit">Sign out</button></form>{% endif %}
</header>
<main id="content">
{% for message in flash %}<p role="status">{{ message.text }}</p>{% endfor %}
{% block content %}{% endblock %}
</main>
</body>
</html>
"#;

/// Each page's path and text.
pub(super) fn all(models: &[Model]) -> Vec<(String, String)> {
    let mut pages =
        vec![("_layout.html".to_owned(), LAYOUT.to_owned()), ("index.html".to_owned(), start(models))];
    for model in models {
        pages.push((format!("{}/index.html", model.name), list(models, model)));
        pages.push((format!("{}/[id].html", model.name), record(models, model)));
    }
    pages
}

fn start(models: &[Model]) -> String {
    let mut text =
        "{% extends \"_layout.html\" %}\n{% block content %}\n<h1>{{ site.name }}</h1>\n<ul>\n".to_owned();
    for model in models {
        let _ = writeln!(
            text,
            "  <li><a href=\"/{}\">{}</a></li>",
            model.name,
            plain(&names::human(&model.name))
        );
    }
    text + "</ul>\n{% endblock %}\n"
}

fn list(models: &[Model], model: &Model) -> String {
    let fields = |field: &&Field| field.is_shown() && !matches!(field.is, Is::Refs { .. });
    let shown: Vec<&Field> = model.fields.iter().filter(fields).take(SHOWN).collect();
    let title = plain(&names::human(&model.name));
    let mut text =
        format!("+++\n[data.rows]\nfrom     = \"{}\"\nper_page = 50\ntotal    = true\n", model.name);
    if let Some(field) = model.order() {
        let _ = writeln!(text, "sort     = \"{field}\"");
    }
    include(&mut text, shown.iter().copied());
    let _ = writeln!(
        text,
        "+++\n{{% extends \"_layout.html\" %}}\n{{% block title %}}{title}{{% endblock %}}\n\
         {{% block content %}}\n<h1>{title}</h1>\n<p>{{{{ rows.total }}}} records</p>\n<div class=\"scroll\">\n<table>"
    );
    let heads: String = shown.iter().map(|field| format!("<th>{}</th>", plain(&field.called()))).collect();
    let _ = writeln!(text, "<thead><tr><th>ID</th>{heads}</tr></thead>\n<tbody>");
    let cells: String =
        shown.iter().map(|field| format!("<td>{}</td>", value(models, "row", field))).collect();
    let _ = writeln!(
        text,
        "{{% for row in rows %}}\n<tr><td><a href=\"/{0}/{{{{ row.id|url }}}}\">{{{{ row.id }}}}</a></td>{cells}</tr>\n\
         {{% endfor %}}\n</tbody>\n</table>\n</div>\n\
         <p>{{% if rows.has_prev %}}<a href=\"{{{{ rows.prev_url }}}}\">Back</a>{{% endif %}}\n\
         {{% if rows.has_next %}}<a href=\"{{{{ rows.next_url }}}}\">More</a>{{% endif %}}</p>\n{{% endblock %}}",
        model.name
    );
    text
}

fn record(models: &[Model], model: &Model) -> String {
    let title = plain(&names::human(&model.name));
    let mut text =
        format!("+++\n[data.row]\nfrom   = \"{}\"\nfilter = 'id == params.id'\none    = true\n", model.name);
    include(&mut text, model.fields.iter());
    let mut related = String::new();
    for (at, (other, field)) in pointing(models, model).enumerate() {
        let filter = match field.is {
            Is::Refs { .. } => format!("{}.exists(x, x == data.row)", field.name),
            _ => format!("{} == data.row", field.name),
        };
        let _ = write!(
            text,
            "\n[data.related_{at}]\nfrom   = \"{}\"\nfilter = '{filter}'\nlimit  = 20\n",
            other.name
        );
        let heading = plain(&format!("{} by {}", names::human(&other.name), field.called()));
        let _ = write!(
            related,
            "{{% if related_{at} %}}<h2>{heading}</h2>\n<ul>{{% for other in related_{at} %}}<li>\
             <a href=\"/{0}/{{{{ other.id|url }}}}\">{1}</a></li>{{% endfor %}}</ul>{{% endif %}}\n",
            other.name,
            shown("other", &label(other))
        );
    }
    let _ = writeln!(
        text,
        "+++\n{{% extends \"_layout.html\" %}}\n{{% block title %}}{title} {{{{ row.id }}}}{{% endblock %}}\n\
         {{% block content %}}\n<p><a href=\"/{}\">{title}</a></p>\n<h1>{}</h1>\n<dl>",
        model.name,
        shown("row", &label(model))
    );
    for field in model.fields.iter().filter(|field| field.is_shown()) {
        let _ = writeln!(text, "<dt>{}</dt><dd>{}</dd>", plain(&field.called()), value(models, "row", field));
    }
    for (name, label) in ["created_at", "updated_at"]
        .iter()
        .zip(["Created", "Updated"])
        .zip(&model.times)
        .filter_map(|(said, column)| column.as_ref().map(|_| said))
    {
        let _ = writeln!(
            text,
            "<dt>{label}</dt><dd>{{% if row.{name} is not none %}}{{{{ row.{name} }}}}{{% endif %}}</dd>"
        );
    }
    text + "</dl>\n" + &related + "{% endblock %}\n"
}

/// The fields of all models that lead to this one.
fn pointing<'a>(models: &'a [Model], model: &'a Model) -> impl Iterator<Item = (&'a Model, &'a Field)> {
    let leads = |field: &&Field| match &field.is {
        Is::Ref { to, .. } | Is::Refs { to, .. } => *to == model.name,
        Is::Value(_) => false,
    };
    models.iter().flat_map(move |other| other.fields.iter().filter(leads).map(move |field| (other, field)))
}

fn include<'a>(text: &mut String, fields: impl Iterator<Item = &'a Field>) {
    let refs: Vec<String> = fields
        .filter(|field| !matches!(field.is, Is::Value(_)))
        .map(|field| format!("\"{}\"", field.name))
        .collect();
    if !refs.is_empty() {
        let _ = writeln!(text, "include = [{}]", refs.join(", "));
    }
}

/// A field's value in a template.
fn value(models: &[Model], row: &str, field: &Field) -> String {
    let name = format!("{row}.{}", field.name);
    let label_of = |to: &str| models.iter().find(|model| model.name == to).map_or("id".to_owned(), label);
    match &field.is {
        Is::Value(_) => format!("{{% if {name} is not none %}}{{{{ {name} }}}}{{% endif %}}"),
        Is::Ref { to, .. } => format!(
            "{{% if {name} %}}<a href=\"/{to}/{{{{ {name}.id|url }}}}\">{}</a>{{% endif %}}",
            shown(&name, &label_of(to))
        ),
        Is::Refs { to, .. } => format!(
            "{{% for one in {name} %}}<a href=\"/{to}/{{{{ one.id|url }}}}\">{}</a>{{% if not loop.last %}}, {{% endif %}}\
             {{% endfor %}}",
            shown("one", &label_of(to))
        ),
    }
}

/// What names a record: its label, or its id where that is empty.
fn shown(row: &str, label: &str) -> String {
    format!("{{{{ {row}.{label} or {row}.id }}}}")
}

/// The field that names a record, as the loader chooses it.
fn label(model: &Model) -> String {
    let text =
        |field: &&Field| field.is_shown() && matches!(&field.is, Is::Value(ty) if ty.starts_with("\"text\""));
    let likely = ["name", "title", "label"].iter().find_map(|name| {
        model.fields.iter().filter(|field| field.is_shown()).find(|field| field.name == **name)
    });
    let field = likely.or_else(|| model.fields.iter().find(text));
    field.map_or_else(|| "id".to_owned(), |field| field.name.clone())
}

/// A name of the database as text of a page.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '{' => plain.push_str("&#123;"),
            letter => plain.push(letter),
        }
    }
    plain
}
