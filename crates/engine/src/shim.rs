//! Stand-ins until the rooms below have theirs.

use std::sync::Arc;

use purlin_pages::view::View;
use purlin_pages::{Assets, RenderError};
use purlin_schema::expr::Mistake;
use purlin_schema::model::Rule;
use purlin_schema::{Diagnostics, Expr, FieldId, ModelId, Models, Site};

#[derive(Clone, Copy)]
pub(crate) enum Asker {
    Visitor,
    User,
}

pub(crate) fn specialise(expr: &Expr, asker: Asker) -> Expr {
    match asker {
        Asker::Visitor | Asker::User => expr.clone(),
    }
}

pub(crate) fn simplify_condition(expr: Expr) -> Expr {
    expr
}

pub(crate) fn implies(_filter: &Expr, _rule: &Expr) -> bool {
    false
}

pub(crate) fn restrict(
    expr: &Expr,
    _models: &Models,
    _record: &dyn Fn(ModelId) -> Rule,
    _field: &dyn Fn(ModelId, FieldId) -> Rule,
) -> Result<Expr, Mistake> {
    Ok(expr.clone())
}

pub(crate) struct Templates;

pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) flash_shown: bool,
    pub(crate) nonce: Option<String>,
}

impl Templates {
    pub(crate) fn load(_site: Arc<Site>, _assets: &dyn Assets) -> Result<Templates, Diagnostics> {
        Ok(Templates)
    }

    pub(crate) fn render(&self, _name: &str, _view: View) -> Result<Rendered, RenderError> {
        Ok(Rendered { text: String::new(), flash_shown: false, nonce: None })
    }
}
