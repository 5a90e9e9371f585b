//! `slug`: a record's name in a URL, usually made from another field.

use super::{Control, FieldType, Problem, input, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Letters, digits and `-`, `_`, `.`, `~`; `from` names the field that it is made from.
#[derive(Debug)]
pub(super) struct Slug;

/// Slugs that are made from a text are cut at this many characters.
pub const LONGEST_SLUG: usize = 100;

impl FieldType for Slug {
    fn name(&self) -> &'static str {
        "slug"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["from"]
    }

    fn control(&self) -> Control {
        Control::Text
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        input::from_text(field.kind, self.noun(), text.trim())
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        let text = value.as_text()?;
        let fits = |c: char| c.is_alphanumeric() || "-_.~".contains(c);
        if !text.chars().all(fits) {
            return Some(Problem::new("invalid", "may only have letters, digits, `-`, `_`, `.` and `~`"));
        }
        // A browser resolves these before it asks.
        if matches!(text, "." | "..") {
            return Some(Problem::not("a name that a URL can have"));
        }
        limits::check_text(field, value)
    }
}

/// What a slug is made of a text: small letters and digits with `-` between words. Latin letters lose their
/// accents; letters of other scripts stay, so that a title in any language gets one. Empty where the text
/// has neither letters nor digits.
#[must_use]
pub fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    let mut length = 0;
    for c in text.chars().flat_map(char::to_lowercase) {
        if is_mark(c) || matches!(c, '\'' | '’') {
            continue;
        }
        if !c.is_alphanumeric() {
            gap = true;
            continue;
        }
        let hyphen = gap && !slug.is_empty();
        let plain = unaccented(c);
        length += plain.map_or(1, str::len) + usize::from(hyphen);
        if length > LONGEST_SLUG {
            break;
        }
        if hyphen {
            slug.push('-');
        }
        gap = false;
        match plain {
            Some(plain) => slug.push_str(plain),
            None => slug.push(c),
        }
    }
    slug
}

/// Combining accents, as in a decomposed `é`.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

fn unaccented(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_become_slugs() {
        for (title, slug) in [
            ("Hello, World!", "hello-world"),
            ("  Don't   panic  ", "dont-panic"),
            ("Ärger mit Straße", "aerger-mit-strasse"),
            ("Привет, мир", "привет-мир"),
            ("日本語 2026", "日本語-2026"),
            ("C++ & Rust 1.0", "c-rust-1-0"),
            ("!!!", ""),
        ] {
            assert_eq!(slugify(title), slug);
        }
    }

    proptest! {
        #[test]
        fn every_slug_that_is_made_is_a_slug(title in any::<String>()) {
            let slug = slugify(&title);
            prop_assert!(slug.chars().count() <= LONGEST_SLUG);
            prop_assert_eq!(Slug.check(&Field::plain("slug", &Slug), &Value::from(slug)), None);
        }
    }
}
