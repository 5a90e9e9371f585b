//! One field of a form: by which control it is entered, with what the model says about it.

use jiff::tz::TimeZone;
use minijinja::Error;
use minijinja::value::Kwargs;
use purlin_schema::model::Source;
use purlin_schema::types::Control as By;
use purlin_schema::value::Kind;
use purlin_schema::{Field, Value as Held};

use super::markup::Markup;
use crate::value::root::Root;
use crate::view::{CONTROL_TIME, FieldView, FormView};

/// One field of a form, ready to be written.
pub(super) struct Control<'view> {
    view: &'view FieldView,
    /// The model's field; none where the form has a field that the model has not.
    field: Option<&'view Field>,
    by: By,
    id: String,
    label: String,
    /// What stands below the input: the field's description.
    hint: Option<String>,
    options: Options,
    /// The site's time zone.
    zone: &'view TimeZone,
    /// Whether the form changes a record that is there.
    changes: bool,
}

/// What a template says about one input.
#[derive(Default)]
struct Options {
    class: Option<String>,
    placeholder: Option<String>,
    rows: Option<u32>,
    autocomplete: Option<String>,
    autofocus: bool,
}

/// The id of an input.
pub(super) fn id(form: &str, field: &str) -> String {
    format!("{form}-{field}")
}

/// A name as a person would write it: `published_at` is `Published at`.
pub(super) fn human(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get(..1).map(str::to_uppercase) {
        words.replace_range(..1, &first);
    }
    words
}

