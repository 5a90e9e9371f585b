//! From the names of a foreign database to those of models and fields.

use std::collections::HashSet;

/// Names that a model cannot have, or that mean something in templates.
const NOT_MODELS: &[&str] = &[
    "api", "login", "logout", "signup", "healthz", "readyz", "users", "auth", "batch", "docs", "admin",
    "site", "user", "params", "query", "form", "data",
];

/// Names that every model has, or that templates have for something else.
const NOT_FIELDS: &[&str] = &["id", "created_at", "updated_at", "counts"];

/// `Order Details` and `OrderDetails` as `order_details`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before: Option<char> = None;
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            before = None;
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        let next_is_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| !before.is_ascii_uppercase() || next_is_small);
        if begins && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = Some(*letter);
    }
    let snake = snake.trim_matches('_');
    let snake: String = snake.chars().take(50).collect();
    match snake.chars().next() {
        Some(first) if first.is_ascii_lowercase() => snake,
        Some(_) => format!("n{snake}"),
        None => "unnamed".to_owned(),
    }
}

/// A model's name for a table, which no other has.
pub(super) fn model(table: &str, taken: &mut HashSet<String>) -> String {
    unlike(snake(table), "_table", taken, |name| NOT_MODELS.contains(&name))
}

/// A field's name for a column, which no other of its model has.
pub(super) fn field(wanted: &str, taken: &mut HashSet<String>) -> String {
    unlike(snake(wanted), "_value", taken, |name| NOT_FIELDS.contains(&name))
}

fn unlike(name: String, suffix: &str, taken: &mut HashSet<String>, refused: fn(&str) -> bool) -> String {
    let name = if refused(&name) { name + suffix } else { name };
    let mut free = name.clone();
    for number in 2.. {
        if taken.insert(free.clone()) {
            break;
        }
        free = format!("{name}_{number}");
    }
    free
}

/// `order_details` as a person would write it.
pub(super) fn human(name: &str) -> String {
    let words = snake(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_customs_become_ours() {
        for (name, ours) in [
            ("Order Details", "order_details"),
            ("InvoiceLine", "invoice_line"),
            ("HTTPLog", "http_log"),
            ("customerID", "customer_id"),
            ("2nd.Name", "n2nd_name"),
            ("_private", "private"),
            ("Größe", "gr_e"),
            ("日本", "unnamed"),
        ] {
            assert_eq!(snake(name), ours);
        }
        let mut taken = HashSet::new();
        assert_eq!(model("Users", &mut taken), "users_table");
        assert_eq!((model("A b", &mut taken), model("a_b", &mut taken)), ("a_b".into(), "a_b_2".into()));
        assert_eq!(field("created_at", &mut taken), "created_at_value");
    }

    #[test]
    fn a_text_cannot_leave_its_quotes() {
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000A\"");
    }
}
