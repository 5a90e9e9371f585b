//! The ways by which a mail leaves: a server, a command, a folder, the terminal.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use purlin_schema::Site;
use purlin_schema::settings::{MailSettings, MailWay};

use tokio::io::AsyncWriteExt;

use super::{Letter, Outbox};

/// For each step of a conversation with a server.
const STEP: Duration = Duration::from_secs(30);
/// For a mail as a whole; less than the lease of whoever sends it.
const WHOLE: Duration = Duration::from_secs(120);

/// A way out.
pub(super) enum Transport {
    None,
    Show,
    Folder(PathBuf),
    Sendmail(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(super) struct NotSent {
    /// Whether trying again is of no use: the address is none, or its server refuses it for good.
    pub(super) for_good: bool,
    pub(super) message: String,
}

impl Transport {
    /// The way that the settings name.
    ///
    /// # Errors
    /// What is wrong with the URL, to be read after `mail.url`.
    pub(super) fn of(site: &Site) -> Result<Transport, String> {
        let settings = &site.settings.mail;
        Ok(match &settings.way {
            MailWay::None => Transport::None,
            MailWay::Terminal => Transport::Show,
            MailWay::Folder(folder) => Transport::Folder(site.root.join(folder)),
            MailWay::Sendmail(command) => Transport::Sendmail(PathBuf::from(command)),
            MailWay::Smtp(url) => Transport::Smtp(Box::new(smtp(url, settings, &site.root)?)),
        })
    }

    /// Sends a mail, once.
    pub(super) async fn send(&self, letter: &Letter, from: &str, outbox: &Outbox) -> Result<(), NotSent> {
        let message = message(letter, from)?;
        match tokio::time::timeout(WHOLE, self.hand_over(message, letter, outbox)).await {
            Ok(sent) => sent,
            Err(_elapsed) => Err(later(format!("it took longer than {} seconds", WHOLE.as_secs()))),
        }
    }

    async fn hand_over(&self, message: Message, letter: &Letter, outbox: &Outbox) -> Result<(), NotSent> {
        match self {
            Transport::None => Err(later("no way to send mail is set".to_owned())),
            Transport::Show => {
                outbox.show(letter);
                Ok(())
            }
            Transport::Folder(folder) => {
                let (folder, name) = (folder.clone(), file_name(&letter.message_id));
                let written =
                    tokio::task::spawn_blocking(move || write(&folder, &name, &message.formatted())).await;
                match written {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(later(format!("the folder cannot be written: {error}"))),
                    Err(error) => Err(later(error.to_string())),
                }
            }
            Transport::Sendmail(command) => {
                by_command(command, &message).await.map_err(|error| later(error.to_string()))
            }
            Transport::Smtp(server) => {
                server.send(message).await.map(|_| ()).map_err(|error| refused(&error))
            }
        }
    }
}

/// The command that every mail server on Unix brings: recipients as arguments, the message on standard input.
async fn by_command(command: &Path, message: &Message) -> std::io::Result<()> {
    let mut arguments = vec!["-i".to_owned()];
    if let Some(from) = message.envelope().from() {
        arguments.extend(["-f".to_owned(), from.to_string()]);
    }
    // No address is taken for an option.
    arguments.push("--".to_owned());
    arguments.extend(message.envelope().to().iter().map(ToString::to_string));
    let mut child = tokio::process::Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read to the end says why in its own words.
        let _ = stdin.write_all(&message.formatted()).await;
    }
    let output = child.wait_with_output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(std::io::Error::other(format!("{} ended with {}: {}", command.display(), output.status, said.trim())))
}

/// `smtp://` without more is STARTTLS, and an error where the server has none: a password and the links in mails go over
/// no open wire. Only to this machine is it plain.
fn smtp(
    url: &str,
    settings: &MailSettings,
    root: &Path,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let is_plain = url.contains("tls=off");
    let with_tls = match url.contains("tls=") || url.starts_with("smtps:") || is_loopback(url) {
        true => url.replace("?tls=off", ""),
        false => format!("{url}{}tls=required", if url.contains('?') { '&' } else { '?' }),
    };
    // What the parser says might show the password that the URL holds.
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&with_tls).map_err(|_| {
        "cannot be read; write it as \"smtps://mail.example.com\" or \"smtp://mail.example.com:587\""
            .to_owned()
    })?;
    if let Some(file) = &settings.ca {
        let parameters = trusting(host_of(url), &root.join(file))
            .map_err(|why| format!("cannot be used with `mail.ca`: `{file}` {why}"))?;
        let way =
            if url.starts_with("smtps:") { Tls::Wrapper(parameters) } else { Tls::Required(parameters) };
        builder = builder.tls(way);
    }
    if let Some(user) = &settings.user {
        if is_plain && !is_loopback(url) {
            return Err("would send `mail.password` over an open wire: leave out `tls=off`".to_owned());
        }
        let password = settings.password.clone().unwrap_or_default();
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.timeout(Some(STEP)).build())
}

