//! Escaping, checked when the site loads.
//!
//! Jinja escapes every value for the text of an element, which is enough there and in quoted attributes that are text. It
//! is not enough in an address, a script, a style, an attribute without quotes or the name of anything. So each template
//! is walked with a tokenizer of HTML beside it: at each `{{ … }}` the tokenizer says where the value would stand, and
//! an allow-list says whether it may. Where branches join they must have arrived at the same place, a loop must
//! return to where it began, and a macro, an include and a block that is set begin and end in the text of an element.
//!
//! A block of a layout begins where the layout has it, and so do the blocks that replace it.
//!
//! What is accepted is inert whatever the value is; where markup could pass that Jinja takes for safe, the check
//! puts a filter around the expression (see [`crate::filters`]).

mod attributes;
mod html;
mod print;
mod rewrite;
mod script;
mod url;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{self, Stmt};
use purlin_schema::Diagnostic;
use purlin_schema::diagnostics::Severity;

use self::html::{At, Event, State};
use self::print::{Special, Wrap};
use self::rewrite::Rewrite;
use self::script::Script;
use crate::filters::{IN_ATTRIBUTE, IN_LOCAL, IN_URL};
use crate::text::edits::Edits;

/// The language of a template, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Html,
    Xml,
    Json,
    /// A style sheet, in which nothing may be written.
    Css,
    Text,
}

impl Language {
    /// The language of the template of this name.
    pub(crate) fn of(name: &str) -> Language {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html" | "htm") => Language::Html,
            Some("xml" | "svg" | "rss" | "atom" | "xhtml") => Language::Xml,
            Some("json" | "webmanifest" | "js" | "mjs") => Language::Json,
            Some("css") => Language::Css,
            _ => Language::Text,
        }
    }
}

/// Where the blocks of a template begin, for those that extend it.
pub(crate) type Blocks = BTreeMap<String, Place>;

/// A place in a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place(State);

/// What the check of one template gives.
pub(crate) struct Checked {
    /// What is compiled: the text with filters put around expressions.
    pub(crate) rewritten: Rewritten,
    /// Where its blocks begin.
    pub(crate) blocks: Blocks,
    /// Inline scripts that are the same at each request, for the hashes of the content security policy.
    pub(crate) scripts: Vec<String>,
    /// Inline styles, likewise.
    pub(crate) styles: Vec<String>,
    pub(crate) mistakes: Vec<Diagnostic>,
}

/// A text and what was put into it.
#[derive(Default)]
pub(crate) struct Rewritten {
    /// The text to compile.
    pub(crate) text: String,
    /// Those of the text in the file, then those of what they gave.
    edits: Vec<Edits>,
}

impl Rewritten {
    /// With further edits of the text as it is now.
    pub(crate) fn edit(&mut self, edits: Edits) {
        if !edits.is_empty() {
            self.text = edits.apply(&self.text);
            self.edits.push(edits);
        }
    }

    /// Where a part of the text that is compiled stands in the file.
    pub(crate) fn original(&self, span: Range<usize>) -> Range<usize> {
        let original = |offset| self.edits.iter().rev().fold(offset, |offset, edits| edits.original(offset));
        original(span.start)..original(span.end)
    }
}

/// Checks one template. `parent` is where the blocks of the template that it extends begin.
pub(crate) fn check(
    name: &str,
    file: &Path,
    source: &str,
    template: &Stmt<'_>,
    parent: Option<&Blocks>,
) -> Checked {
    let language = Language::of(name);
    let mut walk = Walk {
        language,
        is_script: name.ends_with("js"),
        file,
        parent,
        rewrite: Rewrite::of(source),
        blocks: parent.cloned().unwrap_or_default(),
        block: None,
        loops: Vec::new(),
        raw: None,
        scripts: Vec::new(),
        styles: Vec::new(),
        mistakes: Vec::new(),
    };
    let end = match template {
        Stmt::Template(template) => walk.body(&template.children, walk.start()),
        _ => walk.start(),
    };
    if !walk.is_start(&end) {
        let place = end.describe();
        let at = source.trim_end().len();
        walk.mistake(
            at.saturating_sub(1)..at,
            format!("the template ends {place}"),
            "close what is open; a template begins and ends in the text of an element",
        );
    }
    let mut rewritten = Rewritten { text: source.to_owned(), edits: Vec::new() };
    rewritten.edit(walk.rewrite.edits);
    Checked {
        rewritten,
        blocks: walk.blocks,
        scripts: walk.scripts,
        styles: walk.styles,
        mistakes: walk.mistakes,
    }
}

