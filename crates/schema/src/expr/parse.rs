//! From text to a syntax tree: the `cel` crate's parser behind bounds and a panic guard.
//!
//! The crate's own tree has identifiers for positions and operators for names; what leaves here is a tree
//! with spans in bytes and only what our language has. What CEL has and we do not (maps, messages,
//! unsigned integers, bytes) is refused here with a sentence.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::Env;
use cel::common::ast::{CallExpr, Expr as Cel, IdedExpr, LiteralValue, SourceInfo, operators};

use super::lex::{self, MAX_DEPTH, Token};
use super::{Arithmetic, Comparison, Mistake};

/// A node of the syntax tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// From its first to its last token, without brackets around it.
    pub(super) span: Range<usize>,
    /// The operator, or the name of a field or function: what a message points at.
    pub(super) name: Range<usize>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Null,
    Bool(bool),
    Int(i64),
    /// With its own digits, as a decimal is read from them exactly.
    Float(f64, String),
    Text(String),
    Name(String),
    Select(Box<Node>, String),
    /// `a["b"]`, `a[0]`.
    Index(Box<Node>, Box<Node>),
    /// A function, on a receiver or alone.
    Call(Option<Box<Node>>, String, Vec<Node>),
    List(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Conditional(Box<Node>, Box<Node>, Box<Node>),
}

/// Parses a text.
///
/// # Errors
/// All that is wrong with its syntax, as far as it can be told apart.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let (tokens, depth) = lex::tokens(text)?;
    let parsed = guarded(text, depth);
    let (tree, source) = match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => {
            return Err(errors.errors.iter().take(1).map(|error| foreign(text, &tokens, error)).collect());
        }
        Err(_) => {
            return Err(vec![Mistake::new("syntax", 0..text.len(), "this cannot be read as an expression")]);
        }
    };
    let mut reader = Reader { text, tokens: &tokens, source: &source, mistakes: Vec::new() };
    let node = reader.node(&tree, 0);
    if reader.mistakes.is_empty() { Ok(node) } else { Err(reader.mistakes) }
}

type Parsed = Result<(IdedExpr, SourceInfo), cel::ParseErrors>;

/// The parser, whose panics do not leave here. It takes some 30 kB of stack for each level (unoptimised), so that
/// what nests deeper than people write is parsed on a stack of its own.
fn guarded(text: &str, depth: usize) -> std::thread::Result<Parsed> {
    const SHALLOW: usize = 12;
    const STACK_BYTES: usize = 16 << 20;
    let parse = || Env::default().parser().parse_with_source_info(text);
    if depth <= SHALLOW {
        return catch_unwind(AssertUnwindSafe(parse));
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, parse);
        thread.map_err(|error| Box::new(error) as _).and_then(std::thread::ScopedJoinHandle::join)
    })
}

