//! Records: list, get, create, update, replace, delete — what the API, forms and commands do.

use std::sync::Arc;

use purlin_schema::{Id, ModelId, Row, RowSet, Shape};

use crate::{Actor, Engine, Failure};

/// A list as it was asked for.
pub struct Listing {
    /// The rows; `_version` is among their fields and leaves with nobody.
    pub set: RowSet,
    /// The cursor of the next page, signed and bound to this filter and sort; `None` on the last.
    pub next: Option<String>,
}

/// A record as it is answered. `_version` is among its fields.
pub struct Found {
    /// What it has.
    pub shape: Arc<Shape>,
    /// The record.
    pub row: Arc<Row>,
    /// Its version, of which the ETag is made.
    pub version: i64,
    /// Its id.
    pub id: Id,
}

/// Input for a write.
pub enum Fields<'input> {
    /// A JSON object.
    Json(&'input serde_json::Map<String, serde_json::Value>),
    /// Pairs of a posted form; a field may come several times (a list of refs). Names that are not fields are refused.
    Form(&'input [(String, String)]),
}

impl Engine {
    /// `GET /api/{model}` with the pairs of its query string, percent-decoded. Unknown ones are refused.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] for parameters, [`Failure::NotFound`] where the model has no API.
    pub async fn list(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _parameters: &[(String, String)],
    ) -> Result<Listing, Failure> {
        unimplemented!()
    }

    /// `GET /api/{model}/{id}`; `include` and `fields` are taken.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none that the asker may read.
    pub async fn get(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _id: Id,
        _parameters: &[(String, String)],
    ) -> Result<Found, Failure> {
        unimplemented!()
    }

    /// Creates a record.
    ///
    /// # Errors
    /// [`Failure::Invalid`] with every message, [`Failure::Unauthenticated`] or [`Failure::Forbidden`].
    pub async fn create(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _fields: Fields<'_>,
    ) -> Result<Found, Failure> {
        unimplemented!()
    }

    /// Changes the fields that are given (a JSON merge patch).
    ///
    /// # Errors
    /// As [`Engine::create`], [`Failure::NotFound`], [`Failure::VersionMismatch`].
    pub async fn update(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _id: Id,
        _if_version: Option<i64>,
        _fields: Fields<'_>,
    ) -> Result<Found, Failure> {
        unimplemented!()
    }

    /// Replaces a record (PUT): fields that are absent get their default or null, those that the asker may not write stay.
    ///
    /// # Errors
    /// As [`Engine::update`].
    pub async fn replace(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _id: Id,
        _if_version: Option<i64>,
        _fields: Fields<'_>,
    ) -> Result<Found, Failure> {
        unimplemented!()
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Forbidden`], [`Failure::Conflict`], [`Failure::VersionMismatch`].
    pub async fn delete(
        &self,
        _actor: &Actor,
        _model: ModelId,
        _id: Id,
        _if_version: Option<i64>,
    ) -> Result<(), Failure> {
        unimplemented!()
    }
}
