//! The loader over whole site folders.

mod blog;
mod folder;
mod golden;
mod loading;
mod mutations;
mod refusals;
mod seeds;