/// A mistake that only the parser found: its words are about grammar, so ours are about the place.
fn foreign(text: &str, tokens: &[Token], error: &cel::ParseError) -> Mistake {
    let line = usize::try_from(error.pos.0 - 1).unwrap_or(0);
    let column = usize::try_from(error.pos.1 - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or("");
    let at = before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    let span = tokens
        .iter()
        .find(|token| token.span.end > at)
        .map_or(text.len()..text.len(), |token| token.span.clone());
    let said = text.get(span.clone()).unwrap_or("");
    if error.msg.contains("invalid int literal") {
        return Mistake::new("bad-literal", span, "this integer does not fit in 64 bits");
    }
    if error.msg.contains("literal") && !error.msg.contains("Syntax error") {
        return Mistake::new("bad-literal", span, format!("`{said}` cannot be read"));
    }
    if said.is_empty() {
        return Mistake::new("syntax", span, "the expression ends too early");
    }
    if said.starts_with(['"', '\'']) && said.contains('\\') {
        return Mistake::new("bad-literal", span, "this text has an escape that CEL does not know")
            .hint("write `\\\\` for a backslash, or put `r` before the quote");
    }
    Mistake::new("syntax", span, format!("`{said}` cannot stand here"))
}

struct Reader<'text> {
    text: &'text str,
    tokens: &'text [Token],
    source: &'text SourceInfo,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Node {
        let at = self.source.offset_for(tree.id).map_or(0, |(start, _)| start as usize);
        let token = self.token_at(at);
        let span = self.tokens.get(token).map_or(0..0, |token| token.span.clone());
        if depth > MAX_DEPTH {
            let message = format!("the expression nests too deeply: at most {MAX_DEPTH} levels are taken");
            return self.refuse("expression-too-deep", span, &message);
        }
        match &tree.expr {
            Cel::Literal(literal) => self.literal(literal, token),
            Cel::Ident(name) if name.starts_with('.') => {
                self.refuse("syntax", span, "a name cannot begin with a dot")
            }
            Cel::Ident(name) => Node { kind: NodeKind::Name(name.clone()), name: span.clone(), span },
            Cel::Select(select) => {
                let operand = self.node(&select.operand, depth + 1);
                let name = self.tokens.get(token + 1).map_or(span, |token| token.span.clone());
                let whole = operand.span.start..name.end;
                Node { kind: NodeKind::Select(Box::new(operand), select.field.clone()), span: whole, name }
            }
            Cel::List(list) => {
                let items = list.elements.iter().map(|item| self.node(item, depth + 1)).collect();
                let whole = span.start..self.closing(token);
                Node { kind: NodeKind::List(items), span: whole.clone(), name: whole }
            }
            Cel::Call(call) => self.call(call, token, span, depth),
            Cel::Map(_) | Cel::Struct(_) => {
                let whole = span.start..self.closing(token);
                self.refuse("syntax", whole, "maps and messages are CEL, but not taken here")
            }
            Cel::Comprehension(_) | Cel::Unspecified => {
                self.refuse("syntax", span, "this cannot be read as an expression")
            }
        }
    }

    fn literal(&mut self, literal: &LiteralValue, token: usize) -> Node {
        let span = self.tokens.get(token).map_or(0..0, |token| token.span.clone());
        let negative = match literal {
            LiteralValue::Int(value) => *value.inner() < 0,
            LiteralValue::Double(value) => value.inner().is_sign_negative(),
            _ => false,
        };
        let start = match token.checked_sub(1) {
            Some(sign) if negative => self.tokens[sign].span.start,
            _ => span.start,
        };
        let span = start..span.end;
        let kind = match literal {
            LiteralValue::Null => NodeKind::Null,
            LiteralValue::Boolean(value) => NodeKind::Bool(*value.inner()),
            LiteralValue::Int(value) => NodeKind::Int(*value.inner()),
            LiteralValue::Double(value) => {
                let digits = self.text.get(span.clone()).unwrap_or("");
                NodeKind::Float(*value.inner(), digits.split_whitespace().collect())
            }
            LiteralValue::String(value) if value.inner().contains('\0') => {
                return self.refuse("bad-literal", span, "a text cannot hold the character NUL");
            }
            LiteralValue::String(value) => NodeKind::Text(value.inner().to_owned()),
            LiteralValue::UInt(_) => {
                let message = "unsigned integers are CEL, but not taken here";
                self.mistakes.push(Mistake::new("syntax", span.clone(), message).hint("leave the `u` away"));
                NodeKind::Null
            }
            LiteralValue::Bytes(_) => {
                let message = "bytes are CEL, but not taken here";
                self.mistakes.push(Mistake::new("syntax", span.clone(), message).hint("leave the `b` away"));
                NodeKind::Null
            }
        };
        Node { kind, name: span.clone(), span }
    }

    fn call(&mut self, call: &CallExpr, token: usize, name: Range<usize>, depth: usize) -> Node {
        // `&&` and `||` come as balanced trees, so flattening them costs no depth.
        let inner = if matches!(call.func_name.as_str(), operators::LOGICAL_AND | operators::LOGICAL_OR) {
            0
        } else {
            1
        };
        let mut args: Vec<Node> = call.args.iter().map(|arg| self.node(arg, depth + inner)).collect();
        let function = call.func_name.as_str();
        if function == operators::INDEX && args.len() == 2 {
            let (key, of) = (Box::new(args.remove(1)), Box::new(args.remove(0)));
            let span = of.span.start..self.closing(token);
            return Node { name: name.start..span.end, kind: NodeKind::Index(of, key), span };
        }
        if let Some(kind) = operator(function, &mut args) {
            let (first, last) = ends(&kind);
            let span = first.map_or(name.start, |at| at.min(name.start))..last.max(name.end);
            return Node { kind, span, name };
        }
        if matches!(function, operators::OPT_INDEX | operators::OPT_SELECT) {
            return self.refuse("syntax", name, "optional values are CEL, but not taken here");
        }
        let receiver = call.target.as_ref().map(|target| Box::new(self.node(target, depth + 1)));
        // The token is the opening bracket; the name stands before it.
        let word =
            token.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(name, |token| token.span.clone());
        let start = receiver.as_ref().map_or(word.start, |receiver| receiver.span.start);
        let span = start..self.closing(token);
        if function.starts_with('.') {
            return self.refuse("syntax", word, "a name cannot begin with a dot");
        }
        Node { kind: NodeKind::Call(receiver, function.to_owned(), args), span, name: word }
    }

    fn refuse(&mut self, code: &'static str, span: Range<usize>, message: &str) -> Node {
        self.mistakes.push(Mistake::new(code, span.clone(), message));
        Node { kind: NodeKind::Null, span: span.clone(), name: span }
    }

    fn token_at(&self, offset: usize) -> usize {
        self.tokens.partition_point(|token| token.span.start < offset)
    }

    /// Where the bracket that a token opens is closed.
    fn closing(&self, token: usize) -> usize {
        let mut open = 0_usize;
        for token in self.tokens.get(token..).unwrap_or(&[]) {
            match &self.text[token.span.clone()] {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                return token.span.end;
            }
        }
        self.text.len()
    }
}

