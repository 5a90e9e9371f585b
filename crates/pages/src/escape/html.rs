//! Where in HTML or XML a text stands: the tokenizer of the HTML standard (§13.2.5), as far as it takes to know what a
//! value written there would be.

use super::attributes::{self, Kind};
use super::script::Script;
use super::url::Url;

/// What `value` holds in a tag that ends itself, as in `<br/>`.
const SLASH: &str = "/";

/// Where in a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) at: At,
    /// The element whose tag is being written, in lower case.
    pub(super) element: String,
    /// Whether the tag ends an element.
    closing: bool,
    /// The attribute being written, in lower case.
    pub(super) attribute: String,
    /// What stands in the attribute so far, where it decides about the rest of the element.
    value: String,
    /// Facts about the element that its earlier attributes tell.
    pub(super) facts: Facts,
    /// How deep in `noscript`, `svg` and `math`, where markup means something else.
    foreign: u16,
    xml: bool,
}

/// What the attributes of an element tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    script_type: String,
    pub(super) has_src: bool,
    pub(super) has_nonce: bool,
    /// `<meta http-equiv>`, whose content is an instruction.
    pub(super) http_equiv: bool,
    /// A value stands in the `content` of a `<meta>`.
    pub(super) dynamic_content: bool,
}

/// The place within the syntax.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum At {
    /// Text of an element.
    Text,
    /// After `<` or `</`.
    TagOpen,
    TagName,
    /// Between attributes.
    InTag,
    AttributeName,
    AfterName,
    BeforeValue,
    /// In a value between these quotes.
    Value(char, Url),
    Unquoted,
    /// After a branch that may have ended a name or a value without quotes: a space or `>` must follow.
    Joined,
    /// After `<!`, with what followed.
    Declaration(String),
    /// In a comment, with its last two characters.
    Comment(String),
    /// `<!doctype>`, `<?xml?>`.
    Instruction,
    /// `<![CDATA[`, with its last two characters.
    Cdata(String),
    /// Text in which only the end tag of the element is markup, with what may become it.
    Raw(Raw, String),
}

/// Elements whose text is not parsed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// `title`, `textarea`: entities work.
    Plain,
    Script(Script),
    Style,
    /// `iframe`, `noembed`, `noframes`, `xmp`.
    Other,
    /// `script` and `style` within `svg` and `math`.
    Foreign,
}

/// What the reader of a template is told when a text ends an element of interest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An inline script or style begins.
    RawStart,
    /// It ends.
    RawEnd,
    /// `<!--` in a script, after which it cannot be told where the script ends.
    CommentInScript,
    /// `<meta http-equiv>` with a value in its content.
    DynamicInstruction,
    /// Neither a space nor `>` after branches that end in a name or a value without quotes.
    Ambiguous,
    /// A tag inside a script or style within `svg`, where it is a tag and not text.
    TagInForeignCode,
}

impl State {
    /// The start of a document.
    pub(super) fn start(xml: bool) -> State {
        State {
            at: At::Text,
            element: String::new(),
            closing: false,
            attribute: String::new(),
            value: String::new(),
            facts: Facts::default(),
            foreign: 0,
            xml,
        }
    }

    /// Takes in text of the template; events come with the place in the text after which they happened.
    pub(super) fn feed(&mut self, text: &str, mut event: impl FnMut(usize, Event, &State)) {
        for (at, c) in text.char_indices() {
            if let Some(found) = self.step(c) {
                event(at + c.len_utf8(), found, self);
            }
        }
    }

