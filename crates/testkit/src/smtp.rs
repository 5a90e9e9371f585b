//! A mail server of a test's own: it speaks as much of SMTP (RFC 5321) as a sender needs, and misbehaves where told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How it treats mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes them.
    Takes,
    /// Refuses each recipient with this code.
    Refuses(u16),
    /// Reads the whole mail and never says what came of it.
    Hangs,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `MAIL FROM`.
    pub from: String,
    /// `RCPT TO`.
    pub to: String,
    /// What `AUTH` said, in Base64.
    pub auth: String,
    /// The message, headers and all.
    pub message: String,
}

/// A server, until it is dropped.
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    came: Notify,
}

impl MailServer {
    /// Listens on a port of loopback; 0 takes a free one.
    ///
    /// # Panics
    /// Where the port is taken.
    pub async fn start(port: u16, manner: Manner) -> MailServer {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared =
            Arc::new(Shared { manner: Mutex::new(manner), received: Mutex::default(), came: Notify::new() });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move {
                    // A sender that hangs up has hung up.
                    let _ = converse(stream, &shared).await;
                });
            }
        });
        MailServer { address, shared, task }
    }

    /// From now on it treats mails so.
    ///
    /// # Panics
    /// Never.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().expect("nobody panics") = manner;
    }

    /// What came so far.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("nobody panics").clone()
    }

    /// Waits until a whole mail came.
    pub async fn came(&self) {
        self.shared.came.notified().await;
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut mail =
        Received { from: String::new(), to: String::new(), auth: String::new(), message: String::new() };
    write.write_all(b"220 test ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let manner = *shared.manner.lock().expect("nobody panics");
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-test\r\n250 AUTH PLAIN\r\n".to_owned(),
            "AUTH" => {
                mail.auth = line;
                "235 welcome\r\n".to_owned()
            }
            "MAIL" => {
                mail.from = line;
                "250 ok\r\n".to_owned()
            }
            "RCPT" => {
                mail.to = line;
                match manner {
                    Manner::Refuses(code) => format!("{code} no\r\n"),
                    _ => "250 ok\r\n".to_owned(),
                }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.message.push_str(&line);
                    mail.message.push('\n');
                }
                shared.received.lock().expect("nobody panics").push(mail.clone());
                shared.came.notify_one();
                if manner == Manner::Hangs {
                    std::future::pending::<()>().await;
                }
                "250 taken\r\n".to_owned()
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
