//! Migrations on real files: plans, what they keep, what they refuse, and what they survive.

mod actual;
mod apply;
mod golden;
mod random;
mod support;
