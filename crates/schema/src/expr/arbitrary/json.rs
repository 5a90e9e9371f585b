//! Random documents, and paths that often lead somewhere in them.

use serde_json::{Map, Value as Json};

use super::expressions::{Maker, bool_of, expr};
use super::{FLOATS, INTEGERS, TEXTS, Tape};
use crate::expr::{Comparison, Expr, ExprKind, Function, Quantifier, Step, Type};
use crate::value::Kind;

/// Keys, most of which look like something else to somebody.
const KEYS: [&str; 18] = [
    "a",
    "b",
    "tags",
    "size",
    "",
    " ",
    "a.b",
    "$",
    "$.a",
    "[0]",
    "0",
    "\"",
    "a\"b",
    "'",
    "\\",
    "😀",
    "in",
    "a')) or 1=1--",
];

/// A random document, of objects and arrays that nest so deeply.
pub(super) fn document(tape: &mut Tape, depth: usize) -> Json {
    let leaf = depth == 0 || tape.ended();
    match tape.pick(if leaf { 6 } else { 10 }) {
        0 => Json::Null,
        1 => Json::Bool(tape.pick(2) == 1),
        2 => Json::from(*tape.one(&INTEGERS)),
        3 if tape.chance(4) => Json::from(u64::MAX - u64::try_from(tape.pick(3)).unwrap_or(0)),
        3 => Json::from(*tape.one(&FLOATS)),
        4 | 5 => Json::from(*tape.one(&TEXTS)),
        6 | 7 => {
            let many = tape.pick(4);
            (0..many).map(|_| document(tape, depth - 1)).collect::<Vec<_>>().into()
        }
        _ => {
            let many = tape.pick(5);
            let one = |_| ((*tape.one(&KEYS)).to_owned(), document(tape, depth - 1));
            (0..many).map(one).collect::<Map<_, _>>().into()
        }
    }
}

impl Maker<'_> {
    /// What stands somewhere in a document.
    fn json(&mut self, depth: usize) -> Option<Expr> {
        let elements: Vec<usize> =
            self.rows.iter().rev().enumerate().filter(|(_, row)| row.is_none()).map(|(at, _)| at).collect();
        let json = |kind| expr(kind, Type::Value(Kind::Json));
        let of = if !elements.is_empty() && self.tape.pick(2) == 1 {
            json(ExprKind::Element(*self.tape.one(&elements)))
        } else if depth > 1 && self.tape.chance(12) {
            let (condition, then) = (self.condition(1), self.json(0)?);
            json(ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(self.json(0)?)))
        } else {
            self.place(Kind::Json)?
        };
        match self.steps() {
            steps if steps.is_empty() => Some(of),
            steps => Some(json(ExprKind::Member(Box::new(of), steps))),
        }
    }

    fn steps(&mut self) -> Vec<Step> {
        let many = *self.tape.one(&[1, 1, 2, 0, 3]);
        (0..many)
            .map(|_| match self.tape.pick(5) {
                4 => Step::Index(u32::try_from(self.tape.pick(3)).unwrap_or(0)),
                _ => Step::Key((*self.tape.one(&KEYS)).into()),
            })
            .collect()
    }

    /// A condition on JSON.
    pub(super) fn json_condition(&mut self, depth: usize) -> Option<Expr> {
        const KINDS: [Kind; 4] = [Kind::Text, Kind::Int, Kind::Float, Kind::Bool];
        let json = Box::new(self.json(depth)?);
        Some(bool_of(match self.tape.pick(10) {
            0..=3 => {
                const ALL: [Comparison; 6] = [
                    Comparison::Equal,
                    Comparison::NotEqual,
                    Comparison::Less,
                    Comparison::LessOrEqual,
                    Comparison::Greater,
                    Comparison::GreaterOrEqual,
                ];
                let operator = *self.tape.one(&ALL);
                let other = match self.tape.pick(6) {
                    5 => self.json(0)?,
                    _ => {
                        let kind = *self.tape.one(&KINDS);
                        self.value(kind, depth)
                    }
                };
                match self.tape.pick(3) {
                    2 => ExprKind::Compare(operator, Box::new(other), json),
                    _ => ExprKind::Compare(operator, json, Box::new(other)),
                }
            }
            4 => {
                let operator = *self.tape.one(&[Comparison::Equal, Comparison::NotEqual]);
                ExprKind::Compare(operator, json, Box::new(super::expressions::null()))
            }
            5 => {
                let many = self.tape.pick(4);
                let mut list = Vec::new();
                for _ in 0..many {
                    let kind = *self.tape.one(&KINDS);
                    list.push(if self.tape.chance(6) { self.json(0)? } else { self.value(kind, 0) });
                }
                ExprKind::InList(json, list)
            }
            6 => {
                let item = match self.tape.pick(6) {
                    5 => self.json(0)?,
                    4 => super::expressions::null(),
                    _ => {
                        let kind = *self.tape.one(&KINDS);
                        self.value(kind, depth.min(1))
                    }
                };
                ExprKind::InJson(Box::new(item), json)
            }
            7 => {
                let steps = Some(self.steps()).filter(|steps| matches!(steps.last(), Some(Step::Key(_))))?;
                let (of, mut all) = match json.kind {
                    ExprKind::Member(of, steps) => (of, steps),
                    kind => (Box::new(Expr { kind, ..*json }), Vec::new()),
                };
                all.extend(steps);
                ExprKind::HasMember(of, all)
            }
            8 => {
                let quantifier = *self.tape.one(&[Quantifier::Exists, Quantifier::All]);
                ExprKind::Each(quantifier, json, Box::new(self.element_body(depth)))
            }
            _ => ExprKind::As(json, Kind::Bool),
        }))
    }

    fn element_body(&mut self, depth: usize) -> Expr {
        self.rows.push(None);
        let body = self.condition(depth);
        self.rows.pop();
        body
    }

    /// A value of a kind that comes of JSON.
    pub(super) fn of_json(&mut self, kind: Kind, depth: usize) -> Option<Expr> {
        let json = self.json(depth)?;
        let function = match (kind, self.tape.pick(3)) {
            (Kind::Int, 0) => Function::Size,
            (Kind::Int, 1) => {
                let body = Box::new(self.element_body(depth));
                return Some(expr(
                    ExprKind::Each(Quantifier::Count, Box::new(json), body),
                    Type::Value(kind),
                ));
            }
            (Kind::Int, _) => Function::Int,
            (Kind::Float, _) => Function::Double,
            (Kind::Text, 2) => Function::String,
            (Kind::Bool, _) => Function::Bool,
            (Kind::Datetime, _) => Function::Timestamp,
            (Kind::Duration, _) => Function::Duration,
            (Kind::Text, _) => {
                let json = expr(ExprKind::As(Box::new(json), kind), Type::Value(kind));
                return Some(expr(ExprKind::Call(Function::LowerAscii, vec![json]), Type::Value(kind)));
            }
            _ => return None,
        };
        Some(expr(ExprKind::Call(function, vec![json]), Type::Value(kind)))
    }

    /// JSON beside a number or a text in arithmetic.
    pub(super) fn beside_value(&mut self, kind: Kind) -> Option<Expr> {
        let json = self.json(0)?;
        Some(expr(ExprKind::As(Box::new(json), kind), Type::Value(kind)))
    }
}
