//! Whole sites, asked as strangers and browsers ask them.

mod attacks;
mod browser;
mod browser_policy;
mod documents;
mod federated;
mod jwt;
mod mail;
mod mail_servers;
mod mail_sign_in;
mod newsroom;
mod press;
mod scenarios;
mod second_step;
mod servers;
