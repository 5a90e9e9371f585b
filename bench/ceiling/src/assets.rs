//! Static files: small ones are kept in memory, with their types and entity tags known beforehand.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};

use crate::answer;

struct Asset {
    body: &'static [u8],
    content_type: HeaderValue,
    tag: HeaderValue,
}

static ASSETS: LazyLock<HashMap<&str, Asset>> = LazyLock::new(|| {
    let asset = |body: &'static [u8], content_type| {
        let content_type = HeaderValue::from_static(content_type);
        Asset { body, content_type, tag: answer::entity_tag(None, body) }
    };
    HashMap::from([
        ("/10k.txt", asset(include_bytes!("../../site/public/10k.txt"), "text/plain; charset=utf-8")),
        ("/style.css", asset(include_bytes!("../../site/public/style.css"), "text/css; charset=utf-8")),
    ])
});

/// `GET` of anything that is no route.
pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response<Body> {
    match ASSETS.get(uri.path()) {
        Some(asset) => answer::file(&headers, asset.content_type.clone(), asset.tag.clone(), asset.body),
        None => answer::problem(StatusCode::NOT_FOUND, "there is nothing here"),
    }
}
