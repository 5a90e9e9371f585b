//! Forms: `form("comment")` writes the whole form, and `form_open`, `field`, `label`, `input`, `message`, `form_close`
//! its parts, for whoever wants to arrange them.
//!
//! They work without JavaScript and say what is wrong in words that a screen reader finds: each message is tied to its
//! input by `aria-describedby`, and what is wrong with the form as a whole stands first, as an alert. A hidden input
//! `_form` says which of a page's forms was posted; no token is needed, since the server looks at where a request is from.

mod control;
mod markup;

use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, State, Value};
use purlin_schema::page::FormAction;

use super::{Function, Links};
use crate::text::suggest;
use crate::value::root::{Root, named};
use crate::value::{Shared, refusal};
use crate::view::{FieldView, FormView};
use control::Control;
use markup::Markup;

pub(super) const FORM: Function = Function {
    name: "form",
    about: "A whole form: opening, messages, fields, button; button= says what the button says.",
    add: |env, _, _| {
        env.add_function("form", form);
    },
};
pub(super) const FORM_OPEN: Function = Function {
    name: "form_open",
    about: "The start of a form, with the messages about it as a whole.",
    add: |env, _, _| {
        env.add_function("form_open", open);
    },
};
pub(super) const FORM_CLOSE: Function = Function {
    name: "form_close",
    about: "The end of a form; with button= a button before it.",
    add: add_close,
};
pub(super) const FIELD: Function = Function {
    name: "field",
    about: "A label, an input and its messages: field(\"comment\", \"body\").",
    add: |env, _, _| add_part(env, "field", Part::Whole),
};
pub(super) const LABEL: Function = Function {
    name: "label",
    about: "The label of a field of a form.",
    add: |env, _, _| add_part(env, "label", Part::Label),
};
pub(super) const INPUT: Function = Function {
    name: "input",
    about: "The input of a field of a form, by the field's type.",
    add: |env, _, _| add_part(env, "input", Part::Input),
};
pub(super) const MESSAGE: Function = Function {
    name: "message",
    about: "What is wrong with a field of a form.",
    add: |env, _, _| add_part(env, "message", Part::Messages),
};

/// What is written of a field.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    Label,
    Input,
    Messages,
}

/// What templates see as `forms.comment`.
pub(crate) fn value(form: &FormView) -> Value {
    let fields = form.fields.iter().map(|field| {
        let first = field.value.first().map(String::as_str).unwrap_or_default();
        let values = [
            ("name", Value::from(field.name.as_str())),
            ("value", Value::from(first)),
            ("values", Value::from(field.value.clone())),
            ("messages", field.messages.iter().chain(&field.sentences).cloned().collect()),
        ];
        (field.name.as_str(), named("field", values))
    });
    let failed = !form.messages.is_empty() || form.fields.iter().any(FieldView::is_wrong);
    named(
        "form",
        [
            ("messages", Value::from(form.messages.clone())),
            ("failed", Value::from(failed)),
            ("fields", named("fields", fields)),
        ],
    )
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over")]
fn form(state: &State, name: &str, options: Kwargs) -> Result<Value, Error> {
    let root = Root::of(state)?;
    let view = find(&root, name)?;
    let button: Option<&str> = options.get("button")?;
    let mut out = Markup::default();
    write_open(&mut out, name, view, &options)?;
    for field in &view.fields {
        Control::new(&root, name, view, field)?.write(&mut out);
    }
    write_button(&mut out, button.unwrap_or_else(|| usual_button(&root, name)));
    out.raw("</form>");
    Ok(out.finish())
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over")]
fn open(state: &State, name: &str, options: Kwargs) -> Result<Value, Error> {
    let root = Root::of(state)?;
    let mut out = Markup::default();
    write_open(&mut out, name, find(&root, name)?, &options)?;
    Ok(out.finish())
}

fn add_close(env: &mut Environment<'static>, _: &Arc<Shared>, _: &Arc<Links>) {
    env.add_function("form_close", |_name: Option<&str>, options: Kwargs| -> Result<Value, Error> {
        let button: Option<&str> = options.get("button")?;
        options.assert_all_used()?;
        let mut out = Markup::default();
        if let Some(button) = button {
            write_button(&mut out, button);
        }
        out.raw("</form>");
        Ok(out.finish())
    });
}

fn add_part(env: &mut Environment<'static>, name: &'static str, part: Part) {
    env.add_function(name, move |state: &State, form: &str, field: &str, options: Kwargs| {
        let root = Root::of(state)?;
        let view = find(&root, form)?;
        let mut control = Control::new(&root, form, view, field_of(form, view, field)?)?;
        control.take_options(&options)?;
        options.assert_all_used()?;
        let mut out = Markup::default();
        match part {
            Part::Whole => control.write(&mut out),
            Part::Label => control.label(&mut out),
            Part::Input => control.input(&mut out),
            Part::Messages => control.messages(&mut out),
        }
        Ok::<_, Error>(out.finish())
    });
}

fn find<'root>(root: &'root Root, name: &str) -> Result<&'root FormView, Error> {
    root.view.forms.iter().find(|(known, _)| known == name).map(|(_, form)| form).ok_or_else(|| {
        let names: Vec<&str> = root.view.forms.iter().map(|(name, _)| name.as_str()).collect();
        refusal(format!("this page declares no form `{name}`; {}", suggest::hint(name, names)))
    })
}

