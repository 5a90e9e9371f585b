//! Writing: mutations as data, with the conditions under which they may happen.
//!
//! A mutation carries everything that must be decided inside the transaction, so that the writer can perform
//! it without calling back, beside others in one group, and again where the group was lost. Conditions are
//! compiled expressions on the record as stored or as proposed; their inputs were captured when the
//! mutation was made.

use std::sync::Arc;

use purlin_schema::types::Problem;
use purlin_schema::{Expr, FieldId, Id, Input, ModelId, Row, Shape, Value};

/// A compiled condition on one record.
#[derive(Debug)]
pub struct Condition {
    /// The model of the record.
    pub model: ModelId,
    /// The statement that gives its truth for a record's id, for `explain` and tests.
    pub sql: String,
    /// The inputs that it looks at.
    pub inputs: Vec<Input>,
    /// The condition itself: where the record's own values tell, no statement is run.
    pub(crate) rule: Expr,
    pub(crate) compiled: crate::sql::condition::Compiled,
}

/// A change of one record that is asked for.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// The model.
    pub model: ModelId,
    /// What is to be done.
    pub action: Action,
    /// Refs to records that the same commit makes before: the field, and which mutation of the commit makes its record.
    pub refers: Vec<(FieldId, usize)>,
    /// What must hold.
    pub guards: Vec<Guard>,
    /// Values of the inputs that the guards name, `Old` excepted; one that is not here is a CEL error.
    pub inputs: Vec<(Input, Value)>,
    /// The time it is recorded with, in microseconds UTC.
    pub now: i64,
    /// What the answer should hold of the record afterwards: a query for one record whose id is bound as
    /// `Input::Param("id")`, with its guards, filter and fields as in any read.
    pub returning: Option<Arc<crate::Prepared>>,
    /// On whose behalf, for the log.
    pub author: Option<Arc<crate::audit::Author>>,
}

impl Mutation {
    /// A change that refers to nothing, is guarded by nothing and shows nothing.
    #[must_use]
    pub fn new(model: ModelId, action: Action, now: i64) -> Mutation {
        Mutation {
            model,
            action,
            refers: Vec::new(),
            guards: Vec::new(),
            inputs: Vec::new(),
            now,
            returning: None,
            author: crate::audit::current(),
        }
    }
}

/// What is to be done with a record.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes one. The id is given by the store where absent.
    Create {
        /// Its id, where it is decided already (an import, a UUID made by the caller).
        id: Option<Id>,
        /// Values of columns; absent ones are null.
        values: Vec<(FieldId, Value)>,
        /// Lists of refs.
        links: Vec<(FieldId, Vec<Id>)>,
    },
    /// Changes one.
    Update {
        /// Which.
        id: Id,
        /// The version it must have.
        if_version: Option<i64>,
        /// New values of columns.
        values: Vec<(FieldId, Value)>,
        /// JSON merge patches (RFC 7396) of documents, applied to what is stored then.
        merges: Vec<(FieldId, serde_json::Value)>,
        /// Changes of lists of refs.
        links: Vec<(FieldId, Links)>,
    },
    /// Writes one exactly as it stands in another database, in the place of what has its id: id, version and times are
    /// among the values, and no guard is asked. For [`Store::copy_into`](crate::Store::copy_into) alone.
    Copy {
        /// Values of all columns.
        values: Vec<(FieldId, Value)>,
        /// Lists of refs, whole.
        links: Vec<(FieldId, Vec<Id>)>,
    },
    /// Deletes one, with what `on_delete` says of those that refer to it.
    Delete {
        /// Which.
        id: Id,
        /// The version it must have.
        if_version: Option<i64>,
    },
}

/// A change of a list of refs.
#[derive(Clone, Debug)]
pub enum Links {
    /// The whole list.
    Replace(Vec<Id>),
    /// Adds these that are not in it.
    Add(Vec<Id>),
    /// Takes these out.
    Remove(Vec<Id>),
    /// What a form chose among what it showed; links that it did not show stay.
    Among {
        /// What of the list was shown.
        shown: Vec<Id>,
        /// What was chosen.
        chosen: Vec<Id>,
    },
}

/// A condition under which a mutation may happen; evaluated in the transaction, in this order of kinds.
#[derive(Clone, Debug)]
pub enum Guard {
    /// The stored record must satisfy this, or it does not exist for the asker: [`Refusal::NotFound`].
    Visible(Arc<Condition>),
    /// The stored record must satisfy this, or it is [`Refusal::Forbidden`].
    Stored(Arc<Condition>),
    /// The record that a ref (or each of a list) of the proposed record names, where the mutation sets it, must exist and
    /// satisfy this (which may be absent: exist alone), or it is [`Refusal::Field`] with the code `not_found`.
    Referred(FieldId, Option<Arc<Condition>>),
    /// The proposed record must satisfy this, or it is [`Refusal::Forbidden`].
    Proposed(Arc<Condition>),
    /// The proposed record must not make this false (unknown holds), or it is [`Refusal::Field`] with the code `check`.
    Check(Arc<Condition>, Option<FieldId>, String),
    /// Where any of these fields changes by the mutation, the stored record (of a create: the proposed one) must satisfy
    /// this, or it is [`Refusal::FieldForbidden`].
    FieldWrite(FieldId, Arc<Condition>),
    /// Where the stored record does not satisfy this, an update leaves the field as it is, whatever the mutation sets it to.
    Kept(FieldId, Arc<Condition>),
}

/// What a mutation did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The record's id.
    pub id: Id,
    /// Its version now; of a deleted one, its last.
    pub version: i64,
    /// The record afterwards, where `returning` asked for it and it still exists and its query finds it.
    pub row: Option<(Arc<Shape>, Arc<Row>)>,
}

/// Why mutations were refused. Several fields may be wrong at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// There is no such record (for the asker).
    NotFound,
    /// The asker may not.
    Forbidden,
    /// The asker may not write this field.
    FieldForbidden(FieldId),
    /// The record has another version.
    VersionMismatch,
    /// A field is wrong; `None` where the mistake belongs to the whole record.
    Field {
        /// The field.
        field: Option<FieldId>,
        /// `unique`, `not_found`, `check`, `required`.
        code: &'static str,
        /// What a person is told.
        message: String,
    },
    /// A document that patches were merged into is not as it must be.
    Document {
        /// The field.
        field: FieldId,
        /// What is wrong, and where in the document.
        problem: Problem,
    },
    /// It cannot be deleted while records of this model refer to it.
    Referenced(ModelId),
    /// The same of what the site has no model for.
    ReferencedElsewhere,
}

/// The changes of one transaction.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Rises by one with each transaction.
    pub number: u64,
    /// The changes, in order.
    pub list: Vec<Change>,
}

/// One record or link that changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A record was created, changed or deleted.
    Record {
        /// Its model.
        model: ModelId,
        /// Its id.
        id: Id,
        /// Its values before, by field number; `None` where it was created. Lists and computed fields are null.
        old: Option<Arc<[Value]>>,
        /// Its values after; `None` where it was deleted.
        new: Option<Arc<[Value]>>,
    },
    /// A link of a list of refs was made or removed.
    Link {
        /// The model with the list.
        model: ModelId,
        /// The list.
        field: FieldId,
        /// The record with the list.
        source: Id,
        /// The record in it.
        target: Id,
        /// Whether it was made.
        added: bool,
    },
}
