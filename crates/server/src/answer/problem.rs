//! Errors as answers: `application/problem+json` (RFC 9457), and what a page shows of the same.
//!
//! A problem has an outside, which is answered, and an inside, which is logged once and never answered.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use purlin_engine::{Failure, FieldMessage};
use purlin_schema::value::write_json_string;

use super::json;
use crate::body::Body;
use crate::door::RequestId;

/// An error on its way out.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable name for programs.
    pub code: &'static str,
    /// What a person is told.
    pub detail: Cow<'static, str>,
    /// What is wrong, field by field.
    pub errors: Vec<FieldMessage>,
    /// Further members for programs (RFC 9457 §3.2).
    pub members: Option<Box<Members>>,
    /// Headers of the answer: `Allow`, `Retry-After` …
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What caused it, for the log alone.
    pub inside: Option<Box<str>>,
}

/// Members of a problem by name.
#[derive(Debug)]
pub struct Members(pub Vec<(&'static str, serde_json::Value)>);

impl Problem {
    /// A problem with a detail for a person.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: None,
            headers: Vec::new(),
            inside: None,
        }
    }

    /// 400.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    /// 405 with what is allowed.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("allowed here: {allow}"))
            .with(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 500, with what caused it for the log.
    pub fn internal(inside: impl Into<String>) -> Problem {
        let mut problem =
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side");
        problem.inside = Some(inside.into().into_boxed_str());
        problem
    }

    /// 429: too many of something, and when to try again.
    #[must_use]
    pub fn too_many(what: &str, code: &'static str, wait_seconds: u32) -> Problem {
        let plural = if wait_seconds == 1 { "" } else { "s" };
        let detail = format!("too many {what}; try again in {wait_seconds} second{plural}");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(wait_seconds))
    }

    /// 401, and how to sign in by API.
    #[must_use]
    pub fn unauthenticated() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in first")
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// Ends the connection: what follows on it cannot be trusted or is not worth reading.
    #[must_use]
    pub fn closing(self) -> Problem {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Logs the inside, where there is one.
    pub fn log(&self, id: RequestId) {
        if let Some(inside) = &self.inside {
            tracing::error!(request_id = %id, status = self.status.as_u16(), code = self.code, "{inside}");
        }
    }

    /// The answer of an API.
    #[must_use]
    pub fn to_json(&self, id: RequestId) -> Response<Body> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(br#"{"type":"about:blank","title":"#);
        write_json_string(self.status.canonical_reason().unwrap_or("Error"), &mut out);
        out.extend_from_slice(br#","status":"#);
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.extend_from_slice(br#","detail":"#);
        write_json_string(&self.detail, &mut out);
        out.extend_from_slice(br#","code":"#);
        write_json_string(self.code, &mut out);
        out.extend_from_slice(br#","request_id":"#);
        out.push(b'"');
        out.extend_from_slice(&id.digits());
        out.push(b'"');
        if !self.errors.is_empty() {
            out.extend_from_slice(br#","errors":"#);
            json::write_list(&mut out, &self.errors, |out, error| {
                out.extend_from_slice(br#"{"field":"#);
                write_json_string(&error.field, out);
                out.extend_from_slice(br#","code":"#);
                write_json_string(&error.code, out);
                out.extend_from_slice(br#","message":"#);
                write_json_string(&error.message, out);
                out.push(b'}');
            });
        }
        for (name, value) in self.members.iter().flat_map(|members| &members.0) {
            out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
        }
        out.push(b'}');
        self.dress(super::answer(self.status, "application/problem+json", out))
    }

    /// A token that may not do that (RFC 6750 §3.1).
    pub fn out_of_scope(scope: &str) -> Problem {
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            format!("the token lacks the scope {scope}"),
        );
        let header = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        match HeaderValue::from_str(&header) {
            Ok(header) => problem.with(header::WWW_AUTHENTICATE, header),
            Err(_) => problem,
        }
    }

    /// Adds the problem's own headers to its answer.
    #[must_use]
    pub fn dress(&self, mut response: Response<Body>) -> Response<Body> {
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        let cache = HeaderValue::from_static("no-store");
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(cache);
        response
    }
}

/// The one place where what an action ended in becomes a status.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        match failure {
            Failure::NotFound => Problem::not_found(),
            Failure::Unauthenticated => Problem::unauthenticated(),
            Failure::Forbidden => Problem::new(StatusCode::FORBIDDEN, "forbidden", "you may not do that"),
            Failure::Stale => Problem::new(
                StatusCode::FORBIDDEN,
                "confirm_first",
                "show first once more who you are: with your password, at /account/confirm",
            ),
            Failure::OutOfScope(scope) => Problem::out_of_scope(&scope),
            Failure::Invalid(errors) => Problem {
                errors,
                ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "some of the input is wrong")
            },
            Failure::BadRequest { code, parameter, message } => {
                let mut problem = Problem::bad_request(code, message.clone());
                if let Some(field) = parameter {
                    problem.errors.push(FieldMessage { field, code: code.to_owned(), message });
                }
                problem
            }
            Failure::VersionMismatch => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "the record has changed since; read it again",
            ),
            Failure::Conflict(detail) => Problem::new(StatusCode::CONFLICT, "conflict", detail),
            Failure::TooMany(wait_seconds) => {
                Problem::too_many("attempts", "too_many_attempts", wait_seconds)
            }
            Failure::Unavailable(inside) => Problem {
                inside: Some(inside.into_boxed_str()),
                ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not available now; try again")
            }
            .with(header::RETRY_AFTER, HeaderValue::from(1)),
            Failure::Unknown => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "unknown_outcome",
                "the database was lost while it saved: look whether it did before you try again",
            ),
            Failure::Template(error) => Problem::internal(format!("template {}", error.report())),
            Failure::Internal(inside) => Problem::internal(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn attack_09_a_problem_keeps_its_inside() {
        let problem = Problem::internal("password in <db> at 10.0.0.1");
        let body = problem.to_json(RequestId::next()).into_body().collect().await.unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["status"], 500);
        assert_eq!(json["code"], "internal");
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["request_id"].as_str().unwrap().len(), 32);
        assert!(!String::from_utf8_lossy(&body).contains("10.0.0.1"));
    }

    #[test]
    fn every_failure_has_its_status() {
        let bad = Failure::BadRequest {
            code: "bad_filter",
            parameter: Some("filter".into()),
            message: "no".into(),
        };
        for (failure, status) in [
            (Failure::NotFound, 404),
            (Failure::Unauthenticated, 401),
            (Failure::Forbidden, 403),
            (Failure::Stale, 403),
            (Failure::OutOfScope("posts:read".into()), 403),
            (Failure::Invalid(Vec::new()), 422),
            (bad, 400),
            (Failure::VersionMismatch, 412),
            (Failure::Conflict("x".into()), 409),
            (Failure::TooMany(3), 429),
            (Failure::Unavailable("x".into()), 503),
            (Failure::Internal("x".into()), 500),
        ] {
            assert_eq!(Problem::from(failure).status.as_u16(), status);
        }
    }
}