impl<'view> Control<'view> {
    pub(super) fn new(
        root: &'view Root,
        form: &str,
        form_view: &'view FormView,
        view: &'view FieldView,
    ) -> Result<Control<'view>, Error> {
        let model = form_view.model.map(|model| root.shared.site.models.get(model));
        let field = model.and_then(|model| model.field_named(&view.name));
        let by = match field {
            Some(field) => field.ty.control(),
            None if view.name.contains("password") => By::Password,
            None if view.name == "email" => By::Email,
            None => By::Text,
        };
        Ok(Control {
            view,
            field,
            by,
            id: id(form, &view.name),
            label: field.map_or_else(|| human(&view.name), |field| field.label.clone()),
            hint: field.and_then(|field| field.description.clone()),
            options: Options::default(),
            zone: &root.shared.zone,
            changes: form_view.record.is_some(),
        })
    }

    /// Takes what a template says about this input.
    pub(super) fn take_options(&mut self, options: &Kwargs) -> Result<(), Error> {
        if let Some(label) = options.get("label")? {
            self.label = label;
        }
        if let Some(hint) = options.get("hint")? {
            self.hint = Some(hint);
        }
        self.options = Options {
            class: options.get("class")?,
            placeholder: options.get("placeholder")?,
            rows: options.get("rows")?,
            autocomplete: options.get("autocomplete")?,
            autofocus: options.get::<Option<bool>>("autofocus")?.unwrap_or(false),
        };
        Ok(())
    }

    /// The whole field.
    pub(super) fn write(&self, out: &mut Markup) {
        out.raw("<div");
        let wrong = if self.view.is_wrong() { " field-wrong" } else { "" };
        let check = if self.by == By::Checkbox { " field-check" } else { "" };
        out.attribute("class", &format!("field{check}{wrong}"));
        out.raw(">");
        // A box stands before its label, as everywhere.
        if self.by == By::Checkbox {
            self.input(out);
            self.label(out);
        } else {
            self.label(out);
            self.input(out);
        }
        if let Some(hint) = &self.hint {
            out.raw("<p class=\"field-hint\"");
            out.attribute("id", &format!("{}-hint", self.id));
            out.raw(">");
            out.text(hint);
            out.raw("</p>");
        }
        self.messages(out);
        out.raw("</div>");
    }

    pub(super) fn label(&self, out: &mut Markup) {
        out.raw("<label");
        out.attribute("for", &self.id);
        out.raw(">");
        out.text(&self.label);
        if !self.required() && self.by != By::Checkbox && !self.is_chosen() && self.field.is_some() {
            out.raw(" <span class=\"field-optional\">(optional)</span>");
        }
        out.raw("</label>");
    }

    /// What is wrong with it, tied to the input by its id.
    pub(super) fn messages(&self, out: &mut Markup) {
        if !self.view.is_wrong() {
            return;
        }
        out.raw("<p class=\"field-message\"");
        out.attribute("id", &format!("{}-message", self.id));
        out.raw(">");
        if !self.view.messages.is_empty() {
            out.text(&format!("{} {}", self.label, self.view.messages.join(", ")));
            out.raw(if self.view.sentences.is_empty() { "" } else { "; " });
        }
        out.text(&self.view.sentences.join("; "));
        out.raw("</p>");
    }

    pub(super) fn input(&self, out: &mut Markup) {
        match self.by {
            By::TextArea => self.textarea(out),
            By::Select => self.select(out, false),
            By::SelectMany => self.select(out, true),
            By::Checkbox => self.checkbox(out),
            _ => self.single(out),
        }
    }

    fn single(&self, out: &mut Markup) {
        let kind = match self.by {
            By::Number => "number",
            By::Date => "date",
            By::DateTime => "datetime-local",
            By::Email => "email",
            By::Url => "url",
            By::Password => "password",
            _ => "text",
        };
        out.raw("<input");
        out.attribute("type", kind);
        self.common(out);
        if self.by == By::Number {
            out.attribute("step", &self.step());
            self.bound(out, "min", |field| field.min.as_ref());
            self.bound(out, "max", |field| field.max.as_ref());
        } else {
            self.lengths(out);
        }
        if let Some(pattern) = self.field.and_then(|field| field.pattern.as_ref()).filter(|_| kind == "text")
        {
            out.attribute("pattern", &anchored(pattern.as_str()));
        }
        let usual = match (self.by, self.view.name.as_str()) {
            (By::Password, _) if self.field.is_some() => Some("new-password"),
            (By::Password, _) => Some("current-password"),
            (By::Email, _) => Some("email"),
            (By::Text, "name") => Some("name"),
            _ => None,
        };
        if let Some(autocomplete) = self.options.autocomplete.as_deref().or(usual) {
            out.attribute("autocomplete", autocomplete);
        }
        // A password is never sent back.
        if self.by != By::Password {
            out.attribute("value", &self.shown());
        }
        out.raw(">");
    }

    fn textarea(&self, out: &mut Markup) {
        out.raw("<textarea");
        self.common(out);
        self.lengths(out);
        let long = self.field.is_some_and(|field| matches!(field.ty.name(), "markdown" | "html"));
        let rows = self.options.rows.unwrap_or(if long { 10 } else { 4 });
        out.attribute("rows", &rows.to_string());
        // The parser drops a newline that comes first, so one is given to it.
        out.raw(">\n");
        out.text(self.first());
        out.raw("</textarea>");
    }

    fn checkbox(&self, out: &mut Markup) {
        out.raw("<input type=\"checkbox\"");
        self.common(out);
        out.attribute("value", "true");
        out.flag("checked", matches!(self.first(), "true" | "on" | "1"));
        out.raw(">");
    }

    fn select(&self, out: &mut Markup, many: bool) {
        out.raw("<select");
        self.common(out);
        out.flag("multiple", many);
        out.raw(">");
        if !many && !self.is_chosen() && (!self.required() || self.first().is_empty()) {
            out.raw("<option value=\"\">");
            out.raw(if self.required() { "Choose one" } else { "–" });
            out.raw("</option>");
        }
        let choices = self.field.map(|field| field.choices.as_slice()).unwrap_or_default();
        let choices = choices.iter().map(|choice| (choice.as_str(), human(choice)));
        let refs = self.view.options.iter().map(|(id, label)| (id.as_str(), label.clone()));
        for (value, label) in refs.chain(choices) {
            out.raw("<option");
            out.attribute("value", value);
            out.flag("selected", self.view.value.iter().any(|held| held == value));
            out.raw(">");
            out.text(&label);
            out.raw("</option>");
        }
        out.raw("</select>");
    }

    /// What every control has.
    fn common(&self, out: &mut Markup) {
        out.attribute("id", &self.id);
        out.attribute("name", &self.view.name);
        if let Some(class) = &self.options.class {
            out.attribute("class", class);
        }
        if let Some(placeholder) = &self.options.placeholder {
            out.attribute("placeholder", placeholder);
        }
        // A box that must be checked is not what a required boolean means.
        out.flag("required", self.required() && self.by != By::Checkbox);
        out.flag("autofocus", self.options.autofocus);
        let mut described = Vec::new();
        if self.view.is_wrong() {
            out.attribute("aria-invalid", "true");
            described.push(format!("{}-message", self.id));
        }
        if self.hint.is_some() {
            described.push(format!("{}-hint", self.id));
        }
        if !described.is_empty() {
            out.attribute("aria-describedby", &described.join(" "));
        }
    }

    fn required(&self) -> bool {
        match self.field {
            // Nobody enters a password anew to change his name.
            Some(_) if self.by == By::Password && self.changes => false,
            Some(_) if self.view.required => true,
            Some(field) => field.required && (field.default.is_none() || self.changes),
            None => true,
        }
    }

    /// Whether it holds one of the choices of a field that has one by default: nobody need choose, or choose none.
    fn is_chosen(&self) -> bool {
        let chosen = |field: &Field| {
            let default = matches!(&field.default, Some(Source::Literal(value)) if !value.is_null());
            default && !field.choices.is_empty() && !self.first().is_empty()
        };
        self.field.is_some_and(chosen)
    }

    fn first(&self) -> &str {
        self.view.value.first().map(String::as_str).unwrap_or_default()
    }

    /// The value as the control takes it: a datetime as a clock of the site shows it.
    fn shown(&self) -> String {
        if self.by == By::DateTime
            && let Ok(at) = self.first().parse::<jiff::Timestamp>()
        {
            return at.to_zoned(self.zone.clone()).strftime(CONTROL_TIME).to_string();
        }
        self.first().to_owned()
    }

    fn step(&self) -> String {
        match self.field.map(|field| field.kind) {
            Some(Kind::Int) => "1".to_owned(),
            Some(Kind::Decimal(scale)) if scale > 0 => {
                format!("0.{:0>width$}", 1, width = usize::from(scale))
            }
            _ => "any".to_owned(),
        }
    }

    /// Least and greatest length of a text.
    fn lengths(&self, out: &mut Markup) {
        let is_text = self.field.is_some_and(|field| field.kind == Kind::Text);
        if is_text {
            self.bound(out, "minlength", |field| field.min.as_ref());
            self.bound(out, "maxlength", |field| field.max.as_ref());
        }
    }

    fn bound(&self, out: &mut Markup, name: &'static str, of: fn(&Field) -> Option<&Held>) {
        if let Some(bound) = self.field.and_then(of) {
            out.attribute(name, &crate::value::convert::plain(bound).to_string());
        }
    }
}

/// A pattern as HTML has it: it must match the whole value.
fn anchored(pattern: &str) -> String {
    match pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) {
        Some(whole) if !whole.ends_with('\\') => whole.to_owned(),
        _ => format!(".*(?:{pattern}).*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_the_field_does() {
        assert_eq!(anchored("^[a-z]+$"), "[a-z]+");
        assert_eq!(anchored("[a-z]"), ".*(?:[a-z]).*");
        assert_eq!(anchored("^a"), ".*(?:^a).*");
    }

    #[test]
    fn a_name_is_written_for_people() {
        assert_eq!(human("published_at"), "Published at");
        assert_eq!(human("état"), "état");
    }
}
