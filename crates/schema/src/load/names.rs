//! What a name may be.

use super::report::File;
use super::toml::Entry;

/// PostgreSQL cuts identifiers at this many bytes.
pub(super) const LONGEST: usize = 63;

/// Fields that every model has.
pub(super) const SYSTEM_FIELDS: &[&str] = &["id", "created_at", "updated_at"];

/// Where templates find how many related records there are: `post.counts.comments`.
pub(super) const COUNTS: &str = "counts";

/// Models that would stand in the API's own places.
const RESERVED_MODELS: &[&str] = &["auth", "batch", "docs"];

/// `[a-z][a-z0-9_]*`, at most 63 bytes.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LONGEST
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether an entry's key may name a field, a query or a form; notes it where it may not.
pub(super) fn check_name(file: File<'_>, entry: &Entry, what: &str) -> bool {
    if what == "a field" && entry.key == COUNTS {
        let message =
            format!("a field cannot be called `{COUNTS}`: templates read counts of relations there");
        file.error("reserved-name", &entry.key_span, message).hint("give it another name");
        return false;
    }
    if is_name(&entry.key) {
        return true;
    }
    let message = format!("`{}` cannot be the name of {what}", entry.key);
    file.error("bad-name", &entry.key_span, message).hint(advice(&entry.key));
    false
}

/// Whether a file's name may name a model; notes it where it may not.
pub(super) fn check_model_name(file: File<'_>, name: &str) -> bool {
    if RESERVED_MODELS.contains(&name) {
        let message = format!("a model cannot be called `{name}`: the API has that path itself");
        file.error_in("reserved-name", message).hint("give the file another name");
        return false;
    }
    if name.starts_with('_') {
        let message = format!("a model cannot be called `{name}`: a leading underscore marks Purlin's own");
        file.error_in("reserved-name", message).hint("give the file another name");
        return false;
    }
    if name.contains("__") {
        let message = format!("a model cannot be called `{name}`: two underscores mark tables of links");
        file.error_in("reserved-name", message).hint("give the file another name");
        return false;
    }
    if is_name(name) {
        return true;
    }
    file.error_in("bad-name", format!("`{name}` cannot be the name of a model")).hint(advice(name));
    false
}

fn advice(name: &str) -> String {
    if name.len() > LONGEST {
        return format!("a name has at most {LONGEST} letters");
    }
    let likely: String =
        name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let likely = likely.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let rule = "a name begins with a small letter and goes on with small letters, digits and `_`";
    if is_name(likely) { format!("{rule}: `{likely}`") } else { rule.to_owned() }
}
