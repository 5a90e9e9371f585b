//! Templates: Jinja with what a page needs, and nothing that can leak or inject.
//!
//! The engine hands a [`View`](view::View) of what a page's queries found; this crate turns it into text. It
//! knows no SQL and no HTTP. Templates are compiled and their escaping is checked when the site loads.

pub mod view;
