//! What holds for every expression, on every row.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Site;
use crate::expr::arbitrary::{self, Taste, World};
use crate::expr::{
    Asker, Evaluated, Expect, Expr, Reading, Scope, check, eval, fold, fuzz, print, remaining, restrict,
    sample, simplify_condition, specialise,
};
use crate::model::{FieldId, ModelId, Models, Rule};
use crate::value::Value;

/// So many cases, more where `PROPTEST_CASES` says so; a failure is told, not written into the sources.
fn config(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if asked.cases > cases { asked.cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

fn posts(models: &Models) -> ModelId {
    models.named("posts").expect("posts").id
}

fn cases(taste: Taste) -> impl Strategy<Value = (Expr, World)> {
    let models = Arc::new(sample::models());
    (arbitrary::condition(&models, posts(&models), taste), arbitrary::world(&models))
}

fn rows(world: &World) -> impl Iterator<Item = usize> + use<> {
    0..world.rows(posts(&world.models)).len()
}

fn at(expr: &Expr, world: &World, row: usize) -> Evaluated {
    eval(expr, &world.at(posts(&world.models), row))
}

fn shown(expr: &Expr, world: &World) -> String {
    print(expr, &Scope::of(&world.models).this(posts(&world.models)))
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn folding_changes_nothing((expr, world) in cases(Taste { in_memory: true, ..Taste::default() })) {
        let folded = fold(expr.clone());
        prop_assert!(folded.same(&fold(folded.clone())), "folding again: {}", shown(&folded, &world));
        for row in rows(&world) {
            prop_assert_eq!(at(&expr, &world, row), at(&folded, &world, row), "{}", shown(&expr, &world));
        }
    }

    #[test]
    fn asking_as_somebody_changes_nothing((expr, world) in cases(Taste::default())) {
        let visited = world.as_visitor();
        for (asker, world) in [(Asker::User, &world), (Asker::Visitor, &visited)] {
            let asked = specialise(&expr, asker);
            for row in rows(world) {
                prop_assert_eq!(at(&expr, world, row), at(&asked, world, row), "{}", shown(&expr, world));
            }
            prop_assert!(asker == Asker::User || !asked.needs().user(), "{}", shown(&asked, world));
        }
    }

    #[test]
    fn a_simpler_condition_holds_for_the_same((expr, world) in cases(Taste::default())) {
        let simple = simplify_condition(&expr);
        for row in rows(&world) {
            let (plain, simple) = (at(&expr, &world, row).holds(), at(&simple, &world, row).holds());
            prop_assert_eq!(plain, simple, "{}", shown(&expr, &world));
        }
    }

    #[test]
    fn what_remains_of_a_rule_decides_with_what_was_given(
        (given, world) in cases(Taste { depth: 3, ..Taste::default() }),
        rule in cases(Taste { depth: 3, ..Taste::default() }),
        shared in any::<bool>(),
    ) {
        // Rules share conditions with queries, which chance alone would not make them.
        let rule = if shared { Expr::all(vec![given.clone(), rule.0]) } else { rule.0 };
        let rest = remaining(&[&given], &rule).unwrap_or_else(|| Expr::truth(true));
        for row in rows(&world).filter(|row| at(&given, &world, *row).holds()) {
            prop_assert_eq!(at(&rule, &world, row).holds(), at(&rest, &world, row).holds(), "{}", shown(&rule, &world));
        }
    }

    #[test]
    fn what_is_printed_reads_the_same((expr, world) in cases(Taste { unspoken: false, depth: 4, ..Taste::default() })) {
        let query = arbitrary::QUERY.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        let scope = Scope::of(&world.models).this(posts(&world.models)).query(&query);
        let printed = print(&expr, &scope);
        match check(&printed, &scope, Expect::Condition) {
            Ok(again) => {
                for row in rows(&world) {
                    prop_assert_eq!(at(&expr, &world, row), at(&again, &world, row), "{}", printed);
                }
            }
            // What is random may be too much, or make no sense as a literal.
            Err(mistakes) => {
                let known = ["expression-too-long", "expression-too-deep", "bad-literal", "unknown-choice"];
                for mistake in &mistakes {
                    prop_assert!(known.contains(&mistake.code), "{}", mistake.draw(&printed));
                }
            }
        }
    }

    #[test]
    fn what_an_asker_sends_sees_nothing_that_he_may_not_read(
        (expr, world) in cases(Taste { user: false, ..Taste::default() }),
        other in arbitrary::world(&Arc::new(sample::models())),
    ) {
        let models = Arc::clone(&world.models);
        let rule = |model: ModelId| rule_of(&models, model);
        let field = |_: ModelId, _: FieldId| Rule::Everybody;
        let reading = Reading { models: &models, records: &rule, field: &field };
        let Ok(bound) = restrict(expr.clone(), &reading) else { return Ok(()) };
        let changed = with_unreadable_rows_of(&world, &other);
        for row in rows(&world) {
            prop_assert_eq!(at(&bound, &world, row), at(&bound, &changed, row), "{}", shown(&bound, &world));
        }
    }
}

/// A rule for each model that errors and nulls come into.
fn rule_of(models: &Models, model: ModelId) -> Rule {
    let text = match models.get(model).name.as_str() {
        "users" => "active && age + 1 > 0",
        "tags" => "weight > 0.5",
        "comments" => "status == \"approved\"",
        "teams" => return Rule::Administrators,
        "posts" => "featured",
        _ => return Rule::Everybody,
    };
    let scope = Scope::of(models).this(model);
    Rule::When(check(text, &scope, Expect::Condition).expect("a rule"))
}

/// The same world, but what nobody may read of it is another's: fields of unreadable rows, and links to them.
/// The posts that an expression is asked about are left alone, as is what their rules look at.
fn with_unreadable_rows_of(world: &World, other: &World) -> World {
    let mut changed = world.clone();
    let models = &world.models;
    let readable = |model: ModelId, row: usize| match rule_of(models, model) {
        Rule::Everybody => true,
        Rule::When(rule) => eval(&rule, &world.at(model, row)).holds(),
        Rule::Administrators | Rule::Nobody => false,
    };
    let looked_at = ["id", "active", "age", "weight", "status", "featured"];
    for model in models.iter().filter(|model| model.name != "posts") {
        for row in (0..world.rows(model.id).len()).filter(|row| !readable(model.id, *row)) {
            let theirs = other.rows(model.id);
            for field in &model.fields {
                // Refs of the other world may lead nowhere in this one, so they become null.
                let value = match &field.reference {
                    Some(_) => Value::Null,
                    None => theirs[row % theirs.len()][usize::from(field.id.0)].clone(),
                };
                if !looked_at.contains(&field.name.as_str()) {
                    changed.rows[usize::from(model.id.0)][row][usize::from(field.id.0)] = value;
                }
            }
        }
    }
    for ((model, field), links) in &mut changed.links {
        let to = models.get(*model).field(*field).reference.as_ref().map(|reference| reference.to);
        links.retain(|(_, other)| to.is_none_or(|to| readable(to, *other)));
    }
    changed
}

/// Words that make texts which are nearly expressions.
const WORDS: &[&str] = &[
    "title",
    "status",
    "author",
    "tags",
    "user",
    "params.slug",
    "this",
    "t",
    ".",
    "exists",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "?",
    ":",
    "==",
    "!=",
    "<",
    "<=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    " in ",
    "\"a\"",
    "'",
    "\"",
    "1",
    "1.5",
    "9223372036854775808",
    "null",
    "true",
    "=",
    " and ",
    " is ",
    " not ",
    "has",
    "size",
    "duration(\"1h\")",
    "\n",
    "\\",
    "é",
    "😀",
    "//",
    "`",
    "\"\"\"",
    "r\"",
    "0x",
    "1e",
    "u",
    "in",
    "=>",
    "published_at",
    "now",
    "\u{0}",
    "$",
];

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn no_text_makes_it_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let start = Instant::now();
        fuzz(words.concat().as_bytes());
        fuzz(words.join(" ").as_bytes());
        prop_assert!(start.elapsed() < Duration::from_secs(5), "{}", words.concat());
    }

    #[test]
    fn no_change_to_a_right_text_makes_it_panic(
        text in prop::sample::select(super::checked::RIGHT),
        at in any::<prop::sample::Index>(),
        word in prop::sample::select(WORDS),
        cut in 0..4_usize,
    ) {
        let at = at.index(text.len() + 1);
        let end = (at + cut).min(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            fuzz(format!("{}{word}{}", &text[..at], &text[end..]).as_bytes());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
    }
}

#[test]
fn a_right_text_is_printed_as_it_was_meant() {
    let site = Site::new();
    for text in super::checked::RIGHT {
        let expr = site.check(text).expect("right");
        let printed = print(&expr, &site.scope());
        let again =
            site.check(&printed).unwrap_or_else(|mistakes| panic!("{text}\n{}", mistakes[0].draw(&printed)));
        assert!(again.same(&expr) || printed == print(&again, &site.scope()), "{text}\n{printed}");
    }
}
