//! The client against resolvers and servers that lie.

mod client;
mod hostile;
mod servers;
