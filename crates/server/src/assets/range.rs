//! Ranges of a file (RFC 9110 §14): one is answered, several are not worth the trouble and get the whole.

use std::ops::Range;

/// What a `Range` header asks of so many bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: there is no range, it is malformed, of another unit, or there are several.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that there is: 416.
    Unsatisfiable,
}

/// Reads a `Range` header.
#[must_use]
pub fn wanted(header: Option<&str>, size_bytes: u64) -> Wanted {
    let Some(set) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Wanted::Whole };
    if set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Given::Nothing, Given::Number(count)) => match count.min(size_bytes) {
            0 => Wanted::Unsatisfiable,
            count => Wanted::Part(size_bytes - count..size_bytes),
        },
        (Given::Number(first), Given::Nothing) if first < size_bytes => Wanted::Part(first..size_bytes),
        (Given::Number(first), Given::Number(last)) if first > last => Wanted::Whole,
        (Given::Number(first), Given::Number(last)) if first < size_bytes => {
            Wanted::Part(first..last.saturating_add(1).min(size_bytes))
        }
        (Given::Number(_), Given::Number(_) | Given::Nothing) => Wanted::Unsatisfiable,
        _ => Wanted::Whole,
    }
}

enum Given {
    Nothing,
    Number(u64),
    Junk,
}

fn number(text: &str) -> Given {
    match text {
        "" => Given::Nothing,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More digits than fit lie beyond every file.
            Given::Number(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Given::Junk,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read() {
        for (header, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn attack_27_many_ranges_get_the_whole() {
        let flood = format!("bytes={}", vec!["0-"; 1000].join(","));
        assert_eq!(wanted(Some(&flood), 10), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn a_part_lies_within(header in "bytes=[0-9,-]{0,12}", size in 0_u64..1000) {
            if let Wanted::Part(part) = wanted(Some(&header), size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
