//! A site folder, read, checked and typed.
//!
//! This crate is the vocabulary that every other room speaks: what a site *is* (settings, models, fields,
//! pages, forms), what an expression means, what a value and a record are, and how a mistake in a site's
//! files is shown to the person who made it. It reads the folder and nothing else: no database, no
//! network, no async, and not one word of SQL.
//!
//! ```text
//! site folder ──load──▶ Site { settings, models, pages } ──▶ store   (tables, SQL)
//!                 │                                     ├──▶ pages   (templates, widgets)
//!                 └──▶ Diagnostics (file, line, caret)  └──▶ engine  (rules, actions)
//! ```
//!
//! - [`model`]: models, fields, relations, access rules. [`types`]: the field types, one file a type.
//! - [`expr`]: CEL expressions, checked against the models; a typed tree that the store compiles to SQL.
//! - [`free`]: fields that records of a model of documents have and its file does not declare.
//! - [`json_schema`]: declared shapes of JSON documents.
//! - [`query`]: what is asked of a model; pages declare it, the API builds it, the store compiles it.
//! - [`page`]: pages, routes and forms as their front matter declares them.
//! - [`value`], [`record`]: values and rows, in typed slices beside a shared shape.
//! - [`roles`]: roles, permissions and groups, worked out.
//! - [`settings`], [`site`], [`diagnostics`]: the rest of a loaded site and what can be wrong with one.

pub mod diagnostics;
pub mod expr;
pub mod free;
pub mod json_schema;
pub mod load;
pub mod model;
pub mod origin;
pub mod page;
pub mod query;
pub mod record;
pub mod roles;
pub mod settings;
pub mod site;
pub mod types;
pub mod value;

pub use diagnostics::{Diagnostic, Diagnostics};
pub use expr::{Expr, Input, Inputs};
pub use model::{Field, FieldId, Model, ModelId, Models, Relation, RelationId};
pub use record::{Row, RowSet, Shape};
pub use site::Site;
pub use value::{Id, Kind, Uuid, Value};
