//! Whether a password is good enough for somebody who chooses it: `zxcvbn` looks for words, names, keyboards and dates.

use zxcvbn::{Score, zxcvbn};

/// What is looked at: the estimate takes longer than its length.
const MOST_CHARACTERS: usize = 100;

/// What is wrong with a password that is easier to guess than `least`, from 0 (everything will do) to 4; `near` is what stands near
/// it: one's own address and name, the site's name.
pub(in crate::accounts) fn weakness(password: &str, near: &[String], least: u8) -> Option<String> {
    if least == 0 {
        return None;
    }
    let looked_at: String = password.chars().take(MOST_CHARACTERS).collect();
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    let estimate = zxcvbn(&looked_at, &near);
    if u8::from(estimate.score()) >= least || estimate.score() == Score::Four {
        return None;
    }
    let feedback = estimate.feedback();
    let why = feedback.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
    let what = feedback.and_then(|feedback| feedback.suggestions().first().map(ToString::to_string));
    let more = why.or(what).map(|more| format!(": {}", lowered(&more))).unwrap_or_default();
    Some(format!("is too easy to guess{more}"))
}

/// A sentence as a part of another one.
fn lowered(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_choose_is_too_weak_and_what_nobody_guesses_is_not() {
        for weak in ["password", "qwertyuiop", "12345678", "aaaaaaaa", "letmein1", "P@ssw0rd"] {
            let told = weakness(weak, &[], 2).unwrap_or_else(|| panic!("{weak}"));
            assert!(told.starts_with("is too easy to guess"), "{told}");
            assert_eq!(weakness(weak, &[], 0), None);
        }
        for good in ["correct horse battery", "tr0ub4dor&3xyz!", "zmxk1qpw7vbt"] {
            assert_eq!(weakness(good, &[], 2), None, "{good}");
        }
        let near = ["ada.lovelace@example.com".to_owned(), "Lovelace".to_owned()];
        assert!(weakness("ada.lovelace@example.com", &near, 3).is_some());
        assert!(weakness(&"é".repeat(10_000), &[], 4).is_some(), "a long one takes no longer");
    }
}
