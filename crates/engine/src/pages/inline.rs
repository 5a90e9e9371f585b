//! Inline scripts and styles of a site's templates, by hashes, as a content security policy names them.
//!
//! Those that are the same at each request run without a word of the template's author; no other does, unless it has
//! the nonce of its answer. So a page with them is stored as any other.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use purlin_pages::Templates;
use sha2::{Digest, Sha256};

/// What of a page may run although it stands in the page itself: sources of a policy, each after a space.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inline {
    /// Of `script-src`: ` 'sha256-…' 'sha256-…'`.
    pub scripts: String,
    /// Of `style-src`.
    pub styles: String,
}

/// Those of every template that has any.
#[derive(Default)]
pub(crate) struct Inlines(HashMap<String, Arc<Inline>>);

impl Inlines {
    pub(crate) fn of(templates: &Templates) -> Inlines {
        let inline = |name: &String| {
            let inline = Inline {
                scripts: sources(templates.inline_scripts(name)),
                styles: sources(templates.inline_styles(name)),
            };
            (inline != Inline::default()).then(|| (name.clone(), Arc::new(inline)))
        };
        Inlines(templates.site().templates.keys().filter_map(inline).collect())
    }

    pub(crate) fn get(&self, template: &str) -> Option<Arc<Inline>> {
        self.0.get(template).cloned()
    }
}

fn sources(texts: &[String]) -> String {
    let mut hashes: Vec<String> = texts.iter().map(|text| hash(text)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.iter().map(|hash| format!(" 'sha256-{hash}'")).collect()
}

/// Of the text as a browser has it: it reads every end of a line as one character.
fn hash(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_the_standard() {
        // The example of Content Security Policy Level 3, section 8.2.
        assert_eq!(hash("doSomething();"), "RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
        assert_eq!(hash("a\r\nb\r"), hash("a\nb\n"));
    }

    #[test]
    fn each_is_named_once() {
        let texts = ["b".to_owned(), "a".to_owned(), "b".to_owned()];
        assert_eq!(sources(&texts).matches("'sha256-").count(), 2);
        assert_eq!(sources(&[]), "");
    }
}
