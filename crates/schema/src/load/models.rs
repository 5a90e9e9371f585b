//! `models/*.toml`: first every name, then every expression.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::report::{File, Reports};
use super::toml::{self, Document, Text, View};
use super::{fields, free, names, origin, own, relations, rules, walk};
use crate::expr::{Expect, Expr, ExprKind, Input, Scope, Type, check_defines};
use crate::model::{
    Access, Check, Field, FieldId, Index, Model, ModelId, Models, Names, OnDelete, Rule, Source, Unique,
};
use crate::settings::{AccountSettings, Settings};
use crate::types;
use crate::value::{Kind, Value};

/// A model while its parts are put together.
pub(super) struct Draft<'a> {
    pub(super) model: Model,
    /// The site's file of it, if there is one.
    pub(super) view: Option<View<'a>>,
    /// Where each field is declared, by its number.
    pub(super) spans: Vec<Range<usize>>,
    /// Expressions that wait until all names are known.
    pub(super) jobs: Vec<Job<'a>>,
    /// Refs that wait until all models have their fields.
    pub(super) refs: Vec<relations::Wanted<'a>>,
}

/// An expression to check, and what it is for.
pub(super) struct Job<'a> {
    pub(super) slot: Slot,
    pub(super) text: Text,
    /// None for what Purlin itself says.
    pub(super) file: Option<File<'a>>,
}

/// What an expression of a model is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    AccessRead,
    AccessCreate,
    AccessUpdate,
    AccessDelete,
    FieldRead(FieldId),
    FieldWrite(FieldId),
    Default(FieldId),
    Computed(FieldId),
    Check(usize),
}

/// What a model's name leads to before there are models.
pub(super) type ModelNames = IndexMap<String, (ModelId, Kind)>;

struct ModelFile {
    name: String,
    path: PathBuf,
    document: Document,
}

/// Loads all models; none only where their names alone are too wrong to go on.
pub(super) fn load(root: &Path, settings: &Settings, reports: &Reports) -> Option<Models> {
    let accounts = &settings.accounts;
    let sources = read_files(root, reports);
    let by_name: HashMap<&str, &ModelFile> =
        sources.iter().map(|source| (source.name.as_str(), source)).collect();
    let names = model_names(&sources);

    let mut drafts = Vec::new();
    for (name, (id, kind)) in &names {
        let view = by_name
            .get(name.as_str())
            .map(|source| View::of(File::new(&source.path, reports), &source.document, "a model's file"));
        drafts.push(draft(name, *id, *kind == Kind::Uuid, view, &names, accounts));
    }
    relations::connect(&mut drafts);
    origin::connect(&mut drafts, settings.database.existing.as_deref());
    for draft in &mut drafts {
        super::schemas::read(draft, root, reports);
        keys_of_several(draft);
        label(draft);
    }
    let mut jobs: Vec<(ModelId, Vec<Job<'_>>)> = Vec::new();
    let mut views = Vec::new();
    let mut list = Vec::new();
    for draft in drafts {
        jobs.push((draft.model.id, draft.jobs));
        views.push(draft.view);
        list.push(Arc::new(draft.model));
    }
    let mut models = Models::new(list).with_roles(settings.roles.clone()).with_audit(settings.audit);
    check_all(&mut models, &jobs, &views);
    refuse_computed_cycles(&models, &jobs);
    Some(models)
}

fn read_files(root: &Path, reports: &Reports) -> Vec<ModelFile> {
    let mut paths: Vec<PathBuf> = Vec::new();
    if let Ok(entries) = std::fs::read_dir(root.join("models")) {
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Editors and systems leave these behind.
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            let path = PathBuf::from(format!("models/{name}"));
            if name.ends_with(".toml") {
                paths.push(path);
            } else {
                File::new(&path, reports)
                    .error_in("not-a-model", "this is no model: models are files such as `models/posts.toml`")
                    .hint("move it elsewhere");
            }
        }
    }
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let file = File::new(&path, reports);
        let Some(text) = toml::read(root, &path, reports) else { continue };
        let document = toml::parse(file, &text, 0..text.len());
        if names::check_model_name(file, &name) {
            sources.push(ModelFile { name, path, document });
        }
    }
    sources
}

