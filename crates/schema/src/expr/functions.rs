//! The functions of the language, in one table: what each is called, takes and gives.
//!
//! Whoever adds a function adds a variant of [`Function`], its lines here, its meaning in
//! `eval::call`, and its SQL in the store; tests over the table find what was forgotten.

use super::{Function, Type};
use crate::value::Kind;

/// One way to call a function.
#[derive(Debug)]
pub struct Overload {
    /// Its name.
    pub name: &'static str,
    /// Whether it is called on its first argument: `title.contains("x")`.
    pub method: bool,
    /// What it takes, the receiver first.
    pub takes: &'static [Kind],
    /// What it gives.
    pub gives: Kind,
    /// Which function that is.
    pub function: Function,
}

/// Any scale is taken where the table says this one.
const DECIMAL: Kind = Kind::Decimal(0);

macro_rules! overloads {
    ($($name:literal $form:ident ($($takes:expr),*) -> $gives:ident = $function:ident;)*) => {
        &[$(Overload {
            name: $name,
            method: overloads!(@ $form),
            takes: &[$($takes),*],
            gives: Kind::$gives,
            function: Function::$function,
        }),*]
    };
    (@ method) => { true };
    (@ global) => { false };
}

/// Every function but those that take relations (`exists`, `all`, `filter`, `size`) and `has`.
///
/// Of several overloads the first is the one that an input without a type of its own is taken for.
pub static OVERLOADS: &[Overload] = overloads! {
    "contains" method (Kind::Text, Kind::Text) -> Bool = Contains;
    "startsWith" method (Kind::Text, Kind::Text) -> Bool = StartsWith;
    "endsWith" method (Kind::Text, Kind::Text) -> Bool = EndsWith;
    "matches" method (Kind::Text, Kind::Text) -> Bool = Matches;
    "lowerAscii" method (Kind::Text) -> Text = LowerAscii;
    "size" method (Kind::Text) -> Int = Size;
    "size" global (Kind::Text) -> Int = Size;
    "getFullYear" method (Kind::Datetime) -> Int = Year;
    "getFullYear" method (Kind::Date) -> Int = Year;
    "getMonth" method (Kind::Datetime) -> Int = Month;
    "getMonth" method (Kind::Date) -> Int = Month;
    "getDate" method (Kind::Datetime) -> Int = Day;
    "getDate" method (Kind::Date) -> Int = Day;
    "int" global (Kind::Text) -> Int = Int;
    "int" global (Kind::Int) -> Int = Int;
    "int" global (Kind::Float) -> Int = Int;
    "int" global (DECIMAL) -> Int = Int;
    "int" global (Kind::Datetime) -> Int = Int;
    "double" global (Kind::Text) -> Float = Double;
    "double" global (Kind::Float) -> Float = Double;
    "double" global (Kind::Int) -> Float = Double;
    "double" global (DECIMAL) -> Float = Double;
    "string" global (Kind::Text) -> Text = String;
    "string" global (Kind::Int) -> Text = String;
    "string" global (Kind::Float) -> Text = String;
    "string" global (DECIMAL) -> Text = String;
    "string" global (Kind::Bool) -> Text = String;
    "string" global (Kind::Date) -> Text = String;
    "string" global (Kind::Datetime) -> Text = String;
    "string" global (Kind::Duration) -> Text = String;
    "string" global (Kind::Uuid) -> Text = String;
    "bool" global (Kind::Text) -> Bool = Bool;
    "bool" global (Kind::Bool) -> Bool = Bool;
    "timestamp" global (Kind::Text) -> Datetime = Timestamp;
    "timestamp" global (Kind::Datetime) -> Datetime = Timestamp;
    "timestamp" global (Kind::Date) -> Datetime = Timestamp;
    "timestamp" global (Kind::Int) -> Datetime = Timestamp;
    "duration" global (Kind::Text) -> Duration = Duration;
    "duration" global (Kind::Duration) -> Duration = Duration;
};

/// What is called on relations, with how it is written.
pub(super) const ON_RELATIONS: &[(&str, &str)] = &[
    ("exists", "tags.exists(t, …)"),
    ("all", "tags.all(t, …)"),
    ("filter", "size(tags.filter(t, …))"),
    ("size", "size(tags)"),
];

/// The names of what can be called as `name(…)`.
pub(super) fn globals() -> Vec<&'static str> {
    let mut names = vec!["size", "has", "date"];
    names.extend(OVERLOADS.iter().filter(|overload| !overload.method).map(|overload| overload.name));
    unique(names)
}

/// The names of what can be called as `value.name(…)`.
pub(super) fn methods() -> Vec<&'static str> {
    unique(OVERLOADS.iter().filter(|overload| overload.method).map(|overload| overload.name).collect())
}

fn unique(names: Vec<&'static str>) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// Whether a value of a type can be given where the table says a kind.
pub(super) fn accepts(takes: Kind, given: &Type) -> bool {
    match (takes, given) {
        (Kind::Decimal(_), Type::Value(Kind::Decimal(_))) => true,
        (takes, Type::Value(given)) => takes == *given,
        _ => false,
    }
}
