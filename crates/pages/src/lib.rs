//! Templates: Jinja with what a page needs, and nothing that can leak or inject.
//!
//! The engine hands a [`View`](view::View) of what a page's queries found; this crate turns it into text. It
//! knows no SQL and no HTTP. Templates are compiled and their escaping is checked when the site loads.
//!
//! ```text
//! Site.templates ──Templates::load──▶ compiled, checked    (templates, escape, check)
//! View ───────────Templates::render─▶ text or RenderError  (value, filters, functions)
//! ```
//!
//! - `value`: records and lists as lazy objects; what was not asked for is an error that says what to add.
//! - `filters`, `functions`: one small file each, one table each.
//! - `check`: names in templates. `escape`: the check that every `{{ … }}` stands where its value is inert.
//! - `defaults`: Purlin's own pages: sign-in, sign-up, errors.
//! - [`mails`]: mails: subject, HTML and text of one template.
//! - `text`: Markdown, sanitising, cutting short.

mod check;
pub mod defaults;
mod error;
mod escape;
mod filters;
mod functions;
pub mod mails;
mod named;
pub mod reference;
mod templates;
mod text;
mod value;
pub mod view;

pub use error::RenderError;
pub use templates::{Assets, Templates};
pub use text::sanitise::sanitise;
