//! Accounts: passwords, sign-up, sign-in and sessions.

use std::sync::Arc;

use crate::actor::User;
use crate::pages::{FormAnswer, PageRequest};
use crate::{Actor, Engine, Failure};

/// The cost of hashing a password with argon2id.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Cost {
    /// What OWASP recommends.
    pub const STANDARD: Cost = Cost { memory_kib: 19_456, passes: 2 };
    /// For tests alone.
    pub const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };
}

/// By what a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A cookie.
    Cookie,
    /// `Authorization: Bearer`.
    Token,
}

/// A fresh session.
pub struct SignedIn {
    /// The secret that carries it; only its hash is stored.
    pub token: String,
    /// Who it is.
    pub user: Arc<User>,
}

/// What a sign-up led to.
pub enum SignUp {
    /// The account exists and is signed in.
    Done(SignedIn),
    /// The form again, with messages.
    Again(FormAnswer),
}

impl Engine {
    /// Signs in. Takes the same time for known and unknown addresses. The `address` is the peer's, for the limit on wrong passwords.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a wrong password or address, [`Failure::TooMany`].
    pub async fn sign_in(
        &self,
        _email: &str,
        _password: &str,
        _address: &str,
        _user_agent: &str,
    ) -> Result<SignedIn, Failure> {
        unimplemented!()
    }

    /// Makes an account from a posted form and signs it in.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where sign-up is off.
    pub async fn sign_up(
        &self,
        _request: PageRequest<'_>,
        _pairs: &[(String, String)],
        _user_agent: &str,
    ) -> Result<SignUp, Failure> {
        unimplemented!()
    }

    /// The sign-up page.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where sign-up is off.
    pub async fn sign_up_page(&self, _request: PageRequest<'_>) -> Result<String, Failure> {
        unimplemented!()
    }

    /// Who a session's secret stands for; `None` where there is no such session or it has expired.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn resume(&self, _token: &str) -> Result<Option<Actor>, Failure> {
        unimplemented!()
    }

    /// Ends the session of this secret.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sign_out(&self, _token: &str) -> Result<(), Failure> {
        unimplemented!()
    }
}
