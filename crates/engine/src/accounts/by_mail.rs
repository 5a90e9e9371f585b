//! Signing in by mail, without a password: a link and a code, each of use only in the browser that asked.
//!
//! The browser keeps one secret, the mail brings another; neither opens anything alone. So whoever reads the mail, or a robot that follows its links, gets
//! nowhere, and a link that is sent on opens nobody's account elsewhere. Wrong codes are counted in the row of the browser's secret, each by a change of
//! exactly the version that was read: five tries, on however many nodes. For an address without an account the same is read and written.

use purlin_pages::mails::Words;
use purlin_schema::Value;
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation};
use serde::{Deserialize, Serialize};

use super::entry::{Arrival, Entry, Way};
use super::tokens::{Purpose, Token};
use super::{hash_of, secret};
use crate::mail::Draft;
use crate::records::failed;
use crate::{Engine, Failure, FieldMessage};

/// Wrong codes that a mail stands.
const MOST_WRONG: u32 = 5;
/// How often what another request was faster with is looked at again.
const MOST_TRIES: usize = 16;
const CODES: u32 = 1_000_000;

/// What a browser keeps while the mail is on its way.
pub struct AskedByMail {
    /// Its secret.
    pub token: String,
    /// How long it is good for, in seconds.
    pub lives_seconds: u64,
}

/// What the database keeps of a mail: hashes of what is in it, together with the browser's secret.
#[derive(Serialize, Deserialize)]
struct Sent {
    link: String,
    code: String,
    wrong: u32,
}

impl Engine {
    /// Sends a link and a code, where there is an account with this address. Nothing tells whether there is. `address` is the
    /// peer's.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the site does not do so, [`Failure::Invalid`] about `email`, [`Failure::TooMany`].
    pub async fn ask_by_mail(&self, email: &str, address: &str) -> Result<AskedByMail, Failure> {
        if !self.site().settings.accounts.mail_sign_in {
            return Err(Failure::NotFound);
        }
        let email = self.address_of(email)?;
        let now = self.now();
        self.inner.accounts.asked.begin(&email, address, now).map_err(Failure::TooMany)?;
        let user = self.user_by_email(&email).await?;
        let enough = self.has_mails_enough(&email).await?;
        let user = user.filter(|_| !enough);
        let purpose = Purpose::MailSignIn;
        let (token, link, code) = (secret()?, secret()?, code()?);
        let sent = Sent { link: together(&token, &link), code: together(&token, &code), wrong: 0 };
        let data = serde_json::to_string(&sent).map_err(|error| Failure::Internal(error.to_string()))?;
        let kept = self.issued(&token, purpose, user.as_ref().map(|user| user.id), &email, Some(data), now);
        let words = Words {
            link: self.link(&format!("/login/mail?link={link}")),
            email: email.clone(),
            code: format!("{} {}", &code[..3], &code[3..]),
            ..Words::default()
        };
        let (until, real) = (purpose.until(now), user.is_some());
        let draft = Draft { template: "sign_in", to: &email, words, user: None, until, real };
        let mail = self.write_mail(&draft, now)?;
        self.store().commit(vec![kept, mail]).await.map_err(failed)?;
        self.ring();
        Ok(AskedByMail { token, lives_seconds: u64::from(purpose.minutes()) * 60 })
    }

    /// Signs in by what a mail brought, its code or the secret of its link, and the secret of the browser that asked.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `mail_token` where it is over, about `code` where that is wrong.
    pub async fn sign_in_by_mail(
        &self,
        token: &str,
        code: &str,
        arrival: Arrival<'_>,
    ) -> Result<Entry, Failure> {
        let over = || {
            let message = "this mail was used already or is too old; ask for another";
            Failure::Invalid(vec![FieldMessage::new("mail_token", "expired", message)])
        };
        let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).take(64).collect();
        for _ in 0..MOST_TRIES {
            let found = match self.token(Purpose::MailSignIn, token).await {
                Err(Failure::Invalid(_)) => return Err(over()),
                found => found?,
            };
            let sent: Sent =
                serde_json::from_str(&found.data).map_err(|error| Failure::Internal(error.to_string()))?;
            let given = together(token, &digits);
            let user = match found.user.filter(|_| given == sent.code || given == sent.link) {
                Some(user) => self.user_by_id(user).await?,
                None => None,
            };
            // The mail went to an address, and is for the account while it has that address.
            let Some(user) = user.filter(|user| self.email_of(user) == found.address) else {
                match self.store().commit(vec![self.counted(&found, sent)?]).await {
                    Ok(_) => {
                        let message = FieldMessage::new("code", "wrong_code", "is wrong");
                        return Err(Failure::Invalid(vec![message]));
                    }
                    Err(Error::Refused { .. }) => continue,
                    Err(error) => return Err(failed(error)),
                }
            };
            let used = Action::Delete { id: found.id, if_version: Some(found.version) };
            let used = Mutation::new(self.inner.accounts.tokens.model, used, self.now());
            match self.complete_sign_in(&user, Way::Mail, arrival, vec![used]).await {
                // Used or counted meanwhile: it is looked at again.
                Err(Failure::NotFound) => {}
                done => return done,
            }
        }
        Err(Failure::Unavailable("too many codes at once".to_owned()))
    }

    /// The mutation that counts a wrong code; the last ends the mail.
    fn counted(&self, found: &Token, sent: Sent) -> Result<Mutation, Failure> {
        let tokens = &self.inner.accounts.tokens;
        let (id, if_version) = (found.id, Some(found.version));
        let wrong = sent.wrong + 1;
        if wrong >= MOST_WRONG {
            return Ok(Mutation::new(tokens.model, Action::Delete { id, if_version }, self.now()));
        }
        let data = serde_json::to_string(&Sent { wrong, ..sent });
        let data = data.map_err(|error| Failure::Internal(error.to_string()))?;
        let values = vec![(tokens.data, Value::from(data))];
        let action = Action::Update { id, if_version, values, merges: Vec::new(), links: Vec::new() };
        Ok(Mutation::new(tokens.model, action, self.now()))
    }
}

/// What is kept of something in a mail: of no use without the browser's secret.
fn together(token: &str, brought: &str) -> String {
    hash_of(&format!("{token} {brought}"))
}

/// Six digits, each code as likely as any other.
fn code() -> Result<String, Failure> {
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| Failure::Internal(error.to_string()))?;
        let number = u32::from_le_bytes(bytes);
        if number < u32::MAX - u32::MAX % CODES {
            return Ok(format!("{:06}", number % CODES));
        }
    }
}
