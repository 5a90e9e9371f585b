//! Texts that are more than text: Markdown, HTML of unknown origin, and cutting either short.

pub(crate) mod cache;
pub(crate) mod cut;
pub(crate) mod edits;
pub(crate) mod escape;
pub(crate) mod markdown;
pub(crate) mod sanitise;
pub(crate) mod suggest;
