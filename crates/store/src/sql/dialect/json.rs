//! What a database must be able to say of JSON.

use purlin_schema::Kind;
use purlin_schema::expr::{Comparison, Step};

/// Where a JSON value is.
#[derive(Clone)]
pub(crate) struct Place {
    /// Its type, in the database's words: see [`Words`]; null only where it is an error.
    pub(crate) ty: String,
    /// Itself as a number or text, and as 1 or 0 where it is true or false, where the database's values know their types.
    pub(crate) scalar: String,
    /// Itself as a document; null only where it is an error.
    pub(crate) document: String,
    /// The condition under which it is an error; it is never unknown.
    pub(crate) error: Option<String>,
}

/// A column that the database computes.
pub(crate) struct PathColumn {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) expression: String,
}

/// How types are called.
pub(crate) struct Words {
    pub(crate) text: &'static str,
    pub(crate) null: &'static str,
    pub(crate) array: &'static str,
    pub(crate) object: &'static str,
    /// What follows a type that is a number's.
    pub(crate) is_number: &'static str,
    /// What follows a type that is true's or false's.
    pub(crate) is_truth: &'static str,
}

/// JSON in a database. A path is a parameter: `$."key"[0]`.
pub(crate) trait Json {
    fn words(&self) -> &'static Words;

    /// The type of a document.
    fn ty(&self, document: &str) -> String;

    /// A document in place of null, and itself as [`Place::scalar`].
    fn null_document(&self) -> &'static str;

    /// [`Place::scalar`] of a whole document.
    fn scalar(&self, document: &str) -> String {
        let _ = document;
        String::new()
    }

    /// What stands at a path; `arrays` are the paths before it where an array must stand.
    fn at(&self, document: &str, path: &str, arrays: &[String]) -> Place;

    /// An element of [`rows`](Json::rows).
    fn element(&self, alias: &str) -> Place {
        self.place(format!("{alias}.value"), false)
    }

    /// An element as a document to look into; null where there is none.
    fn container(&self, alias: &str) -> String {
        format!("{alias}.value")
    }

    /// A place where the database gives documents; where it may be missing, that is an error.
    fn place(&self, document: String, may_be_missing: bool) -> Place {
        Place {
            ty: self.ty(&document),
            scalar: self.scalar(&document),
            error: may_be_missing.then(|| format!("{document} IS NULL")),
            document,
        }
    }

    /// A place compared with a value of a kind, where it is of such a type.
    fn compare(&self, place: &Place, operator: &str, value: &str, kind: Kind) -> String;

    /// A place as a value of a kind, where it is of such a type; null where it has no such value.
    fn value(&self, place: &Place, kind: Kind) -> String;

    /// The columns that an index on a path of a field is made of, for its text and its number, where the database has no
    /// index of expressions.
    fn path_columns(&self, field: &str, steps: &[Step]) -> Option<[PathColumn; 2]> {
        let _ = (field, steps);
        None
    }

    /// A place as a double, as [`value`](Json::value) gives it, in words that an index may have.
    fn indexed_number(&self, place: &Place) -> String {
        self.value(place, Kind::Float)
    }

    /// Two places compared; null for an error.
    fn between(&self, comparison: Comparison, a: &Place, b: &Place) -> String;

    /// What gives the elements of an array as rows with an alias, which have an `id`.
    fn rows(&self, array: &str, alias: &str) -> String;

    /// The keys of an object as an array.
    fn keys(&self, object: &str) -> String;

    /// Whether an object has a key.
    fn has_key(&self, object: &str, key: &str) -> String;

    /// How many elements an array has.
    fn length(&self, array: &str) -> String;
}

/// An operator of SQL.
pub(crate) fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}
