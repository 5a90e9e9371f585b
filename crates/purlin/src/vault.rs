//! The site's secrets: `secrets.toml` holds them encrypted and is committed, the key stands elsewhere.
//!
//! Names are plain, so that a change is readable in a diff; each value is XChaCha20-Poly1305 under a nonce of its own, bound to
//! its name, so that values cannot change places. The key is 256 random bits: in the variable `PURLIN_SECRETS_KEY`, in the file
//! that `PURLIN_SECRETS_KEY_FILE` names, or in `data/secrets.key`, which is never committed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use purlin_schema::load::Secrets;
use sha2::{Digest, Sha256};

use crate::error::{CommandError, Outcome};
use crate::secret::{read_if_there, write_for_all, write_for_owner};

/// Where they are, below the site's folder.
pub(crate) const FILE: &str = "secrets.toml";
/// Where the key is, unless a variable says otherwise.
pub(crate) const KEY_FILE: &str = "data/secrets.key";
const KEY_VARIABLE: &str = "PURLIN_SECRETS_KEY";
const KEY_FILE_VARIABLE: &str = "PURLIN_SECRETS_KEY_FILE";
const NONCE_BYTES: usize = 24;
const HEAD: &str = "# Kept by `purlin secrets`: names are plain, values are encrypted. Commit this file, and keep the key elsewhere.\n";

/// What opens secrets.
pub(crate) struct Opener([u8; 32]);

/// The file: names with what stands there, and which key that was encrypted with.
#[derive(Default)]
pub(crate) struct Vault {
    key: Option<String>,
    values: BTreeMap<String, String>,
}

/// The secrets of a site as its settings refer to them.
pub(crate) fn of_site(root: &Path) -> Secrets {
    let opened = || -> Outcome<Option<BTreeMap<String, String>>> {
        let Some(vault) = Vault::read(root)? else { return Ok(None) };
        let opener = Opener::find(root)?.ok_or_else(|| CommandError::new("there is no key"))?;
        vault.open(&opener).map(Some)
    };
    match opened() {
        Ok(None) => Secrets::None,
        Ok(Some(secrets)) => Secrets::Open(secrets),
        Err(error) => Secrets::Locked(error.to_string()),
    }
}

impl Opener {
    /// The key of a site, where there is one.
    pub(crate) fn find(root: &Path) -> Outcome<Option<Opener>> {
        if let Some(text) = std::env::var_os(KEY_VARIABLE) {
            return Opener::parse(&text.to_string_lossy(), KEY_VARIABLE).map(Some);
        }
        let path = Opener::path(root);
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).unwrap_or_default();
        Opener::parse(&text, &path.display().to_string()).map(Some)
    }

    /// Whether the key comes from a variable, where nothing can be written.
    pub(crate) fn is_variable() -> bool {
        std::env::var_os(KEY_VARIABLE).is_some()
    }

    /// The file of the key.
    pub(crate) fn path(root: &Path) -> PathBuf {
        std::env::var_os(KEY_FILE_VARIABLE).map_or_else(|| root.join(KEY_FILE), PathBuf::from)
    }

    /// A new one.
    pub(crate) fn make() -> Outcome<Opener> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(CommandError::new)?;
        Ok(Opener(key))
    }

    /// Writes it where it is looked for.
    pub(crate) fn keep(&self, root: &Path) -> Outcome {
        let text = URL_SAFE_NO_PAD.encode(self.0) + "\n";
        write_for_owner(&Opener::path(root), text.as_bytes())
    }

    fn parse(text: &str, place: &str) -> Outcome<Opener> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        // What was read is not told: it may be a key with a slip in it.
        bytes.map(Opener).ok_or_else(|| CommandError::new(format_args!("what stands in {place} is no key")))
    }

    /// What tells one key from another, and nothing else of it.
    fn name(&self) -> String {
        let digest = Sha256::digest([b"purlin secrets key".as_slice(), &self.0].concat());
        URL_SAFE_NO_PAD.encode(&digest[..6])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }

    fn seal(&self, name: &str, value: &str) -> Outcome<String> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(CommandError::new)?;
        let payload = Payload { msg: value.as_bytes(), aad: name.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| CommandError::new("the value cannot be encrypted"))?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn unseal(&self, name: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        String::from_utf8(self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }
}

