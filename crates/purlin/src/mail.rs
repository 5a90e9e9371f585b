//! Mail as this process handles it: one outbox for every version of the site, and the terminal as a way out.

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use purlin_engine::Engine;
use purlin_engine::mail::{Letter, Outbox, send_for_ever};

use crate::terminal;

/// The outbox of this process.
pub(crate) fn outbox() -> Outbox {
    static OUTBOX: LazyLock<Outbox> = LazyLock::new(|| Outbox::showing(show));
    OUTBOX.clone()
}

/// Sends what is due while a site is served.
pub(crate) async fn send(engine: Arc<ArcSwap<Engine>>) -> std::convert::Infallible {
    send_for_ever(move || Engine::clone(&engine.load())).await
}

/// A mail on the terminal: what a stranger wrote in it moves no cursor.
fn show(letter: &Letter) {
    let pen = terminal::err();
    let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_control() || *c == '\n').collect() };
    let mut text = format!("\n{} {}\n", pen.good("mail"), pen.bold(plain(&letter.subject)));
    text.push_str(&format!("     {}\n", pen.dim(format_args!("to {}", plain(&letter.recipient)))));
    for line in plain(&letter.text).lines() {
        text.push_str(&format!("     {line}\n"));
    }
    pen.line(text);
}
