//! The loader over whole site folders.

mod blog;
