//! A real site behind the server, asked as a stranger asks it.

mod accounts;
mod api;
mod attacks;
mod authority;
mod dev;
mod forms;
mod log;
mod site;
mod strangers;
mod tokens;
mod verdicts;
mod whole;
mod wire;