    fn step(&mut self, c: char) -> Option<Event> {
        let space = c.is_ascii_whitespace();
        match &mut self.at {
            At::Text if c == '<' => self.at = At::TagOpen,
            At::Text => {}
            At::TagOpen => self.open_tag(c),
            At::TagName if space => self.at = At::InTag,
            At::TagName | At::AttributeName | At::Joined if c == '/' => {
                self.at = At::InTag;
                self.value = SLASH.to_owned();
            }
            At::TagName if c == '>' => return self.end_tag(),
            At::TagName => self.element.extend(self.lower(c)),
            At::InTag | At::AfterName if c == '>' => return self.end_tag(),
            At::AfterName if c == '=' => self.at = At::BeforeValue,
            At::InTag | At::AfterName if space => {}
            At::InTag | At::AfterName if c == '/' => {
                self.at = At::InTag;
                self.value = SLASH.to_owned();
            }
            At::InTag | At::AfterName => self.begin_attribute(c),
            At::AttributeName if space => self.at = At::AfterName,
            At::AttributeName if c == '=' => self.at = At::BeforeValue,
            At::AttributeName if c == '>' => return self.end_tag(),
            At::AttributeName => self.attribute.extend(self.lower(c)),
            At::BeforeValue if space => {}
            At::BeforeValue if matches!(c, '"' | '\'') => self.at = At::Value(c, Url::START),
            At::BeforeValue if c == '>' => return self.end_tag(),
            At::BeforeValue => {
                self.value.push(c);
                self.at = At::Unquoted;
            }
            At::Value(quote, _) if *quote == c => self.end_value(),
            At::Value(_, url) => {
                let list =
                    matches!(attributes::kind(&self.element, &self.attribute, self.xml), Kind::UrlList);
                url.feed(c, list);
                self.value.push(c);
            }
            At::Unquoted if c == '>' => {
                self.end_value();
                return self.end_tag();
            }
            At::Unquoted if space => self.end_value(),
            At::Unquoted => self.value.push(c),
            At::Joined if c == '>' => return self.end_tag(),
            At::Joined if space => self.at = At::InTag,
            At::Joined => {
                self.at = At::InTag;
                return Some(Event::Ambiguous);
            }
            At::Declaration(text) => {
                text.push(c);
                self.declaration(c);
            }
            At::Comment(tail) => {
                if c == '>' && (tail == "--" || tail == "-!") {
                    self.at = At::Text;
                } else {
                    keep_two(tail, c);
                }
            }
            At::Cdata(tail) => {
                if c == '>' && tail == "]]" {
                    self.at = At::Text;
                } else {
                    keep_two(tail, c);
                }
            }
            At::Instruction if c == '>' => self.at = At::Text,
            At::Instruction => {}
            At::Raw(..) => return self.raw(c),
        }
        None
    }

    fn open_tag(&mut self, c: char) {
        match c {
            '/' if !self.closing => self.closing = true,
            '!' if !self.closing => self.at = At::Declaration(String::new()),
            '?' if !self.closing => self.at = At::Instruction,
            c if c.is_ascii_alphabetic() || (self.xml && (c.is_alphabetic() || c == '_')) => {
                self.element = self.lower(c).collect();
                self.facts = Facts::default();
                self.at = At::TagName;
            }
            // `</>` and `</ x`, which a browser drops up to the next `>`.
            '>' => self.leave_tag(),
            _ if self.closing => {
                self.at = At::Instruction;
                self.closing = false;
            }
            '<' => {}
            _ => self.leave_tag(),
        }
    }

    fn leave_tag(&mut self) {
        self.at = At::Text;
        self.closing = false;
        self.element.clear();
        self.attribute.clear();
        self.value.clear();
        self.facts = Facts::default();
    }

    fn begin_attribute(&mut self, c: char) {
        self.attribute = self.lower(c).collect();
        self.value.clear();
        self.at = At::AttributeName;
    }

    fn end_value(&mut self) {
        match self.attribute.as_str() {
            "type" => self.facts.script_type = std::mem::take(&mut self.value).trim().to_ascii_lowercase(),
            "src" => self.facts.has_src = true,
            "nonce" => self.facts.has_nonce = true,
            "http-equiv" => self.facts.http_equiv = true,
            _ => {}
        }
        self.attribute.clear();
        self.value.clear();
        self.at = At::InTag;
    }

