//! Whole sites, asked as strangers and browsers ask them.

mod scenarios;
