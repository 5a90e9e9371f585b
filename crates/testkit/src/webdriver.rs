//! A real browser, driven over WebDriver (W3C WebDriver, and DevTools commands of Chromium) by the least client.
//!
//! Chromium and its driver come from the system. They are ended by their own ids, also where a test panics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What names an element in WebDriver's JSON (§12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// So long an answer of the driver may take: starting a browser on a busy machine takes longest.
const PATIENCE: Duration = Duration::from_secs(60);
/// So long an element may take to appear.
const IMPLICIT_WAIT_MS: u64 = 10_000;

/// A browser with one window.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// Where its screenshots go.
    pub screenshots: PathBuf,
    _profile: TempDir,
}

/// An element of the page that is shown.
pub struct Element<'browser> {
    browser: &'browser Browser,
    id: String,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 1280 points wide.
    Desktop,
    /// 390 points wide, with a finger.
    Phone,
}

/// Why there is no browser to test with, where there is none.
#[must_use]
pub fn absent() -> Option<String> {
    if std::env::var_os("PURLIN_TEST_BROWSER").is_some_and(|value| value == "off") {
        return Some("PURLIN_TEST_BROWSER is off".to_owned());
    }
    ["chromium", "chromedriver"]
        .iter()
        .find(|name| find(name).is_none())
        .map(|name| format!("{name} is not installed"))
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Browser {
    /// Starts a browser with a profile of its own.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(screenshots: &Path) -> Browser {
        std::fs::create_dir_all(screenshots).expect("a folder for screenshots");
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut driver = Command::new(find("chromedriver").expect("chromedriver"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let port = port_of(&mut driver);
        let mut browser = Browser {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            screenshots: screenshots.to_owned(),
            _profile: profile,
        };
        let session = browser.call("POST", "/session", &browser.capabilities());
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.ask("POST", "timeouts", &json!({ "implicit": IMPLICIT_WAIT_MS }));
        browser.look(Screen::Desktop, false);
        browser
    }

    fn capabilities(&self) -> Value {
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--lang=en-GB",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", self._profile.path().display()));
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": find("chromium"), "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } })
    }

    /// Sets the screen and whether the person likes it dark.
    pub fn look(&self, screen: Screen, dark: bool) {
        let (width, height, scale, mobile) = match screen {
            Screen::Desktop => (1280, 900, 1, false),
            Screen::Phone => (390, 844, 2, true),
        };
        self.tools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile }),
        );
        let scheme = if dark { "dark" } else { "light" };
        self.tools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// Goes to an address and waits until the page is loaded.
    pub fn go(&self, url: &str) {
        self.ask("POST", "url", &json!({ "url": url }));
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.ask("GET", "url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// The page as it came.
    #[must_use]
    pub fn source(&self) -> String {
        self.ask("GET", "source", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// What the page says.
    #[must_use]
    pub fn text(&self) -> String {
        self.find("body").text()
    }

    /// The first element that a CSS selector finds.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn find(&self, selector: &str) -> Element<'_> {
        let found = self.ask("POST", "element", &json!({ "using": "css selector", "value": selector }));
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found}")).to_owned();
        Element { browser: self, id }
    }

    /// Runs a script in the page and gives what it returns.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.ask("POST", "execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The status with which the page came.
    #[must_use]
    pub fn status(&self) -> u64 {
        self.run("return performance.getEntriesByType('navigation')[0].responseStatus")
            .as_u64()
            .unwrap_or_default()
    }

    /// By how many points the page is wider than the screen.
    #[must_use]
    pub fn overflow(&self) -> i64 {
        self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            .as_i64()
            .unwrap_or_default()
    }

    /// What the browser complained of since it was last asked.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().filter_map(|entry| Some(entry["message"].as_str()?.to_owned())).collect()
    }

    /// Takes a picture of the whole page.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn screenshot(&self, name: &str) {
        let shot = self.tools("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        let bytes = STANDARD.decode(shot["data"].as_str().unwrap_or_default()).expect("a picture");
        std::fs::write(self.screenshots.join(format!("{name}.png")), bytes).expect("the picture is kept");
    }

    /// A command of Chromium's DevTools.
    fn tools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}/{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = exchange(self.address, method, path, &text)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(status, 200, "{method} {path} {text}: {answer}");
        let json: Value = serde_json::from_str(&answer).unwrap_or_default();
        json["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ending the session ends the browser; the driver is ended by its id whatever came of that.
        if !self.session.is_empty() {
            let _ = exchange(self.address, "DELETE", &format!("/session/{}", self.session), "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Element<'_> {
    /// Clicks on it and waits for the page that comes of it: a form is sent some time after its button is pressed.
    ///
    /// # Panics
    /// Where no page comes.
    pub fn submit(&self) {
        let _ = self.browser.run("window.wasHereBefore = true");
        self.click();
        let started = Instant::now();
        let script = "return document.readyState === 'complete' && !window.wasHereBefore";
        let body = json!({ "script": script, "args": [] }).to_string();
        let path = format!("/session/{}/execute/sync", self.browser.session);
        // Between two pages there is none to ask, which is an error of the driver's and no matter.
        while !exchange(self.browser.address, "POST", &path, &body)
            .is_ok_and(|(status, answer)| status == 200 && answer.contains("true"))
        {
            assert!(started.elapsed() < PATIENCE, "no page came of the click");
        }
    }

    /// Clicks on it.
    pub fn click(&self) {
        // A page that scrolls smoothly would still be on its way.
        let script = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        let own = json!({ ELEMENT: self.id });
        self.browser.ask("POST", "execute/sync", &json!({ "script": script, "args": [own] }));
        self.ask("POST", "click", &json!({}));
    }

    /// Types into it.
    pub fn type_in(&self, text: &str) {
        self.ask("POST", "value", &json!({ "text": text }));
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> String {
        self.ask("GET", "text", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// An attribute of it; empty where it has none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> String {
        let value = self.ask("GET", &format!("attribute/{name}"), &Value::Null);
        value.as_str().unwrap_or_default().to_owned()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.browser.ask(method, &format!("element/{}/{path}", self.id), body)
    }
}

/// One request to the driver, which keeps connections open and says how long its answers are.
fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// The port that the driver says it took.
fn port_of(driver: &mut Child) -> u16 {
    let stdout = driver.stdout.take().expect("its output");
    let mut lines = BufReader::new(stdout).lines();
    let port = loop {
        let line = lines.next().expect("the driver says its port").expect("its output");
        let after = line.split("on port ").nth(1).map(|rest| rest.trim_end_matches('.').to_owned());
        // First it says which it was asked for: 0, any.
        if let Some(port) = after.and_then(|port| port.parse().ok()).filter(|port| *port != 0) {
            break port;
        }
    };
    // Whatever else it says is read, or it would wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    port
}