/// The site's models and `users` by name, then Purlin's own.
fn model_names(sources: &[ModelFile]) -> ModelNames {
    let mut all: Vec<(String, Kind)> = sources
        .iter()
        .map(|source| {
            let model = source.document.table.get("model").and_then(|entry| entry.value.as_table());
            let id = model.and_then(|model| model.get("id")).and_then(|entry| entry.value.as_text());
            let kind = if id.is_some_and(|id| id.value == "uuid") { Kind::Uuid } else { Kind::Int };
            (source.name.clone(), kind)
        })
        .collect();
    if !all.iter().any(|(name, _)| name == "users") {
        all.push(("users".to_owned(), Kind::Int));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.extend(own::internal().into_iter().map(|(name, _)| (name.to_owned(), Kind::Int)));
    let numbered = all.into_iter().zip(0_u16..);
    numbered.map(|((name, kind), number)| (name, (ModelId(number), kind))).collect()
}

fn draft<'a>(
    name: &str,
    id: ModelId,
    uuid_ids: bool,
    view: Option<View<'a>>,
    names: &ModelNames,
    accounts: &AccountSettings,
) -> Draft<'a> {
    let internal = name.starts_with('_');
    let model = Model {
        id,
        name: name.to_owned(),
        uuid_ids,
        label: FieldId::ID,
        description: None,
        was: None,
        api: !internal,
        internal,
        origin: None,
        fields: Vec::new(),
        free: None,
        freed: Vec::new(),
        relations: Vec::new(),
        access: Access::default(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        path_indexes: Vec::new(),
        checks: Vec::new(),
        defines: IndexMap::new(),
        unseen: Vec::new(),
        fields_by_name: Names::default(),
        relations_by_name: Names::default(),
    };
    let mut draft = Draft { model, view, spans: Vec::new(), jobs: Vec::new(), refs: Vec::new() };
    for field in system_fields(uuid_ids) {
        draft.add(field, 0..0);
    }
    let mut own_fields = if name == "users" { own::users(accounts) } else { Vec::new() };
    own_fields
        .extend(own::internal().into_iter().filter(|(own, _)| *own == name).flat_map(|(_, fields)| fields));
    for own in own_fields {
        add_own(&mut draft, own, names);
    }
    if name == "_audit" {
        // It is swept up by age.
        draft.model.indexes.push(Index { fields: vec![(FieldId::CREATED_AT, false)] });
    }
    if name == "users" {
        draft.model.access.declared = true;
        for slot in [Slot::AccessRead, Slot::AccessUpdate] {
            draft.jobs.push(Job { slot, text: own::rule_text(own::OWN_ACCOUNT), file: None });
        }
    }
    if let Some(view) = view {
        view.known(&["model", "fields", "access", "define", "unique", "check", "index"]);
        read_model(&mut draft, view, names);
        if let Some(table) = view.table("fields", "`[fields]`") {
            fields::read_all(&mut draft, table, names);
        }
        free::read(&mut draft, view);
        read_access(&mut draft, view);
        origin::read(&mut draft, view);
        read_defines(&mut draft, view);
    }
    draft
}

impl Draft<'_> {
    /// Adds a field and numbers it.
    pub(super) fn add(&mut self, field: Field, span: Range<usize>) -> FieldId {
        let name = field.name.clone();
        let id = self.add_nameless(field);
        self.spans[usize::from(id.0)] = span;
        self.model.fields_by_name.insert(name, id);
        id
    }

    /// Adds a field to which no name leads.
    pub(super) fn add_nameless(&mut self, mut field: Field) -> FieldId {
        let id = FieldId(u16::try_from(self.model.fields.len()).unwrap_or(u16::MAX));
        field.id = id;
        self.model.fields.push(field);
        self.spans.push(0..0);
        id
    }
}

