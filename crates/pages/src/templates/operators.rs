//! Compiles operators to filters where a decimal or a time may stand beside them.
//!
//! Jinja asks an object nothing when it is compared with a number: `price > 3` would go by the kinds of the two, and
//! `price * 2` be refused. So `a < b` is compiled as `(a)|_lt(b)` (see [`crate::filters::operators`]), unless both
//! sides are written out, counted or texts. What Jinja's tree says about places is too coarse for that, so this reads
//! the tokens of each tag once more, with the precedence that Jinja's own parser has. Lines stay where they are.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};

use crate::escape::range;
use crate::filters::operators::{CHAIN, NEGATE, filter_of};
use crate::text::edits::Edits;

/// What is put into a template. `decimals`: whether the site has any; if not, only what puts in order is looked at,
/// for the sake of times.
pub(super) fn edits(source: &str, decimals: bool) -> Edits {
    let mut edits = Edits::default();
    let (mut tag, mut is_statement) = (Vec::new(), false);
    for token in tokenize(source, false, Default::default()) {
        match token {
            Ok((start @ (Token::VariableStart | Token::BlockStart), _)) => {
                is_statement = matches!(start, Token::BlockStart);
                tag.clear();
            }
            Ok((Token::VariableEnd | Token::BlockEnd, _)) => {
                Reader { source, tokens: &tag, at: 0, decimals, edits: &mut edits }.tag(is_statement);
                tag.clear();
            }
            Ok((token, span)) => tag.push((token, range(span))),
            // Jinja's parser tells.
            Err(_) => break,
        }
    }
    edits
}

/// Reads the tokens of one tag.
struct Reader<'read, 'source> {
    source: &'source str,
    tokens: &'read [(Token<'source>, Range<usize>)],
    at: usize,
    decimals: bool,
    edits: &'read mut Edits,
}

/// One side of an operator: what stands there, parentheses included, and what it can be.
#[derive(Clone)]
struct Side {
    place: Range<usize>,
    sort: Sort,
}

/// What is known of a side without its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A number, and no decimal.
    Number,
    Text,
    /// True, false or none.
    Word,
    /// Anything.
    Unknown,
}

