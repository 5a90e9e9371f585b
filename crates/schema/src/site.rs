//! A whole site: what loading its folder gives.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::Models;
use crate::page::{Page, Template};
use crate::settings::Settings;

/// A site folder, checked and typed. It is immutable: a change in the folder loads another.
#[derive(Clone, Debug)]
pub struct Site {
    /// The folder.
    pub root: PathBuf,
    /// Its settings, all layers merged.
    pub settings: Settings,
    /// Its models.
    pub models: Arc<Models>,
    /// Its pages by template name.
    pub pages: IndexMap<String, Page>,
    /// Every template, pages included, by name.
    pub templates: IndexMap<String, Template>,
    /// What is below `mail/`, by name: `reset.html`.
    pub mails: IndexMap<String, Template>,
}