fn system_fields(uuid_ids: bool) -> Vec<Field> {
    let field = |name, ty| Field {
        required: true,
        declared: false,
        write: Rule::Nobody,
        ..Field::plain(name, types::named(ty).unwrap_or(types::TYPES[0]))
    };
    vec![
        Field { label: "ID".to_owned(), ..field("id", if uuid_ids { "uuid" } else { "int" }) },
        Field { label: "Created".to_owned(), ..field("created_at", "datetime") },
        Field { label: "Updated".to_owned(), ..field("updated_at", "datetime") },
        Field { hidden: true, label: "Version".to_owned(), ..field("_version", "int") },
    ]
}

fn add_own(draft: &mut Draft<'_>, own: own::OwnField, names: &ModelNames) {
    let target = own.to.and_then(|(to, on_delete)| names.get(to).map(|(id, kind)| (*id, *kind, on_delete)));
    let kind = target.map_or(own.field.kind, |(_, kind, _)| kind);
    let id = draft.add(Field { kind, ..own.field }, 0..0);
    if own.unique {
        draft.model.uniques.push(Unique { fields: vec![id], message: None });
    }
    if own.index {
        draft.model.indexes.push(Index { fields: vec![(id, false)] });
    }
    if let Some(rule) = own.read {
        draft.jobs.push(Job { slot: Slot::FieldRead(id), text: own::rule_text(rule), file: None });
    }
    if let Some((to, _, on_delete)) = target {
        let inverse = relations::Inverse::None;
        draft.refs.push(relations::Wanted { field: id, to, many: false, on_delete, inverse });
    }
}

fn read_model(draft: &mut Draft<'_>, view: View<'_>, names: &ModelNames) {
    let Some(table) = view.table("model", "`[model]`") else { return };
    table.known(&[
        "label",
        "id",
        "api",
        "description",
        "was",
        "managed",
        "table",
        "key",
        "view",
        "created_at",
        "updated_at",
        "kind",
        "index",
        "freed",
    ]);
    if let Some(id) = table.text("id")
        && !matches!(id.value.as_str(), "int" | "uuid")
    {
        table
            .file
            .error("bad-value", &id.span, "`id` must be \"int\" or \"uuid\"")
            .hint("an integer is the default; `id = \"uuid\"` gives UUIDs that sort by time");
    }
    draft.model.api = table.bool("api").unwrap_or(true);
    draft.model.description = table.string("description");
    if let Some(was) = table.text("was") {
        if names.contains_key(&was.value) {
            let message = format!("there still is a model `{}`", was.value);
            table
                .file
                .error("contradiction", &was.span, message)
                .hint("`was` is the name that the model had before");
        }
        draft.model.was = Some(was.value.clone());
    }
}

fn read_access<'a>(draft: &mut Draft<'a>, view: View<'a>) {
    let Some(table) = view.table("access", "`[access]`") else { return };
    table.known(&["read", "create", "update", "delete"]);
    let slots = [
        ("read", Slot::AccessRead),
        ("create", Slot::AccessCreate),
        ("update", Slot::AccessUpdate),
        ("delete", Slot::AccessDelete),
    ];
    for (key, slot) in slots {
        let Some(node) = table.node(key) else { continue };
        let Some(written) = rules::written(table.file, key, node) else { continue };
        draft.model.access.declared = true;
        // What the site says replaces what Purlin says of `users`.
        draft.jobs.retain(|job| std::mem::discriminant(&job.slot) != std::mem::discriminant(&slot));
        match written {
            rules::Written::Expr(text) => {
                draft.jobs.push(Job { slot, text: text.clone(), file: Some(table.file) });
            }
            rules::Written::Bool(truth) => {
                let rule = if truth { Rule::Everybody } else { Rule::Administrators };
                set_rule(&mut draft.model, slot, rule);
            }
        }
    }
}

