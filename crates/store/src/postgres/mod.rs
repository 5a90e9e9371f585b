//! PostgreSQL, and what speaks its protocol.
//!
//! Nothing outside of this folder and of `migrate` knows of `tokio_postgres`.

pub(crate) mod connect;
