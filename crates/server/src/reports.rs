//! What browsers report of a page's policy: what it refused to load or to run.
//!
//! Anybody can send such reports, so they are small, few and only written down: as one line each, without the queries of
//! addresses, which may hold what nobody should read. Two forms are taken: that of `report-uri` (CSP2 §5.2) and that of the
//! Reporting API.

use http::request::Parts;
use http::{Response, StatusCode, header};
use serde_json::Value;

use crate::answer::{self, Problem};
use crate::app::{Asking, allow};
use crate::body::{Body, RequestBody};
use crate::door::access_log::escaped;
use crate::door::limits;
use crate::door::rates::Few;

/// The longest body that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The most reports of one body that are written down.
const MOST: usize = 10;
/// Bodies that one address may send in a minute, and all together.
const A_MINUTE: (u32, u32) = (20, 200);
const TYPES: [&str; 2] = ["application/csp-report", "application/reports+json"];

/// Who has reported of late.
pub(crate) struct Reports(Few);

impl Reports {
    pub(crate) fn new() -> Reports {
        Reports(Few::a_minute(A_MINUTE))
    }

    /// Takes a report.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn take(
        &self,
        asking: &Asking<'_>,
        body: RequestBody,
    ) -> Result<Response<Body>, Problem> {
        const ALLOWED: &str = "POST, OPTIONS";
        match asking.method().as_str() {
            "POST" => {}
            "OPTIONS" => return Ok(allow(ALLOWED)),
            _ => return Err(Problem::method_not_allowed(ALLOWED)),
        }
        if !is_report(asking.parts) {
            let detail = format!("reports are {}", TYPES.join(" or "));
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        self.0.count(asking.address, asking.engine().now(), "reports")?;
        let body = limits::read(body, MAX_BYTES).await?;
        let read: Value = serde_json::from_slice(&body)
            .map_err(|_| Problem::bad_request("bad_report", "the body is no report"))?;
        for report in reports(&read).take(MOST) {
            write_down(report, asking);
        }
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }
}

/// Whether a request says that it is a report. A browser may send one with the site's cookie and without a word of where
/// it comes from; nothing is changed by it.
pub(crate) fn is_report(request: &Parts) -> bool {
    let ty = request.headers.get(header::CONTENT_TYPE).and_then(|ty| ty.to_str().ok()).unwrap_or_default();
    let ty = ty.split(';').next().unwrap_or_default().trim();
    TYPES.iter().any(|known| ty.eq_ignore_ascii_case(known))
}

/// The reports about policies in a body of either form.
fn reports(body: &Value) -> impl Iterator<Item = &Value> {
    let one = body.get("csp-report");
    let several = body.as_array().into_iter().flatten();
    let several =
        several.filter(|report| report["type"] == "csp-violation").filter_map(|report| report.get("body"));
    one.into_iter().chain(several).filter(|report| report.is_object())
}

fn write_down(report: &Value, asking: &Asking<'_>) {
    let text = |names: [&str; 2]| names.iter().find_map(|name| report[*name].as_str()).unwrap_or_default();
    let address =
        |names| escaped(text(names).split(['?', '#']).next().unwrap_or_default().as_bytes()).into_owned();
    let directive = text(["effective-directive", "effectiveDirective"]);
    let directive =
        if directive.is_empty() { text(["violated-directive", "violatedDirective"]) } else { directive };
    let line = ["line-number", "lineNumber"].iter().find_map(|name| report[*name].as_u64());
    tracing::warn!(
        target: "purlin::csp",
        directive = &*escaped(directive.as_bytes()),
        blocked = address(["blocked-uri", "blockedURL"]),
        page = address(["document-uri", "documentURL"]),
        file = address(["source-file", "sourceFile"]),
        line,
        address = %asking.address,
        request_id = %asking.id,
        "a browser refused what the page's policy does not allow"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let old = serde_json::json!({ "csp-report": { "blocked-uri": "inline" } });
        assert_eq!(reports(&old).count(), 1);
        let new = serde_json::json!([
            { "type": "csp-violation", "body": { "blockedURL": "inline" } },
            { "type": "deprecation", "body": {} },
            { "type": "csp-violation" },
            7,
        ]);
        assert_eq!(reports(&new).count(), 1);
        for odd in ["7", "null", "\"csp-report\"", "{}", "{\"csp-report\":[]}", "[[]]"] {
            assert_eq!(reports(&serde_json::from_str(odd).unwrap()).count(), 0, "{odd}");
        }
    }
}
