//! Every place that a value can stand at, and what is said where it may not.

use std::path::Path;

use minijinja::machinery::parse;
use purlin_schema::diagnostics::Severity;

use super::*;

fn checked(name: &str, source: &str) -> Checked {
    let ast = parse(source, name, Default::default()).expect("it parses");
    check(name, Path::new(name), source, &ast, None)
}

fn errors(name: &str, source: &str) -> Vec<String> {
    let mistakes = checked(name, source).mistakes;
    mistakes
        .iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| mistake.message.clone())
        .collect()
}

#[track_caller]
fn accepted(source: &str) {
    let found = errors("t.html", source);
    assert!(found.is_empty(), "{source}\n{found:#?}");
}

#[track_caller]
fn refused(source: &str, message: &str) {
    let found = errors("t.html", source);
    assert!(found.iter().any(|found| found.contains(message)), "{source}\n{found:#?}");
}

#[test]
fn text_and_quoted_attributes_take_values() {
    accepted("<p>{{ x }}</p>");
    accepted("a < {{ x }} && b");
    accepted("<p class=\"a {{ x }}\" title='{{ y }}' data-id=\"{{ z }}\" aria-label=\"{{ x }}\">");
    accepted("<title>{{ x }}</title><textarea rows=3>{{ x }}</textarea>");
    accepted("<input value=\"{{ x }}\"{% if y %} checked{% endif %}>");
    accepted("<option value=\"{{ x }}\" {% if y %}selected{% endif %}>{{ z }}</option>");
    accepted("<div {% if a %}class=\"{{ b }}\"{% else %}hidden{% endif %}>{{ c }}</div>");
    accepted("<p class=\"{% for c in cs %}{{ c }} {% endfor %}\">");
    accepted("<br/><img alt=\"{{ x }}\" />{{ y }}");
    accepted("<!doctype html><!-- comment --><p>{{ x }}</p>");
    accepted("<svg><path d=\"{{ x }}\"/><title>{{ y }}</title></svg>{{ z }}");
}

#[test]
fn other_places_do_not() {
    refused("<p class={{ x }}>", "without quotes");
    refused("<p class=a{{ x }}>", "without quotes");
    refused("<p {{ x }}>", "inside the tag `<p>`");
    refused("<p {{ x }}=\"a\">", "inside the tag `<p>`");
    refused("<p data-{{ x }}=\"a\">", "in the name of an attribute");
    refused("<{{ x }}>", "right after `<`");
    refused("<h{{ x }}>", "in the name of an element");
    refused("</h{{ x }}>", "in the name of an element");
    refused("<!-- {{ x }} -->", "in a comment");
    refused("<!{{ x }}>", "in a declaration");
    refused("<style>a { color: {{ x }} }</style>", "inside `<style>`");
    refused("<p style=\"color: {{ x }}\">", "`style`: it is a style sheet");
    refused("<p onclick=\"f('{{ x }}')\">", "`onclick`: it is code that runs");
    refused("<p onclick=\"f({{ x|json }})\">", "`onclick`: it is code that runs");
    refused("<iframe srcdoc=\"{{ x }}\">", "`srcdoc`");
    refused("<iframe>{{ x }}</iframe>", "inside `<iframe>`");
    refused("<p x-data=\"{{ x }}\">", "does not know");
    refused("<p @click=\"{{ x }}\">", "does not know");
    refused("<script type=\"{{ x }}\"></script>", "it decides how the script runs");
    refused("<meta http-equiv=\"refresh\" content=\"{{ x }}\">", "an instruction to the browser");
    refused("<meta content=\"{{ x }}\" http-equiv=\"refresh\">", "an instruction to the browser");
    refused("<title>a</title{{ x }}>", "inside `<title>`");
    refused("<title>a <{{ x }}</title>", "inside `<title>`");
    refused("<svg><style>{{ x }}</style></svg>", "inside `<style>`");
    refused("<svg><title><b x={{ x }}></title></svg>", "without quotes");
}

