//! Pages: a route's queries in one snapshot, its template, and its forms.

use purlin_pages::view::Flash;

use crate::{Actor, Engine, Failure};

/// A request for a page.
pub struct PageRequest<'request> {
    /// Who asks.
    pub actor: &'request Actor,
    /// The decoded path.
    pub path: &'request str,
    /// The raw query string.
    pub query_string: &'request str,
    /// The pairs of the query string, percent-decoded.
    pub query: &'request [(String, String)],
    /// Messages to show once.
    pub flash: Vec<Flash>,
}

/// A rendered page.
pub struct PageAnswer {
    /// The status: 200, or 422 for a form with mistakes.
    pub status: u16,
    /// The text.
    pub body: String,
    /// Its type.
    pub content_type: &'static str,
    /// Whether the template showed the flash messages.
    pub flash_shown: bool,
    /// The nonce that the page used, where it called `csp_nonce()`.
    pub nonce: Option<String>,
}

/// What posting a form led to.
pub enum FormAnswer {
    /// It was done: go there (a local path) and say that.
    Done {
        /// The path, percent-encoded.
        to: String,
        /// What to say there.
        say: Option<String>,
    },
    /// It was refused: the page again with messages, status 422.
    Again(PageAnswer),
}

/// A page that a path leads to.
#[derive(Clone, Debug)]
pub struct Matched {
    /// Which page: its position in `site.pages`.
    pub page: usize,
    /// The route's parameters, decoded.
    pub params: Vec<(String, String)>,
}

impl Engine {
    /// The page that a decoded path leads to.
    #[must_use]
    pub fn route(&self, _path: &str) -> Option<Matched> {
        unimplemented!()
    }

    /// Renders a page.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unauthenticated`] and [`Failure::Forbidden`] by `require`, [`Failure::BadRequest`].
    pub async fn page(&self, _matched: &Matched, _request: PageRequest<'_>) -> Result<PageAnswer, Failure> {
        unimplemented!()
    }

    /// Performs a page's form; `pairs` are what was posted, `_form` among them where the page has several.
    ///
    /// # Errors
    /// As [`Engine::page`]; mistakes in the input are no error but [`FormAnswer::Again`].
    pub async fn submit(
        &self,
        _matched: &Matched,
        _request: PageRequest<'_>,
        _pairs: &[(String, String)],
    ) -> Result<FormAnswer, Failure> {
        unimplemented!()
    }
}