/// How strongly operators bind, the weakest first; `~` is never a decimal's.
const LEVELS: [fn(&Token<'_>) -> bool; 4] = [
    |token| matches!(token, Token::Plus | Token::Minus),
    |token| matches!(token, Token::Tilde),
    |token| matches!(token, Token::Mul | Token::Div | Token::FloorDiv | Token::Mod),
    |token| matches!(token, Token::Pow),
];

/// Filters that give a number, and none that is a decimal.
const COUNTS: [&str; 3] = ["length", "count", "float"];

/// What a loop counts; the other things that it knows are what it walks through.
const COUNTED: [&str; 7] = ["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"];

/// Filters that give a text.
const TEXTS: [&str; 10] =
    ["date", "isodate", "lower", "upper", "trim", "string", "title", "slugify", "excerpt", "truncate"];

impl<'source> Reader<'_, 'source> {
    /// The expressions of a tag, with whatever stands between them.
    fn tag(&mut self, is_statement: bool) {
        if is_statement {
            let is_loop = self.is("for");
            self.at += 1;
            // The `in` of a loop is no operator, and what stands before it gets a value.
            while is_loop && self.at < self.tokens.len() && !self.take("in") {
                self.at += 1;
            }
        }
        while self.at < self.tokens.len() {
            let before = self.at;
            self.expression();
            self.at = self.at.max(before + 1);
        }
    }

    fn expression(&mut self) -> Side {
        let mut side = self.or();
        while self.take("if") {
            self.or();
            if self.take("else") {
                self.expression();
            }
            side = self.since(side.place.start, Sort::Unknown);
        }
        side
    }

    fn or(&mut self) -> Side {
        let mut side = self.not();
        while self.take("or") || self.take("and") {
            self.not();
            side = self.since(side.place.start, Sort::Unknown);
        }
        side
    }

    fn not(&mut self) -> Side {
        let start = self.start();
        if self.take("not") {
            self.not();
            return self.since(start, Sort::Word);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Side {
        let first = self.binary(0);
        let mut rest = Vec::new();
        while let Some(operator) = self.comparing() {
            rest.push((operator, self.binary(0)));
        }
        match rest.as_slice() {
            [] => return first,
            [((filter, place), right)] => {
                if self.compares(filter, &first, right) {
                    self.put(filter, &first, place.clone(), right);
                }
            }
            all => self.chain(&first, all),
        }
        self.since(first.place.start, Sort::Word)
    }

    /// The filter and the place of an operator that compares.
    fn comparing(&mut self) -> Option<(&'static str, Range<usize>)> {
        let (token, place) = self.tokens.get(self.at)?;
        let (is_not, mut place) = (matches!(token, Token::Ident("not")), place.clone());
        let compares = matches!(
            token,
            Token::Eq
                | Token::Ne
                | Token::Lt
                | Token::Lte
                | Token::Gt
                | Token::Gte
                | Token::Ident("in" | "not")
        );
        let filter = filter_of(token).filter(|_| compares)?;
        self.at += 1;
        if is_not && let Some((Token::Ident("in"), end)) = self.tokens.get(self.at) {
            place.end = end.end;
            self.at += 1;
        }
        Some((filter, place))
    }

    fn binary(&mut self, level: usize) -> Side {
        let Some(is_operator) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1);
        while let Some((token, place)) = self.tokens.get(self.at).filter(|(token, _)| is_operator(token)) {
            self.at += 1;
            let right = self.binary(level + 1);
            let known = left.sort != Sort::Unknown && right.sort != Sort::Unknown;
            let text = left.sort == Sort::Text || right.sort == Sort::Text;
            if let Some(filter) = filter_of(token).filter(|_| self.decimals && !known && !text) {
                self.put(filter, &left, place.clone(), &right);
            }
            let sort = match token {
                Token::Tilde => Sort::Text,
                // Whatever is added to a text is one, or refused.
                _ if text => Sort::Text,
                _ if known => Sort::Number,
                _ => Sort::Unknown,
            };
            left = self.since(left.place.start, sort);
        }
        left
    }

    /// A primary expression, negated or not, with its filters and tests.
    fn unary(&mut self) -> Side {
        let mut side = self.negation();
        let start = side.place.start;
        loop {
            if self.skip(|token| matches!(token, Token::Pipe)) {
                let name = self.name();
                self.arguments();
                side.sort = match name {
                    Some(name) if COUNTS.contains(&name) => Sort::Number,
                    Some(name) if TEXTS.contains(&name) => Sort::Text,
                    _ => Sort::Unknown,
                };
            } else if self.take("is") {
                self.take("not");
                self.name();
                if !self.arguments() && self.begins_argument() {
                    self.negation();
                }
                side.sort = Sort::Word;
            } else {
                return Side { place: start..self.end(), sort: side.sort };
            }
        }
    }

    fn negation(&mut self) -> Side {
        let minus = self.tokens.get(self.at).map(|(_, place)| place.clone());
        if !self.skip(|token| matches!(token, Token::Minus)) {
            let side = self.primary();
            return self.postfix(side);
        }
        let side = self.negation();
        if let Some(minus) = minus {
            if self.decimals && side.sort == Sort::Unknown {
                self.edits.replace(minus.clone(), "(");
                self.edits.insert(side.place.end, &format!(")|{NEGATE}"));
            }
            return Side { place: minus.start..side.place.end, sort: side.sort };
        }
        side
    }

    fn primary(&mut self) -> Side {
        let start = self.start();
        let Some((token, _)) = self.tokens.get(self.at) else { return self.since(start, Sort::Unknown) };
        self.at += 1;
        let sort = match token {
            Token::Int(_) | Token::Int128(_) | Token::Float(_) => Sort::Number,
            Token::Ident("true" | "True" | "false" | "False" | "none" | "None") => Sort::Word,
            Token::Ident("loop") if matches!(self.tokens.get(self.at), Some((Token::Dot, _))) => Sort::Number,
            Token::Str(_) | Token::String(_) => {
                while self.skip(|token| matches!(token, Token::Str(_) | Token::String(_))) {}
                Sort::Text
            }
            Token::ParenOpen => self.items(|token| matches!(token, Token::ParenClose)),
            Token::BracketOpen => {
                self.items(|token| matches!(token, Token::BracketClose));
                Sort::Unknown
            }
            Token::BraceOpen => {
                self.items(|token| matches!(token, Token::BraceClose));
                Sort::Unknown
            }
            _ => Sort::Unknown,
        };
        self.since(start, sort)
    }

    /// Expressions up to a closing token, and what is known of the only one.
    fn items(&mut self, closes: fn(&Token<'_>) -> bool) -> Sort {
        let (mut sort, mut count) = (Sort::Unknown, 0);
        while self.at < self.tokens.len() && !self.skip(closes) {
            // Between them stand commas, and what marks a name, a key or a list of arguments.
            let marks = |token: &Token<'_>| {
                matches!(token, Token::Comma | Token::Colon | Token::Assign | Token::Mul | Token::Pow)
            };
            count += 1;
            if !self.skip(marks) {
                let before = self.at;
                sort = self.expression().sort;
                self.at = self.at.max(before + 1);
            }
        }
        if count == 1 { sort } else { Sort::Unknown }
    }

    /// Attributes, items and calls.
    fn postfix(&mut self, side: Side) -> Side {
        let start = side.place.start;
        let mut sort = side.sort;
        let is_loop = self.source.get(side.place) == Some("loop");
        loop {
            if self.skip(|token| matches!(token, Token::Dot)) {
                let of_loop = is_loop && sort == Sort::Number;
                let counted = matches!(self.tokens.get(self.at), Some((Token::Ident(name), _)) if COUNTED.contains(name));
                sort = if of_loop && counted { Sort::Number } else { Sort::Unknown };
                self.at += 1;
            } else if self.skip(|token| matches!(token, Token::BracketOpen)) {
                self.items(|token| matches!(token, Token::BracketClose));
                sort = Sort::Unknown;
            } else if self.arguments() {
                sort = Sort::Unknown;
            } else {
                return self.since(start, sort);
            }
        }
    }

    /// The arguments of a call, a filter or a test, if any.
    fn arguments(&mut self) -> bool {
        let open = self.skip(|token| matches!(token, Token::ParenOpen));
        if open {
            self.items(|token| matches!(token, Token::ParenClose));
        }
        open
    }

    /// Whether what follows the name of a test is its argument without parentheses.
    fn begins_argument(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|(token, _)| match token {
            Token::Ident(word) => !matches!(*word, "and" | "or" | "else" | "is"),
            Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => true,
            Token::Plus | Token::Minus | Token::BracketOpen | Token::BraceOpen => true,
            _ => false,
        })
    }

    /// The name of a filter or a test; of one with dots, which no site has, the last part.
    fn name(&mut self) -> Option<&'source str> {
        let mut name = None;
        while let Some((Token::Ident(word), _)) = self.tokens.get(self.at) {
            name = Some(*word);
            self.at += 1;
            if !self.skip(|token| matches!(token, Token::Dot)) {
                break;
            }
        }
        name
    }

    /// Whether a comparison is compiled to a filter.
    fn compares(&self, filter: &str, left: &Side, right: &Side) -> bool {
        let unknown = [left.sort, right.sort].contains(&Sort::Unknown);
        if matches!(filter, "_lt" | "_le" | "_gt" | "_ge") {
            return unknown;
        }
        // A decimal is neither a text nor true, false or none.
        let other = [left.sort, right.sort].iter().any(|sort| matches!(sort, Sort::Text | Sort::Word));
        self.decimals && unknown && !other
    }

    fn put(&mut self, filter: &str, left: &Side, operator: Range<usize>, right: &Side) {
        self.edits.insert(left.place.start, "(");
        let lines = self.lines(&operator);
        self.edits.replace(operator, &format!(")|{filter}({lines}"));
        self.edits.insert(right.place.end, ")");
    }

    fn chain(&mut self, first: &Side, rest: &[((&str, Range<usize>), Side)]) {
        self.edits.insert(first.place.start, "(");
        let mut before = format!(")|{CHAIN}(");
        for ((filter, place), _) in rest {
            let lines = self.lines(place);
            self.edits.replace(place.clone(), &format!("{before}\"{filter}\",{lines}"));
            before = ",".to_owned();
        }
        if let Some((_, last)) = rest.last() {
            self.edits.insert(last.place.end, ")");
        }
    }

    /// The ends of lines in a part that is replaced.
    fn lines(&self, place: &Range<usize>) -> String {
        "\n".repeat(self.source.get(place.clone()).map_or(0, |text| text.matches('\n').count()))
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some((Token::Ident(ident), _)) if *ident == word)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    fn skip(&mut self, fits: impl Fn(&Token<'_>) -> bool) -> bool {
        let fits = self.tokens.get(self.at).is_some_and(|(token, _)| fits(token));
        self.at += usize::from(fits);
        fits
    }

    /// Where the next token begins.
    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, place)| place.start)
    }

    /// Where the last token ends.
    fn end(&self) -> usize {
        let last = self.at.min(self.tokens.len()).checked_sub(1);
        last.and_then(|last| self.tokens.get(last)).map_or(0, |(_, place)| place.end)
    }

    fn since(&self, start: usize, sort: Sort) -> Side {
        Side { place: start..self.end().max(start), sort }
    }
}

#[cfg(test)]
mod tests;
