//! Whole sites, asked as strangers and browsers ask them.

mod attacks;
mod browser;
mod browser_policy;
mod documents;
mod mail;
mod mail_sign_in;
mod newsroom;
mod press;
mod scenarios;
mod second_step;
mod servers;
