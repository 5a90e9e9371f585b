//! What a person calls the device behind a `User-Agent`: "Firefox on Windows".
//!
//! Only for the list of one's own sessions, where nobody gains by lying; so the well-known names do, and whatever has
//! none of them is shown as it came, cut short.

/// Tokens of a user agent with the browser that they mean; several name those that they descend from, so the most
/// particular comes first.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Likewise for systems: Android says Linux too.
const SYSTEMS: &[(&str, &str)] = &[
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Characters of a user agent that nobody knows.
const MOST: usize = 60;

/// A name for a user agent.
pub(super) fn named(user_agent: &str) -> String {
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(token, _)| user_agent.contains(token)).map(|(_, name)| *name)
    };
    match (known(BROWSERS), known(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ if user_agent.is_empty() => "An unknown device".to_owned(),
        _ => user_agent.chars().take(MOST).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_device_has_the_name_that_people_give_it() {
        for (user_agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                "Safari on a Mac",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "An unknown device"),
        ] {
            assert_eq!(named(user_agent), name);
        }
        assert_eq!(named(&"é".repeat(500)).chars().count(), 60);
    }
}
