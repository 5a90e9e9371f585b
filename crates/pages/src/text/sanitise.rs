//! HTML of unknown origin, made harmless: an allow-list of elements and attributes.
//!
//! What comes out has no script, no style, no form that works, and no address but http, https, mailto and tel. Ids get a
//! prefix, so that what one person wrote cannot take the place of an element of the page, and links to them follow.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;

/// What stands before every id that comes from somebody's text.
const ID_PREFIX: &str = "md-";

/// Classes that Markdown gives; others are dropped.
const CLASSES: &[&str] =
    &["footnote-reference", "footnote-definition", "footnote-definition-label", "footnote-backref", "task"];

static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(builder);

/// The harmless part of some HTML. Links that leave the site do so with `rel="nofollow noopener"`.
pub fn sanitise(html: &str) -> String {
    mark_external_links(&ALLOWED.clean(html).to_string())
}

fn builder() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(&["input", "section", "figure", "figcaption", "details", "summary", "picture"])
        .rm_tags(&["map", "area", "picture"])
        .generic_attributes(HashSet::from(["lang", "title", "dir"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "hreflang", "id", "name"])),
            ("bdo", HashSet::from(["dir"])),
            ("blockquote", HashSet::from(["cite"])),
            ("code", HashSet::from(["class"])),
            ("col", HashSet::from(["span"])),
            ("colgroup", HashSet::from(["span"])),
            ("del", HashSet::from(["cite", "datetime"])),
            ("details", HashSet::from(["open"])),
            ("div", HashSet::from(["class", "id", "align"])),
            ("h1", HashSet::from(["id"])),
            ("h2", HashSet::from(["id"])),
            ("h3", HashSet::from(["id"])),
            ("h4", HashSet::from(["id"])),
            ("h5", HashSet::from(["id"])),
            ("h6", HashSet::from(["id"])),
            ("img", HashSet::from(["src", "alt", "width", "height", "align"])),
            ("ins", HashSet::from(["cite", "datetime"])),
            ("li", HashSet::from(["class", "id"])),
            ("ol", HashSet::from(["start", "type"])),
            ("p", HashSet::from(["align"])),
            ("pre", HashSet::from(["class"])),
            ("q", HashSet::from(["cite"])),
            ("section", HashSet::from(["class", "id"])),
            ("sup", HashSet::from(["class", "id"])),
            ("table", HashSet::from(["align"])),
            ("td", HashSet::from(["align", "colspan", "rowspan"])),
            ("th", HashSet::from(["align", "colspan", "rowspan", "scope"])),
            ("time", HashSet::from(["datetime"])),
        ]))
        .tag_attribute_values(HashMap::from([(
            "input",
            HashMap::from([("checked", HashSet::from([""])), ("type", HashSet::from(["checkbox"]))]),
        )]))
        .set_tag_attribute_values(HashMap::from([(
            "input",
            HashMap::from([("disabled", ""), ("type", "checkbox")]),
        )]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .link_rel(None)
        .attribute_filter(attribute);
    builder
}

/// What becomes of an attribute that is allowed as such.
fn attribute<'value>(element: &str, name: &str, value: &'value str) -> Option<Cow<'value, str>> {
    match name {
        "id" | "name" => Some(Cow::Owned(format!("{ID_PREFIX}{value}"))),
        "href" => match value.strip_prefix('#') {
            Some("") | None => Some(Cow::Borrowed(value)),
            Some(id) => Some(Cow::Owned(format!("#{ID_PREFIX}{id}"))),
        },
        "class" => {
            let allowed = |class: &str| match element {
                "code" | "pre" => class.starts_with("language-"),
                _ => CLASSES.contains(&class),
            };
            let kept: Vec<&str> = value.split_ascii_whitespace().filter(|class| allowed(class)).collect();
            if kept.is_empty() { None } else { Some(Cow::Owned(kept.join(" "))) }
        }
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Adds `rel` to the links that lead elsewhere. The input is what the sanitiser wrote: well formed, every attribute in
/// double quotes.
fn mark_external_links(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("<a ") {
        let (before, tag) = rest.split_at(at + "<a".len());
        out.push_str(before);
        if super::cut::attribute_of(tag, "href").is_some_and(leads_elsewhere) {
            out.push_str(" rel=\"nofollow noopener\"");
        }
        rest = tag;
    }
    out.push_str(rest);
    out
}

fn leads_elsewhere(href: &str) -> bool {
    href.starts_with("http:") || href.starts_with("https:") || href.starts_with("//") || {
        // The sanitiser writes an address as it was given: `HTTPS:` is one, too.
        matches!(super::escape::scheme(href).as_deref(), Some("http" | "https"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_gone() {
        for attack in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<a href=\"java\tscript:alert(1)\">x</a>",
            "<a href=' javascript:alert(1)'>x</a>",
            "<svg onload=alert(1)>",
            "<style>*{background:url(//evil)}</style>",
            "<p style=\"background:url(//evil)\">x</p>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<form action=//evil><button>x</button></form>",
            "<base href=//evil>",
            "<meta http-equiv=refresh content='0;url=//evil'>",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<img src=\"data:text/html,x\">",
        ] {
            let clean = sanitise(attack).to_lowercase();
            for bad in [
                "<script",
                "onerror=",
                "onload=",
                "javascript:",
                "style",
                "srcdoc",
                "<form",
                "<base",
                "<meta",
                "data:",
                "<svg",
            ] {
                assert!(!clean.contains(bad), "{attack} became {clean}");
            }
        }
    }

    #[test]
    fn what_a_text_needs_stays() {
        assert_eq!(
            sanitise("<pre><code class=\"language-rust evil\">x</code></pre>"),
            "<pre><code class=\"language-rust\">x</code></pre>"
        );
        assert_eq!(
            sanitise("<h2 id=\"a\">A</h2><a href=\"#a\">A</a>"),
            "<h2 id=\"md-a\">A</h2><a href=\"#md-a\">A</a>"
        );
        let checkbox = sanitise("<input checked>");
        assert!(checkbox.contains("disabled=\"\"") && checkbox.contains("type=\"checkbox\""), "{checkbox}");
        assert!(!sanitise("<input type=password name=p value=q>").contains("password"));
    }

    #[test]
    fn links_that_leave_say_so() {
        assert_eq!(
            sanitise("<a href=\"https://a.example\">x</a><a href=\"/b\">y</a>"),
            "<a rel=\"nofollow noopener\" href=\"https://a.example\">x</a><a href=\"/b\">y</a>"
        );
    }
}
