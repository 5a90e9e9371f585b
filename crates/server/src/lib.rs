//! HTTP.

pub mod answer;
pub mod assets;
pub mod body;
pub mod door;
pub mod route;
