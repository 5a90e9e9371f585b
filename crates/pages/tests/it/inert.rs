//! A value that an accepted template prints stays inert, whatever it is: the document has the elements and attributes that
//! it has with a harmless value, and none of its addresses runs anything.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;
use purlin_pages::Templates;
use purlin_schema::Value;

use crate::site::{load, post, view};

/// Every place that takes a value, in one page.
const PAGE: &str = "+++
[data.post]
from = \"posts\"
one = true
+++
<!doctype html><html><head><title>{{ post.title }} – {% block a %}{{ post.title }}{% endblock %}</title>
<meta name=\"description\" content=\"{{ post.title }}\"></head>
<body class='a {{ post.title }}'>
{% set x %}<b>{{ post.title }}</b>{% endset %}{% macro m(t) %}<i title=\"{{ t }}\">{{ t }}</i>{% endmacro %}
<p title=\"{{ post.title }}\" data-a='{{ post.title }}' aria-label=\"{{ x }}\">{{ post.title }} {{ x }} {{ m(post.title) }}</p>
<p title=\"{{ m(post.title) }}{{ self.a() }}{{ post.title|upper }}{{ post.title|truncate(9) }}\">{{ post.title|replace('a', '<') }}</p>
<a href=\"{{ post.title|safe_url }}\">{{ post.title|excerpt(20) }}</a>
<a href=\"/a/{{ post.title|url }}?b={{ post.title|url }}#{{ post.title|slugify }}\">{{ [post.title, 1] }}</a>
<img src='/i/{{ post.title|url }}' alt=\"{{ post.title }}\" srcset=\"/i/{{ post.title|url }} 2x\">
<input value='{{ post.title }}'{% if post.id %} checked{% endif %}><textarea>{{ post.title }}</textarea>
<svg><title>{{ post.title }}</title><path d=\"{{ post.title }}\"/></svg>
<script type=\"application/json\">{\"a\": {{ post.title|json }}, \"b\": {{ {post.title: [post.title]}|json }}}</script>
<script nonce=\"{{ csp_nonce() }}\">let a = {{ post.title|json }}, b = \"x\";</script>
<noscript><p title=\"{{ post.title }}\">{{ post.title }}</p></noscript>
{% filter upper %}{{ post.title }}{% endfilter %}{{ post.title|e }}{{ post.title ~ x }}{{ x ~ post.title }}
</body></html>";

fn templates() -> Templates {
    load(&[("pages/index.html", PAGE)]).unwrap_or_else(|found| panic!("{:#?}", found.list))
}

fn shown(templates: &Templates, value: &str) -> String {
    let mut view = view(vec![("post", post(&[("title", Value::from(value))]))]);
    view.extra.push(("csp_nonce".into(), "abc".into()));
    templates.render("index.html", view).unwrap_or_else(|error| panic!("{error} with {value:?}"))
}

/// The elements of a document with the names of their attributes; addresses that run something are an error.
fn structure(html: &str, scripting: bool) -> Result<Vec<String>, String> {
    let mut options = ParseOpts::default();
    options.tree_builder.scripting_enabled = scripting;
    let document = parse_document(RcDom::default(), options).one(html);
    let mut found = Vec::new();
    walk(&document.document, &mut found)?;
    Ok(found)
}

fn walk(node: &Handle, found: &mut Vec<String>) -> Result<(), String> {
    match &node.data {
        NodeData::Element { name, attrs, .. } => {
            let mut names = Vec::new();
            for attribute in attrs.borrow().iter() {
                let name = attribute.name.local.to_string();
                if matches!(name.as_str(), "href" | "src") {
                    check_address(&attribute.value)?;
                }
                names.push(name);
            }
            found.push(format!("{}[{}]", name.local, names.join(",")));
        }
        NodeData::Comment { .. } => found.push("comment".into()),
        _ => {}
    }
    for child in node.children.borrow().iter() {
        walk(child, found)?;
    }
    Ok(())
}

fn check_address(address: &str) -> Result<(), String> {
    let plain: String =
        address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect::<String>().to_lowercase();
    let bad = ["javascript:", "vbscript:", "data:", "file:", "blob:"]
        .iter()
        .any(|scheme| plain.starts_with(scheme));
    if bad { Err(format!("an address runs something: {address:?}")) } else { Ok(()) }
}

