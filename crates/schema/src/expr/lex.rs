//! The words of an expression, looked at before the parser sees them.
//!
//! The parser of the `cel` crate says little about what a person meant, and takes long over what is deep. So
//! a text is first cut into tokens here: what is too long or too deep is refused, and what people write at
//! first (`=`, `and`, `is null`) is answered with what to write instead. The tokens serve once more
//! afterwards, to tell where a name or a bracket stands.

use std::ops::Range;

use super::Mistake;

/// The longest expression, in bytes.
pub const MAX_BYTES: usize = 4096;
/// The most nodes of an expression, with what its `[define]` names stand for.
pub const MAX_NODES: usize = 500;
/// The deepest nesting: brackets, and operators in a row without brackets.
pub const MAX_DEPTH: usize = 64;
/// The code of a mistake that another may have caused, until that is known.
const MISSING: &str = "missing-operator";
const MAX_TOKENS: usize = MAX_NODES * 3;

/// Words that CEL reserves: none of them is a name.
pub const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a word.
    Word,
    /// A number, text or bytes.
    Literal,
    /// An operator, a bracket, a comma.
    Mark,
}

/// Cuts a text into tokens; gives also how deeply they nest.
///
/// # Errors
/// Everything that can be told from the tokens alone.
pub(super) fn tokens(text: &str) -> Result<(Vec<Token>, usize), Vec<Mistake>> {
    if text.len() > MAX_BYTES {
        let message = format!("the expression has {} bytes; at most {MAX_BYTES} are taken", text.len());
        return Err(vec![Mistake::new("expression-too-long", 0..0, message)]);
    }
    let (tokens, mut mistakes) = cut(text);
    if tokens.len() > MAX_TOKENS {
        let message = format!(
            "the expression is too long: at most {MAX_NODES} names, literals and operators are taken"
        );
        return Err(vec![Mistake::new("expression-too-long", 0..0, message)]);
    }
    if tokens.is_empty() && mistakes.is_empty() {
        return Err(vec![Mistake::new("syntax", 0..text.len(), "the expression is empty")]);
    }
    let mut deepest = 0;
    if mistakes.is_empty() {
        match depth(text, &tokens) {
            Ok(depth) => deepest = depth,
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() || mistakes.iter().all(|mistake| mistake.code == "syntax") {
        habits(text, &tokens, &mut mistakes);
    }
    if mistakes.is_empty() { Ok((tokens, deepest)) } else { Err(sorted(mistakes)) }
}

fn sorted(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort_by_key(|mistake| mistake.span.start);
    mistakes.dedup_by(|second, first| {
        second.span.start < first.span.end && second.span.start >= first.span.start
    });
    mistakes
}

fn cut(text: &str) -> (Vec<Token>, Vec<Mistake>) {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut mistakes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        let kind = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0c => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' | b'\'' => {
                at = literal_text(bytes, at, false).unwrap_or_else(|| {
                    mistakes.push(
                        Mistake::new("syntax", start..text.len(), "this text has no end")
                            .hint(format!("close it with `{}`", char::from(byte))),
                    );
                    bytes.len()
                });
                TokenKind::Literal
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                at = run(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let prefix = &text[start..at];
                let quoted = matches!(bytes.get(at), Some(b'"' | b'\''));
                if quoted && matches!(prefix, "r" | "R" | "b" | "B" | "br" | "bR" | "Br" | "BR") {
                    let raw = prefix.contains(['r', 'R']);
                    at = literal_text(bytes, at, raw).unwrap_or_else(|| {
                        mistakes.push(Mistake::new("syntax", start..text.len(), "this text has no end"));
                        bytes.len()
                    });
                    TokenKind::Literal
                } else {
                    TokenKind::Word
                }
            }
            b'0'..=b'9' => {
                at = number(bytes, at);
                TokenKind::Literal
            }
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && !follows_value(&tokens, start) => {
                at = number(bytes, at);
                TokenKind::Literal
            }
            _ => match mark(&text[at..]) {
                Some(length) => {
                    at += length;
                    TokenKind::Mark
                }
                None => {
                    let character = text[at..].chars().next().unwrap_or('?');
                    at += foreign_text(&text[at..]).unwrap_or(character.len_utf8());
                    mistakes.push(stranger(character, &text[start..at], start..at));
                    continue;
                }
            },
        };
        tokens.push(Token { kind, span: start..at });
    }
    (tokens, mistakes)
}

fn follows_value(tokens: &[Token], at: usize) -> bool {
    tokens.last().is_some_and(|token| token.span.end == at && token.kind != TokenKind::Mark)
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| from + length)
}

