//! What is said of expressions, held.

mod checked;
mod folded;
mod functions;
mod properties;
mod restricted;
mod wrong;

use indexmap::IndexMap;

use super::{Expect, Expr, Mistake, Scope, check, sample};
use crate::model::Models;
use crate::value::Kind;

/// A site's models, and all that a scope can have.
struct Site {
    models: Models,
    params: Vec<String>,
    query: IndexMap<String, Kind>,
    data: IndexMap<String, crate::model::ModelId>,
    defines: IndexMap<String, String>,
}

impl Site {
    fn new() -> Site {
        let models = sample::models();
        let id = |name: &str| models.named(name).expect("a sample model").id;
        let data = IndexMap::from([("post".to_owned(), id("posts")), ("team".to_owned(), id("teams"))]);
        let query = IndexMap::from([("tag".to_owned(), Kind::Text), ("page".to_owned(), Kind::Int)]);
        let defines = [
            ("live", "status == \"published\" && published_at <= now"),
            ("mine", "author == user"),
            ("both", "live && mine"),
            ("round", "about"),
            ("about", "round"),
            ("broken", "status = 1"),
            ("wrong", "statu == \"x\""),
        ];
        let defines = defines.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Site { params: vec!["slug".into(), "year".into(), "id".into()], query, data, defines, models }
    }

    /// Everything, about posts.
    fn scope(&self) -> Scope<'_> {
        let posts = self.models.named("posts").expect("posts").id;
        Scope::of(&self.models)
            .this(posts)
            .old()
            .form(posts)
            .params(&self.params)
            .query(&self.query)
            .data(&self.data)
            .defines(&self.defines)
    }

    fn check(&self, text: &str) -> Result<Expr, Vec<Mistake>> {
        check(text, &self.scope(), Expect::Anything)
    }
}
