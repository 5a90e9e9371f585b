//! Form widgets: accessible, inert, and without JavaScript.

use purlin_pages::view::{FieldView, FormView};

use crate::site::{load, view};

const PAGE: &str = "+++\n[form.post]\ncreate = \"posts\"\nfields = [\"title\", \"body\", \"status\", \"price\", \"at\", \"featured\", \"author\", \"tags\"]\n+++\n";

fn shown(template: &str, fields: Vec<FieldView>, messages: Vec<String>) -> String {
    let templates = load(&[("pages/index.html", &format!("{PAGE}{template}"))])
        .unwrap_or_else(|found| panic!("{:#?}", found.list));
    let mut view = view(Vec::new());
    let model = templates.site().models.named("posts").map(|model| model.id);
    view.forms.push(("post".into(), FormView { model, record: None, fields, messages }));
    templates.render("index.html", view).unwrap_or_else(|error| panic!("{error}")).trim().to_owned()
}

fn field(name: &str, value: &str) -> FieldView {
    FieldView { name: name.into(), value: vec![value.into()], ..FieldView::default() }
}

#[test]
fn a_whole_form_says_what_is_wrong_where() {
    let mut title = field("title", "\"><script>");
    title.messages.push("is taken".into());
    let html = shown(
        "{{ form('post', button='Save it') }}",
        vec![title, field("body", "</textarea><b>")],
        Vec::new(),
    );
    for part in [
        "<form method=\"post\" class=\"form\" id=\"form-post\"><input type=\"hidden\" name=\"_form\" value=\"post\">",
        "<div class=\"form-messages\" role=\"alert\"><p>One thing needs your attention:</p><ul><li><a href=\"#post-title\">Title</a> is taken</li></ul></div>",
        "<label for=\"post-title\">Title</label>",
        "id=\"post-title\" name=\"title\" required aria-invalid=\"true\" aria-describedby=\"post-title-message\" maxlength=\"200\"",
        "value=\"&quot;&gt;&lt;script&gt;\"",
        "<p class=\"field-message\" id=\"post-title-message\">Title is taken</p>",
        "&lt;/textarea&gt;&lt;b&gt;</textarea>",
        "<button type=\"submit\">Save it</button></p></form>",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    assert!(!html.contains("<script>"), "{html}");
}

#[test]
fn each_type_has_its_control() {
    let mut author = field("author", "3");
    author.options = vec![("3".into(), "Ann <b>".into()), ("4".into(), "Bob".into())];
    let mut tags =
        FieldView { name: "tags".into(), value: vec!["1".into(), "2".into()], ..FieldView::default() };
    tags.options = (1..=3).map(|id| (id.to_string(), format!("t{id}"))).collect();
    let html = shown(
        "{{ form('post') }}",
        vec![
            field("status", "published"),
            field("price", "1.50"),
            field("at", "2026-03-01T23:30:00Z"),
            field("featured", "true"),
            author,
            tags,
        ],
        vec!["something else".into()],
    );
    for part in [
        "<p>something else</p>",
        "<option value=\"published\" selected>Published</option>",
        "<input type=\"number\" id=\"post-price\" name=\"price\" step=\"0.01\" value=\"1.50\">",
        "<input type=\"datetime-local\" id=\"post-at\" name=\"at\" value=\"2026-03-02T00:30\">",
        "<input type=\"checkbox\" id=\"post-featured\" name=\"featured\" value=\"true\" checked>",
        "<option value=\"3\" selected>Ann &lt;b&gt;</option><option value=\"4\">Bob</option>",
        "<option value=\"1\" selected>t1</option><option value=\"2\" selected>t2</option><option value=\"3\">t3</option>",
        "name=\"tags\" multiple>",
        "<button type=\"submit\">Send</button>",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
}

#[test]
fn a_form_can_be_arranged() {
    let mut title = field("title", "");
    title.messages.push("must not be empty".into());
    let html = shown(
        "{{ form_open('post', class='wide') }}{{ label('post', 'title') }}|{{ input('post', 'title', placeholder='\"x', autofocus=true) }}|{{ message('post', 'title') }}{{ form_close(button='Go') }}\
         {{ forms.post.failed }} {{ forms.post.fields.title.messages|join(', ') }}",
        vec![title],
        Vec::new(),
    );
    for part in [
        "class=\"wide\"",
        "placeholder=\"&quot;x\"",
        " autofocus",
        "Go</button></p></form>",
        "true must not be empty",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
}

#[test]
fn a_form_that_is_not_declared_is_a_mistake() {
    let wrong = |template: &str| {
        let found = load(&[("pages/index.html", &format!("{PAGE}{template}"))]).expect_err("it is wrong");
        found
            .list
            .iter()
            .map(|mistake| format!("{}; {}", mistake.message, mistake.hint.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(wrong("{{ form('pots') }}"), ["this page declares no form `pots`; did you mean `post`?"]);
    assert_eq!(
        wrong("{{ field('post', 'titel') }}"),
        ["the form `post` takes no field `titel`; did you mean `title`?"]
    );
}
