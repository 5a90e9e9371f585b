//! Cutting texts short without cutting through a word, a tag or an entity.

/// White space collapsed to single spaces, none at the ends.
pub(crate) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// At most `max` characters of a text and then `end`, cut between words where there is a space to cut at.
pub(crate) fn words(text: &str, max: usize, end: &str) -> String {
    let Some((limit, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let head = &text[..limit];
    // A word that ends just at the limit is whole.
    let whole = text[limit..].starts_with(char::is_whitespace);
    let cut = if whole { head.len() } else { head.rfind(char::is_whitespace).unwrap_or(head.len()) };
    format!(
        "{}{end}",
        head[..cut].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '–'))
    )
}

/// At most `max` characters of the text in harmless HTML, with every element that is open then closed.
///
/// The input is what the sanitiser wrote: well formed, every attribute in double quotes.
pub(crate) fn html(source: &str, max: usize, end: &str) -> String {
    let mut out = String::with_capacity(source.len().min(max * 4));
    let mut open: Vec<&str> = Vec::new();
    let mut left = max;
    for piece in Pieces(source) {
        match piece {
            Piece::Tag(tag) => {
                out.push_str(tag);
                if tag.starts_with("</") {
                    open.pop();
                } else if !is_void(name_of(tag)) {
                    open.push(name_of(tag));
                }
            }
            Piece::Text(text) => {
                let Some(cut) = text_limit(text, &mut left) else {
                    out.push_str(text);
                    continue;
                };
                let head = &text[..cut];
                let whole = text[cut..].starts_with(char::is_whitespace);
                let cut = if whole { cut } else { head.rfind(char::is_whitespace).unwrap_or(cut) };
                out.push_str(head[..cut].trim_end());
                super::escape::write_html(&mut out, end).unwrap_or_default();
                for name in open.iter().rev() {
                    out.push_str("</");
                    out.push_str(name);
                    out.push('>');
                }
                return out;
            }
        }
    }
    out
}

/// Where a text must be cut, if it has more characters than are left; an entity counts as one.
fn text_limit(text: &str, left: &mut usize) -> Option<usize> {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if *left == 0 {
            return Some(text.len() - rest.len());
        }
        *left -= 1;
        let entity = rest.strip_prefix('&').and_then(|after| after.find(';')).filter(|at| *at < 10);
        rest = &rest[entity.map_or(c.len_utf8(), |at| at + 2)..];
    }
    None
}

/// The text between the tags, with its entities as they are.
pub(crate) fn strip_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    for piece in Pieces(html) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            // What starts on a line of its own is apart from what was before.
            Piece::Tag(tag) => {
                let inline = [
                    "a", "abbr", "b", "code", "del", "em", "i", "ins", "kbd", "span", "strong", "sub", "sup",
                ];
                if !inline.contains(&name_of(tag)) {
                    out.push(' ');
                }
            }
        }
    }
    out
}

/// The value of an attribute in a tag as the sanitiser writes it; `tag` begins after the element's name.
pub(crate) fn attribute_of<'tag>(tag: &'tag str, name: &str) -> Option<&'tag str> {
    let mut rest = tag;
    loop {
        rest = rest.trim_start();
        let (found, after) = rest.split_once("=\"")?;
        if found.contains('>') {
            return None;
        }
        let (value, after) = after.split_once('"')?;
        if found == name {
            return Some(value);
        }
        rest = after;
    }
}

fn name_of(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    &name[..name.find([' ', '>', '/']).unwrap_or(name.len())]
}

fn is_void(name: &str) -> bool {
    matches!(name, "area" | "br" | "col" | "hr" | "img" | "input" | "wbr")
}

enum Piece<'html> {
    Tag(&'html str),
    Text(&'html str),
}

/// Splits well-formed HTML into tags and texts.
struct Pieces<'html>(&'html str);

impl<'html> Iterator for Pieces<'html> {
    type Item = Piece<'html>;

    fn next(&mut self) -> Option<Piece<'html>> {
        if self.0.is_empty() {
            return None;
        }
        if !self.0.starts_with('<') {
            let end = self.0.find('<').unwrap_or(self.0.len());
            let (text, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(Piece::Text(text));
        }
        let mut quoted = false;
        let end = self.0.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == b'>' && !quoted
        });
        let (tag, rest) = self.0.split_at(end.map_or(self.0.len(), |at| at + 1));
        self.0 = rest;
        Some(Piece::Tag(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(words("one two three", 20, "…"), "one two three");
        assert_eq!(words("one two three", 7, "…"), "one two…");
        assert_eq!(words("one two three", 9, "…"), "one two…");
        assert_eq!(words("one, two", 5, "…"), "one…");
        assert_eq!(words("überlang", 3, "…"), "übe…");
    }

    #[test]
    fn html_is_cut_and_closed() {
        assert_eq!(html("<p>one <b>two three</b></p><p>four</p>", 9, "…"), "<p>one <b>two…</b></p>");
        assert_eq!(html("<p>a &amp; b</p>", 5, "…"), "<p>a &amp; b</p>");
        assert_eq!(
            html("<p>a<br>b <img alt=\"x > y\"> c d</p>", 5, "…"),
            "<p>a<br>b <img alt=\"x > y\"> c…</p>"
        );
        assert_eq!(html("<p>x &lt;y z</p>", 3, "…"), "<p>x…</p>");
    }

    #[test]
    fn an_attribute_is_found() {
        assert_eq!(attribute_of(" title=\"a > b\" href=\"/x\">", "href"), Some("/x"));
        assert_eq!(attribute_of(" title=\"a\">text href=\"/x\"", "href"), None);
    }
}