/// Where the text that begins at a quote ends, if it does.
fn literal_text(bytes: &[u8], from: usize, raw: bool) -> Option<usize> {
    let quote = bytes[from];
    let triple = bytes.get(from + 1) == Some(&quote) && bytes.get(from + 2) == Some(&quote);
    let mut at = from + if triple { 3 } else { 1 };
    loop {
        match bytes.get(at)? {
            b'\\' if !raw => at += 2,
            b'\n' | b'\r' if !triple => return None,
            byte if *byte == quote => {
                if !triple {
                    return Some(at + 1);
                }
                if bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote) {
                    return Some(at + 3);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

fn number(bytes: &[u8], from: usize) -> usize {
    if bytes[from] == b'0' && matches!(bytes.get(from + 1), Some(b'x')) {
        let end = run(bytes, from + 2, |byte| byte.is_ascii_hexdigit());
        return end + usize::from(matches!(bytes.get(end), Some(b'u' | b'U')));
    }
    let mut at = run(bytes, from, |byte| byte.is_ascii_digit());
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = run(bytes, at + 1, |byte| byte.is_ascii_digit());
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = run(bytes, at + 1 + sign, |byte| byte.is_ascii_digit());
        }
    }
    at + usize::from(matches!(bytes.get(at), Some(b'u' | b'U')))
}

/// How long the mark is that a text begins with; what people write for another is a mark here too.
fn mark(text: &str) -> Option<usize> {
    const MARKS: &[&str] = &[
        "===", "!==", "<=>", "==", "!=", "<=", ">=", "<>", "&&", "||", "=>", "=", "<", ">", "&", "|", "!",
        "+", "-", "*", "/", "%", "?", ":", ",", ".", "(", ")", "[", "]", "{", "}",
    ];
    MARKS.iter().find(|mark| text.starts_with(**mark)).map(|mark| mark.len())
}

/// How long a text in quotes of another kind is.
fn foreign_text(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    let (_, open) = characters.next()?;
    let closes = |character: char| match open {
        '`' => character == '`',
        '“' | '„' | '”' => matches!(character, '“' | '”'),
        '‘' | '’' => character == '’',
        '«' => character == '»',
        _ => false,
    };
    characters.find(|(_, character)| closes(*character)).map(|(at, close)| at + close.len_utf8())
}

fn stranger(character: char, whole: &str, span: Range<usize>) -> Mistake {
    let inner = whole.strip_prefix(character).unwrap_or("");
    let inner = inner.char_indices().next_back().map_or("…", |(last, _)| &inner[..last]);

    let mistake = |message: String| Mistake::new("syntax", span.clone(), message);
    match character {
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            mistake(format!("`{character}` is a typographic quote")).hint(format!("write `\"{inner}\"`"))
        }
        ';' => mistake("`;` ends nothing here".into())
            .hint("an expression is one condition or value, without `;`"),
        '$' | '@' | '#' => mistake(format!("`{character}` means nothing in an expression"))
            .hint("name a field plainly, and inputs as `params.…`, `query.…` or `user.…`"),
        '`' => mistake("a backtick means nothing in an expression".into())
            .hint(format!("write `{inner}` for a field, `\"{inner}\"` for a text")),
        '≠' => mistake("`≠` is no operator".into()).hint("write `!=`"),
        '≤' => mistake("`≤` is no operator".into()).hint("write `<=`"),
        '≥' => mistake("`≥` is no operator".into()).hint("write `>=`"),
        _ => mistake(format!("{character:?} means nothing in an expression")),
    }
}

/// Refuses what nests too deeply or does not close, exactly as deep as the parser would go.
fn depth(text: &str, tokens: &[Token]) -> Result<usize, Mistake> {
    struct Level<'text> {
        open: &'text str,
        at: Range<usize>,
        operators: usize,
        inner: usize,
        deepest: usize,
        conditionals: usize,
    }
    impl Level<'_> {
        fn close_segment(&mut self) {
            self.deepest = self.deepest.max(self.operators + self.inner);
            (self.operators, self.inner) = (0, 0);
        }
    }
    let level = |open, at| Level { open, at, operators: 0, inner: 0, deepest: 0, conditionals: 0 };
    let mut reached = 0;
    let mut levels = vec![level("", 0..0)];
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind != TokenKind::Literal) {
        let word = &text[token.span.clone()];
        let before = index.checked_sub(1).map(|before| &tokens[before]);
        let sign = word == "-" && before.is_none_or(|before| !ends_value(before, &text[before.span.clone()]));
        let last = levels.len() - 1;
        match word {
            "(" | "[" | "{" => levels.push(level(word, token.span.clone())),
            ")" | "]" | "}" => {
                let fits = matches!((levels[last].open, word), ("(", ")") | ("[", "]") | ("{", "}"));
                if !fits {
                    let message = format!("`{word}` closes nothing");
                    return Err(Mistake::new("syntax", token.span.clone(), message));
                }
                levels[last].close_segment();
                let inner = levels[last].deepest + levels[last].conditionals + 1;
                levels.pop();
                let outer = levels.last_mut().expect("the outermost level never closes");
                outer.inner = outer.inner.max(inner);
            }
            "&&" | "||" | ":" | "," => levels[last].close_segment(),
            "?" => {
                levels[last].close_segment();
                levels[last].conditionals += 1;
            }
            _ if word == "!" || sign => {}
            _ if token.kind == TokenKind::Mark || word == "in" => levels[last].operators += 1,
            _ => {}
        }
        let open: usize = levels.iter().map(|level| level.operators.max(1) + level.conditionals).sum();
        let closed =
            levels.iter().map(|level| level.deepest.max(level.operators + level.inner)).max().unwrap_or(0);
        reached = reached.max(open).max(closed);
        if reached > MAX_DEPTH {
            let message = format!("the expression nests too deeply: at most {MAX_DEPTH} levels are taken");
            return Err(Mistake::new("expression-too-deep", token.span.clone(), message)
                .hint("operators in a row count too, except `&&` and `||`"));
        }
    }
    match levels.pop() {
        Some(open) if !open.open.is_empty() => {
            Err(Mistake::new("syntax", open.at, format!("`{}` is never closed", open.open)))
        }
        _ => Ok(reached),
    }
}