fn operator(function: &str, args: &mut Vec<Node>) -> Option<NodeKind> {
    let comparison = match function {
        operators::EQUALS => Some(Comparison::Equal),
        operators::NOT_EQUALS => Some(Comparison::NotEqual),
        operators::LESS => Some(Comparison::Less),
        operators::LESS_EQUALS => Some(Comparison::LessOrEqual),
        operators::GREATER => Some(Comparison::Greater),
        operators::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
        _ => None,
    };
    let arithmetic = match function {
        operators::ADD => Some(Arithmetic::Add),
        operators::SUBSTRACT => Some(Arithmetic::Subtract),
        operators::MULTIPLY => Some(Arithmetic::Multiply),
        operators::DIVIDE => Some(Arithmetic::Divide),
        operators::MODULO => Some(Arithmetic::Remainder),
        _ => None,
    };
    let mut next = {
        let mut taken = std::mem::take(args).into_iter();
        move || taken.next().map(Box::new)
    };
    match function {
        _ if comparison.is_some() => Some(NodeKind::Compare(comparison?, next()?, next()?)),
        _ if arithmetic.is_some() => Some(NodeKind::Arithmetic(arithmetic?, next()?, next()?)),
        operators::IN => Some(NodeKind::In(next()?, next()?)),
        operators::LOGICAL_NOT => Some(NodeKind::Not(next()?)),
        operators::NEGATE => Some(NodeKind::Negate(next()?)),
        operators::CONDITIONAL => Some(NodeKind::Conditional(next()?, next()?, next()?)),
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            let and = function == operators::LOGICAL_AND;
            let mut list = Vec::new();
            while let Some(node) = next() {
                match (*node, and) {
                    (Node { kind: NodeKind::And(inner), .. }, true)
                    | (Node { kind: NodeKind::Or(inner), .. }, false) => {
                        list.extend(inner);
                    }
                    (node, _) => list.push(node),
                }
            }
            Some(if and { NodeKind::And(list) } else { NodeKind::Or(list) })
        }
        _ => {
            while let Some(node) = next() {
                args.push(*node);
            }
            None
        }
    }
}

/// Where the operands of an operator begin (if one stands before it) and end.
fn ends(kind: &NodeKind) -> (Option<usize>, usize) {
    match kind {
        NodeKind::Not(inner) | NodeKind::Negate(inner) => (None, inner.span.end),
        NodeKind::Compare(_, left, right)
        | NodeKind::Arithmetic(_, left, right)
        | NodeKind::In(left, right) => (Some(left.span.start), right.span.end),
        NodeKind::Conditional(condition, _, otherwise) => (Some(condition.span.start), otherwise.span.end),
        NodeKind::And(list) | NodeKind::Or(list) => {
            (list.first().map(|node| node.span.start), list.last().map_or(0, |node| node.span.end))
        }
        _ => (None, 0),
    }
}
