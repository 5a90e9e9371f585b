//! Migrations on real files: plans, what they keep, what they refuse, and what they survive.

mod apply;
mod golden;
mod support;