#[test]
fn addresses_begin_with_what_fixes_them() {
    for fine in [
        "<a href=\"/posts/{{ x|url }}\">",
        "<a href=\"/posts/{{ x|url }}/{{ y|url }}?a={{ z|url }}#{{ q|url }}\">",
        "<a href=\"?page={{ x|url }}\">",
        "<a href=\"#{{ x|slugify }}\">",
        "<a href=\"https://a.example/{{ x|url }}\">",
        "<a href=\"mailto:{{ x|url }}\">",
        "<a href=\"{{ url('posts/[slug]', slug=x) }}\">",
        "<a href=\"{{ url('posts') }}?tag={{ x|url }}\">",
        "<a href=\"{{ site.url }}{{ url('posts') }}\">",
        "<a href=\"{{ site.url }}/posts/{{ x|url }}\">",
        "<a href=\"{{ posts.next_url }}\">",
        "<a href=\"{{ x|safe_url }}\">",
        "<a href=\"{{ url('a') if x else '/b' }}\">",
        "<a href=\"{{ y|safe_url if x else url('b') }}\">",
        "<img src=\"{{ asset('a.png') }}\" srcset=\"{{ asset('a.png') }} 1x, /img/{{ x|url }} 2x\">",
        "<link rel=\"canonical\" href=\"{{ site.url }}{{ page.path }}\">",
        "<script src=\"{{ asset('a.js') }}\"></script>",
        "<form action=\"/search/{{ x|url }}\">",
        "<a href=\"{% if a %}/x/{% else %}/y/{% endif %}{{ z|url }}\">",
    ] {
        accepted(fine);
    }
    for (wrong, message) in [
        ("<a href=\"{{ x }}\">", "could lead anywhere"),
        ("<a href=\"{{ x|url }}\">", "could lead anywhere"),
        ("<a href='{{ x|e }}'>", "could lead anywhere"),
        ("<a href=\"/posts/{{ x }}\">", "must say so"),
        ("<a href=\"java{{ x|url }}\">", "does not fix"),
        ("<a href=\"javascript:f('{{ x|url }}')\">", "does not fix"),
        ("<a href=\"&#106;avascript:{{ x|url }}\">", "does not fix"),
        ("<a href=\"https://{{ x|url }}\">", "does not fix"),
        ("<a href=\"https://a.example{{ x|url }}\">", "part of the host"),
        ("<a href=\"{{ site.url }}{{ x|url }}\">", "part of the host"),
        ("<a href=\"/{{ x|url }}/{{ y|url }}\">", "nothing may follow"),
        ("<a href=\"{{ url('a') }}{{ x|url }}\">", "nothing may follow"),
        ("<script src=\"{{ x|safe_url }}\"></script>", "could lead anywhere"),
        ("<form action=\"{{ x|safe_url }}\">", "could lead anywhere"),
        ("<iframe src=\"{{ x|safe_url }}\">", "could lead anywhere"),
        ("<button formaction=\"{{ x }}\">", "could lead anywhere"),
        ("<object data=\"{{ x }}\">", "could lead anywhere"),
        ("<img srcset=\"/a.png 1x, {{ x }} 2x\">", "could lead anywhere"),
        ("<a xlink:href=\"{{ x }}\">", "could lead anywhere"),
        ("<a href=\"{% if a %}/x/{% endif %}{{ z|url }}\">", "end in different places"),
    ] {
        refused(wrong, message);
    }
}

#[test]
fn scripts_take_json_alone() {
    accepted("<script type=\"application/json\">{\"a\": {{ x|json }}}</script>");
    accepted("<script nonce=\"{{ csp_nonce() }}\">let a = {{ x|json }};</script>");
    refused("<script>let a = {{ x }};</script>", "inside `<script>`");
    refused("<script>let a = '{{ x|json }}';</script>", "between quotes");
    refused("<script type=\"application/json\">\"{{ x|json }}\"</script>", "between quotes");
    refused("<script>// {{ x|json }}\n</script>", "in a comment");
    refused("<script>let a = /'/; let b = '{{ x|json }}';</script>", "cannot be told");
    refused("<script>let a = `${b}{{ x|json }}`;</script>", "cannot be told");
    refused("<script><!-- <script> </script>{{ x }}", "after `<!--`");
    refused("<script nonce=\"{{ x }}\"></script>", "only csp_nonce()");
    let warnings = checked("t.html", "<script>let a = {{ x|json }};</script>").mistakes;
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].severity, warnings[0].code), (Severity::Warning, "script-without-nonce"));
}

#[test]
fn branches_and_loops_keep_their_place() {
    refused("<p title=\"{% if a %}\">{% endif %}", "end in different places");
    refused("{% if a %}<p title=\"{% endif %}x\">", "end in different places");
    refused("{% for a in b %}<p {% endfor %}>", "must end where it begins");
    refused("<a{% if x %}b{% endif %} c>", "end in different places");
    refused("<p {% if a %}href{% else %}title{% endif %}=\"{{ x }}\">", "depends on the branch");
    refused("{% block a %}<p title=\"{% endblock %}\">", "must end where it begins");
    refused("{% set a %}<p title=\"{% endset %}", "must end in the text");
    refused("{% macro a() %}<p {% endmacro %}", "must end in the text");
    refused("<p title=\"{% include 'x.html' %}\">", "alone");
    refused("<p title=\"", "the template ends in the attribute `title`");
    refused("{% autoescape false %}{{ x }}{% endautoescape %}", "may not be turned off");
    refused("{% for a in b %}<p title=\"{% break %}\">{% endfor %}", "must be left where it begins");
    accepted(
        "{% for a in b %}{% if a %}{% continue %}{% endif %}<p title=\"{{ a }}\">{% else %}none{% endfor %}",
    );
    accepted("<ul>{% for a in b recursive %}<li>{{ a.x }}{{ loop(a.c) }}</li>{% endfor %}</ul>");
    refused("{% for a in b recursive %}<p title=\"{{ loop(a.c) }}\">{% endfor %}", "may not be written");
    accepted(
        "{% macro a(x) %}<p title=\"{{ x }}\">{{ x }}</p>{% endmacro %}<b title=\"{{ a(1) }}\">{{ a(2) }}</b>",
    );
}

