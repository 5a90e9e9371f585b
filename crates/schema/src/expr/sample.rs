//! Models to try expressions on: every kind of field, and every kind of relation.

use std::sync::Arc;

use crate::expr::Step;
use crate::model::{
    Access, Field, FieldId, Model, ModelId, Models, Names, OnDelete, Reference, Relation, RelationBy,
    RelationId,
};
use crate::types;
use crate::value::Kind;

/// Four models of a blog and one with UUIDs, as `name: field type, …`.
const SITE: &[(&str, &str)] = &[
    (
        "users",
        "name text, email text, role choice [user admin author editor], bio text, age int, active bool, team ref teams members",
    ),
    ("teams", "name text, motto text, lead ref users leads"),
    (
        "posts",
        "title text, slug text, status choice [draft published], author ref users posts, tags refs tags posts, \
         editors refs users edits, featured bool, published_at datetime, day date, views int, rating float, \
         price decimal, length duration, token uuid, meta json, cover ref assets covered, visitor text, package text",
    ),
    (
        "comments",
        "post ref posts comments, author ref users comments, body text, status choice [waiting approved], score int",
    ),
    ("tags", "name text, slug text, weight float"),
    ("assets#uuid", "name text, owner ref users assets"),
];

/// The sample models. `visitor` and `package` are fields of `posts` to try clashes with.
#[must_use]
pub fn models() -> Models {
    let names: Vec<&str> = SITE.iter().map(|(name, _)| name.trim_end_matches("#uuid")).collect();
    let id_of = |name: &str| names.iter().position(|known| *known == name).expect("a model of the sample");
    let uuid = |at: usize| SITE[at].0.ends_with("#uuid");
    let mut models: Vec<Model> =
        SITE.iter().enumerate().map(|(at, _)| empty(at, names[at], uuid(at))).collect();
    for (at, (_, fields)) in SITE.iter().enumerate() {
        for declared in fields.split(", ") {
            let mut words = declared.split_whitespace();
            let (name, ty) = (words.next().expect("a name"), words.next().expect("a type"));
            let many = ty == "refs";
            if matches!(ty, "ref" | "refs") {
                let (to, inverse) =
                    (id_of(words.next().expect("a model")), words.next().expect("an inverse"));
                let kind = if uuid(to) { Kind::Uuid } else { Kind::Int };
                let field = add_field(&mut models[at], name, kind);
                let by = if many { RelationBy::Refs(field) } else { RelationBy::Ref(field) };
                let back = if many { RelationBy::InverseRefs(field) } else { RelationBy::Inverse(field) };
                let relation = add_relation(&mut models[at], name, to, by);
                add_relation(&mut models[to], inverse, at, back);
                models[at].fields[usize::from(field.0)].reference =
                    Some(Reference { to: number(to), many, on_delete: OnDelete::SetNull, relation });
                continue;
            }
            // A choice's values stand in brackets, split at blanks like everything else.
            let rest: String =
                declared.split_once('[').map_or("", |(_, rest)| rest).trim_end_matches(']').to_owned();
            let field = add_field(&mut models[at], name, kind_of(ty));
            models[at].fields[usize::from(field.0)].choices =
                rest.split_whitespace().map(str::to_owned).collect();
        }
    }
    // Indexes on paths, of which one is a part of the other.
    let posts = &mut models[id_of("posts")];
    let meta = posts.field_named("meta").expect("a field of the sample").id;
    let path = |keys: &[&str]| keys.iter().map(|key| Step::Key((*key).into())).collect();
    posts.path_indexes = vec![(meta, path(&["a"])), (meta, path(&["b"])), (meta, path(&["a", "b"]))];
    Models::new(models.into_iter().map(Arc::new).collect())
}

fn number(at: usize) -> ModelId {
    ModelId(u16::try_from(at).expect("few models"))
}

fn kind_of(ty: &str) -> Kind {
    match ty {
        "bool" => Kind::Bool,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "decimal" => Kind::Decimal(2),
        "datetime" => Kind::Datetime,
        "date" => Kind::Date,
        "duration" => Kind::Duration,
        "uuid" => Kind::Uuid,
        "json" => Kind::Json,
        _ => Kind::Text,
    }
}

fn empty(at: usize, name: &str, uuid_ids: bool) -> Model {
    let mut model = Model {
        origin: None,
        id: number(at),
        name: name.to_owned(),
        uuid_ids,
        label: FieldId::ID,
        description: None,
        was: None,
        api: true,
        internal: false,
        fields: Vec::new(),
        free: None,
        freed: Vec::new(),
        relations: Vec::new(),
        access: Access::default(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        path_indexes: Vec::new(),
        checks: Vec::new(),
        defines: indexmap::IndexMap::new(),
        unseen: Vec::new(),
        fields_by_name: Names::default(),
        relations_by_name: Names::default(),
    };
    add_field(&mut model, "id", if uuid_ids { Kind::Uuid } else { Kind::Int });
    add_field(&mut model, "created_at", Kind::Datetime);
    add_field(&mut model, "updated_at", Kind::Datetime);
    add_field(&mut model, "_version", Kind::Int);
    model
}

fn add_field(model: &mut Model, name: &str, kind: Kind) -> FieldId {
    let id = FieldId(u16::try_from(model.fields.len()).expect("few fields"));
    model.fields_by_name.insert(name.to_owned(), id);
    let text = types::named("text").expect("it is in the table");
    model.fields.push(Field { id, kind, big: true, ..Field::plain(name, text) });
    id
}

fn add_relation(model: &mut Model, name: &str, to: usize, by: RelationBy) -> RelationId {
    let id = RelationId(u16::try_from(model.relations.len()).expect("few relations"));
    model.relations_by_name.insert(name.to_owned(), id);
    model.relations.push(Relation { id, name: name.to_owned(), to: number(to), by });
    id
}
