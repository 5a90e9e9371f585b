//! Records and lists in templates.

use std::sync::Arc;

use purlin_pages::view::{Data, Paging};
use purlin_schema::record::Related;
use purlin_schema::value::Decimal;
use purlin_schema::{RowSet, Value};

use crate::site::{list, load, load_site, one, post, row, shape, show, view};

#[test]
fn fields_print_by_their_types() {
    let post = post(&[
        ("title", Value::from("a < b")),
        ("body", Value::from("# *Hi*\n\n[x](javascript:y)<script>x</script>")),
        ("html", Value::from("<b onclick=x>b</b>")),
        ("price", Value::Decimal(Decimal { units: 1230, scale: 2 })),
        ("at", Value::Datetime(1_772_407_800_000_000)),
        ("day", Value::Date(19_675)),
        ("link", Value::from("javascript:alert(1)")),
        ("data", Value::Json(Box::new(serde_json::json!({"a": [1, {"b": "<x>"}]})))),
        ("featured", Value::Bool(true)),
        ("status", Value::Null),
        ("slug", Value::Withheld),
    ]);
    for (template, expected) in [
        ("{{ post.id }} {{ post.title }}", "7 a &lt; b"),
        ("{{ post.body }}", "<h1 id=\"md-hi\"><em>Hi</em></h1>\n<p><a>x</a></p>"),
        ("{{ post.html }}", "<b>b</b>"),
        ("{{ post.price }}", "12.30"),
        ("{{ post.price|float * 2 }}", "24.6"),
        ("{{ post.at }}", "2026-03-01T23:30:00Z"),
        ("{{ post.at|date('%-d %B %Y, %H:%M') }}", "2 March 2026, 00:30"),
        ("{{ post.at|date('%H:%M', tz='UTC') }}", "23:30"),
        ("{{ post.day }} {{ post.day|date('%a') }}", "2023-11-14 Tue"),
        ("{{ post.at > now }}", "true"),
        ("{{ post.link }}", "javascript:alert(1)"),
        ("<a href=\"{{ post.link|safe_url }}\">x</a>", "<a href=\"#\">x</a>"),
        ("{{ post.data.a[1].b }} {{ post.data|json }}", "&lt;x&gt; {\"a\":[1,{\"b\":\"\\u003cx\\u003e\"}]}"),
        ("{{ post.data }}", "{&quot;a&quot;:[1,{&quot;b&quot;:&quot;&lt;x&gt;&quot;}]}"),
        (
            "{{ post.data.a }} {{ ['x', post.featured] }}",
            "[1,{&quot;b&quot;:&quot;&lt;x&gt;&quot;}] [&quot;x&quot;,true]",
        ),
        ("{{ 'a: ' ~ post.data.a[1] }}", "a: {&quot;b&quot;:&quot;&lt;x&gt;&quot;}"),
        (
            "<p data-x=\"{{ post.data }}\">",
            "<p data-x=\"{&quot;a&quot;:[1,{&quot;b&quot;:&quot;&lt;x&gt;&quot;}]}\">",
        ),
        ("{{ post.featured }}", "true"),
        ("[{{ post.status }}{{ post.slug }}]", "[]"),
        ("{{ post.status|default('none') }}", "none"),
        ("{{ post.body|excerpt }}", "Hi x"),
        ("{% if post.body %}yes{% endif %}", "yes"),
        ("<p title=\"{{ post.title }}\">", "<p title=\"a &lt; b\">"),
        (
            "{% set t %}<i>{{ post.title }}</i>{% endset %}{{ t }}<p title=\"{{ t }}\">",
            "<i>a &lt; b</i><p title=\"&lt;i&gt;a &lt; b&lt;/i&gt;\">",
        ),
    ] {
        assert_eq!(show(template, post.clone()).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn decimals_compare_and_compute_with_numbers() {
    let price = |units| ("price", Value::Decimal(Decimal { units, scale: 2 }));
    for (template, expected) in [
        ("{% if post.price > 3 %}dear{% else %}cheap{% endif %}", "cheap"),
        (
            "{{ post.price < 3 }} {{ 3 >= post.price }} {{ post.price == 2.5 }} {{ post.price != 2.5 }}",
            "true true true false",
        ),
        ("{{ 2 < post.price <= 2.5 }} {{ 2 < post.price < 2.5 }}", "true false"),
        (
            "{{ post.price in [1, 2.5] }} {{ post.price not in [1, 2.5] }} {{ 2.5 in [post.price] }}",
            "true false true",
        ),
        (
            "{{ post.price + 1 }} {{ 1 - post.price }} {{ post.price * 3 }} {{ -post.price }}",
            "3.50 -1.50 7.50 -2.50",
        ),
        ("{{ post.price * 1.19 }} {{ (post.price * 1.19)|round(2) }}", "2.9750 2.98"),
        (
            "{{ post.price / 4 }} {{ post.price // 2 }} {{ post.price % 2 }} {{ post.price ** 2 }}",
            "0.625 1 0.50 6.25",
        ),
        ("{{ [post.price, 3]|max }} {{ [post.price, 3]|min }} {{ [post.price, 1]|sum }}", "3 2.50 3.50"),
        ("{{ [post]|sum(attribute='price') }} {{ [post]|sum('price', start=0.1) }}", "2.50 2.60"),
        (
            "{{ (-post.price)|abs }} {{ post.price|int }} {{ post.price|round }} {{ post.price|round(1, 'floor') }}",
            "2.50 2 3 2.5",
        ),
        (
            "{{ [post.price, 7]|select('gt', 3)|list }} {{ [post]|selectattr('price', '<=', 2.5)|list|length }}",
            "[7] 1",
        ),
        (
            "{{ post.price is gt 2 }} {{ post.price is number }} {{ post.price|number(decimals=1) }}",
            "true true 2.5",
        ),
        (
            "{{ '%.1f'|format(post.price|float) }} {{ post.price ~ ' EUR' }} {{ (post.price * 2)|json }}",
            "2.5 2.50 EUR \"5.00\"",
        ),
        (
            "{% set total = post.price * 2 %}{% if total == 5 and not total > 5 %}{{ total }}{% endif %}",
            "5.00",
        ),
        ("<p title=\"{{ post.price + 1 }}\">", "<p title=\"3.50\">"),
        ("{{ post.status == none }} {{ [post.price]|select('number')|list|length }}", "true 1"),
    ] {
        let post = post(&[price(250), ("status", Value::Null)]);
        assert_eq!(show(template, post).as_deref(), Ok(expected), "{template}");
    }
    // Two doubles could not tell these apart.
    let post = post(&[price(9_007_199_254_740_993)]);
    assert_eq!(
        show("{{ post.price > 90071992547409.92 }} {{ post.price + 0 }}", post).as_deref(),
        Ok("true 90071992547409.93")
    );
}

#[test]
fn what_has_no_order_beside_a_text_is_an_error() {
    let post = post(&[
        ("price", Value::Decimal(Decimal { units: 250, scale: 2 })),
        ("at", Value::Datetime(1_772_407_800_000_000)),
        ("status", Value::Null),
    ]);
    for (template, expected) in [
        ("{{ post.price > '3' }}", "a decimal is not put in order with a string"),
        ("{{ post.at > '2026-01-01' }}", "a time is not put in order with a string"),
        ("{{ 3 <= post.at }}", "a time is not put in order with a number"),
        ("{{ post.price / 0 }}", "this divides by zero"),
        ("{{ [post]|sum('status') }}", "only numbers have a sum, and this is none"),
        ("{{ [post]|sum('prise') }}", "`posts` has no `prise`"),
        (
            "{{ post.price + post.status }}",
            "tried to use + operator on unsupported types plain object and none",
        ),
    ] {
        let message = show(template, post.clone()).expect_err(template);
        assert!(message.starts_with(expected), "{template}: {message}");
    }
    assert_eq!(show("{{ post.at|date('%Y-%m-%d') > '2026-01-01' }}", post).as_deref(), Ok("true"));
}

#[test]
fn what_was_not_asked_for_says_what_to_add() {
    let post = post(&[("author", Value::Int(3))]);
    for (template, expected) in [
        ("{{ post.title }}", "`title` of `posts` was not asked for; add \"title\" to its `fields`"),
        ("{{ post.titel }}", "`posts` has no `titel`; did you mean `title`?"),
        ("{{ post.secret }}", "`posts.secret` is hidden and leaves for nobody"),
        ("{{ post.author.name }}", "`author` of `posts` was not included; add include = [\"author\"]"),
        ("{{ post.author }}", "`author` of `posts` was not included; add include = [\"author\"]"),
        (
            "{% for tag in post.tags %}{% endfor %}",
            "`tags` of `posts` was not included; add include = [\"tags\"]",
        ),
        (
            "{{ post.counts.comments }}",
            "`comments` of `posts` was not counted; add count = { comments = true }",
        ),
        ("{{ page.pth }}", "`page` has no `pth`; did you mean `path`?"),
    ] {
        assert_eq!(show(template, post.clone()), Err(expected.to_owned()), "{template}");
    }
    assert_eq!(show("{{ post.author.id }}", post).as_deref(), Ok("3"));
}

#[test]
fn a_whole_record_leaves_by_no_way() {
    let post = post(&[("title", Value::from("PRIVATE"))]);
    for template in [
        "{{ post }}",
        "{{ post|json }}",
        "{{ post|tojson }}",
        "{{ [post]|json }}",
        "{{ {'a': post}|json }}",
        "{% for x in post %}{{ x }}{% endfor %}",
        "{{ post|dictsort }}",
        "{{ post|list }}",
        "<p title=\"{{ post }}\">",
        "{{ post|excerpt }}",
        "{{ post|url }}",
    ] {
        let out = show(template, post.clone());
        assert!(out.is_err(), "{template} gave {out:?}");
        assert!(!out.expect_err("it is refused").contains("PRIVATE"), "{template}");
    }
    for template in [
        "{{ post ~ '' }}",
        "{{ [post] }}",
        "{{ post|string }}",
        "{{ '%s'|format(post) }}",
        "{{ post|items }}",
        "{{ [post]|join }}",
    ] {
        let out = show(template, post.clone()).unwrap_or_default();
        assert!(!out.contains("PRIVATE"), "{template} gave {out}");
    }
    for function in ["debug()", "post|pprint"] {
        assert!(
            show(&format!("{{{{ {function} }}}}"), post.clone())
                .expect_err("it is gone")
                .contains("there is no")
        );
    }
}

#[test]
fn relations_and_counts_are_reached() {
    let site = load_site(&[]);
    let model = |name: &str| site.models.named(name).expect("it is declared").clone();
    let user = shape(&model("users"), &["id", "name"], &[], Vec::new());
    let tag = shape(&model("tags"), &["id", "name"], &[], Vec::new());
    let shape = shape(
        &model("posts"),
        &["id", "title", "author"],
        &["comments"],
        vec![("author", user), ("tags", tag)],
    );
    let author = row(vec![Value::Int(3), Value::from("Ann")], Vec::new());
    let tags = ["x", "y"].map(|name| row(vec![Value::Int(1), Value::from(name)], Vec::new()));
    let post = row(
        vec![Value::Int(7), Value::from("T"), Value::Int(3), Value::Int(12)],
        vec![Related::One(Some(author)), Related::Many(tags.to_vec())],
    );
    let orphan = row(
        vec![Value::Int(8), Value::from("U"), Value::Null, Value::Int(0)],
        vec![Related::One(None), Related::Many(Vec::new())],
    );
    let template = "{{ post.author.name if post.author else 'nobody' }} {% for tag in post.tags %}{{ tag.name }},{% else %}none{% endfor %} \
                    {{ post.tags|length }} {{ post.counts.comments }} {{ post.tags|map(attribute='name')|join('+') }}";
    assert_eq!(show(template, one(&shape, &post)).as_deref(), Ok("Ann x,y, 2 12 x+y"));
    assert_eq!(show(template, one(&shape, &orphan)).as_deref(), Ok("nobody none 0 0"));
    let wrong = show("{{ post.author.name }}", one(&shape, &orphan)).expect_err("nobody has no name");
    assert!(wrong.starts_with("`post.author.name` is not defined"), "{wrong}");
}

#[test]
fn lists_have_pages() {
    let site = load_site(&[]);
    let posts = site.models.named("posts").expect("it is declared");
    let shape = shape(posts, &["id", "title"], &[], Vec::new());
    let rows =
        (1..=3).map(|id| row(vec![Value::Int(id), Value::from(format!("T{id}"))], Vec::new())).collect();
    let found = Arc::new(RowSet { total: Some(23), more: true, ..list(&shape, rows) });
    let paging = Paging { page: 2, per_page: 10, parameter: "page".into() };
    let page = "+++\n[data.posts]\nfrom = \"posts\"\nper_page = 10\ntotal = true\n+++\n";
    let show = |template: &str, data: Data| {
        let source = format!("{page}{template}");
        let templates = load(&[("pages/posts.html", &source)]).expect("it is right");
        let mut view = view(vec![("posts", data)]);
        view.path = "/posts".into();
        view.query_string = "tag=a%26b&page=2".into();
        templates.render("posts.html", view).map(|text| text.trim().to_owned()).map_err(|error| error.message)
    };
    let data = Data::Many(found.clone(), Some(paging));
    for (template, expected) in [
        ("{{ posts.page }}/{{ posts.pages }} {{ posts.total }} {{ posts|length }}", "2/3 23 3"),
        ("{{ posts.has_prev }} {{ posts.has_next }} {{ posts.more }}", "true true true"),
        (
            "<a href=\"{{ posts.next_url }}\"><a href='{{ posts.prev_url }}'>",
            "<a href=\"/posts?tag=a%26b&amp;page=3\"><a href='/posts?tag=a%26b'>",
        ),
        ("{% for post in posts[1:] %}{{ loop.index }}{{ post.title }} {% endfor %}", "1T2 2T3"),
        ("{{ posts[0].title }}{{ posts|last|attr('title') }}", "T1T3"),
        ("{% if posts %}some{% endif %}", "some"),
    ] {
        assert_eq!(show(template, data.clone()).as_deref(), Ok(expected), "{template}");
    }
    let plain = Data::Many(found, None);
    assert!(show("{{ posts.page }}", plain.clone()).expect_err("it has none").contains("has no pages"));
    assert!(show("{{ posts }}", plain).expect_err("it is refused").contains("a list of records"));
}

#[test]
fn mistakes_are_told_all_at_once_with_their_places() {
    let found = load(&[
        ("pages/_layout.html", "<p>{{ x|trucate(3) }}</p>{% block content %}{% endblock %}"),
        (
            "pages/index.html",
            "+++\n[data.posts]\nfrom = \"posts\"\n+++\n{% include \"_layot.html\" %}\n{{ url(\"post/[slug]\", slug=1) }}\n\
             {{ url('posts/[slug]') }}{{ asset('stile.css') }}{{ post.title }}{{ foo() }}<a href=\"{{ posts[0].link }}\">",
        ),
        ("pages/posts/[slug].html", "{{ 1 | }}"),
    ])
    .expect_err("it is full of mistakes");
    let said: Vec<String> = found
        .list
        .iter()
        .map(|mistake| {
            let text = &found.sources[&mistake.file];
            let part = mistake.span.clone().map(|span| &text[span]).unwrap_or_default();
            format!(
                "{} [{part}] {} | {}",
                mistake.code,
                mistake.message,
                mistake.hint.as_deref().unwrap_or("-")
            )
        })
        .collect();
    for expected in [
        "unknown-filter [trucate(3)] there is no filter `trucate` | did you mean `truncate`?",
        "unknown-template [\"_layot.html\"] there is no template `_layot.html` | did you mean `_layout.html`?",
        "unknown-route [\"post/[slug]\"] there is no page `post/[slug]` | did you mean `posts/[slug]`?",
        "unknown-route ['posts/[slug]'] `slug` of `posts/[slug]` is not given | write url(\"posts/[slug]\", slug=…)",
        "unknown-asset ['stile.css'] there is no file `public/stile.css` | did you mean `style.css`?",
        "undefined-name [post] `post` is not defined on this page | did you mean `posts`?",
        "unknown-function [foo] there is no function `foo` | a macro must be imported: {% from \"_macros.html\" import name %}",
    ] {
        assert!(said.iter().any(|said| said == expected), "{expected}\n{said:#?}");
    }
    assert!(said.iter().any(|said| said.starts_with("template-syntax")), "{said:#?}");
    assert!(said.iter().any(|said| said.starts_with("unsafe-output [posts[0].link]")), "{said:#?}");
}

#[test]
fn an_error_has_its_line_in_the_file() {
    let page = "+++\n[data.post]\nfrom = \"posts\"\none = true\n+++\n<p>\n  <b title=\"{{ post.id }}\">{{ post.titel }}</b>";
    let templates = load(&[("pages/index.html", page)]).expect("it is right as far as one can tell");
    let error =
        templates.render("index.html", view(vec![("post", post(&[]))])).expect_err("there is no titel");
    assert_eq!(error.line, Some(7));
    assert_eq!(error.file.as_deref(), Some(std::path::Path::new("pages/index.html")));
    assert_eq!(
        error.caret.as_deref(),
        Some(
            "7 |   <b title=\"{{ post.id }}\">{{ post.titel }}</b>\n  |                               ^^^^^^^^^^"
        )
    );
    assert_eq!(error.to_string(), "pages/index.html:7: `posts` has no `titel`");
}

#[test]
fn a_template_cannot_run_for_ever() {
    let templates = load(&[(
        "pages/index.html",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{{ c }}{% endfor %}{% endfor %}{% endfor %}",
    )])
    .expect("it is right");
    let error = templates.render("index.html", view(Vec::new())).expect_err("it never ends");
    assert_eq!(error.message, "this template does more than a page may");
    let templates = load(&[("pages/index.html", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}")])
        .expect("it is right");
    assert!(templates.render("index.html", view(Vec::new())).is_err());
}

#[test]
fn other_texts_are_escaped_in_their_own_ways() {
    let front = "+++\n[data.post]\nfrom = \"posts\"\none = true\n+++\n";
    let data = || {
        post(&[
            ("title", Value::from("a \"<b>\u{b} & c")),
            ("body", Value::from("*x*")),
            ("status", Value::Null),
        ])
    };
    for (name, template, expected) in [
        (
            "feed.xml",
            "<t a=\"{{ post.title }}\">{{ post.title }}{{ post.body }}</t>",
            "<t a=\"a &quot;&lt;b&gt;\u{fffd} &amp; c\">a &quot;&lt;b&gt;\u{fffd} &amp; c&lt;p&gt;&lt;em&gt;x&lt;/em&gt;&lt;/p&gt;\n</t>",
        ),
        (
            "data.json",
            "{\"t\": {{ post.title }}, \"s\": {{ post.status }}}",
            "{\"t\": \"a \\\"<b>\\u000b & c\", \"s\": null}",
        ),
        ("robots.txt", "{{ post.title }} {{ post.body }}", "a \"<b>\u{b} & c *x*"),
    ] {
        let templates =
            load(&[(&format!("pages/{name}"), &format!("{front}{template}"))]).expect("it is right");
        let out = templates.render(name, view(vec![("post", data())])).expect("it is shown");
        assert_eq!(out.trim(), expected, "{name}");
    }
}

#[test]
fn the_owner_s_own_settings_are_there_and_a_nonce_is_asked_for_ahead() {
    let templates = load(&[
        ("site.toml", "[site]\nname = \"Test\"\nmotto = \"a < b\"\n"),
        (
            "pages/_layout.html",
            "<script nonce=\"{{ csp_nonce() }}\">a()</script>{% block content %}{% endblock %}",
        ),
        (
            "pages/index.html",
            "{% extends \"_layout.html\" %}{% block content %}{{ site.motto }}{% endblock %}",
        ),
        ("pages/plain.html", "{{ site.name }}<style>b{}</style>"),
    ])
    .expect("it is right");
    assert!(templates.uses_nonce("index.html") && !templates.uses_nonce("plain.html"));
    assert_eq!(templates.inline_scripts("index.html"), ["a()"]);
    assert_eq!(templates.inline_styles("plain.html"), ["b{}"]);
    let mut view = view(Vec::new());
    view.extra.push(("csp_nonce".into(), "Zm9v".into()));
    let html = templates.render("index.html", view).expect("it is shown");
    assert_eq!(html, "<script nonce=\"Zm9v\">a()</script>a &lt; b");
}
