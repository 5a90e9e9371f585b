//! What may be written at a place: the allow-list, and the sentence for what is not on it.

use minijinja::machinery::ast::{CallArg, Expr};

use super::attributes::Kind;
use super::html::{At, Raw, State};
use super::url::{Start, Url, start};

/// What is put around an expression that may stand where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    /// Nothing: it stands in the text of an element.
    None,
    /// Markup in it is flattened.
    Flat,
    /// As well, and an address that would run something is replaced.
    Url,
    /// As well, and what is no address from the root of the site is replaced.
    Local,
}

/// Why an expression may not stand where it stands, and what to write.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) hint: String,
}

/// Decides about an expression, and moves the state past it.
pub(super) fn check(state: &mut State, expr: &Expr<'_>) -> Result<Wrap, Refusal> {
    let place = state.describe();
    let refuse = |hint: &str| {
        Err(Refusal { message: format!("a value may not stand {place}"), hint: hint.to_owned() })
    };
    match &mut state.at {
        At::Text => Ok(if state.takes_markup() { Wrap::None } else { Wrap::Flat }),
        At::Raw(_, tail) if !tail.is_empty() => refuse("move it away from the `<` before it"),
        At::Raw(Raw::Plain, _) => Ok(Wrap::Flat),
        At::Raw(Raw::Script(script), _) => {
            if !matches!(outer_filter(expr), Some("json" | "tojson")) {
                return refuse(
                    "write `|json` at its end, or put it in a data-… attribute and read it from the script",
                );
            }
            match script.refuses() {
                None => Ok(Wrap::None),
                Some(why) => Err(Refusal {
                    message: format!("a value may not stand here in a script: {why}"),
                    hint: "put it in a <script type=\"application/json\"> of its own and read that"
                        .to_owned(),
                }),
            }
        }
        At::Raw(..) => refuse("choose among classes that the style sheet has: class=\"{{ … }}\""),
        At::Value(..) => attribute(state, expr),
        At::BeforeValue | At::Unquoted => refuse("put quotes around it: =\"{{ … }}\""),
        At::InTag | At::AfterName | At::Joined | At::AttributeName => refuse(
            "write the attribute out and put the value in quotes, or put {% if … %} around the attribute",
        ),
        At::TagOpen | At::TagName => refuse("write the elements out, with {% if … %} to choose among them"),
        At::Comment(_) => refuse("write a comment of the template, {# … #}, or leave the value out"),
        At::Declaration(_) | At::Instruction | At::Cdata(_) => refuse("move it into the text of an element"),
    }
}

fn attribute(state: &mut State, expr: &Expr<'_>) -> Result<Wrap, Refusal> {
    let name = state.attribute.clone();
    let refuse = |message: String, hint: &str| Err(Refusal { message, hint: hint.to_owned() });
    let kind = state.attribute_kind();
    if state.element == "meta" && name == "content" {
        if state.facts.http_equiv {
            return refuse(
                "a value may not stand in an instruction to the browser".to_owned(),
                "write the content out",
            );
        }
        state.facts.dynamic_content = true;
    }
    match kind {
        Kind::Ordinary => Ok(Wrap::Flat),
        Kind::Nonce if is_call(expr, &["csp_nonce"]) => Ok(Wrap::Flat),
        Kind::Nonce => {
            refuse("only csp_nonce() may stand in `nonce`".to_owned(), "write nonce=\"{{ csp_nonce() }}\"")
        }
        Kind::Refused(why) => refuse(
            format!("a value may not stand in the attribute `{name}`: {why}"),
            "write its value out, with {% if … %} to choose; what a script needs belongs in a data-… attribute",
        ),
        Kind::Url | Kind::OwnUrl | Kind::UrlList => address(state, expr, kind == Kind::OwnUrl),
    }
}

/// A value in an address. `own`: it must lead to the site itself.
fn address(state: &mut State, expr: &Expr<'_>, own: bool) -> Result<Wrap, Refusal> {
    let name = state.attribute.clone();
    let At::Value(_, url) = &mut state.at else { return Ok(Wrap::Flat) };
    let refuse = |message: &str, hint: &str| {
        Err(Refusal { message: format!("in `{name}`, {message}"), hint: hint.to_owned() })
    };
    let part = match url {
        Url::Literal(text) => match start(text) {
            Start::Empty => return whole_address(url, expr, own, &name),
            Start::Root => Url::RootPart,
            Start::Fixed => Url::Fixed,
            Start::Host if is_local(expr) => {
                *url = Url::Whole;
                return Ok(Wrap::Local);
            }
            Start::Host => {
                return refuse("the value would become part of the host's name", "write a slash before it");
            }
            Start::Open => {
                return refuse(
                    "what stands before the value does not fix where the address leads",
                    "begin it with /, ?, # or https://host/",
                );
            }
        },
        Url::Fixed => Url::Fixed,
        Url::Origin if is_local(expr) => {
            *url = Url::Whole;
            return Ok(Wrap::Local);
        }
        Url::Origin => {
            return refuse(
                "the value would become part of the host's name",
                "write a slash before it, or url(\"…\")",
            );
        }
        Url::RootPart | Url::Whole | Url::Closed => {
            return refuse("nothing may follow what stands before the value", "write url(\"…\", name=value)");
        }
    };
    if !is_part(expr) {
        return refuse(
            "each value is one part of the address and must say so",
            "write `|url` at its end, or url(\"…\", name=value)",
        );
    }
    *url = part;
    Ok(Wrap::Flat)
}