impl Vault {
    /// The file of a site, where there is one.
    pub(crate) fn read(root: &Path) -> Outcome<Option<Vault>> {
        let Some(bytes) = read_if_there(&root.join(FILE))? else { return Ok(None) };
        let text =
            String::from_utf8(bytes).map_err(|_| CommandError::new(format_args!("{FILE} is not text")))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            CommandError::new(format_args!("{FILE} cannot be read: {}", error.message()))
        })?;
        let key = table.get("key").and_then(toml::Value::as_str).map(str::to_owned);
        let values = table.get("values").and_then(toml::Value::as_table).into_iter().flatten();
        let values = values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Ok(Some(Vault { key, values: values.collect() }))
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Every secret.
    pub(crate) fn open(&self, opener: &Opener) -> Outcome<BTreeMap<String, String>> {
        self.check(opener)?;
        let one = |(name, sealed): (&String, &String)| match opener.unseal(name, sealed) {
            Some(value) => Ok((name.clone(), value)),
            None => {
                Err(CommandError::new(format_args!("`{name}` in {FILE} was changed by hand or is damaged")))
            }
        };
        self.values.iter().map(one).collect()
    }

    /// Puts a secret in, or in another's place.
    pub(crate) fn set(&mut self, opener: &Opener, name: &str, value: &str) -> Outcome {
        self.check(opener)?;
        self.values.insert(name.to_owned(), opener.seal(name, value)?);
        self.key = Some(opener.name());
        Ok(())
    }

    /// Takes a secret out; whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.values.remove(name).is_some()
    }

    /// The same secrets under another key.
    pub(crate) fn under(&self, opener: &Opener, other: &Opener) -> Outcome<Vault> {
        let mut vault = Vault::default();
        for (name, value) in self.open(opener)? {
            vault.set(other, &name, &value)?;
        }
        Ok(vault)
    }

    /// Writes the file.
    pub(crate) fn write(&self, root: &Path) -> Outcome {
        let mut text = HEAD.to_owned();
        if let Some(key) = &self.key {
            let _ = writeln!(text, "key = \"{key}\"");
        }
        text.push_str("\n[values]\n");
        for (name, sealed) in &self.values {
            let _ = writeln!(text, "{name} = \"{sealed}\"");
        }
        // Whoever serves the site may be another user than whoever owns its files.
        write_for_all(&root.join(FILE), text.as_bytes())
    }

    /// Refuses a key that these were not encrypted with.
    fn check(&self, opener: &Opener) -> Outcome {
        match &self.key {
            Some(key) if *key != opener.name() => {
                Err(CommandError::new(format_args!("{FILE} was encrypted with another key")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(vault: &Vault, opener: &Opener) -> Vec<(String, String)> {
        vault.open(opener).expect("it opens").into_iter().collect()
    }

    #[test]
    fn what_was_put_in_comes_out_with_its_key_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (opener, other) = (Opener::make().expect("a key"), Opener::make().expect("a key"));
        let mut vault = Vault::default();
        vault.set(&opener, "smtp", "hunter2").expect("it is set");
        vault.set(&opener, "token", "grün\n").expect("it is set");
        vault.write(folder.path()).expect("it is written");
        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("a file");
        assert!(text.contains("smtp = ") && !text.contains("hunter2"), "{text}");
        let mut read = Vault::read(folder.path()).expect("it is read").expect("it is there");
        let both = [("smtp".to_owned(), "hunter2".to_owned()), ("token".to_owned(), "grün\n".to_owned())];
        assert_eq!(opened(&read, &opener), both);
        let refused = read.open(&other).expect_err("another key").to_string();
        assert!(refused.contains("another key"), "{refused}");
        assert!(read.set(&other, "x", "y").is_err(), "one file has one key");
        let moved = read.under(&opener, &other).expect("it opens");
        assert_eq!(opened(&moved, &other), both);
        assert!(read.remove("smtp") && !read.remove("smtp"));
    }

    #[test]
    fn attack_29_values_do_not_change_places() {
        let opener = Opener::make().expect("a key");
        let mut vault = Vault::default();
        vault.set(&opener, "a", "one").expect("it is set");
        vault.set(&opener, "b", "two").expect("it is set");
        let a = vault.values["a"].clone();
        vault.values.insert("b".to_owned(), a);
        let refused = vault.open(&opener).expect_err("it is another's").to_string();
        assert!(refused.contains("`b`") && !refused.contains("one"), "{refused}");
        let cut = vault.values["a"][1..].to_owned();
        for forged in ["", "AAAA", "not base64!", &cut] {
            vault.values.insert("b".to_owned(), forged.to_owned());
            assert!(vault.open(&opener).is_err(), "{forged}");
        }
    }

    #[test]
    fn a_key_is_told_from_others_and_not_told() {
        let refused = Opener::parse("hunter2", "the place").err().expect("no key").to_string();
        assert!(refused.contains("the place") && !refused.contains("hunter2"), "{refused}");
    }
}