/// One walk through a template.
struct Walk<'check> {
    language: Language,
    /// Whether it is JavaScript and not JSON.
    is_script: bool,
    file: &'check Path,
    parent: Option<&'check Blocks>,
    rewrite: Rewrite,
    blocks: Blocks,
    /// Where the block that is being walked begins.
    block: Option<State>,
    /// Where the loops around begin.
    loops: Vec<State>,
    /// The text of the inline script or style so far, as long as it is the same at each request.
    raw: Option<(String, bool)>,
    scripts: Vec<String>,
    styles: Vec<String>,
    mistakes: Vec<Diagnostic>,
}

impl Walk<'_> {
    /// Where a template, a macro and the like begin.
    fn start(&self) -> State {
        let mut state = State::start(self.language == Language::Xml);
        if self.language == Language::Json {
            state.at = At::Raw(html::Raw::Script(Script::new(!self.is_script)), String::new());
        }
        state
    }

    fn is_start(&self, state: &State) -> bool {
        match self.language {
            Language::Html | Language::Xml => *state == self.start(),
            // What a text ends in is its own business.
            _ => true,
        }
    }

    fn mistake(&mut self, span: Range<usize>, message: String, hint: &str) {
        let mistake = Diagnostic::error("unsafe-output", self.file, span, message).hint(hint);
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn body(&mut self, body: &[Stmt<'_>], mut state: State) -> State {
        for stmt in body {
            state = self.stmt(stmt, state);
        }
        state
    }

    fn stmt(&mut self, stmt: &Stmt<'_>, state: State) -> State {
        // What comes of a statement in a script or style is not known now.
        if state.in_raw_code() && !matches!(stmt, Stmt::EmitRaw(_)) {
            self.raw = None;
        }
        match stmt {
            Stmt::EmitRaw(raw) => self.literal(raw.raw, raw.span(), state),
            Stmt::EmitExpr(emit) => self.print(emit, state),
            Stmt::IfCond(choice) => {
                let yes = self.body(&choice.true_body, state.clone());
                let no = self.body(&choice.false_body, state);
                self.join(yes, no, choice.expr.span(), "the branches of this `if` end in different places")
            }
            Stmt::ForLoop(each) => self.each(each, state),
            Stmt::Block(block) => self.block(block, state),
            Stmt::WithBlock(with) => self.body(&with.body, state),
            Stmt::SetBlock(set) => {
                self.apart(&set.body, set.span(), "a block that is set");
                state
            }
            Stmt::FilterBlock(filter) => {
                self.apart(&filter.body, filter.span(), "a filtered block");
                self.needs_text(&state, filter.filter_span, "a filtered block");
                state
            }
            Stmt::Macro(macro_) => {
                self.apart(&macro_.body, macro_.span(), "a macro");
                state
            }
            Stmt::CallBlock(call) => {
                self.apart(&call.macro_decl.body, call.span(), "a call block");
                self.needs_text(&state, call.call_expr_span, "a call block");
                state
            }
            Stmt::Include(include) => {
                self.needs_text(&state, include.span(), "an included template");
                state
            }
            Stmt::AutoEscape(auto) => {
                if self.language != Language::Text {
                    let hint = "leave it out; a text that is markup is written with `|markdown`";
                    self.mistake(range(auto.span()), "escaping may not be turned off".to_owned(), hint);
                }
                self.body(&auto.body, state)
            }
            Stmt::Continue(jump) => self.jump(state, jump.span()),
            Stmt::Break(jump) => self.jump(state, jump.span()),
            _ => state,
        }
    }

    fn literal(&mut self, text: &str, span: Span, mut state: State) -> State {
        let start = span.start_offset as usize;
        if self.language == Language::Json {
            if let At::Raw(html::Raw::Script(script), _) = &mut state.at {
                text.chars().for_each(|c| script.feed(c));
            }
            return state;
        }
        if !matches!(self.language, Language::Html | Language::Xml) {
            return state;
        }
        let mut from = 0;
        let mut found = Vec::new();
        state.feed(text, |at, event, state| found.push((at, event, state.clone())));
        for (at, event, then) in found {
            match event {
                Event::RawStart => {
                    self.raw = Some((String::new(), !then.facts.has_src));
                    from = at;
                }
                Event::RawEnd => self.end_raw(&text[from..at]),
                Event::CommentInScript => self.mistake(
                    start + at - "<!--".len()..start + at,
                    "after `<!--` in a script it cannot be told where the script ends".to_owned(),
                    "leave it out, or write `<\\!--`",
                ),
                Event::DynamicInstruction => self.mistake(
                    start + at - 1..start + at,
                    "a value may not stand in an instruction to the browser".to_owned(),
                    "write the content of <meta http-equiv> out",
                ),
                Event::Ambiguous => self.mistake(
                    start + at - 1..start + at,
                    "what this belongs to depends on the branch before it".to_owned(),
                    "write a space after {% endif %}, or each attribute whole within its branch",
                ),
                Event::TagInForeignCode => self.mistake(
                    start + at - 1..start + at,
                    "a tag inside a script or style within `svg` or `noscript` is no text".to_owned(),
                    "move the script or style out of it",
                ),
            }
        }
        if state.in_raw_code()
            && let Some((raw, _)) = &mut self.raw
        {
            raw.push_str(&text[from..]);
        }
        state
    }

    /// An inline script or style is complete; `text` ends in its end tag.
    fn end_raw(&mut self, text: &str) {
        let Some((mut raw, inline)) = self.raw.take() else { return };
        raw.push_str(text);
        let Some(end) = raw.rfind("</") else { return };
        let is_style = raw[end..].to_ascii_lowercase().starts_with("</style");
        raw.truncate(end);
        if is_style {
            self.styles.push(raw);
        } else if inline && !raw.trim().is_empty() {
            self.scripts.push(raw);
        }
    }

    fn print(&mut self, emit: &ast::Spanned<ast::EmitExpr<'_>>, mut state: State) -> State {
        let span = range(emit.span());
        match self.language {
            Language::Text => return state,
            Language::Css => {
                self.mistake(
                    span,
                    "a value may not stand in a style sheet".to_owned(),
                    "write the style sheet out, in public/",
                );
                return state;
            }
            Language::Json => {
                if let At::Raw(html::Raw::Script(script), _) = &state.at
                    && script.refuses().is_some()
                {
                    let hint = "leave the quotes out: every value is written as JSON, text with its quotes";
                    self.mistake(span, "a value may not stand between quotes here".to_owned(), hint);
                }
                return state;
            }
            Language::Html | Language::Xml => {}
        }
        if let Some(special) = print::special_call(&emit.expr)
            && self.special(&special, &state, span.clone())
        {
            return state;
        }
        if state.script_runs() && !state.facts.has_nonce && self.language == Language::Html {
            self.warn_about_nonce(span.clone());
        }
        match print::check(&mut state, &emit.expr) {
            Ok(Wrap::None) => {}
            Ok(Wrap::Flat) => self.rewrite.wrap(span.start, IN_ATTRIBUTE),
            Ok(Wrap::Local) => self.rewrite.wrap(span.start, IN_LOCAL),
            Ok(Wrap::Url) => self.rewrite.wrap(span.start, IN_URL),
            Err(refusal) => self.mistake(span, refusal.message, &refusal.hint),
        }
        state
    }

    /// Whether a call that writes a part of the template here stands where that part is at home. If not, what it
    /// writes is treated as any other value, except in the text of an element, where it would be markup.
    fn special(&mut self, special: &Special<'_>, state: &State, span: Range<usize>) -> bool {
        let home = match special {
            Special::Super => self.block.clone(),
            Special::Loop => self.loops.last().cloned(),
            Special::Block(name) => self.blocks.get(*name).map(|place| place.0.clone()),
        };
        let Some(home) = home else { return true };
        if home == *state {
            return true;
        }
        if *special == Special::Loop || state.takes_markup() {
            let message = format!(
                "this part of the template begins {}, and may not be written {}",
                home.describe(),
                state.describe()
            );
            self.mistake(span, message, "write it where it is at home, or set its text as a value first");
            return true;
        }
        false
    }

    fn warn_about_nonce(&mut self, span: Range<usize>) {
        let message =
            "this script differs from request to request, so the content security policy will refuse it"
                .to_owned();
        let warning = Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error("script-without-nonce", self.file, span, message)
        };
        self.mistakes.push(warning.hint(
            "put the value in a <script type=\"application/json\"> and read it from a file in public/, or add \
             nonce=\"{{ csp_nonce() }}\" to the script, which makes the page uncacheable",
        ));
    }

    fn each(&mut self, each: &ast::ForLoop<'_>, state: State) -> State {
        let start = state.clone();
        self.loops.push(state.clone());
        let end = self.body(&each.body, state);
        self.loops.pop();
        let end = self.join(
            start.clone(),
            end,
            each.iter.span(),
            "a loop must end where it begins, and this one does not",
        );
        if each.else_body.is_empty() {
            return end;
        }
        let none = self.body(&each.else_body, start);
        self.join(end, none, each.iter.span(), "a loop and its `else` end in different places")
    }

    /// `break` and `continue` leave a loop where it begins.
    fn jump(&mut self, state: State, span: Span) -> State {
        match self.loops.last().cloned() {
            Some(start) => self.join(start, state, span, "a loop must be left where it begins"),
            None => state,
        }
    }

    fn join(&mut self, one: State, other: State, span: Span, message: &str) -> State {
        if !matches!(self.language, Language::Html | Language::Xml) || one == other {
            return other;
        }
        let places = (one.describe(), other.describe());
        match one.clone().join(other) {
            Some(state) => state,
            None => {
                let message = if places.0 == places.1 {
                    message.to_owned()
                } else {
                    format!("{message}: one {}, one {}", places.0, places.1)
                };
                self.mistake(range(span), message, "close in it what it opens, and nothing else");
                one
            }
        }
    }

    fn block(&mut self, block: &ast::Spanned<ast::Block<'_>>, state: State) -> State {
        // A block that replaces one of the layout begins where that does.
        let inside = self.block.is_some();
        let replaced = self.parent.and_then(|parent| parent.get(block.name)).map(|place| place.0.clone());
        let start = match &replaced {
            Some(start) if !inside || *start == state => start.clone(),
            Some(start) => {
                let message = format!(
                    "the block `{}` begins {} in the layout and {} here",
                    block.name,
                    start.describe(),
                    state.describe()
                );
                self.mistake(range(block.span()), message, "give it another name");
                state.clone()
            }
            None => state.clone(),
        };
        self.blocks.insert(block.name.to_owned(), Place(start.clone()));
        let outer = self.block.replace(start.clone());
        let end = self.body(&block.body, start.clone());
        self.block = outer;
        let end =
            self.join(start, end, block.span(), "a block must end where it begins, and this one does not");
        if replaced.is_some() && !inside { state } else { end }
    }

    /// A part that is written elsewhere: it begins and ends in the text of an element.
    fn apart(&mut self, body: &[Stmt<'_>], span: Span, what: &str) {
        let (loops, block) = (std::mem::take(&mut self.loops), self.block.take());
        let end = self.body(body, self.start());
        (self.loops, self.block) = (loops, block);
        if !self.is_start(&end) {
            let message =
                format!("{what} must end in the text of an element, and this one ends {}", end.describe());
            self.mistake(range(span), message, "close in it what it opens");
        }
    }

    fn needs_text(&mut self, state: &State, span: Span, what: &str) {
        if matches!(self.language, Language::Html | Language::Xml) && !state.takes_markup() {
            let message = format!(
                "{what} may stand in the text of an element alone, and here it would stand {}",
                state.describe()
            );
            self.mistake(range(span), message, "write its text here");
        }
    }
}

/// A span in bytes.
pub(crate) fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

#[cfg(test)]
mod tests;