/// Finds what people write at first, out of habit from SQL and other languages.
fn habits(text: &str, tokens: &[Token], mistakes: &mut Vec<Mistake>) {
    let word = |at: usize| tokens.get(at).map_or("", |token| &text[token.span.clone()]);
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let here = word(at);
        let lower = here.to_ascii_lowercase();
        let after_value = at > 0 && ends_value(&tokens[at - 1], word(at - 1));
        let found = match token.kind {
            TokenKind::Mark => operator_habit(here, &token.span),
            TokenKind::Literal if after_value => Some((1, two_values(here, &token.span))),
            TokenKind::Word if at > 0 && word(at - 1) == "." => None,
            TokenKind::Word if after_value && here != "in" => {
                let next = word(at + 1).to_ascii_lowercase();
                let third = word(at + 2).to_ascii_lowercase();
                let (many, mistake) = word_habit(here, &lower, [&next, &third], &token.span);
                let end = tokens[(at + many - 1).min(tokens.len() - 1)].span.end;
                Some((many, Mistake { span: token.span.start..end, ..mistake }))
            }
            TokenKind::Word
                if lower == "not" && at + 1 < tokens.len() && begins_value(&tokens[at + 1], word(at + 1)) =>
            {
                let message = format!("`{here}` is not an operator");
                Some((1, Mistake::new("syntax", token.span.clone(), message).hint("write `!`: `!(…)`")))
            }
            TokenKind::Word
                if RESERVED.contains(&here) && !matches!(here, "true" | "false" | "null" | "in") =>
            {
                let message = format!("`{here}` is a word that CEL reserves");
                let hint = format!("a field of this name is reached by `this.{here}`");
                Some((1, Mistake::new("reserved-word", token.span.clone(), message).hint(hint)))
            }
            _ => None,
        };
        match found {
            Some((many, mistake)) => {
                mistakes.push(mistake);
                at += many;
            }
            None => at += 1,
        }
    }
    // Where something else was not read, what stands beside it only seems to lack an operator.
    if mistakes.iter().any(|mistake| mistake.code != MISSING) {
        mistakes.retain(|mistake| mistake.code != MISSING);
    }
    for mistake in mistakes.iter_mut() {
        if mistake.code == MISSING {
            mistake.code = "syntax";
        }
    }
    if let (true, Some(last)) = (mistakes.is_empty(), tokens.last()) {
        let end = word(tokens.len() - 1);
        if !ends_value(last, end) {
            let message = format!("a value is missing after `{end}`");
            mistakes.push(Mistake::new("syntax", last.span.clone(), message));
        }
    }
}