fn read_defines(draft: &mut Draft<'_>, view: View<'_>) {
    let Some(table) = view.table("define", "`[define]`") else { return };
    for entry in &table.table.entries {
        if let Some(text) = table.text(&entry.key) {
            draft.model.defines.insert(entry.key.clone(), text.value.clone());
        }
    }
}

/// `[[unique]]`, `[[index]]` and `[[check]]`.
fn keys_of_several(draft: &mut Draft<'_>) {
    let Some(view) = draft.view else { return };
    for table in view.tables("unique", "`[[unique]]`") {
        table.known(&["fields", "message"]);
        let fields = key_fields(draft, table, false);
        let fields: Vec<FieldId> = fields.into_iter().map(|(id, _)| id).collect();
        let message = table.string("message");
        if !fields.is_empty() && !draft.model.uniques.iter().any(|unique| unique.fields == fields) {
            draft.model.uniques.push(Unique { fields, message });
        }
    }
    for table in view.tables("index", "`[[index]]`") {
        table.known(&["fields"]);
        let fields = key_fields(draft, table, true);
        if !fields.is_empty() && !draft.model.indexes.iter().any(|index| index.fields == fields) {
            draft.model.indexes.push(Index { fields });
        }
    }
    for table in view.tables("check", "`[[check]]`") {
        table.known(&["rule", "field", "message"]);
        let field = table.text("field").and_then(|name| field_named(&draft.model, table, name));
        let rule = table.text("rule");
        if table.node("rule").is_none() {
            table.missing("rule", "rule = 'starts_at < ends_at'");
        }
        let message = table.string("message");
        if table.node("message").is_none() {
            table.missing("message", "message = \"what a person is told\"");
        }
        if let (Some(rule), Some(message)) = (rule, message) {
            let slot = Slot::Check(draft.model.checks.len());
            draft.model.checks.push(Check { rule: pending(), field, message });
            draft.jobs.push(Job { slot, text: rule.clone(), file: Some(table.file) });
        }
    }
}

fn key_fields(draft: &Draft<'_>, table: View<'_>, may_descend: bool) -> Vec<(FieldId, bool)> {
    let Some(texts) = table.texts("fields") else {
        if table.node("fields").is_none() {
            table.missing("fields", "fields = [\"…\"]");
        }
        return Vec::new();
    };
    let mut fields = Vec::new();
    for text in texts {
        let descends = may_descend && text.value.starts_with('-');
        let name = if descends { text.part(1..text.value.len()) } else { text.clone() };
        let Some(id) = field_named(&draft.model, table, &name) else { return Vec::new() };
        let field = draft.model.field(id);
        if !field.has_column() || !field.ty.is_key() {
            let message = format!("`{}` cannot be part of a key: it is {}", field.name, what_it_is(field));
            table.file.error("not-a-key", &text.span, message);
            return Vec::new();
        }
        if fields.iter().any(|(other, _)| *other == id) {
            table.file.error("named-twice", &text.span, format!("`{}` is named twice", field.name));
            return Vec::new();
        }
        fields.push((id, descends));
    }
    fields
}

pub(super) fn what_it_is(field: &Field) -> String {
    match field.computed {
        Some(_) => "computed".to_owned(),
        None if field.is_many() => "a list".to_owned(),
        None => format!("of type {}", field.ty.name()),
    }
}

/// A field by its name in a file; notes an unknown one.
pub(super) fn field_named(model: &Model, table: View<'_>, name: &Text) -> Option<FieldId> {
    if let Some(field) = model.field_named(&name.value).filter(|field| field.id != FieldId::VERSION) {
        return Some(field.id);
    }
    let message = format!("`{}` has no field `{}`", model.name, name.value);
    let names = model.fields.iter().filter(|field| !field.name.starts_with('_'));
    let names: Vec<&str> = names.map(|field| field.name.as_str()).collect();
    table.file.error("unknown-field", &name.span, message).among(&name.value, names.iter().copied());
    None
}