    /// The tag is complete.
    fn end_tag(&mut self) -> Option<Event> {
        let empty = self.value == SLASH;
        let element = std::mem::take(&mut self.element);
        let facts = std::mem::take(&mut self.facts);
        let closing = self.closing;
        self.leave_tag();
        if matches!(element.as_str(), "noscript" | "svg" | "math") {
            self.foreign = match closing {
                true => self.foreign.saturating_sub(1),
                false if empty => self.foreign,
                false => self.foreign.saturating_add(1),
            };
        }
        if closing || (empty && (self.xml || self.foreign > 0)) {
            return None;
        }
        if !closing && facts.http_equiv && facts.dynamic_content {
            return Some(Event::DynamicInstruction);
        }
        let raw = raw_kind(&element, &facts, self.xml, self.foreign > 0)?;
        let inline = matches!(raw, Raw::Script(_) | Raw::Style);
        self.at = At::Raw(raw, String::new());
        self.element = element;
        self.facts = facts;
        inline.then_some(Event::RawStart)
    }

    fn declaration(&mut self, c: char) {
        let At::Declaration(text) = &self.at else { return };
        let next = match text.as_str() {
            "--" => At::Comment(String::new()),
            "[CDATA[" if self.xml || self.foreign > 0 => At::Cdata(String::new()),
            _ if c == '>' => At::Text,
            _ if "--".starts_with(text.as_str()) || "[CDATA[".starts_with(text.as_str()) => return,
            _ => At::Instruction,
        };
        self.at = next;
    }

    fn raw(&mut self, c: char) -> Option<Event> {
        let At::Raw(kind, tail) = &mut self.at else { return None };
        tail.push(c);
        let end = format!("</{}", self.element);
        let lower = tail.to_ascii_lowercase();
        if let Some(after) = lower.strip_prefix(end.as_str()) {
            match after {
                "" => return None,
                ">" => {
                    self.leave_tag();
                    return Some(Event::RawEnd);
                }
                _ if after.starts_with(|c: char| c.is_ascii_whitespace() || c == '/') => {
                    self.closing = true;
                    self.at = At::InTag;
                    return Some(Event::RawEnd);
                }
                _ => {}
            }
        }
        if end.starts_with(&lower) {
            return None;
        }
        let script = matches!(kind, Raw::Script(_));
        if script && "<!--".starts_with(tail.as_str()) && tail.len() < 4 {
            return None;
        }
        let commented = script && tail == "<!--";
        let foreign_tag = *kind == Raw::Foreign && tail.starts_with('<');
        // What could not become the end tag is text of the element; its last character may begin one.
        let again = c == '<' && tail.len() > 1;
        let text = if again { tail[..tail.len() - 1].to_owned() } else { std::mem::take(tail) };
        *tail = if again { "<".to_owned() } else { String::new() };
        if let Raw::Script(script) = kind {
            text.chars().for_each(|c| script.feed(c));
        }
        if foreign_tag {
            return Some(Event::TagInForeignCode);
        }
        commented.then_some(Event::CommentInScript)
    }

    /// Whether markup of somebody's text may stand here as markup.
    pub(super) fn takes_markup(&self) -> bool {
        self.at == At::Text && self.foreign == 0
    }

    /// Whether this is inside an inline script or style.
    pub(super) fn in_raw_code(&self) -> bool {
        matches!(self.at, At::Raw(Raw::Script(_) | Raw::Style, _))
    }

    /// Whether the script that this is in, if it is in one, runs.
    pub(super) fn script_runs(&self) -> bool {
        matches!(&self.at, At::Raw(Raw::Script(script), _) if !script.data)
    }

    /// What a value in the attribute here would be.
    pub(super) fn attribute_kind(&self) -> Kind {
        attributes::kind(&self.element, &self.attribute, self.xml)
    }

