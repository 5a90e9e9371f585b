//! What the fuzz targets call, and the ordinary suite with their seeds.

use indexmap::IndexMap;

use super::{Asker, Expect, Scope, check, fold, print, sample, simplify_condition, specialise};
use crate::value::Kind;

/// Checks bytes as an expression, over the sample models; what is right goes through everything that needs no
/// record. It must neither panic nor take long.
///
/// # Panics
/// Where an expression does not survive being printed and read, which is what fuzzing looks for.
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let models = sample::models();
    let posts = models.named("posts").expect("a sample model").id;
    let records = IndexMap::from([("post".to_owned(), posts)]);
    let query = IndexMap::from([("tag".to_owned(), Kind::Text), ("page".to_owned(), Kind::Int)]);
    let params = ["slug".to_owned(), "id".to_owned()];
    let scope = Scope::of(&models).this(posts).old().form(posts).params(&params).query(&query).data(&records);
    match check(&text, &scope, Expect::Anything) {
        Ok(expr) => {
            let printed = print(&expr, &scope);
            // Printing writes out what reading bounds: brackets, and names for variables.
            if let Ok(again) = check(&printed, &scope, Expect::Anything) {
                assert_eq!(print(&again, &scope), printed, "{text}");
            }
            let _ = fold(expr.clone());
            for asker in [Asker::Visitor, Asker::User] {
                let _ = simplify_condition(&specialise(&expr, asker));
            }
            let _ = (expr.needs(), expr.is_field_local(), expr.in_memory_only());
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                let _ = mistake.draw(&text);
            }
        }
    }
}
