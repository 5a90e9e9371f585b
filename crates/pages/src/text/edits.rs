//! Edits of a text that remember where everything was.

use std::collections::BTreeMap;
use std::ops::Range;

/// What is put into a text, and what it takes the place of; offsets are those of the text as it was.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    edits: BTreeMap<usize, Edit>,
}

#[derive(Debug, Default)]
struct Edit {
    text: String,
    /// How many bytes it takes the place of.
    removed: usize,
}

impl Edits {
    /// Puts something in at an offset, after what was put there before.
    pub(crate) fn insert(&mut self, at: usize, text: &str) {
        self.edits.entry(at).or_default().text.push_str(text);
    }

    /// Puts something in the place of a part, after what was put there before.
    pub(crate) fn replace(&mut self, part: Range<usize>, text: &str) {
        self.insert(part.start, text);
        if let Some(edit) = self.edits.get_mut(&part.start) {
            edit.removed = part.len();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The text with these edits.
    pub(crate) fn apply(&self, source: &str) -> String {
        let added: usize = self.edits.values().map(|edit| edit.text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut done = 0;
        for (at, edit) in &self.edits {
            out.push_str(&source[done..*at]);
            out.push_str(&edit.text);
            done = *at + edit.removed;
        }
        out.push_str(&source[done..]);
        out
    }

    /// Where something of the text as it is now was before; for what was put in, where that is.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let (mut now, mut before) = (0, 0);
        for (at, edit) in &self.edits {
            let here = now + at - before;
            if offset <= here {
                break;
            }
            (now, before) = (here + edit.text.len(), at + edit.removed);
            if offset < now {
                return *at;
            }
        }
        before + offset - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_where_it_was() {
        let source = "a < b and c";
        let mut edits = Edits::default();
        edits.insert(0, "(");
        edits.replace(2..3, ")|less(");
        edits.insert(5, ")");
        let text = edits.apply(source);
        assert_eq!(text, "(a )|less( b) and c");
        for word in ["a ", "b", "and", "c"] {
            let now = text.find(word).expect("it is there");
            assert_eq!(edits.original(now), source.find(word).expect("it is there"), "{word}");
        }
        assert_eq!(edits.original(text.find("less").expect("it is there")), 2);
        assert_eq!(edits.original(text.len()), source.len());
    }

    #[test]
    fn what_is_put_in_at_one_place_keeps_its_order() {
        let mut edits = Edits::default();
        edits.insert(1, "1");
        edits.replace(1..2, "2");
        assert_eq!(edits.apply("abc"), "a12c");
        assert!(!edits.is_empty() && Edits::default().is_empty());
    }
}
