//! Migrations on real files: plans, what they keep, what they refuse, and what they survive.

mod actual;
mod apply;
mod everywhere;
mod faults;
mod free;
mod golden;
mod models;
mod paths;
mod place;
mod random;
mod rows;
mod server_faults;
mod server_random;
mod support;