#[test]
fn a_block_begins_where_the_layout_has_it() {
    let layout = "<title>{% block title %}{% endblock %}</title><body class=\"{% block class %}a{% endblock %}\">{% block content %}{% endblock %}";
    let layout = checked("l.html", layout);
    assert!(layout.mistakes.is_empty(), "{:?}", layout.mistakes);
    let child = |source: &str| -> Vec<String> {
        let ast = parse(source, "c.html", Default::default()).expect("it parses");
        let checked = check("c.html", Path::new("c.html"), source, &ast, Some(&layout.blocks));
        checked.mistakes.into_iter().map(|mistake| mistake.message).collect()
    };
    let start = "{% extends 'l.html' %}";
    let none: Vec<String> = Vec::new();
    assert_eq!(
        child(&format!(
            "{start}{{% block title %}}{{{{ x }}}} <b{{% endblock %}}{{% block class %}}{{{{ super() }}}} {{{{ x }}}}{{% endblock %}}"
        )),
        none
    );
    assert_eq!(
        child(&format!(
            "{start}{{% block content %}}<p>{{{{ self.content() }}}} {{{{ super() }}}}</p>{{% endblock %}}"
        )),
        none
    );
    assert_eq!(
        child(&format!("{start}{{% block content %}}<p title=\"{{{{ self.title() }}}}\">{{% endblock %}}")),
        none
    );
    let wrong = child(&format!("{start}{{% block content %}}{{{{ self.title() }}}}{{% endblock %}}"));
    assert!(wrong[0].contains("may not be written"), "{wrong:?}");
    let wrong = child(&format!("{start}{{% block class %}}\" onclick=\"{{{{ x }}}}{{% endblock %}}"));
    assert!(wrong.iter().any(|message| message.contains("code that runs")), "{wrong:?}");
    let wrong = child(&format!("{start}{{% block class %}}\">{{% endblock %}}"));
    assert!(wrong[0].contains("must end where it begins"), "{wrong:?}");
}

#[test]
fn xml_takes_text_and_quoted_attributes() {
    let none: Vec<String> = Vec::new();
    for fine in [
        "<?xml version=\"1.0\"?><rss><title>{{ x }}</title><link>{{ site.url }}/posts/{{ y|url }}</link></rss>",
        "<a:b c:d=\"{{ x }}\"><link href=\"{{ site.url }}{{ url('a') }}\"/><textarea>{{ x }}</textarea></a:b>",
    ] {
        assert_eq!(errors("t.xml", fine), none);
    }
    for (wrong, message) in [
        ("<![CDATA[{{ x }}]]>", "CDATA"),
        ("<?xml-stylesheet href=\"{{ x }}\"?>", "declaration"),
        ("<{{ x }}/>", "right after `<`"),
        ("<a b={{ x }}/>", "without quotes"),
        ("<x:script>{{ x }}</x:script>", "inside"),
        ("<link href=\"{{ x }}\"/>", "could lead anywhere"),
    ] {
        let found = errors("t.xml", wrong);
        assert!(found.iter().any(|found| found.contains(message)), "{wrong}\n{found:?}");
    }
}

#[test]
fn json_and_style_sheets() {
    assert!(errors("t.json", "{\"a\": {{ x }}, \"b\": [{% for y in z %}{{ y }},{% endfor %}0]}").is_empty());
    assert!(errors("t.json", "{\"a\": \"{{ x }}\"}")[0].contains("between quotes"));
    assert!(errors("t.css", "a { color: {{ x }} }")[0].contains("style sheet"));
    assert!(errors("t.txt", "<{{ x }}").is_empty());
}

#[test]
fn what_is_the_same_at_each_request_is_known() {
    let found = checked(
        "t.html",
        "<script>a()</script><script src=\"/x.js\"></script><script>b({{ x|json }})</script><STYLE>c{}</STYLE>\
         <script type=\"module\">{# note #}d()</script>",
    );
    assert_eq!(found.scripts, ["a()", "d()"]);
    assert_eq!(found.styles, ["c{}"]);
}

#[test]
fn the_message_names_the_place() {
    let source = "<p>\n  <a href=\"{{ post.link }}\">";
    let found = checked("t.html", source);
    let mistake = &found.mistakes[0];
    assert_eq!(&source[mistake.span.clone().expect("it has a place")], "post.link");
    assert_eq!(mistake.message, "a value at the start of `href` could lead anywhere, also to `javascript:`");
    assert_eq!(
        mistake.hint.as_deref(),
        Some(
            "write url(\"…\", name=value) for a page of the site, `|safe_url` for an address that somebody entered, \
             or begin it with / and write `|url` at the value's end"
        )
    );
}

#[test]
fn filters_are_put_around_what_needs_them() {
    let text = |source| checked("t.html", source).rewritten.text;
    assert_eq!(text("<p>{{ x }}</p>"), "<p>{{ x }}</p>");
    assert_eq!(text("<p title=\"{{ x }}\">"), "<p title=\"{{( x )|_in_attribute }}\">");
    assert_eq!(text("<a href=\"{{ x|safe_url }}\">"), "<a href=\"{{( x|safe_url )|_in_url }}\">");
}
