//! Inputs without a type of their own take that of what they meet, and so do literals.

use super::{Checker, Mistake};
use crate::expr::{Expr, ExprKind, Input, Type};
use crate::value::{Decimal, Kind, Value};

impl Checker<'_> {
    /// An expression brought as near to a type as it can be: an open input takes it, and so does a literal that
    /// can be written in it. Whether it fits then is for the caller to see.
    pub(super) fn toward(&mut self, expr: Expr, ty: &Type) -> Option<Expr> {
        let Expr { kind, ty: own, span } = expr;
        if own == Type::Open {
            return match ty {
                // What JSON holds is not known, and what comes of a request is text.
                Type::Value(Kind::Json) => {
                    self.settle(Expr { kind, ty: own, span }, &Type::Value(Kind::Text))
                }
                Type::Value(_) | Type::Record(_) => self.settle(Expr { kind, ty: own, span }, ty),
                Type::Null | Type::List(_) | Type::Open => Some(Expr { kind, ty: own, span }),
            };
        }
        let wanted = match ty {
            Type::Value(kind) => *kind,
            Type::Record(model) => self.id_kind(*model),
            _ => return Some(Expr { kind, ty: own, span }),
        };
        match (&kind, wanted) {
            (ExprKind::Conditional(..), _) if own != *ty => {
                let ExprKind::Conditional(condition, then, otherwise) = kind else { return None };
                let then = self.toward(*then, ty)?;
                let otherwise = self.toward(*otherwise, ty)?;
                let gives = if then.ty == Type::Null { otherwise.ty.clone() } else { then.ty.clone() };
                let same = otherwise.ty == gives || otherwise.ty == Type::Null;
                let own = if same { gives } else { own };
                Some(Expr {
                    kind: ExprKind::Conditional(condition, Box::new(then), Box::new(otherwise)),
                    ty: own,
                    span,
                })
            }
            (ExprKind::Const(Value::Text(text)), Kind::Uuid) => match uuid::Uuid::try_parse(text) {
                Ok(id) => {
                    let kind = ExprKind::Const(Value::Uuid(id));
                    Some(Expr { kind, ty: Type::Value(Kind::Uuid), span })
                }
                Err(_) => self.wrong(Mistake::new("bad-literal", span, "this text is not a UUID")),
            },
            (ExprKind::Const(value), _) => {
                let (value, own) = self
                    .literal(value, wanted)
                    .map_or((value.clone(), own), |value| (value, Type::Value(wanted)));
                let own = match (&value, own) {
                    (Value::Decimal(decimal), Type::Value(Kind::Decimal(_))) => {
                        Type::Value(Kind::Decimal(decimal.scale))
                    }
                    (_, own) => own,
                };
                Some(Expr { kind: ExprKind::Const(value), ty: own, span })
            }
            _ => Some(Expr { kind, ty: own, span }),
        }
    }

    /// Gives an open input its type, the same wherever it stands.
    pub(super) fn settle(&mut self, expr: Expr, ty: &Type) -> Option<Expr> {
        let Expr { kind, span, .. } = expr;
        match kind {
            ExprKind::Input(input) => {
                if let Some(before) = self.taken.get(&input).filter(|before| *before != ty) {
                    let before = self.describe(before);
                    let message =
                        format!("`{}` is used as {before} and as {}", said(&input), self.describe(ty));
                    return self.wrong(Mistake::new("type-mismatch", span, message));
                }
                self.taken.insert(input.clone(), ty.clone());
                Some(Expr { kind: ExprKind::Input(input), ty: ty.clone(), span })
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                let then = self.settle_open(*then, ty)?;
                let otherwise = self.settle_open(*otherwise, ty)?;
                let kind = ExprKind::Conditional(condition, Box::new(then), Box::new(otherwise));
                Some(Expr { kind, ty: ty.clone(), span })
            }
            kind => Some(Expr { kind, ty: ty.clone(), span }),
        }
    }

    fn settle_open(&mut self, expr: Expr, ty: &Type) -> Option<Expr> {
        if expr.ty == Type::Open { self.settle(expr, ty) } else { Some(expr) }
    }

    /// A literal as a value of another kind, where nothing is lost by it.
    fn literal(&self, value: &Value, wanted: Kind) -> Option<Value> {
        const EXACT: i64 = 1 << 53;
        match (value, wanted) {
            #[expect(clippy::cast_precision_loss, reason = "the range is what a double holds exactly")]
            (Value::Int(number), Kind::Float) if (-EXACT..=EXACT).contains(number) => {
                Some(Value::Float(*number as f64))
            }
            (Value::Int(number), Kind::Decimal(scale)) => {
                decimal(&number.to_string(), scale).map(Value::Decimal)
            }
            (Value::Float(number), Kind::Decimal(scale)) => {
                let written =
                    self.digits.get(&number.to_bits()).filter(|digits| !digits.contains(['e', 'E']));
                decimal(&written.cloned().unwrap_or_else(|| number.to_string()), scale).map(Value::Decimal)
            }
            (Value::Decimal(number), Kind::Decimal(scale)) if number.scale < scale => {
                let factor = 10_i64.checked_pow(u32::from(scale - number.scale))?;
                Some(Value::Decimal(Decimal { units: number.units.checked_mul(factor)?, scale }))
            }
            _ => None,
        }
    }

    /// The finished tree: an input that met nothing with a type is a text, or what it was taken for elsewhere.
    pub(super) fn finish(&self, expr: Expr) -> Expr {
        let expr = expr.map_children(&mut |child, _| self.finish(child));
        match (&expr.ty, &expr.kind) {
            (Type::Open, ExprKind::Input(input)) => {
                let ty = self.taken.get(input).cloned().unwrap_or(Type::Value(Kind::Text));
                Expr { ty, ..expr }
            }
            (Type::Open, ExprKind::Conditional(_, then, otherwise)) => {
                let ty = if then.ty == Type::Null { otherwise.ty.clone() } else { then.ty.clone() };
                Expr { ty, ..expr }
            }
            (Type::Open, _) => Expr { ty: Type::Value(Kind::Text), ..expr },
            _ => expr,
        }
    }
}

/// A number as it is written, exactly, with at least the digits after the point that are wanted.
fn decimal(text: &str, wanted: u8) -> Option<Decimal> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18)?.max(wanted);
    let units = format!("{sign}{whole}{fraction:0<width$}", width = usize::from(scale)).parse().ok()?;
    Some(Decimal { units, scale })
}

/// How an input is written, where it has a name.
pub(super) fn said(input: &Input) -> String {
    match input {
        Input::Param(name) => format!("params.{name}"),
        Input::Query(name) => format!("query.{name}"),
        Input::Form(name) => format!("form.{name}"),
        _ => "this input".to_owned(),
    }
}
