//! What a mail's HTML says as text, for those who read no HTML.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// A document read.
pub(super) struct Read {
    pub(super) title: String,
    pub(super) text: String,
}

/// Reads the title of a document, and its text: a paragraph a block, links with their address behind them.
pub(super) fn read(html: &str) -> Read {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // No token of ours asks the tokenizer to wait for a script.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let sink = tokenizer.sink.0.into_inner();
    Read { title: sink.title, text: format!("{}\n", sink.out.trim()) }
}

#[derive(Default)]
struct Sink(RefCell<Writer>);

#[derive(Default)]
struct Writer {
    title: String,
    out: String,
    /// The element whose text is not the document's.
    raw: Option<String>,
    /// The link that is open, and where its text begins.
    link: Option<(String, usize)>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.text(&text),
            Token::TagToken(tag) => return writer.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Writer {
    fn text(&mut self, text: &str) {
        match self.raw.as_deref() {
            Some("title") => self.title.push_str(text),
            Some(_) => {}
            None => {
                for c in text.chars() {
                    if !c.is_whitespace() || c == '\u{a0}' {
                        self.out.push(c);
                    } else if !self.out.ends_with(char::is_whitespace) {
                        self.out.push(' ');
                    }
                }
            }
        }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let opens = tag.kind == TagKind::StartTag;
        match name {
            "title" | "style" | "script" => {
                self.raw = opens.then(|| name.to_owned());
                if opens {
                    let kind = match name {
                        "title" => RawKind::Rcdata,
                        "script" => RawKind::ScriptData,
                        _ => RawKind::Rawtext,
                    };
                    return TokenSinkResult::RawData(kind);
                }
            }
            "a" if opens => {
                let href = tag.attrs.iter().find(|attribute| &*attribute.name.local == "href");
                self.link = href.map(|href| (href.value.to_string(), self.out.len()));
            }
            "a" => self.end_link(),
            "br" => self.line(1),
            "li" if opens => {
                self.line(1);
                self.out.push_str("- ");
            }
            "tr" => self.line(1),
            "p" | "div" | "section" | "header" | "footer" | "main" | "h1" | "h2" | "h3" | "ul" | "ol"
            | "table" | "blockquote" | "hr" | "body" => self.line(2),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    /// A link's address stands behind its text as RFC 3986 (appendix C) recommends, where it is another.
    fn end_link(&mut self) {
        let Some((href, start)) = self.link.take() else { return };
        if self.out.get(start..).is_some_and(|text| text.trim() != href) {
            while self.out.ends_with(' ') {
                self.out.pop();
            }
            self.out.push_str(" <");
            self.out.push_str(&href);
            self.out.push('>');
        }
    }

    /// Ends the line, with so many line ends at least.
    fn line(&mut self, ends: usize) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        let there = self.out.len() - self.out.trim_end_matches('\n').len();
        self.out.extend(std::iter::repeat_n('\n', ends.saturating_sub(there)));
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_document_becomes_text() {
        let html = "<!doctype html><title>A &amp; B</title><style>p { x }</style><body><h1>Hello</h1>\n<p>One\n  two <b>three</b>.\n\
                    <p><a href=\"https://x.example/?a&amp;b\"> Go\n </a></p><ul><li>a<li>b</ul>\
                    <p>c<br>d <a href=\"https://x.example/\">https://x.example/</a>";
        let document = read(html);
        assert_eq!(document.title, "A & B");
        assert_eq!(
            document.text,
            "Hello\n\nOne two three.\n\nGo <https://x.example/?a&b>\n\n- a\n- b\n\nc\nd https://x.example/\n"
        );
    }
}
