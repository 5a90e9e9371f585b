//! Purlin's own pages, which a site overrides by a template of the same name.

/// The style sheet of Purlin's own pages, served at [`CSS_PATH`].
pub const CSS: &str = include_str!("purlin.css");

/// Where the server serves [`CSS`].
pub const CSS_PATH: &str = "/_purlin/purlin.css";

/// Templates by name.
pub(crate) const TEMPLATES: &[(&str, &str)] = &[];
