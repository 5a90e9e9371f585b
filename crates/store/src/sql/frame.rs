//! Rows in scope: which alias stands for which row, and the joins by which paths reach further ones.
//!
//! Every `SELECT` has a frame. A path through refs adds left joins to the frame in which its first row
//! stands, once for each path; a `FROM` clause is therefore written last.

use purlin_schema::expr::{Path, Walk};
use purlin_schema::model::RelationBy;
use purlin_schema::{FieldId, Model, ModelId};

use super::dialect::id_kind;
use super::expr::{Code, Compiler, Nulls};
use crate::error::CompileError;

/// SQLite joins 64 tables at most; other databases get slow long before.
const MAX_JOINS: usize = 32;

/// One `SELECT` and what it joins.
#[derive(Debug, Default, Clone)]
pub(crate) struct Frame {
    joins: Vec<Join>,
}

#[derive(Debug, Clone)]
struct Join {
    from: String,
    /// The column of the ref that is followed.
    column: String,
    alias: String,
    model: ModelId,
}

/// A row that an expression can name.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) frame: usize,
    pub(crate) alias: String,
    pub(crate) model: ModelId,
    /// Where the id can be had without the row's own table: the column of a link.
    pub(crate) linked: Option<String>,
    /// Whether the row's own table is needed.
    pub(crate) used: bool,
}

impl Scope {
    /// An element of a JSON array: no path begins at it, so it needs neither a frame nor a model.
    pub(crate) fn element(alias: String) -> Scope {
        Scope { frame: usize::MAX, alias, model: ModelId(u16::MAX), linked: None, used: true }
    }
}

/// What stands between `FROM` and the condition of a walk along a relation.
pub(crate) struct Walked {
    /// The tables, without the joins of the frame.
    pub(crate) from: String,
    /// The column with the id of the row that they are related to.
    pub(crate) near: String,
}

