//! A provider of identities on this machine that is honest, or lies as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use purlin_testkit::running::BEGINNING;
use purlin_testkit::{Client, Reply};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// When tests begin, in seconds.
pub(super) const NOW: i64 = BEGINNING / 1_000_000;
pub(super) const SECRET: &str = "the site's own s3cret: ü&=";

/// How an id token is signed.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Signing {
    #[default]
    Right,
    /// By a key that the provider has not published, under the name of the one that it has.
    Foreign,
    /// `alg: none`, without a signature.
    Unsigned,
    /// HS256, with the public key as the secret.
    PublicKey,
    /// HS256, with the site's secret.
    ClientSecret,
}

type Change = Box<dyn Fn(&mut Value) + Send>;

/// What a provider does.
#[derive(Default)]
pub(super) struct Manner {
    pub(super) signing: Signing,
    /// Changes an id token's claims.
    pub(super) claims: Option<Change>,
    /// Changes the discovery document.
    pub(super) document: Option<Change>,
    /// What the user endpoint says.
    pub(super) user: Value,
    /// What the endpoint of addresses says.
    pub(super) emails: Value,
    codes: HashMap<String, Grant>,
    asked: Vec<String>,
}

struct Grant {
    nonce: String,
    challenge: String,
    claims: Value,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) manner: Arc<Mutex<Manner>>,
}

/// What a browser was sent to a provider with.
pub(super) struct Ask {
    pub(super) place: String,
    pub(super) query: HashMap<String, String>,
}

