//! The cookies: the session, the message that is shown once, and where the database stood when one last wrote.
//!
//! Over https they carry the `__Host-` prefix, which keeps neighbours of the host and plain http from planting
//! them.

use http::{HeaderMap, HeaderValue, header};

/// Browsers keep no cookie longer; whether a session is alive is the server's to say.
const SESSION_SECONDS: u32 = 400 * 24 * 3600;
/// From the redirect to the page that shows it.
const FLASH_SECONDS: u32 = 60;

/// The cookies of a site, by whether it is reached over https.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether the site is reached over https.
    pub https: bool,
}

impl Cookies {
    fn session_name(self) -> &'static str {
        if self.https { "__Host-purlin_session" } else { "purlin_session" }
    }

    fn flash_name(self) -> &'static str {
        if self.https { "__Host-purlin_flash" } else { "purlin_flash" }
    }

    /// The session's secret that a request carries.
    #[must_use]
    pub fn session(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.session_name())
    }

    /// The sealed message that a request carries.
    #[must_use]
    pub fn flash(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.flash_name())
    }

    /// Sets the session.
    #[must_use]
    pub fn set_session(self, token: &str) -> Option<HeaderValue> {
        self.set(self.session_name(), token, SESSION_SECONDS)
    }

    /// Clears the session.
    #[must_use]
    pub fn clear_session(self) -> Option<HeaderValue> {
        self.set(self.session_name(), "", 0)
    }

    /// Sets the message.
    #[must_use]
    pub fn set_flash(self, sealed: &str) -> Option<HeaderValue> {
        self.set(self.flash_name(), sealed, FLASH_SECONDS)
    }

    /// Clears the message.
    #[must_use]
    pub fn clear_flash(self) -> Option<HeaderValue> {
        self.set(self.flash_name(), "", 0)
    }

    fn half_name(self) -> &'static str {
        if self.https { "__Host-purlin_half" } else { "purlin_half" }
    }

    /// The secret of a sign-in that lacks its second step, which a request carries.
    #[must_use]
    pub fn half(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.half_name())
    }

    /// Sets the secret of such a sign-in.
    #[must_use]
    pub fn set_half(self, token: &str, seconds: u64) -> Option<HeaderValue> {
        self.set(self.half_name(), token, u32::try_from(seconds).unwrap_or_default())
    }

    /// Clears it.
    #[must_use]
    pub fn clear_half(self) -> Option<HeaderValue> {
        self.set(self.half_name(), "", 0)
    }

    fn mail_name(self) -> &'static str {
        if self.https { "__Host-purlin_mail" } else { "purlin_mail" }
    }

    /// The secret of a browser that asked for a sign-in by mail.
    #[must_use]
    pub fn mail(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.mail_name())
    }

    /// Sets the secret of such a browser.
    #[must_use]
    pub fn set_mail(self, token: &str, seconds: u64) -> Option<HeaderValue> {
        self.set(self.mail_name(), token, u32::try_from(seconds).unwrap_or_default())
    }

    /// Clears it.
    #[must_use]
    pub fn clear_mail(self) -> Option<HeaderValue> {
        self.set(self.mail_name(), "", 0)
    }

    /// What the cookie of a sign-in by a provider is called.
    pub(crate) fn trip_name(self) -> &'static str {
        if self.https { "__Host-purlin_trip" } else { "purlin_trip" }
    }

    /// What a request carries of such a sign-in.
    #[must_use]
    pub fn trip(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.trip_name())
    }

    /// Sets it.
    #[must_use]
    pub fn set_trip(self, sealed: &str, seconds: u64) -> Option<HeaderValue> {
        self.set(self.trip_name(), sealed, u32::try_from(seconds).unwrap_or_default())
    }

    /// Clears it.
    #[must_use]
    pub fn clear_trip(self) -> Option<HeaderValue> {
        self.set(self.trip_name(), "", 0)
    }

    fn written_name(self) -> &'static str {
        if self.https { "__Host-purlin_written" } else { "purlin_written" }
    }

    /// The mark of the last write that a request carries.
    #[must_use]
    pub fn written(self, headers: &HeaderMap) -> Option<&str> {
        only(headers, self.written_name())
    }

    /// Sets the mark of a write.
    #[must_use]
    pub fn set_written(self, mark: &str, seconds: u64) -> Option<HeaderValue> {
        self.set(self.written_name(), mark, u32::try_from(seconds).unwrap_or(SESSION_SECONDS))
    }

    fn set(self, name: &str, value: &str, seconds: u32) -> Option<HeaderValue> {
        // A value that could end the cookie and begin another attribute is not set at all.
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\');
        if !value.bytes().all(plain) {
            return None;
        }
        let secure = if self.https { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        HeaderValue::try_from(text).ok()
    }
}

/// The value of a cookie that is there once. Two that differ mean that somebody planted one; neither counts.
fn only<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    let mut found = None;
    for pair in headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
    {
        if let Some((key, value)) = pair.split_once('=')
            && key.trim() == name
        {
            let value = value.trim();
            if found.is_some_and(|other| other != value) {
                return None;
            }
            found = Some(value);
        }
    }
    found.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))])
    }

    #[test]
    fn cookies_have_every_guard() {
        let plain = Cookies { https: false }.set_session("abc").unwrap();
        assert!(plain.to_str().unwrap().starts_with("purlin_session=abc; Path=/; HttpOnly; SameSite=Lax"));
        let secure = Cookies { https: true }.set_session("abc").unwrap();
        assert!(secure.to_str().unwrap().starts_with("__Host-purlin_session=abc;"));
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
    }

    #[test]
    fn attack_15_a_value_ends_no_cookie() {
        for bad in ["a;b", "a\r\nb", "a b", "a,b", "é"] {
            assert_eq!(Cookies { https: false }.set_session(bad), None, "{bad}");
        }
    }

    #[test]
    fn attack_28_a_planted_second_cookie_voids_both() {
        let cookies = Cookies { https: false };
        assert_eq!(cookies.session(&sent("a=b; purlin_session=x")), Some("x"));
        assert_eq!(cookies.session(&sent("purlin_session=x; purlin_session=x")), Some("x"));
        assert_eq!(cookies.session(&sent("purlin_session=x; purlin_session=y")), None);
        assert_eq!(cookies.session(&sent("purlin_session=")), None);
        assert_eq!(Cookies { https: true }.session(&sent("purlin_session=x")), None);
    }
}
