//! Documents as a browser reads them: whether they are well-formed, whether they are inert, what they say.

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use quick_xml::events::Event;

/// A parsed HTML document.
#[derive(Debug, Default)]
pub struct Document {
    /// Its elements in order.
    pub elements: Vec<Element>,
    /// What it says outside of scripts and styles.
    pub text: String,
    /// What a browser has to mend.
    pub faults: Vec<String>,
}

/// An element.
#[derive(Debug)]
pub struct Element {
    /// `a`.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
}

/// Elements that run, load or redirect something.
const ACTIVE: &[&str] = &["script", "iframe", "object", "embed", "applet", "base", "frame", "frameset"];
/// Attributes that hold an address.
const ADDRESSES: &[&str] = &["href", "src", "action", "formaction", "data", "poster", "cite", "xlink:href"];
/// Schemes that an address may have.
const SCHEMES: &[&str] = &["http", "https", "mailto", "tel"];

impl Document {
    /// Reads a page as a browser does.
    #[must_use]
    pub fn of(html: &str) -> Document {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(html);
        let faults = dom.errors.borrow().iter().map(ToString::to_string).collect();
        let mut document = Document { faults, ..Document::default() };
        document.walk(&dom.document, false);
        document
    }

    fn walk(&mut self, node: &Handle, silent: bool) {
        let mut silent = silent;
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let name = name.local.to_string();
                silent |= matches!(name.as_str(), "script" | "style");
                let attributes = attrs
                    .borrow()
                    .iter()
                    .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
                    .collect();
                self.elements.push(Element { name, attributes });
            }
            NodeData::Text { contents } if !silent => self.text.push_str(&contents.borrow()),
            _ => {}
        }
        for child in node.children.borrow().iter() {
            self.walk(child, silent);
        }
    }

    /// What runs in it; none in a page without scripts of its own.
    #[must_use]
    pub fn active(&self) -> Vec<String> {
        let mut found = Vec::new();
        for element in &self.elements {
            if ACTIVE.contains(&element.name.as_str()) {
                found.push(format!("<{}>", element.name));
            }
            for (name, value) in &element.attributes {
                let runs = name.starts_with("on")
                    || (ADDRESSES.contains(&name.as_str()) && !is_plain_address(value))
                    || name == "srcdoc"
                    || (element.name == "meta" && name == "http-equiv");
                if runs {
                    found.push(format!("<{} {name}={value:?}>", element.name));
                }
            }
        }
        found
    }

    /// The words, with one space between.
    #[must_use]
    pub fn words(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Whether an address has no scheme or a harmless one, as a browser reads it: without control characters.
fn is_plain_address(address: &str) -> bool {
    let plain: String = address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    match plain.split_once(':') {
        None => true,
        Some((before, _)) if before.contains(['/', '?', '#']) => true,
        Some((scheme, _)) => SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()),
    }
}

/// The text of an XML document.
///
/// # Errors
/// Where it is not well-formed.
pub fn xml_text(xml: &str) -> Result<String, String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut text, mut depth) = (String::new(), 0);
    loop {
        let at = reader.buffer_position();
        let failed = |error: String| format!("at byte {at}: {error}");
        match reader.read_event().map_err(|error| failed(error.to_string()))? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                let (Event::Start(start) | Event::Empty(start)) = &event else { continue };
                depth += i32::from(matches!(event, Event::Start(_)));
                for attribute in start.attributes() {
                    attribute.map_err(|error| failed(error.to_string()))?;
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => text.push(character),
                _ => {
                    let known = quick_xml::escape::resolve_predefined_entity(&reference);
                    text.push_str(known.ok_or_else(|| failed(format!("&{};", &*reference)))?);
                }
            },
            Event::Eof if depth == 0 => return Ok(text),
            Event::Eof => return Err("it ends within an element".to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_seen() {
        for html in [
            "<script>1</script>",
            "<p onclick=x()>",
            "<a href='java\tscript:x'>",
            "<a href=' JAVASCRIPT:x'>",
            "<iframe>",
            "<svg><a xlink:href='data:x'>",
            "<form action='vbscript:x'>",
        ] {
            assert!(!Document::of(html).active().is_empty(), "{html}");
        }
        let harmless = "<!doctype html><title>a</title><p><a href='/a:b'>b</a><a href='https://c'>c</a>";
        assert_eq!(Document::of(harmless).active(), Vec::<String>::new());
        assert_eq!(Document::of(harmless).words(), "abc");
    }

    #[test]
    fn xml_must_be_well_formed() {
        assert_eq!(xml_text("<a>b &amp; &#99;<!-- x --><d e='f'/></a>").unwrap(), "b & c");
        for bad in ["<a>", "<a></b>", "<a>&nope;</a>", "<a b=c/>", "<a>&</a>"] {
            assert!(xml_text(bad).is_err(), "{bad}");
        }
    }
}