/// TLS with a server whose certificate may be of the authorities in a file, too.
fn trusting(host: &str, file: &Path) -> Result<TlsParameters, String> {
    let pem = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    let ca = Certificate::from_pem(&pem).map_err(|_| "holds no certificate: it must be PEM".to_owned())?;
    TlsParameters::builder(host.to_owned())
        .add_root_certificate(ca)
        .build_rustls()
        .map_err(|error| error.to_string())
}

/// The host of a URL, without its port.
fn host_of(url: &str) -> &str {
    let place = place_of(url);
    let host = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => place,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Host and port of a URL.
fn place_of(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    place.rsplit_once('@').map_or(place, |(_, host)| host)
}

fn is_loopback(url: &str) -> bool {
    let host = place_of(url);
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

fn later(message: String) -> NotSent {
    NotSent { for_good: false, message }
}

/// What a server refuses for good; that it does not know *us* is ours to mend, and the mail waits for that.
fn refused(error: &lettre::transport::smtp::Error) -> NotSent {
    let code: Option<u16> = error.status().and_then(|code| code.to_string().parse().ok());
    let is_about_us = matches!(code, Some(530 | 534 | 535 | 538));
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !message.contains(&inner_text) {
            message = format!("{message}: {inner_text}");
        }
        cause = inner.source();
    }
    NotSent { for_good: error.is_permanent() && !is_about_us, message }
}

/// The message as it goes over the wire. An address or a sender that is none ends here, whatever it holds.
fn message(letter: &Letter, from: &str) -> Result<Message, NotSent> {
    let wrong = |what: &str, why: &dyn std::fmt::Display| NotSent {
        for_good: true,
        message: format!("{what} is no address: {why}"),
    };
    let from: Mailbox = from.parse().map_err(|error| wrong("`mail.from`", &error))?;
    let to: Address = letter.recipient.parse().map_err(|error| wrong("the recipient", &error))?;
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(letter.subject.as_str())
        .message_id(Some(letter.message_id.clone()))
        // No machine answers a machine (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|error| wrong("the message", &error))
}

/// A file's name from a mail's own.
fn file_name(message_id: &str) -> String {
    let id: String =
        message_id.chars().take_while(|c| *c != '@').filter(char::is_ascii_alphanumeric).collect();
    format!("{id}.eml")
}

/// Whoever watches the folder sees whole files alone. They hold links that open accounts: for their owner's eyes.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::create_dir_all(folder)?;
    let part = folder.join(format!(".{name}.part"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&part)?.write_all(bytes)?;
    std::fs::rename(part, folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(recipient: &str, subject: &str) -> Letter {
        Letter {
            recipient: recipient.to_owned(),
            subject: subject.to_owned(),
            text: "Hello\n".to_owned(),
            html: "<p>Hello".to_owned(),
            message_id: "<abc@test.example>".to_owned(),
            template: "reset".to_owned(),
        }
    }

    #[test]
    fn attack_15_no_address_or_subject_makes_a_header() {
        for evil in [
            "a@x.example\r\nBcc: eve@evil.example",
            "a@x.example, b@y.example",
            "a@x.example\0",
            "<a@x.example> ",
        ] {
            let error = message(&letter(evil, "x"), "b@x.example").expect_err("no address");
            assert!(error.for_good, "{evil:?}");
        }
        let mail =
            message(&letter("a@x.example", "x\r\nBcc: eve@evil.example"), "Ä <b@x.example>").expect("a mail");
        let text = String::from_utf8(mail.formatted()).expect("ASCII");
        assert!(text.lines().all(|line| !line.starts_with("Bcc:")), "{text}");
        assert!(
            text.contains("Auto-Submitted: auto-generated")
                && text.contains("Message-ID: <abc@test.example>"),
            "{text}"
        );
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_open() {
        for here in ["smtp://localhost", "smtp://127.0.0.1:2525", "smtp://a:b@[::1]:25?x"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["smtp://localhost.evil.example", "smtp://mail.example", "smtp://localhost@mail.example"]
        {
            assert!(!is_loopback(there), "{there}");
        }
    }

    #[test]
    fn a_file_has_a_plain_name() {
        assert_eq!(file_name("<../a.b/c@x>"), "abc.eml");
    }
}
