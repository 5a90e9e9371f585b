//! Which rule of the database's own a statement would break: MySQL tells the kind by a number, what it is about in words.

use crate::error::{Rule, Violation};

/// `ER_DUP_ENTRY`.
pub(super) const TAKEN: u16 = 1062;

/// The rule that was broken, by the error's number and its words.
pub(super) fn violation(code: u16, message: &str) -> Option<Violation> {
    let rule = match code {
        TAKEN | 1586 => Rule::Unique,
        1216 | 1217 | 1451 | 1452 => Rule::Reference,
        // Of a default that is no date, as 0000-00-00, there is none.
        1048 | 1364 | 1067 | 1978 => Rule::Required,
        3819 | 4025 => Rule::Check,
        1406 => Rule::TooLong,
        1071 | 1118 | 1153 => Rule::TooLarge,
        1264 | 1265 | 1292 | 1366 | 1367 | 1411 | 1525 | 3140 => Rule::Unfit,
        1644 => Rule::Trigger,
        1906 | 3105 => Rule::Computed,
        _ => return None,
    };
    let mut found = Violation::of(rule, format!("{message} ({code})"));
    match rule {
        // `Duplicate entry 'a' for key 'b'`, with the table before it on MySQL; the entry may hold anything.
        Rule::Unique => {
            found.constraint = message.rsplit_once(" for key ").and_then(|(_, rest)| last_name(rest));
        }
        // `…fails ("shop"."artist", CONSTRAINT "artist_ibfk_1" FOREIGN KEY ("mentor") REFERENCES …)`
        Rule::Reference => {
            found.table = after(message, " fails (");
            found.constraint = after(message, "CONSTRAINT ");
            found.column = after(message, "FOREIGN KEY (");
        }
        Rule::Check => {
            found.constraint = after(message, "onstraint ").or_else(|| after(message, "CONSTRAINT "));
        }
        // A value in the words before it may hold anything, too.
        _ => {
            let words = ["olumn ", "Field ", "default value for "];
            let named = words.iter().find_map(|words| message.rsplit_once(words));
            found.column = named.and_then(|(_, rest)| last_name(rest));
        }
    }
    Some(found)
}

fn after(message: &str, words: &str) -> Option<String> {
    last_name(message.split_once(words)?.1)
}

/// The last of some quoted names with points between them.
fn last_name(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '`' | '"'))?;
    let (name, rest) = text[1..].split_once(quote)?;
    if let Some(next) = rest.strip_prefix('.') {
        return last_name(next);
    }
    // MySQL puts both into one pair: 'posts.title'.
    Some(if quote == '\'' { name.rsplit_once('.').map_or(name, |(_, name)| name) } else { name }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_is_about_is_read_from_its_words() {
        let of = |code, message| {
            let found = violation(code, message).unwrap();
            (found.rule, found.table, found.constraint, found.column)
        };
        let some = |text: &str| Some(text.to_owned());
        for (message, key) in [
            ("Duplicate entry 'a' for key 'name'", "name"),
            ("Duplicate entry ' for key 'x'' for key 'posts.name'", "name"),
        ] {
            assert_eq!(of(1062, message), (Rule::Unique, None, some(key), None));
        }
        let child = "Cannot add or update a child row: a foreign key constraint fails (`shop`.`artist`, CONSTRAINT \
                     `artist_ibfk_1` FOREIGN KEY (`mentor`) REFERENCES `artist` (`id`))";
        assert_eq!(of(1452, child), (Rule::Reference, some("artist"), some("artist_ibfk_1"), some("mentor")));
        let child = child.replace('`', "\"");
        assert_eq!(
            of(1452, &child),
            (Rule::Reference, some("artist"), some("artist_ibfk_1"), some("mentor"))
        );
        for (code, message, rule) in [
            (1048, "Column 'fee' cannot be null", Rule::Required),
            (1364, "Field 'fee' doesn't have a default value", Rule::Required),
            (1978, "Incorrect default value '0000-00-00 00:00:00' for column 'fee'", Rule::Required),
            (1067, "Invalid default value for 'fee'", Rule::Required),
            (1406, "Data too long for column 'fee' at row 1", Rule::TooLong),
            (1264, "Out of range value for column 'fee' at row 1", Rule::Unfit),
            (
                1366,
                "Incorrect integer value: 'column `x`' for column `shop`.`artist`.`fee` at row 1",
                Rule::Unfit,
            ),
        ] {
            assert_eq!(of(code, message), (rule, None, None, some("fee")), "{message}");
        }
        let check = "CONSTRAINT `artist.state` failed for `shop`.`artist`";
        assert_eq!(of(4025, check), (Rule::Check, None, some("artist.state"), None));
        assert_eq!(of(3819, "Check constraint 'state' is violated.").2, some("state"));
        assert_eq!(violation(1146, "Table 'shop.x' doesn't exist"), None);
    }
}
