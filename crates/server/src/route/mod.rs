//! The second room.

pub mod path;
