//! Whether an asker takes JSON (RFC 9110 §12.5.1).

use http::{HeaderMap, StatusCode, header};

use super::JSON;
use crate::answer::Problem;
use crate::assets::encoding::weighted;

/// Refuses an asker who takes no JSON; who says nothing takes everything.
///
/// # Errors
/// 406.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    if takes_json(headers) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "this is answered as application/json alone",
    ))
}

fn takes_json(headers: &HeaderMap) -> bool {
    let mut weights: [Option<u16>; 3] = [None; 3];
    let mut given = false;
    for item in headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter(|item| !item.trim().is_empty())
    {
        given = true;
        let (range, weight) = weighted(item);
        // The most exact range decides.
        let exactness = match range {
            range if range.eq_ignore_ascii_case(JSON) => 0,
            range if range.eq_ignore_ascii_case("application/*") => 1,
            "*/*" => 2,
            _ => continue,
        };
        weights[exactness] = weights[exactness].max(Some(weight));
    }
    !given || weights.into_iter().flatten().next().is_some_and(|weight| weight > 0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn accept(text: &str) -> bool {
        takes_json(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(text).unwrap())]))
    }

    #[test]
    fn ranges_are_read() {
        assert!(takes_json(&HeaderMap::new()));
        for takes in
            ["application/json", "*/*", "text/html, application/*;q=0.1", "Application/JSON; q=0.5", ""]
        {
            assert!(accept(takes), "{takes}");
        }
        for not in ["text/html", "application/json;q=0, */*", "image/*", "application/xml", "*/*;q=0"] {
            assert!(!accept(not), "{not}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_sent(text in "[ -~]{0,60}") {
            let _ = accept(&text);
        }
    }
}
