//! The store on real database files.

mod copying;
mod dialects;
mod faults;
mod meaning;
mod migrate;
mod outage;
mod paging;
mod pooler;
mod reading;
mod replicas;
mod servers;
mod support;
mod tls;
mod writing;
