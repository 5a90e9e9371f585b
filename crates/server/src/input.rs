//! What a stranger sends, parsed in linear time: pairs of a query or a form, and JSON.

use std::fmt;

use axum::extract::FromRequest;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use hyper::body::Bytes;
use percent_encoding::percent_decode;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::answer::Problem;

/// The most pairs of a query or a form.
const MAX_PAIRS: usize = 1000;
/// The deepest nesting of JSON.
const MAX_DEPTH: u8 = 64;

/// Names and values, in their order.
pub(crate) type Pairs = Vec<(String, String)>;

/// The pairs of a query string or of an urlencoded form (WHATWG URL §5.1), which must be UTF-8.
///
/// # Errors
/// 400.
pub(crate) fn pairs(text: &[u8]) -> Result<Pairs, Problem> {
    if text.iter().filter(|byte| **byte == b'&').count() >= MAX_PAIRS {
        return Err(Problem::bad_request("too_many_parameters", format!("more than {MAX_PAIRS} parameters")));
    }
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((pair, &pair[pair.len()..]), |at| (&pair[..at], &pair[at + 1..]));
        pairs.push((decoded(name)?, decoded(value)?));
    }
    Ok(pairs)
}

fn decoded(text: &[u8]) -> Result<String, Problem> {
    let bytes: Vec<u8> = if text.contains(&b'+') {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect()
    } else {
        percent_decode(text).collect()
    };
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Problem::bad_request("bad_encoding", "a parameter is not UTF-8 text")),
    }
}

/// The pairs of a posted form.
///
/// # Errors
/// 415 for other types, 400 for what is malformed.
pub(crate) async fn form(request: &Parts, body: Bytes) -> Result<Pairs, Problem> {
    match content_type(&request.headers).as_deref() {
        Some("application/x-www-form-urlencoded") => pairs(&body),
        Some("multipart/form-data") => multipart(&request.headers, body).await,
        None if body.is_empty() => Ok(Vec::new()),
        _ => Err(unsupported("a form is sent as application/x-www-form-urlencoded or multipart/form-data")),
    }
}

async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Pairs, Problem> {
    let bad = |_| Problem::bad_request("bad_form", "the form is malformed");
    let mut request = axum::extract::Request::new(axum::body::Body::from(body));
    if let Some(ty) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, ty.clone());
    }
    let mut parts = axum::extract::Multipart::from_request(request, &())
        .await
        .map_err(|_| Problem::bad_request("bad_form", "the form is malformed: its boundary is missing"))?;
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(bad)? {
        if pairs.len() == MAX_PAIRS {
            return Err(Problem::bad_request(
                "too_many_parameters",
                format!("more than {MAX_PAIRS} parameters"),
            ));
        }
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some_and(|file| !file.is_empty());
        let bytes = part.bytes().await.map_err(bad)?;
        if is_file {
            return Err(unsupported("files cannot be sent here"));
        }
        match String::from_utf8(bytes.into()) {
            Ok(text) if !text.contains('\0') && !name.contains('\0') => pairs.push((name, text)),
            _ => return Err(Problem::bad_request("bad_encoding", "a field is not UTF-8 text")),
        }
    }
    Ok(pairs)
}

/// A JSON object from a body of one of these types.
///
/// # Errors
/// 415 for other types, 400 for what is malformed.
pub(crate) fn json_object(
    request: &Parts,
    body: &[u8],
    types: &[&str],
) -> Result<Map<String, Value>, Problem> {
    let ty = content_type(&request.headers);
    if !ty.is_some_and(|ty| types.contains(&ty.as_str())) {
        return Err(unsupported(format!("send {}", types.join(" or "))));
    }
    match json(body)? {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::bad_request("bad_json", "the body must be a JSON object")),
    }
}

fn unsupported(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// The one content type of a request, in lower case without parameters; none where it is coded, in another
/// charset than UTF-8, or given twice.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (given.next(), given.next()) else { return None };
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return None;
    }
    let text = one.to_str().ok()?.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let ty = parts.next()?.to_owned();
    let foreign = |parameter: &str| {
        parameter
            .strip_prefix("charset=")
            .is_some_and(|charset| !matches!(charset.trim_matches('"'), "utf-8" | "utf8"))
    };
    if parts.any(foreign) { None } else { Some(ty) }
}

/// Reads JSON: nested 64 deep at most, no name twice in an object, no number beyond a double.
///
/// # Errors
/// 400, with the line and column.
pub(crate) fn json(body: &[u8]) -> Result<Value, Problem> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    Strict(MAX_DEPTH)
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value))
        .map_err(|error| Problem::bad_request("bad_json", format!("the body is not JSON: {error}")))
}

struct Strict(u8);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("nested too deep"))?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict(depth))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("nested too deep"))?;
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict(depth))?;
            if object.contains_key(&name) {
                return Err(A::Error::custom("the same name twice in an object"));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let read = pairs(b"a=1&b=x+y%20z&c&=d&a=%C3%A9&&").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, [("a", "1"), ("b", "x y z"), ("c", ""), ("", "d"), ("a", "é")]);
        assert!(pairs(b"a=%ff").is_err());
        assert!(pairs(b"a=%00").is_err());
        assert!(pairs(b"").unwrap().is_empty());
    }

    #[test]
    fn attack_24_a_flood_of_pairs_is_refused() {
        assert!(pairs("a=1&".repeat(100_000).as_bytes()).is_err());
        assert_eq!(pairs("a=1&".repeat(999).as_bytes()).unwrap().len(), 999);
    }

    #[test]
    fn attack_25_numbers_and_depth_are_bounded() {
        let deep = "[".repeat(100_000);
        let digits = format!("[{}]", "9".repeat(1_000_000));
        for bad in
            ["1e100000", "{\"a\":1,\"a\":2}", "{} x", "", "{\"a\":}", "\"\\ud800\"", "NaN", &deep, &digits]
        {
            assert_eq!(json(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST);
        }
        let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(json(fits.as_bytes()).is_ok());
        let too_deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert!(json(too_deep.as_bytes()).is_err());
    }

    fn request(ty: &str) -> Parts {
        http::Request::builder().header("content-type", ty).body(()).unwrap().into_parts().0
    }

    #[test]
    fn attack_10_json_as_text_is_refused() {
        for (ty, fits) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("text/plain", false),
            ("application/json; charset=utf-16", false),
            ("application/x-www-form-urlencoded", false),
            ("text/plain; application/json", false),
        ] {
            let read = json_object(&request(ty), b"{}", &["application/json"]);
            assert_eq!(read.is_ok(), fits, "{ty}");
        }
    }

    #[tokio::test]
    async fn attack_22_multipart_is_bounded() {
        let part = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        let request = request("multipart/form-data; boundary=x");
        let fine = form(&request, Bytes::from(format!("{}--x--\r\n", part.repeat(3)))).await.unwrap();
        assert_eq!(fine, vec![("a".to_owned(), "1".to_owned()); 3]);
        for bad in [format!("{}--x--\r\n", part.repeat(100_000)), part.to_owned(), "junk".to_owned()] {
            let refused = form(&request, Bytes::from(bad)).await.unwrap_err();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        }
        let file = "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n1\r\n--x--\r\n";
        let refused = form(&request, Bytes::from(file)).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    proptest! {
        #[test]
        fn json_agrees_with_serde(text in "[\\[\\]{},:\"a0-9. tnuel-]{0,30}") {
            if let Ok(value) = json(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }
    }
}
