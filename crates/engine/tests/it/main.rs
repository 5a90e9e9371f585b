//! The engine on real sites: one binary, a module for each concern.

mod accounts;
mod authority;
mod example;
mod listing;
mod pages;
mod records;
mod support;
mod upsert;
