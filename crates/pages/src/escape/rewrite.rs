//! Puts a filter around expressions of a template's text, keeping every line where it is.

use minijinja::machinery::{Token, tokenize};

use crate::text::edits::Edits;

/// What is put where: offsets in the text as it was.
#[derive(Debug, Default)]
pub(super) struct Rewrite {
    /// The places of `{{` and `}}`: after the first, before the second.
    prints: Vec<(usize, usize)>,
    pub(super) edits: Edits,
}

impl Rewrite {
    /// Finds where expressions are printed.
    pub(super) fn of(source: &str) -> Rewrite {
        let mut prints = Vec::new();
        let mut open = None;
        for token in tokenize(source, false, Default::default()) {
            match token {
                Ok((Token::VariableStart, span)) => open = Some(span.end_offset as usize),
                Ok((Token::VariableEnd, span)) => {
                    prints.extend(open.take().map(|open| (open, span.start_offset as usize)));
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Rewrite { prints, edits: Edits::default() }
    }

    /// Puts a filter around the expression that is printed at an offset.
    pub(super) fn wrap(&mut self, at: usize, filter: &str) {
        if let Some((open, close)) = self.prints.iter().find(|(open, close)| (*open..=*close).contains(&at)) {
            self.edits.insert(*open, "(");
            self.edits.insert(*close, &format!(")|{filter} "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_wrapped_where_it_stands() {
        let source = "a {{ x }} {#- {{ n }} #} {% raw %}{{ y }}{% endraw %} {{- z if q -}} b";
        let mut rewrite = Rewrite::of(source);
        rewrite.wrap(source.find('x').expect("it is there"), "f");
        rewrite.wrap(source.find("z if").expect("it is there"), "g");
        let out = rewrite.edits.apply(source);
        assert_eq!(out, "a {{( x )|f }} {#- {{ n }} #} {% raw %}{{ y }}{% endraw %} {{-( z if q )|g -}} b");
        for word in ["x )", "z if", "b", "{% raw"] {
            let word = word.trim_end_matches(" )");
            let now = out.rfind(word).expect("it is there");
            assert_eq!(rewrite.edits.original(now), source.rfind(word).expect("it is there"), "{word}");
        }
    }
}