fn whole_address(url: &mut Url, expr: &Expr<'_>, own: bool, name: &str) -> Result<Wrap, Refusal> {
    if is_site_url(expr) {
        *url = Url::Origin;
        return Ok(Wrap::Url);
    }
    let whole = each(expr, &|expr| is_local(expr) || (!own && outer_filter(expr) == Some("safe_url")));
    if whole {
        *url = Url::Whole;
        // `page.url` is whole and ours; the other addresses that code or a form goes to begin at the root.
        let trusted = each(expr, &|expr| is_call(expr, &["url", "asset"]) || is_page_url(expr));
        return Ok(if own && !trusted { Wrap::Local } else { Wrap::Url });
    }
    let hint = if own {
        "write url(\"…\", name=value) or asset(\"…\"), or begin it with / and write `|url` at the value's end"
    } else {
        "write url(\"…\", name=value) for a page of the site, `|safe_url` for an address that somebody entered, \
         or begin it with / and write `|url` at the value's end"
    };
    Err(Refusal {
        message: format!("a value at the start of `{name}` could lead anywhere, also to `javascript:`"),
        hint: hint.to_owned(),
    })
}

/// Whether all that an expression can give passes.
fn each(expr: &Expr<'_>, passes: &dyn Fn(&Expr<'_>) -> bool) -> bool {
    match expr {
        Expr::IfExpr(choice) => {
            each(&choice.true_expr, passes)
                && choice.false_expr.as_ref().is_none_or(|expr| each(expr, passes))
        }
        Expr::BinOp(op) if matches!(op.op, minijinja::machinery::ast::BinOpKind::ScOr) => {
            each(&op.left, passes) && each(&op.right, passes)
        }
        _ => passes(expr),
    }
}

/// Whether an expression gives an address of this site, from its root.
fn is_local(expr: &Expr<'_>) -> bool {
    each(expr, &|expr| match expr {
        Expr::Const(_) => expr.as_const().is_some_and(|value| {
            value.as_str().is_some_and(|text| {
                text.starts_with(['/', '?', '#']) && matches!(start(text), Start::Fixed | Start::Root)
            })
        }),
        Expr::GetAttr(attr) => match &attr.expr {
            Expr::Var(var) if var.id == "page" => matches!(attr.name, "path" | "url"),
            _ => matches!(attr.name, "next_url" | "prev_url"),
        },
        _ => is_call(expr, &["url", "asset"]),
    })
}

fn is_page_url(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::GetAttr(attr) if attr.name == "url" && matches!(&attr.expr, Expr::Var(var) if var.id == "page"))
}

fn is_site_url(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::GetAttr(attr) if attr.name == "url" && matches!(&attr.expr, Expr::Var(var) if var.id == "site"))
}

/// Whether an expression gives one part of an address.
fn is_part(expr: &Expr<'_>) -> bool {
    each(expr, &|expr| match expr {
        Expr::Const(_) => expr.as_const().is_some_and(|value| {
            let text = value.to_string();
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        }),
        _ => matches!(outer_filter(expr), Some("url" | "slugify" | "length" | "count" | "int" | "isodate")),
    })
}

/// The filter that an expression ends in.
pub(super) fn outer_filter<'ast>(expr: &'ast Expr<'_>) -> Option<&'ast str> {
    match expr {
        Expr::Filter(filter) => Some(filter.name),
        _ => None,
    }
}

/// Whether an expression calls one of these functions.
pub(super) fn is_call(expr: &Expr<'_>, names: &[&str]) -> bool {
    matches!(expr, Expr::Call(call) if matches!(&call.expr, Expr::Var(var) if names.contains(&var.id)))
}

/// `self.title`, `super`, `loop` or `caller`, where an expression is nothing but such a call.
pub(super) fn special_call<'ast>(expr: &'ast Expr<'_>) -> Option<Special<'ast>> {
    let Expr::Call(call) = expr else { return None };
    match &call.expr {
        Expr::Var(var) if var.id == "super" && call.args.is_empty() => Some(Special::Super),
        Expr::Var(var) if var.id == "loop" && matches!(call.args.as_slice(), [CallArg::Pos(_)]) => {
            Some(Special::Loop)
        }
        Expr::GetAttr(attr) if matches!(&attr.expr, Expr::Var(var) if var.id == "self") => {
            Some(Special::Block(attr.name))
        }
        _ => None,
    }
}

/// A call that writes a part of the template here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Special<'ast> {
    /// The block that this one replaces.
    Super,
    /// The loop again.
    Loop,
    /// A block by its name.
    Block(&'ast str),
}