impl Ask {
    pub(super) fn of(reply: &Reply) -> Ask {
        assert_eq!(reply.status, 200, "{}", reply.text());
        let refresh = reply.header("refresh");
        let url = refresh.strip_prefix("0;url=").unwrap_or_else(|| panic!("no way on: {}", reply.text()));
        let (place, query) = url.split_once('?').expect("a query");
        Ask {
            place: place.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }
}

impl Provider {
    pub(super) async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let provider = Provider { issuer, manner: Arc::default() };
        let own = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.serve(stream).await });
            }
        });
        provider
    }

    /// A site that knows it as `idp`.
    pub(super) fn settings(&self, more: &str) -> String {
        format!(
            "[site]\nname = \"Site\"\nurl = \"http://127.0.0.1:8080\"\n{more}\n[outgoing]\nallow = [\"{}\"]\n\
             [accounts.providers.idp]\nlabel = \"Example ID\"\nissuer = \"{}\"\nclient_id = \"site\"\nclient_secret = \"{SECRET}\"\n",
            self.issuer.trim_start_matches("http://"),
            self.issuer
        )
    }

    pub(super) fn behave(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().expect("nobody panics"));
    }

    /// What it was asked for, in order: method and path.
    pub(super) fn asked(&self) -> Vec<String> {
        self.manner.lock().expect("nobody panics").asked.clone()
    }

    /// Somebody signs in at the provider; gives where his browser is sent back to.
    pub(super) fn grant(&self, ask: &Ask, claims: &Value) -> String {
        let mut manner = self.manner.lock().expect("nobody panics");
        let code = format!("code-{}", manner.codes.len());
        let of = |name: &str| ask.query.get(name).cloned().unwrap_or_default();
        manner.codes.insert(
            code.clone(),
            Grant { nonce: of("nonce"), challenge: of("code_challenge"), claims: claims.clone() },
        );
        let back = of("redirect_uri");
        let path = back.strip_prefix("http://127.0.0.1:8080").expect("the site's own address");
        format!("{path}?code={code}&state={}", of("state"))
    }

    /// Goes to the provider, signs in there, and comes back.
    pub(super) async fn sign_in(&self, client: &mut Client, claims: &Value) -> Reply {
        let ask = Ask::of(&client.post("/login/with/idp", &[("next", "/account")]).await);
        client.get(&self.grant(&ask, claims)).await
    }

    async fn serve(&self, mut stream: TcpStream) {
        let Some((head, body)) = read(&mut stream).await else { return };
        let line = head.lines().next().unwrap_or_default().to_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let mut manner = self.manner.lock().expect("nobody panics");
            manner.asked.push(line.rsplit_once(' ').map_or(&*line, |(asked, _)| asked).to_owned());
            match path.as_str() {
                "/.well-known/openid-configuration" => Ok(self.document(&manner)),
                "/jwks" => Ok(json!({ "keys": [key(7, "a")] })),
                "/token" => token(&mut manner, &head, &body, &self.issuer),
                "/user" => with_token(&head).map(|()| manner.user.clone()),
                "/emails" => with_token(&head).map(|()| manner.emails.clone()),
                _ => Err("404 Not Found"),
            }
        };
        let (status, body) = match answer {
            Ok(body) => ("200 OK", body.to_string()),
            Err(status) => (status, "{\"error\":\"invalid_grant\"}".to_owned()),
        };
        let text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn document(&self, manner: &Manner) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut document = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/user"),
            "response_types_supported": ["code"],
        });
        if let Some(change) = &manner.document {
            change(&mut document);
        }
        document
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The token endpoint is as strict as its standards want: the code once, for its verifier, to the site alone.
fn token(manner: &mut Manner, head: &str, body: &str, issuer: &str) -> Result<Value, &'static str> {
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let of = |name: &str| form.get(name).cloned().unwrap_or_default();
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let decoded =
        |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    let basic = head.lines().find_map(|line| line.strip_prefix("authorization: Basic "));
    let known = match basic {
        Some(basic) => {
            let both = String::from_utf8(STANDARD.decode(basic).expect("base64")).expect("text");
            let (id, secret) = both.split_once(':').expect("two parts");
            decoded(id).as_deref() == Some("site")
                && decoded(secret).map(|text| encoded(&text)) == Some(encoded(SECRET))
        }
        None => of("client_id") == "site" && of("client_secret") == SECRET,
    };
    if !known {
        return Err("401 Unauthorized");
    }
    let grant = manner.codes.remove(&of("code")).ok_or("400 Bad Request")?;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, of("code_verifier").as_bytes()));
    let redirect = of("redirect_uri");
    if challenge != grant.challenge
        || of("grant_type") != "authorization_code"
        || !redirect.ends_with("/callback")
    {
        return Err("400 Bad Request");
    }
    let mut claims = json!({
        "iss": issuer, "aud": "site", "iat": NOW, "exp": NOW + 300, "nonce": grant.nonce,
    });
    claims.as_object_mut().expect("an object").extend(grant.claims.as_object().expect("an object").clone());
    if let Some(change) = &manner.claims {
        change(&mut claims);
    }
    let id_token = signed(&claims, manner.signing);
    Ok(json!({ "access_token": "t0ken", "token_type": "Bearer", "id_token": id_token }))
}

fn with_token(head: &str) -> Result<(), &'static str> {
    if head.contains("authorization: Bearer t0ken") { Ok(()) } else { Err("401 Unauthorized") }
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn key(seed: u8, name: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": name, "use": "sig", "x": URL_SAFE_NO_PAD.encode(pair(seed).public_key()) })
}

fn signed(claims: &Value, signing: Signing) -> String {
    let algorithm = match signing {
        Signing::Right | Signing::Foreign => "EdDSA",
        Signing::Unsigned => "none",
        Signing::PublicKey | Signing::ClientSecret => "HS256",
    };
    let encoded = |text: String| URL_SAFE_NO_PAD.encode(text);
    let message = format!(
        "{}.{}",
        encoded(json!({ "alg": algorithm, "kid": "a" }).to_string()),
        encoded(claims.to_string())
    );
    let bytes = message.as_bytes();
    let by_secret =
        |secret: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), bytes).as_ref().to_vec();
    let signature = match signing {
        Signing::Right => pair(7).sign(bytes).as_ref().to_vec(),
        Signing::Foreign => pair(8).sign(bytes).as_ref().to_vec(),
        Signing::Unsigned => Vec::new(),
        Signing::PublicKey => by_secret(pair(7).public_key().as_ref()),
        Signing::ClientSecret => by_secret(SECRET.as_bytes()),
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