fn ends_value(token: &Token, word: &str) -> bool {
    match token.kind {
        TokenKind::Literal => true,
        TokenKind::Word => {
            word != "in" && !["and", "or", "not"].contains(&word.to_ascii_lowercase().as_str())
        }
        TokenKind::Mark => matches!(word, ")" | "]" | "}"),
    }
}

fn begins_value(token: &Token, word: &str) -> bool {
    match token.kind {
        TokenKind::Literal => true,
        TokenKind::Word => word != "in",
        TokenKind::Mark => matches!(word, "(" | "[" | "!" | "-"),
    }
}

fn operator_habit(mark: &str, span: &Range<usize>) -> Option<(usize, Mistake)> {
    let instead = match mark {
        "=" | "===" => "==",
        "!==" | "<>" => "!=",
        "&" => "&&",
        "|" => "||",
        "=>" => ">=",
        "<=>" => "==",
        _ => return None,
    };
    let message = format!("`{mark}` is not an operator");
    Some((1, Mistake::new("syntax", span.clone(), message).hint(format!("write `{instead}`"))))
}

/// A word that stands where an operator belongs, and how many tokens it takes up.
fn word_habit(here: &str, lower: &str, next: [&str; 2], span: &Range<usize>) -> (usize, Mistake) {
    let mistake = |said: &str, hint: &str| {
        Mistake::new("syntax", span.clone(), format!("`{said}` is not an operator")).hint(hint)
    };
    match (lower, next) {
        ("and", _) => (1, mistake(here, "write `&&`")),
        ("or", _) => (1, mistake(here, "write `||`")),
        ("is", ["not", "null"]) => (3, mistake("is not null", "write `!= null`")),
        ("is", ["null", _]) => (2, mistake("is null", "write `== null`")),
        ("is", ["not", _]) => (2, mistake("is not", "write `!=`")),
        ("is" | "eq" | "equals", _) => (1, mistake(here, "write `==`")),
        ("ne" | "neq", _) => (1, mistake(here, "write `!=`")),
        ("not", ["in", _]) => (2, mistake("not in", "write `!(x in list)`")),
        ("not", ["like" | "ilike", _]) => (2, mistake("not like", "write `!title.contains(\"…\")`")),
        ("like" | "ilike", _) => {
            (1, mistake(here, "write `title.contains(\"…\")`, `startsWith(\"…\")` or `endsWith(\"…\")`"))
        }
        ("contains" | "startswith" | "endswith" | "matches", _) => {
            (1, mistake(here, "it is called on the text: `title.contains(\"…\")`"))
        }
        ("between", _) => (1, mistake(here, "write `x >= a && x <= b`")),
        ("in", _) => (1, mistake(here, "write `in`, in small letters")),
        ("xor", _) => (1, mistake(here, "write `!=` between two conditions")),
        ("div", _) => (1, mistake(here, "write `/`")),
        ("mod", _) => (1, mistake(here, "write `%`")),
        _ => (1, two_values(here, span)),
    }
}

fn two_values(here: &str, span: &Range<usize>) -> Mistake {
    Mistake::new(MISSING, span.clone(), format!("an operator is missing before `{here}`"))
        .hint("such as `==`, `&&` or `||`")
}
