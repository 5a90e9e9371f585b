//! Slugs: what a title is called in a URL.

/// A slug is made at most this long, in characters.
pub const MAX_SLUG: usize = 80;

/// The slug of a text: lower-case ASCII letters, digits and single hyphens. Letters with marks lose them, a
/// few others become what is usual for them; the rest is left out, so the result may be empty.
#[must_use]
pub fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len().min(MAX_SLUG));
    let mut pause = false;
    for character in text.chars().flat_map(char::to_lowercase) {
        let plain = transliterate(character);
        let word = if plain.is_empty() && character.is_ascii_alphanumeric() {
            character.encode_utf8(&mut [0; 4]).to_owned()
        } else {
            plain.to_owned()
        };
        if word.is_empty() {
            // An apostrophe or a mark joins what is around it: `don't` is one word.
            pause |= !matches!(character, '\'' | '’' | '\u{300}'..='\u{36f}');
            continue;
        }
        let hyphen = pause && !slug.is_empty();
        if slug.len() + word.len() + usize::from(hyphen) > MAX_SLUG {
            break;
        }
        if hyphen {
            slug.push('-');
        }
        pause = false;
        slug.push_str(&word);
    }
    slug
}

/// The slug with a number at its end, within the greatest length.
#[must_use]
pub fn numbered(slug: &str, number: u64) -> String {
    let suffix = format!("-{number}");
    let end =
        slug.char_indices().map(|(at, _)| at).chain([slug.len()]).take(MAX_SLUG - suffix.len() + 1).last();
    let stem = slug[..end.unwrap_or(0)].trim_end_matches('-');
    format!("{stem}{suffix}")
}

fn transliterate(character: char) -> &'static str {
    match character {
        'à'..='ã' | 'å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='õ' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SLUG, numbered, slugify};

    #[test]
    fn titles_become_slugs() {
        for (title, slug) in [
            ("Hello, World!", "hello-world"),
            ("  Don't  panic -- ever ", "dont-panic-ever"),
            ("Größe & Straße", "groesse-strasse"),
            ("Crème brûlée № 7", "creme-brulee-7"),
            ("日本", ""),
            ("e\u{301}tude", "etude"),
        ] {
            assert_eq!(slugify(title), slug, "{title}");
        }
        assert!(slugify(&"word ".repeat(100)).len() <= MAX_SLUG);
    }

    #[test]
    fn a_number_fits_within_the_length() {
        assert_eq!(numbered("post", 2), "post-2");
        let long = "x".repeat(MAX_SLUG);
        assert_eq!(numbered(&long, 123).len(), MAX_SLUG);
        assert!(numbered(&long, 123).ends_with("x-123"));
        assert_eq!(numbered("", 2), "-2");
    }
}
