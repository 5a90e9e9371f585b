//! Slugs that are told apart by numbers.

use purlin_schema::types::LONGEST_SLUG;

/// The slug with a number at its end, within the greatest length.
#[must_use]
pub fn numbered(slug: &str, number: u64) -> String {
    let suffix = format!("-{number}");
    let end = slug.char_indices().map(|(at, _)| at).chain([slug.len()]).take(LONGEST_SLUG - suffix.len() + 1);
    let stem = slug[..end.last().unwrap_or(0)].trim_end_matches('-');
    format!("{stem}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_SLUG, numbered};

    #[test]
    fn a_number_fits_within_the_length() {
        assert_eq!(numbered("post", 2), "post-2");
        for letter in ["x", "語"] {
            let long = numbered(&letter.repeat(LONGEST_SLUG), 123);
            assert_eq!(long.chars().count(), LONGEST_SLUG);
            assert!(long.ends_with(&format!("{letter}-123")));
        }
        assert_eq!(numbered("", 2), "-2");
    }
}
