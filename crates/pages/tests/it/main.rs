//! The crate as the engine uses it: a site's folder, views of rows, and what comes out.

mod blog;
mod forms;
mod inert;
mod records;
mod site;
