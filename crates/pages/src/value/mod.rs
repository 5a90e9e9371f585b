//! What a template sees: records, lists and values, handed to Jinja as lazy objects.
//!
//! No map is built: an object holds the row and its shape, and a field is turned into a value when it is asked for.

pub(crate) mod convert;
pub(crate) mod document;
pub(crate) mod exact;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod record;
pub(crate) mod rich;
pub(crate) mod root;
pub(crate) mod time;

use std::sync::Arc;

use jiff::tz::TimeZone;
use minijinja::{Error, ErrorKind, Value};
use purlin_schema::Site;

use crate::text::cache::RichCache;

/// Bytes of rendered Markdown that are kept.
const RICH_BYTES: usize = 8 << 20;

/// What all renderings of a site share.
pub(crate) struct Shared {
    pub(crate) site: Arc<Site>,
    /// The site's time zone.
    pub(crate) zone: TimeZone,
    pub(crate) rich: RichCache,
    /// What templates see as `site`.
    pub(crate) site_value: Value,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    pub(crate) fn new(site: Arc<Site>, zone: TimeZone) -> Shared {
        let site_value = root::site_value(&site);
        Shared { site, zone, rich: RichCache::new(RICH_BYTES), site_value }
    }
}

/// A value that fails whoever looks at it, with a sentence for the template's author.
pub(crate) fn refused(message: impl Into<String>) -> Value {
    Value::from(refusal(message))
}

/// An error with a sentence for the template's author.
pub(crate) fn refusal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}