#[track_caller]
fn assert_inert(templates: &Templates, value: &str) {
    for scripting in [true, false] {
        let harmless = structure(&shown(templates, "harmless"), scripting).expect("it is harmless");
        let attacked =
            structure(&shown(templates, value), scripting).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(attacked, harmless, "{value:?} broke out");
    }
}

#[test]
fn known_attacks_are_inert() {
    let templates = templates();
    for attack in [
        "\"><svg onload=alert(1)>",
        "'><img src=x onerror=alert(1)>",
        "</title><script>alert(1)</script>",
        "</textarea><script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "-->",
        "]]>",
        "</noscript><img src=x onerror=alert(1)>",
        "</svg><script>alert(1)</script>",
        "javascript:alert(1)",
        " java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "JAVASCRIPT&colon;alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/",
        "/\\evil.example",
        "\\\";alert(1)//",
        "\u{2028}alert(1)",
        "${alert(1)}",
        "{{ 7 * 7 }}",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&quot; onclick=&quot;alert(1)",
        "a onmouseover=alert(1)",
        "`onclick=alert(1)`",
    ] {
        assert_inert(&templates, attack);
    }
}

#[test]
fn markup_fields_are_inert_where_they_may_stand() {
    let page = "+++\n[data.post]\nfrom = \"posts\"\none = true\n+++\n<div>{{ post.body }}</div><p title=\"{{ post.body|excerpt }}\">{{ post.body|truncate_html(30) }}</p>";
    let templates = load(&[("pages/index.html", page)]).expect("it is right");
    for attack in [
        "[x](javascript:alert(1))",
        "<a href=\"java\tscript:alert(1)\">x</a>",
        "![x](data:text/html,y)",
        "<img src=x onerror=alert(1)>",
        "\" onmouseover=alert(1) x=\"",
        "</div><script>alert(1)</script>",
        "```\n</code><script>alert(1)</script>\n```",
        "```\"onclick=alert(1)\nx\n```",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
    ] {
        let view = view(vec![("post", post(&[("body", Value::from(attack))]))]);
        let html = templates.render("index.html", view).expect("it is shown");
        let found = structure(&html, true).unwrap_or_else(|error| panic!("{error} with {attack}"));
        for bad in ["script", "onerror", "onclick", "onmouseover", "style", "svg"] {
            assert!(!found.iter().any(|element| element.contains(bad)), "{attack}\n{html}\n{found:?}");
        }
    }
    let wrong = load(&[("pages/index.html", &page.replace("post.body|excerpt", "post.body"))])
        .expect("nobody knows its type yet");
    let view = view(vec![("post", post(&[("body", Value::from("x"))]))]);
    let error = wrong.render("index.html", view).expect_err("markup does not go into an attribute");
    assert!(error.message.contains("markup"), "{error}");
}

#[test]
fn a_field_that_is_called_as_a_link_of_ours_leads_nowhere_else() {
    let page = "+++\n[data.post]\nfrom = \"posts\"\none = true\n+++\n<script src=\"{{ post.data.next_url }}\"></script>\
                <a href=\"{{ site.url }}{{ post.data.next_url }}\">x</a><a href=\"{{ post.data.next_url }}\">y</a>";
    let templates = load(&[("pages/index.html", page)]).expect("it looks like pagination");
    let shown = |url: &str| {
        let data = Value::Json(Box::new(serde_json::json!({ "next_url": url })));
        templates.render("index.html", view(vec![("post", post(&[("data", data)]))])).expect("it is shown")
    };
    assert_eq!(
        shown("/a?page=2").trim(),
        "<script src=\"/a?page=2\"></script><a href=\"https://test.example/a?page=2\">x</a><a href=\"/a?page=2\">y</a>"
    );
    for evil in [
        "//evil.example/x.js",
        "https://evil.example/x.js",
        ".evil.example/",
        "@evil.example/",
        "/\t/evil.example",
        "/\\evil.example",
    ] {
        let html = shown(evil);
        assert!(html.contains("<script src=\"#\">") && html.contains("\"https://test.example#\""), "{html}");
    }
    assert!(shown("javascript:alert(1)").contains("<a href=\"#\">y</a>"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_inert(value in "([<>\"'&;=/\\\\ \t\n`!-]|script|onload=|javascript:|title|textarea|--|x|\\PC){0,24}") {
        thread_local!(static TEMPLATES: Templates = templates());
        TEMPLATES.with(|templates| assert_inert(templates, &value));
    }
}
