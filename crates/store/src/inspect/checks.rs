//! Checks that leave a column one of a few words: `status IN ('draft', 'published')`, as each database writes it back.

/// The column and its words, where a check says nothing else.
pub(super) fn choice(check: &str, columns: &[String]) -> Option<(String, Vec<String>)> {
    let (plain, words) = without_texts(check)?;
    let mut plain: String = plain.split_whitespace().collect();
    for noise in ["charactervarying", "varchar", "text", "bpchar"] {
        for cast in [format!("::{noise}[]"), format!("::{noise}")] {
            plain = plain.replace(&cast, "");
        }
    }
    plain = plain.replace(['(', ')', '[', ']', '`', '"'], "").replace("_utf8mb4", "").replace("_latin1", "");
    let lower = plain.to_ascii_lowercase();
    let body = lower.strip_prefix("check").unwrap_or(&lower);
    let marks = vec!["?"; words.len()].join(",");
    let is = |column: &String| {
        let column = column.to_ascii_lowercase();
        let in_list =
            [format!("{column}in{marks}"), format!("{column}=anyarray{marks}")].contains(&body.to_owned());
        let in_turn = vec![format!("{column}=?"); words.len()].join("or");
        in_list || body == in_turn
    };
    let column = columns.iter().find(|column| is(column))?;
    let distinct = words.iter().enumerate().all(|(at, word)| !words[..at].contains(word) && !word.is_empty());
    (distinct && words.len() > 1).then(|| (column.clone(), words))
}

/// The labels of `enum('a','b')`.
pub(super) fn labels(declared: &str) -> Option<Vec<String>> {
    let (_, labels) = without_texts(declared)?;
    Some(labels)
}

/// A text of SQL with `?` for its texts, and these; nothing where one does not end.
fn without_texts(sql: &str) -> Option<(String, Vec<String>)> {
    // MySQL writes the quotes of a check with backslashes before them.
    let sql = sql.replace("\\'", "'");
    let (mut plain, mut texts) = (String::new(), Vec::new());
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\'' {
            plain.push(letter);
            continue;
        }
        let mut text = String::new();
        loop {
            match letters.next()? {
                '\'' if letters.peek() == Some(&'\'') => text.extend(letters.next()),
                '\'' => break,
                letter => text.push(letter),
            }
        }
        plain.push('?');
        texts.push(text);
    }
    Some((plain, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_a_few_words_is_a_choice_however_it_is_written() {
        let columns = ["id".to_owned(), "status".to_owned(), "kind".to_owned()];
        let words = Some(("status".to_owned(), vec!["draft".to_owned(), "it's out".to_owned()]));
        for check in [
            "CHECK (((status)::text = ANY ((ARRAY['draft'::character varying, 'it''s out'::character varying])::text[])))",
            "CHECK ((status = ANY (ARRAY['draft'::text, 'it''s out'::text])))",
            "CHECK (((status)::text = ANY (ARRAY[('draft'::character varying)::text, ('it''s out'::character varying)::text])))",
            "`status` in ('draft','it''s out')",
            "((`status` = 'draft') or (`status` = 'it''s out'))",
        ] {
            assert_eq!(choice(check, &columns), words, "{check}");
        }
        for check in [
            "CHECK ((status = ANY (ARRAY['draft'::text, 'b'::text])) OR kind IS NULL)",
            "`status` in ('draft','b') and `id` > 0",
            "`status` <> 'draft' or `status` <> 'b'",
            "CHECK ((status ~ 'a'::text))",
            "`other` in ('draft','b')",
            "`status` in ('draft','b",
        ] {
            assert_eq!(choice(check, &columns), None, "{check}");
        }
        let mysql = r"(`kind` in (_utf8mb4\'a\',_utf8mb4\'b\'))";
        assert_eq!(choice(mysql, &columns), Some(("kind".to_owned(), vec!["a".to_owned(), "b".to_owned()])));
    }
}
