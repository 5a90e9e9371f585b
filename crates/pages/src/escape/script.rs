//! Scripts: where in JavaScript or JSON a text stands, as far as it takes to know whether a value may be written there.

/// Where in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Whether it is data (`type="application/json"`), which nothing runs.
    pub(super) data: bool,
    place: Place,
    /// The last character, where it decides what the next one means.
    last: Option<char>,
    /// A regular expression or a template text came before: what is a string and what is not cannot be told.
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Code,
    Quoted(char),
    Line,
    Block,
}

impl Script {
    pub(super) fn new(data: bool) -> Script {
        Script { data, place: Place::Code, last: None, lost: false }
    }

    /// Takes in a character of the script.
    pub(super) fn feed(&mut self, c: char) {
        let last = self.last.take();
        match self.place {
            Place::Code => self.feed_code(last, c),
            Place::Quoted(quote) => match (last, c) {
                (Some('\\'), _) => {}
                (_, '\\') => self.last = Some('\\'),
                (Some('$'), '{') if quote == '`' => self.lost = true,
                (_, '$') if quote == '`' => self.last = Some('$'),
                (_, '\n') if quote != '`' => self.place = Place::Code,
                _ if c == quote => self.place = Place::Code,
                _ => {}
            },
            Place::Line if c == '\n' => self.place = Place::Code,
            Place::Line => {}
            Place::Block if last == Some('*') && c == '/' => self.place = Place::Code,
            Place::Block => self.last = Some(c),
        }
    }

    fn feed_code(&mut self, last: Option<char>, c: char) {
        match (last, c) {
            (Some('/'), '/') if !self.data => self.place = Place::Line,
            (Some('/'), '*') if !self.data => self.place = Place::Block,
            (Some('/'), _) if !self.data => {
                self.lost = true;
                self.open(c);
            }
            _ => self.open(c),
        }
    }

    fn open(&mut self, c: char) {
        match c {
            '"' => self.place = Place::Quoted(c),
            '\'' | '`' if !self.data => self.place = Place::Quoted(c),
            '/' => self.last = Some('/'),
            _ => {}
        }
    }

    /// Why a value may not be written here, where it may not.
    pub(super) fn refuses(&self) -> Option<&'static str> {
        match self.place {
            _ if self.lost || self.last == Some('/') => Some(
                "after a regular expression, a division or a template text it cannot be told where a string ends",
            ),
            Place::Quoted(_) => Some("it stands between quotes, and JSON brings its own"),
            Place::Line | Place::Block => Some("it stands in a comment"),
            Place::Code => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<&'static str> {
        let mut script = Script::new(false);
        text.chars().for_each(|c| script.feed(c));
        script.refuses()
    }

    #[test]
    fn a_value_stands_in_code_alone() {
        for fine in [
            "var a = ",
            "var a = 'x'; b = ",
            "/* it's */ f(",
            "// it's\nf(",
            r#"a = "\""; b = "#,
            "a = '/'; b =",
        ] {
            assert_eq!(after(fine), None, "{fine}");
        }
        for refused in [
            "a = '",
            "a = \"x",
            "a = `",
            "// ",
            "/* ",
            "a = /'/; b = '",
            "a = 1 / ",
            "a = `${b}`; c = ",
            r#"a = "\""#,
        ] {
            assert!(after(refused).is_some(), "{refused}");
        }
    }
}
