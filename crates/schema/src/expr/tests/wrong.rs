//! Texts and what is said of them, drawn as a person sees it.
//!
//! `mistakes.txt` holds a text after each `>`, and then what is wrong with it. `UPDATE_EXPECTED=1` writes
//! the file anew; read what changed.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Site;
use crate::expr::{Expect, check, check_defines, fuzz};

const EXPECTED: &str = include_str!("mistakes.txt");

#[test]
fn mistakes_are_drawn_with_what_to_write() {
    let site = Site::new();
    let mut drawn = String::new();
    for text in EXPECTED.lines().filter_map(|line| line.strip_prefix("> ")) {
        let _ = write!(drawn, "> {text}\n\n");
        match site.check(text) {
            Ok(expr) => {
                let _ = write!(drawn, "nothing is wrong: {expr:?}\n\n");
            }
            Err(mistakes) => {
                for mistake in mistakes {
                    let _ = write!(drawn, "{} ({})\n\n", mistake.draw(text), mistake.code);
                }
            }
        }
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/expr/tests/mistakes.txt"), &drawn)
            .expect("written");
        return;
    }
    assert!(drawn == EXPECTED, "{}", first_difference(&drawn, EXPECTED));
}

fn first_difference(drawn: &str, expected: &str) -> String {
    let differs = drawn.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| drawn.lines().count().min(expected.lines().count()));
    let around = |text: &str| text.lines().skip(at.saturating_sub(6)).take(9).collect::<Vec<_>>().join("\n");
    format!("drawn:\n{}\n\nexpected:\n{}", around(drawn), around(expected))
}

#[test]
fn what_is_wanted_is_said() {
    use crate::value::Kind;
    let site = Site::new();
    let users = site.models.users().id;
    let tags = site.models.named("tags").expect("tags").id;
    let of = |text: &str, expect| match check(text, &site.scope(), expect) {
        Ok(expr) => format!("{:?}", expr.ty),
        Err(mistakes) => mistakes[0].message.clone(),
    };
    assert_eq!(of("title", Expect::Condition), "this is a text, not a condition");
    assert_eq!(of("user", Expect::Condition), "this is a record of `users`, not a condition");
    assert_eq!(of("now", Expect::Value(Kind::Datetime)), "Value(Datetime)");
    assert_eq!(of("today", Expect::Value(Kind::Datetime)), "this is a date, not a datetime");
    assert_eq!(of("3", Expect::Value(Kind::Float)), "Value(Float)");
    assert_eq!(of("9.5", Expect::Value(Kind::Decimal(2))), "Value(Decimal(2))");
    assert_eq!(
        of("9.505", Expect::Value(Kind::Decimal(2))),
        "this has 3 digits after the point, and 2 are kept"
    );
    assert_eq!(
        of("price", Expect::Value(Kind::Decimal(3))),
        "this has 2 digits after the point, and 3 are kept"
    );
    assert_eq!(of("params.year", Expect::Value(Kind::Int)), "Value(Int)");
    assert_eq!(of("params.year", Expect::Anything), "Value(Text)");
    assert_eq!(of("null", Expect::Value(Kind::Text)), "Null");
    assert_eq!(of("user", Expect::Ref(users)), format!("{:?}", crate::expr::Type::Record(users)));
    assert_eq!(of("user", Expect::Ref(tags)), "this is a record of `users`, not a record of `tags`");
    assert_eq!(of("params.id", Expect::Ref(users)), format!("{:?}", crate::expr::Type::Record(users)));
    assert!(of("form.tags", Expect::Refs(tags)).starts_with("List("));
    assert_eq!(
        of("form.editors", Expect::Refs(tags)),
        "this is a list of records of `users`, not a list of records of `tags`"
    );
}

