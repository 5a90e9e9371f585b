//! MySQL and MariaDB.
//!
//! Nothing outside of this folder and of `migrate` knows of `mysql_async`.

pub(crate) mod connect;