fn field_of<'view>(form: &str, view: &'view FormView, name: &str) -> Result<&'view FieldView, Error> {
    view.fields.iter().find(|field| field.name == name).ok_or_else(|| {
        let names: Vec<&str> = view.fields.iter().map(|field| field.name.as_str()).collect();
        refusal(format!("the form `{form}` has no field `{name}`; {}", suggest::hint(name, names)))
    })
}

fn write_open(out: &mut Markup, name: &str, view: &FormView, options: &Kwargs) -> Result<(), Error> {
    let class: Option<&str> = options.get("class")?;
    let id: Option<&str> = options.get("id")?;
    // Whoever writes the whole form has taken the button already.
    let _: Option<Value> = options.get("button")?;
    options.assert_all_used()?;
    out.raw("<form method=\"post\"");
    out.attribute("class", class.unwrap_or("form"));
    out.attribute("id", id.unwrap_or(&format!("form-{name}")));
    out.raw("><input type=\"hidden\" name=\"_form\"");
    out.attribute("value", name);
    out.raw(">");
    write_summary(out, name, view);
    Ok(())
}

/// What is wrong with the form as a whole, and that something is wrong further down.
fn write_summary(out: &mut Markup, form: &str, view: &FormView) {
    let wrong: Vec<&FieldView> = view.fields.iter().filter(|field| field.is_wrong()).collect();
    if view.messages.is_empty() && wrong.is_empty() {
        return;
    }
    out.raw("<div class=\"form-messages\" role=\"alert\">");
    for message in &view.messages {
        out.raw("<p>");
        out.text(message);
        out.raw("</p>");
    }
    if view.messages.is_empty() {
        out.raw("<p>");
        out.raw(if wrong.len() == 1 {
            "One thing needs your attention:"
        } else {
            "Some things need your attention:"
        });
        out.raw("</p>");
    }
    if !wrong.is_empty() {
        out.raw("<ul>");
        for field in wrong {
            out.raw("<li><a");
            out.attribute("href", &format!("#{}", control::id(form, &field.name)));
            out.raw(">");
            out.text(&control::human(&field.name));
            out.raw(if field.messages.is_empty() { "</a>: " } else { "</a> " });
            let said: Vec<&str> = field.messages.iter().chain(&field.sentences).map(String::as_str).collect();
            out.text(&said.join(", "));
            out.raw("</li>");
        }
        out.raw("</ul>");
    }
    out.raw("</div>");
}

fn write_button(out: &mut Markup, text: &str) {
    out.raw("<p class=\"form-actions\"><button type=\"submit\">");
    out.text(text);
    out.raw("</button></p>");
}

/// What a button says by what its form does.
fn usual_button(root: &Root, form: &str) -> &'static str {
    let page = root.shared.site.pages.get(&root.template);
    match page.and_then(|page| page.forms.get(form)).map(|form| &form.action) {
        Some(FormAction::Update(_)) => "Save",
        Some(FormAction::Delete(_)) => "Delete",
        _ => "Send",
    }
}