#[test]
fn defines_are_checked_by_themselves() {
    let mut site = Site::new();
    for (name, text) in
        [("title", "true"), ("user", "true"), ("size", "true"), ("a b", "true"), ("good", "views > 3")]
    {
        site.defines.insert(name.to_owned(), text.to_owned());
    }
    let wrong: Vec<(String, String)> = check_defines(&site.scope())
        .into_iter()
        .map(|(name, mistakes)| (name, mistakes[0].message.clone()))
        .collect();
    let wrong: Vec<(&str, &str)> =
        wrong.iter().map(|(name, message)| (name.as_str(), message.as_str())).collect();
    assert_eq!(
        wrong,
        [
            ("round", "`round` is defined by itself: round → about → round"),
            ("about", "`about` is defined by itself: about → round → about"),
            ("broken", "`=` is not an operator"),
            ("wrong", "`posts` has no field `statu`"),
            ("title", "`title` is already a field or relation of the model"),
            ("user", "`user` has a meaning of its own in expressions"),
            ("size", "`size` is a word of the expression language"),
            ("a b", "`a b` is not a name: letters, digits and `_` make one"),
        ]
    );
}

#[test]
fn what_is_too_much_is_refused_quickly() {
    let site = Site::new();
    let ands = |many: usize| vec!["views > 1"; many].join(" && ");
    let cases = [
        ("1 + ".repeat(5000) + "1", "expression-too-long"),
        ("a".repeat(5000), "expression-too-long"),
        ("(".repeat(2000) + "1" + &")".repeat(2000), "expression-too-long"),
        ("(".repeat(700) + "1" + &")".repeat(700), "expression-too-deep"),
        ("[".repeat(1400), "expression-too-deep"),
        ("!".repeat(4000) + "featured", "expression-too-long"),
        ("-".repeat(1400) + "views == 3", ""),
        ("views".to_owned() + &" + 1".repeat(65) + " > 1", "expression-too-deep"),
        ("views".to_owned() + &" + 1".repeat(60) + " > 1", ""),
        ("true ? 1 : ".repeat(70) + "1", "expression-too-deep"),
        ("true ? 1 : ".repeat(50) + "1", ""),
        ("a.".repeat(70) + "b", "expression-too-deep"),
        ("(".repeat(60) + "1" + &")".repeat(60), ""),
        ("!(".repeat(60) + "featured" + &")".repeat(60), ""),
        (format!("{}1{} + 1 > 1", "(1 + ".repeat(40), " + 1)".repeat(40)), "expression-too-deep"),
        (ands(150), ""),
        (ands(180), "expression-too-long"),
        (format!("status in [{}]", vec!["\"draft\""; 400].join(",")), ""),
        ("tags.exists(t, ".repeat(64) + "true" + &")".repeat(64), "expression-too-deep"),
        ("!(featured && ".repeat(55) + "featured" + &")".repeat(55), ""),
        ("(featured ? views + 1 : 1 + ".repeat(20) + "1" + &")".repeat(20) + " > 1", ""),
        ("tags.exists(t, t.posts.exists(p, p.featured || p.".repeat(10) + "featured" + &"))".repeat(10), ""),
        ("title.contains(".repeat(30) + "title" + &")".repeat(30), "type-mismatch"),
    ];
    for (text, code) in cases {
        let start = Instant::now();
        let found =
            check(&text, &site.scope(), Expect::Anything).err().map_or("", |mistakes| mistakes[0].code);
        let took = start.elapsed();
        let shown: String = text.chars().take(60).collect();
        assert_eq!(found, code, "{shown}");
        assert!(took < Duration::from_secs(2), "{shown} took {took:?}");
        // What is let in is not too deep for the rest either.
        fuzz(text.as_bytes());
    }
}

#[test]
fn define_names_cannot_grow_without_end() {
    let mut site = Site::new();
    site.defines.clear();
    site.defines.insert("d0".to_owned(), "views > 3".to_owned());
    for at in 1..40 {
        site.defines.insert(format!("d{at}"), format!("d{0} && d{0}", at - 1));
    }
    let mistakes = site.check("d39").expect_err("2^39 nodes");
    assert_eq!(mistakes[0].code, "expression-too-long");
}

#[test]
fn seeds_of_the_fuzzer_end() {
    for text in EXPECTED.lines().filter_map(|line| line.strip_prefix("> ")) {
        fuzz(text.as_bytes());
        for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            fuzz(&text.as_bytes()[..cut]);
        }
    }
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/expression");
    for seed in fs::read_dir(seeds).unwrap() {
        let seed = fs::read(seed.unwrap().path()).unwrap();
        for cut in 0..=seed.len() {
            fuzz(&seed[..cut]);
        }
    }
    fuzz(&[0xff, 0xfe, 0]);
    fuzz("\u{0} \u{1f600} \"\u{7f}".as_bytes());
}