/// What names a record: the field that `[model] label` names, else the first that sounds like it.
fn label(draft: &mut Draft<'_>) {
    let table = draft.view.and_then(|view| view.table("model", "`[model]`"));
    if let Some((table, name)) = table.and_then(|table| Some((table, table.text("label")?))) {
        if let Some(id) = field_named(&draft.model, table, name) {
            let field = draft.model.field(id);
            if field.hidden || field.is_many() {
                let message = format!("`{}` cannot name a record", field.name);
                table.file.error("bad-value", &name.span, message).hint("choose a field of text");
            } else {
                draft.model.label = id;
            }
        }
        return;
    }
    let shown = |field: &&Field| !field.is_system() && !field.hidden && field.reference.is_none();
    let named = |name: &&str| draft.model.field_named(name).filter(shown);
    let likely = ["name", "title", "label", "email", "slug"].iter().find_map(named);
    let text = || {
        let mut fields = draft.model.fields.iter().filter(shown);
        fields.find(|field| field.ty.name() == "text")
    };
    if let Some(field) = likely.or_else(text) {
        draft.model.label = field.id;
    }
}

/// What stands for an expression until it is checked.
pub(super) fn pending() -> Expr {
    Expr { kind: ExprKind::Const(Value::Null), ty: Type::Null, span: 0..0 }
}

fn set_rule(model: &mut Model, slot: Slot, rule: Rule) {
    match slot {
        Slot::AccessRead => model.access.read = rule,
        Slot::AccessCreate => model.access.create = rule,
        Slot::AccessUpdate => model.access.update = rule,
        Slot::AccessDelete => model.access.delete = rule,
        Slot::FieldRead(id) => model.fields[usize::from(id.0)].read = rule,
        Slot::FieldWrite(id) => model.fields[usize::from(id.0)].write = rule,
        Slot::Default(_) | Slot::Computed(_) | Slot::Check(_) => {}
    }
}

