//! The real binary on real folders: what it prints, what it exits with, what it serves.

mod add;
mod audit_servers;
mod check;
mod deploy;
mod dev;
mod documents;
mod export;
mod import;
mod import_beside;
mod import_killed;
mod inspect;
mod inspect_write;
mod library;
mod migrate;
mod move_site;
mod secrets;
mod seed;
mod serve;
mod site;
mod user;
