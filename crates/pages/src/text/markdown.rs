//! Markdown to harmless HTML: CommonMark with tables, footnotes, strikethrough and task lists.
//!
//! Whatever the Markdown held goes through the sanitiser, raw HTML included. Headings get ids made from their text.

use std::collections::HashMap;

use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::escape;

/// Markdown as harmless HTML.
pub(crate) fn to_html(source: &str) -> String {
    let mut html = String::with_capacity(source.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut html, events(source).into_iter());
    super::sanitise::sanitise(&html)
}

/// The text of some Markdown without its markup, white space collapsed; code blocks, footnotes and raw HTML are left out.
pub(crate) fn to_text(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut skipped = 0_u32;
    for event in Parser::new_ext(source, options()) {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::FootnoteDefinition(_) | Tag::HtmlBlock) => skipped += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::FootnoteDefinition | TagEnd::HtmlBlock) => skipped -= 1,
            Event::InlineHtml(tag) if is_code(&tag, "<") => skipped += 1,
            Event::InlineHtml(tag) if is_code(&tag, "</") => skipped = skipped.saturating_sub(1),
            _ if skipped > 0 => {}
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::Rule => out.push(' '),
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::TableCell
                | TagEnd::BlockQuote(_),
            ) => out.push(' '),
            _ => {}
        }
    }
    super::cut::collapse(&out)
}

/// Whether a raw tag begins, or ends, an element whose text nobody reads.
fn is_code(tag: &str, start: &str) -> bool {
    let name = tag.strip_prefix(start).unwrap_or_default().to_ascii_lowercase();
    name.starts_with("script") || name.starts_with("style")
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
}

fn events(source: &str) -> Vec<Event<'_>> {
    let mut events: Vec<Event<'_>> = Parser::new_ext(source, options()).collect();
    name_headings(&mut events);
    align_cells(&mut events);
    events
}

/// Gives each heading an id made from its text, unless it has one.
fn name_headings(events: &mut [Event<'_>]) {
    let mut taken: HashMap<String, u32> = HashMap::new();
    for at in 0..events.len() {
        if !matches!(events[at], Event::Start(Tag::Heading { id: None, .. })) {
            continue;
        }
        let text: String = events[at..]
            .iter()
            .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))))
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(&**text),
                _ => None,
            })
            .collect();
        let slug = purlin_schema::types::slugify(&text);
        if slug.is_empty() {
            continue;
        }
        let count = taken.entry(slug.clone()).or_default();
        let name = if *count == 0 { slug } else { format!("{slug}-{count}") };
        *count += 1;
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(CowStr::from(name));
        }
    }
}

/// Writes the alignment of table cells as `align`: the writer's `style` is refused by a content security policy.
fn align_cells(events: &mut [Event<'_>]) {
    let mut alignments: Vec<Alignment> = Vec::new();
    let mut cell = 0;
    let mut name = "td";
    for event in events {
        let html = match event {
            Event::Start(Tag::Table(table)) => {
                alignments = std::mem::take(table);
                "<table>".to_owned()
            }
            Event::End(TagEnd::Table) => "</tbody></table>\n".to_owned(),
            Event::Start(Tag::TableHead) => {
                (cell, name) = (0, "th");
                "<thead><tr>".to_owned()
            }
            Event::End(TagEnd::TableHead) => {
                name = "td";
                "</tr></thead><tbody>\n".to_owned()
            }
            Event::Start(Tag::TableRow) => {
                cell = 0;
                "<tr>".to_owned()
            }
            Event::End(TagEnd::TableRow) => "</tr>\n".to_owned(),
            Event::Start(Tag::TableCell) => {
                let align = match alignments.get(cell) {
                    Some(Alignment::Left) => " align=\"left\"",
                    Some(Alignment::Center) => " align=\"center\"",
                    Some(Alignment::Right) => " align=\"right\"",
                    _ => "",
                };
                cell += 1;
                format!("<{name}{align}>")
            }
            Event::End(TagEnd::TableCell) => format!("</{name}>"),
            _ => continue,
        };
        *event = Event::InlineHtml(html.into());
    }
}

/// What an HTML field holds, without its markup.
pub(crate) fn html_to_text(source: &str) -> String {
    let clean = super::sanitise::sanitise(source);
    super::cut::collapse(&escape::unescape(&super::cut::strip_tags(&clean)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(to_html("# A *b*\n\ntext"), "<h1 id=\"md-a-b\">A <em>b</em></h1>\n<p>text</p>\n");
        assert_eq!(
            to_html("```rust\nfn x() {}\n```"),
            "<pre><code class=\"language-rust\">fn x() {}\n</code></pre>\n"
        );
        assert_eq!(
            to_html("| a | b |\n|--:|---|\n| 1 | 2 |"),
            "<table><thead><tr><th align=\"right\">a</th><th>b</th></tr></thead><tbody>\n\
             <tr><td align=\"right\">1</td><td>2</td></tr>\n</tbody></table>\n"
        );
        let tasks = to_html("- [x] done");
        assert!(
            tasks.contains("<li><input ") && tasks.contains("checked=\"\"") && tasks.contains("disabled"),
            "{tasks}"
        );
    }

    #[test]
    fn headings_of_one_name_are_told_apart() {
        let html = to_html("# A\n# A\n# A");
        assert!(
            html.contains("id=\"md-a\"") && html.contains("id=\"md-a-1\"") && html.contains("id=\"md-a-2\""),
            "{html}"
        );
    }

    #[test]
    fn footnotes_lead_to_their_text() {
        let html = to_html("a[^1]\n\n[^1]: note");
        assert!(html.contains("href=\"#md-1\"") && html.contains("id=\"md-1\""), "{html}");
    }

    #[test]
    fn a_script_link_is_no_link() {
        let html = to_html(
            "[x](JavaScript:alert(1)) [y](&#106;avascript:alert(1)) <a href=\"java\tscript:x\">z</a>",
        );
        assert!(!html.contains("href"), "{html}");
        // A tab that is percent-encoded is no tab to a browser: this is a page of the site that does not exist.
        assert!(to_html("[x](java&#09;script:alert(1))").contains("java%09script:"), "{html}");
    }

    #[test]
    fn plain_text_has_no_markup() {
        assert_eq!(
            to_text(
                "# Title\n\nSome *text* with `code` &amp; <b>html</b>.\n\n```\nskipped\n```\n\n- one\n- two"
            ),
            "Title Some text with code & html. one two"
        );
        assert_eq!(html_to_text("<p>a &amp; <b>b</b></p><script>x</script>"), "a & b");
    }
}