/// Checks every expression against the models as they are named, then puts each in its place.
fn check_all(models: &mut Models, jobs: &[(ModelId, Vec<Job<'_>>)], views: &[Option<View<'_>>]) {
    let mut checked = Vec::new();
    for (id, jobs) in jobs {
        let model = models.get(*id);
        let scope = Scope::of(models).this(*id).defines(&model.defines);
        if let Some(view) = &views[usize::from(id.0)] {
            check_define_names(view, &scope);
        }
        for job in jobs {
            let (scope, expect) = match job.slot {
                Slot::AccessUpdate => (scope.old(), Expect::Condition),
                Slot::Default(field) => (Scope::of(models), default_expected(model.field(field))),
                Slot::Computed(field) => (scope, Expect::Value(model.field(field).kind)),
                _ => (scope, Expect::Condition),
            };
            let expr = match job.file {
                Some(file) => rules::check(file, &job.text, &scope, expect),
                None => crate::expr::check(&job.text.value, &scope, expect).ok(),
            };
            let expr = match (job.slot, job.file) {
                (Slot::Default(_), Some(file)) => {
                    expr.and_then(|expr| rules::without_database(file, &job.text, expr))
                }
                _ => expr,
            };
            if let Some(expr) = expr.filter(|expr| stays_home(job, expr)) {
                checked.push((*id, job.slot, expr));
            }
        }
    }
    for (id, slot, expr) in checked {
        let model = models.get_mut(id);
        match slot {
            Slot::Default(field) => {
                model.fields[usize::from(field.0)].default = Some(Source::Expr(expr));
            }
            Slot::Computed(field) => model.fields[usize::from(field.0)].computed = Some(expr),
            Slot::Check(at) => model.checks[at].rule = expr,
            slot => set_rule(model, slot, rules::rule(expr)),
        }
    }
}

fn default_expected(field: &Field) -> Expect {
    match &field.reference {
        Some(reference) if reference.many => Expect::Refs(reference.to),
        Some(reference) => Expect::Ref(reference.to),
        None => Expect::Value(field.kind),
    }
}

fn check_define_names(view: &View<'_>, scope: &Scope<'_>) {
    let Some(table) = view.table("define", "`[define]`") else { return };
    for (name, mistakes) in check_defines(scope) {
        let Some(entry) = table.table.get(&name) else { continue };
        for mistake in mistakes {
            let span = match entry.value.as_text() {
                Some(text) if !mistake.span.is_empty() => text.place(&mistake.span),
                _ => entry.key_span.clone(),
            };
            table.file.error(mistake.code, &span, mistake.message).maybe_hint(mistake.hint);
        }
    }
}

/// A check looks at its own record alone, and a computed field is the same for whoever asks. Notes what is not so.
fn stays_home(job: &Job<'_>, expr: &Expr) -> bool {
    let Some(file) = job.file else { return true };
    let (what, hint) = match job.slot {
        Slot::Check(_) => ("a check", "a check may only look at the record's own fields; rules see more"),
        Slot::Computed(_) => ("a computed field", "a computed field is the same for whoever asks"),
        _ => return true,
    };
    let check = matches!(job.slot, Slot::Check(_));
    let mut wrong = None;
    walk::each(expr, &mut |part| {
        let strays = match &part.kind {
            ExprKind::Input(Input::Now | Input::Today) => check,
            ExprKind::Input(_) => true,
            ExprKind::Field(path) | ExprKind::Has(path) => check && !path.hops.is_empty(),
            ExprKind::Exists(..) | ExprKind::All(..) | ExprKind::Count(..) => check,
            _ => false,
        };
        if strays && wrong.is_none() {
            wrong = Some(part.span.clone());
        }
    });
    match wrong {
        Some(span) => {
            file.error("out-of-reach", &job.text.place(&span), format!("{what} cannot look at this"))
                .hint(hint);
            false
        }
        None => true,
    }
}

/// Computed fields may use each other, but not in a circle.
fn refuse_computed_cycles(models: &Models, jobs: &[(ModelId, Vec<Job<'_>>)]) {
    let mut done: Vec<(ModelId, FieldId)> = Vec::new();
    for (model, jobs) in jobs {
        for job in jobs {
            let (Slot::Computed(field), Some(file)) = (job.slot, job.file) else { continue };
            let mut path = Vec::new();
            if leads_back(models, (*model, field), &mut path, &mut done) {
                let names: Vec<String> = path
                    .iter()
                    .map(|(model, field)| {
                        let model = models.get(*model);
                        format!("`{}.{}`", model.name, model.field(*field).name)
                    })
                    .collect();
                let message = format!("computed fields go in a circle: {}", names.join(" → "));
                file.error("circle", &job.text.span, message);
            }
        }
    }
}

/// Whether following what a computed field uses comes back to a field on the way.
fn leads_back(
    models: &Models,
    at: (ModelId, FieldId),
    path: &mut Vec<(ModelId, FieldId)>,
    done: &mut Vec<(ModelId, FieldId)>,
) -> bool {
    if done.contains(&at) {
        return false;
    }
    let circle = path.contains(&at);
    path.push(at);
    if circle {
        done.push(at);
        return true;
    }
    if let Some(expr) = &models.get(at.0).field(at.1).computed {
        let mut used = Vec::new();
        walk::each(expr, &mut |part| {
            if let ExprKind::Field(field) | ExprKind::Has(field) = &part.kind {
                used.push((field.end, field.field));
            }
        });
        if used.into_iter().any(|next| leads_back(models, next, path, done)) {
            return true;
        }
    }
    path.pop();
    done.push(at);
    false
}

/// What deleting does, by its name in TOML.
pub(super) fn on_delete(file: File<'_>, text: &Text) -> Option<OnDelete> {
    Some(match text.value.as_str() {
        "restrict" => OnDelete::Restrict,
        "cascade" => OnDelete::Cascade,
        "set_null" => OnDelete::SetNull,
        other => {
            let names = ["restrict", "cascade", "set_null"];
            file.error("bad-value", &text.span, format!("`on_delete` cannot be `{other}`"))
                .among(other, names);
            return None;
        }
    })
}