impl Compiler<'_> {
    pub(crate) fn open_frame(&mut self) -> usize {
        self.frames.push(Frame::default());
        self.frames.len() - 1
    }

    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases - 1)
    }

    /// Opens a frame with a row of a model in it, which becomes scope 0.
    pub(crate) fn open_row(&mut self, model: ModelId) -> usize {
        let frame = self.open_frame();
        let alias = self.alias();
        self.scopes.push(Scope { frame, alias, model, linked: None, used: true });
        frame
    }

    /// The left joins that paths have added to a frame.
    pub(crate) fn joins(&self, frame: usize) -> String {
        let mut text = String::new();
        for Join { from, column, alias, model } in &self.frames[frame].joins {
            let table = self.dialect.table(self.models.get(*model));
            let id = self.dialect.column(alias, "id");
            text.push_str(&format!(" LEFT JOIN {table} AS {alias} ON {id} = {from}.{column}"));
        }
        text
    }

    /// The place of a scope in `scopes`, counted from the innermost.
    pub(crate) fn scope_at(&self, scope: usize) -> Result<usize, CompileError> {
        self.scopes.len().checked_sub(scope + 1).ok_or_else(|| CompileError {
            message: "this names a row that is not in scope here".to_owned(),
            span: 0..0,
        })
    }

    /// Follows refs from a row: the alias of the last one's table.
    fn follow(&mut self, at: usize, hops: &[FieldId]) -> Result<(String, ModelId), CompileError> {
        self.scopes[at].used = true;
        let Scope { frame, mut alias, mut model, .. } = self.scopes[at].clone();
        for hop in hops {
            let target = self.ref_target(model, *hop)?;
            let column = self.dialect.quote(&self.models.get(model).field(*hop).name);
            let joins = &self.frames[frame].joins;
            let known = joins.iter().find(|join| join.from == alias && join.column == column);
            let next = match known {
                Some(join) => join.alias.clone(),
                None => {
                    if joins.len() >= MAX_JOINS {
                        return Err(CompileError {
                            message: format!("this goes through more than {MAX_JOINS} relations"),
                            span: 0..0,
                        });
                    }
                    let next = self.alias();
                    let join = Join { from: alias, column, alias: next.clone(), model: target };
                    self.frames[frame].joins.push(join);
                    next
                }
            };
            (alias, model) = (next, target);
        }
        Ok((alias, model))
    }

    fn ref_target(&self, model: ModelId, field: FieldId) -> Result<ModelId, CompileError> {
        let reference = self.models.get(model).field(field).reference.as_ref();
        reference.map(|reference| reference.to).ok_or_else(|| CompileError {
            message: "this follows a field that is not a ref".to_owned(),
            span: 0..0,
        })
    }

    /// The id of the row at the end of some hops, with the condition under which there is none.
    fn end_id(&mut self, at: usize, hops: &[FieldId]) -> Result<(String, Option<String>), CompileError> {
        let Some((last, before)) = hops.split_last() else {
            if let Some(linked) = &self.scopes[at].linked {
                return Ok((linked.clone(), None));
            }
            self.scopes[at].used = true;
            return Ok((self.dialect.column(&self.scopes[at].alias, "id"), None));
        };
        let (alias, model) = self.follow(at, before)?;
        let column = self.dialect.column(&alias, &self.models.get(model).field(*last).name);
        let missing = format!("{column} IS NULL");
        Ok((column, Some(missing)))
    }

    /// A field of a row in scope, perhaps through refs.
    pub(crate) fn path(&mut self, path: &Path) -> Result<Code, CompileError> {
        let at = self.scope_at(path.scope)?;
        let (id, missing) = self.end_id(at, &path.hops)?;
        if path.field == FieldId::ID {
            let nulls = if missing.is_some() { Nulls::Error } else { Nulls::Never };
            return Ok(Code { sql: id, nulls });
        }
        let end = self.models.get(path.end).clone();
        let field = end.field(path.field);
        let (alias, model) = self.follow(at, &path.hops)?;
        if let Some(computed) = &field.computed {
            return self.computed(at, alias, model, computed, missing);
        }
        if field.is_many() {
            return Err(CompileError { message: format!("{} is a list", field.name), span: 0..0 });
        }
        let is_kept = matches!(path.field, FieldId::CREATED_AT | FieldId::UPDATED_AT);
        let never = path.field == FieldId::VERSION || is_kept && end.origin.is_none();
        let nulls = match (missing, never) {
            (None, true) => Nulls::Never,
            (None, false) => Nulls::Null,
            (Some(_), true) => Nulls::Error,
            (Some(missing), false) => Nulls::Either(missing),
        };
        Ok(Code { sql: self.dialect.column(&alias, &field.name), nulls })
    }

    /// The expression of a computed field, on the row at the end of a path.
    fn computed(
        &mut self,
        at: usize,
        alias: String,
        model: ModelId,
        computed: &purlin_schema::Expr,
        missing: Option<String>,
    ) -> Result<Code, CompileError> {
        if self.computing >= 8 {
            return Err(CompileError::new(computed, "this computed field is made of too many others"));
        }
        let frame = self.scopes[at].frame;
        let scope = Scope { frame, alias, model, linked: None, used: true };
        let outer = std::mem::replace(&mut self.scopes, vec![scope]);
        self.computing += 1;
        let code = self.value(computed);
        self.computing -= 1;
        self.scopes = outer;
        let code = code?;
        let Some(missing) = missing else { return Ok(code) };
        let error = match code.error() {
            None => missing,
            Some(error) => format!("({missing} OR {error})"),
        };
        Ok(Code {
            sql: format!("CASE WHEN NOT ({error}) THEN {} END", code.sql),
            nulls: Nulls::Either(error),
        })
    }

    /// Where the id of a related row can be had without its table.
    pub(crate) fn linked_scope(&self, relation: &purlin_schema::Relation, alias: &str) -> Option<String> {
        let column = |name| Some(self.dialect.column(&format!("l{alias}"), name));
        match relation.by {
            RelationBy::Refs(_) => column("target"),
            RelationBy::InverseRefs(_) => column("source"),
            RelationBy::Ref(_) | RelationBy::Inverse(_) => None,
        }
    }

    /// Opens a frame for the rows of a relation; the related row becomes scope 0. Gives the condition under
    /// which there is no row that has the relation. To be closed by [`close_walk`](Compiler::close_walk).
    pub(crate) fn open_walk(&mut self, walk: &Walk) -> Result<(usize, String, Option<String>), CompileError> {
        let at = self.scope_at(walk.scope)?;
        let relation = self.models.get(walk.end).relation(walk.relation).clone();
        let (owner, missing) = match relation.by {
            RelationBy::Ref(field) => {
                let (alias, model) = self.follow(at, &walk.hops)?;
                let column = self.dialect.column(&alias, &self.models.get(model).field(field).name);
                let (_, missing) = self.end_id(at, &walk.hops)?;
                (column, missing)
            }
            _ => self.end_id(at, &walk.hops)?,
        };
        let frame = self.open_frame();
        let alias = self.alias();
        let linked = self.linked_scope(&relation, &alias);
        let used = linked.is_none();
        self.scopes.push(Scope { frame, alias, model: walk.to, linked, used });
        Ok((frame, owner, missing))
    }

    /// Closes the frame of a relation's rows and says what to select from.
    pub(crate) fn close_walk(&mut self, walk: &Walk) -> Walked {
        let end = self.models.get(walk.end).clone();
        let by = end.relation(walk.relation).by;
        let scope = self.scopes.pop().expect("a walk that was opened has a scope");
        self.relation_rows(&end, by, &scope)
    }

    /// The tables in which the rows of a relation stand.
    pub(crate) fn relation_rows(&self, end: &Model, by: RelationBy, scope: &Scope) -> Walked {
        let Scope { alias, frame, model, used, .. } = scope;
        let to = self.models.get(*model);
        let table = self.dialect.table(to);
        let joins = self.joins(*frame);
        let id = self.dialect.column(alias, "id");
        let link = |source: &Model, field: FieldId, near: &str, far: &str| {
            let link = self.dialect.link_table(source, source.field(field));
            let end = |name| self.dialect.column(&format!("l{alias}"), name);
            let mut from = format!("{link} AS l{alias}");
            if *used {
                from.push_str(&format!(" JOIN {table} AS {alias} ON {id} = {}", end(far)));
            }
            from.push_str(&joins);
            Walked { from, near: end(near) }
        };
        let from = format!("{table} AS {alias}{joins}");
        match by {
            RelationBy::Ref(_) => Walked { from, near: id },
            RelationBy::Inverse(field) => {
                Walked { from, near: self.dialect.column(alias, &to.field(field).name) }
            }
            RelationBy::Refs(field) => link(end, field, "source", "target"),
            RelationBy::InverseRefs(field) => link(to, field, "target", "source"),
        }
    }

    /// The kind of a model's ids.
    pub(crate) fn id_kind(&self, model: ModelId) -> purlin_schema::Kind {
        id_kind(self.models.get(model))
    }
}