    /// The state that two branches share, if they end in one place.
    pub(super) fn join(self, other: State) -> Option<State> {
        let (mine, yours) = (self.settled(), other.settled());
        if mine == yours {
            return Some(mine);
        }
        // Both are in the same tag, between attributes or at the end of one without quotes.
        let in_tag = |state: &State| {
            matches!(
                state.at,
                At::TagName | At::InTag | At::AttributeName | At::AfterName | At::Unquoted | At::Joined
            )
        };
        let same = mine.element == yours.element
            && mine.closing == yours.closing
            && mine.foreign == yours.foreign
            && in_tag(&mine)
            && in_tag(&yours);
        same.then(|| {
            let facts = Facts {
                script_type: if mine.facts.script_type == yours.facts.script_type {
                    mine.facts.script_type
                } else {
                    String::new()
                },
                has_src: mine.facts.has_src && yours.facts.has_src,
                has_nonce: mine.facts.has_nonce && yours.facts.has_nonce,
                http_equiv: mine.facts.http_equiv || yours.facts.http_equiv,
                dynamic_content: mine.facts.dynamic_content || yours.facts.dynamic_content,
            };
            State { at: At::Joined, attribute: String::new(), value: String::new(), facts, ..mine }
        })
    }

    /// The state without what is only history: what a value holds, as long as nothing depends on it.
    fn settled(mut self) -> State {
        if let At::Value(quote, url) = &self.at {
            let url = if matches!(self.attribute_kind(), Kind::Url | Kind::OwnUrl | Kind::UrlList) {
                url.clone().settled()
            } else {
                Url::START
            };
            self.at = At::Value(*quote, url);
        }
        if !matches!(self.attribute.as_str(), "type") {
            self.value.clear();
        }
        if self.at == At::InTag {
            self.attribute.clear();
            self.value.clear();
        }
        self
    }

    /// The place in words.
    pub(super) fn describe(&self) -> String {
        let element = &self.element;
        match &self.at {
            At::Text => "in the text of an element".to_owned(),
            At::TagOpen => "right after `<`".to_owned(),
            At::TagName => "in the name of an element".to_owned(),
            At::InTag | At::Joined | At::AfterName => format!("inside the tag `<{element}>`"),
            At::AttributeName => format!("in the name of an attribute of `<{element}>`"),
            At::BeforeValue | At::Unquoted => {
                format!("in the attribute `{}` of `<{element}>` without quotes", self.attribute)
            }
            At::Value(..) => format!("in the attribute `{}` of `<{element}>`", self.attribute),
            At::Declaration(_) | At::Instruction => "in a declaration".to_owned(),
            At::Comment(_) => "in a comment".to_owned(),
            At::Cdata(_) => "in a CDATA section".to_owned(),
            At::Raw(..) => format!("inside `<{element}>`"),
        }
    }

    fn lower(&self, c: char) -> impl Iterator<Item = char> + use<> {
        let c = if self.xml { c } else { c.to_ascii_lowercase() };
        std::iter::once(c)
    }
}

/// How the text of an element is read.
fn raw_kind(element: &str, facts: &Facts, xml: bool, foreign: bool) -> Option<Raw> {
    let local = if xml { element.rsplit(':').next().unwrap_or(element) } else { element };
    match local {
        "script" | "style" if foreign => Some(Raw::Foreign),
        _ if foreign => None,
        "script" => {
            // An import map is JSON as well, but decides which code is loaded.
            let data = matches!(facts.script_type.as_str(), "application/json" | "application/ld+json");
            Some(Raw::Script(Script::new(data)))
        }
        "style" => Some(Raw::Style),
        "title" | "textarea" if !xml => Some(Raw::Plain),
        "iframe" | "noembed" | "noframes" | "xmp" | "plaintext" if !xml => Some(Raw::Other),
        _ => None,
    }
}

fn keep_two(tail: &mut String, c: char) {
    tail.push(c);
    if tail.chars().count() > 2 {
        tail.remove(0);
    }
}
