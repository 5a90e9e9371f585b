//! What holds for every text.

use super::Tree;
use crate::Outcome;

/// A text ends with one newline and has no carriage returns. What tests compare with may be anything.
pub(super) fn ends(tree: &Tree) -> Outcome<Vec<String>> {
    let fixture = |path: &std::path::Path| {
        path.components().any(|part| {
            ["tests", "fixtures", "scenarios", "seeds"].iter().any(|name| part.as_os_str() == *name)
        }) && path.extension().is_none_or(|extension| extension != "rs")
    };
    let wrong = tree
        .files
        .iter()
        .filter(|(path, text)| !fixture(path) && !text.is_empty())
        .filter(|(_, text)| !text.ends_with('\n') || text.ends_with("\n\n") || text.contains('\r'))
        .map(|(path, _)| format!("{} does not end with one newline, or has carriage returns", path.display()))
        .collect();
    Ok(wrong)
}
