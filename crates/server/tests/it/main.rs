//! A real site behind the server, asked as a stranger asks it.

mod accounts;
mod api;
mod attacks;
mod forms;
mod site;
mod whole;
mod wire;
