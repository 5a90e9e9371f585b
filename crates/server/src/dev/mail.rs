//! What was mailed, as `purlin dev` shows it at `/_purlin/mail`: a list, and each mail with its text and its HTML.
//!
//! The HTML stands in a frame that is a world of its own: no script, no form, no cookie of the site.

use http::{HeaderValue, Method, Response, StatusCode, header};
use purlin_engine::mail::Posted;
use purlin_schema::value::format_datetime;
use purlin_schema::{Id, Value};

use super::with_script;
use crate::answer::html::escaped;
use crate::answer::{self, Problem};
use crate::app::{Asking, allow};
use crate::body::Body;
use crate::pages::HTML;
use crate::route::MAIL;

/// What the page may load: the style sheet, its own script and the frame.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What a mail may: its own styles, and pictures from where it says.
const MESSAGE: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
     style-src 'unsafe-inline'; img-src data: https: http:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Answers a request for the list, a mail, or a mail's HTML alone.
pub(crate) async fn answer(
    asking: &Asking<'_>,
    which: Option<(Id, bool)>,
) -> Result<Response<Body>, Problem> {
    match *asking.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(allow("GET, HEAD, OPTIONS")),
        _ => return Err(Problem::method_not_allowed("GET, HEAD, OPTIONS")),
    }
    let posted = asking.engine().posted().await?;
    let Some((id, is_raw)) = which else { return Ok(page("Mail", &list(&posted))) };
    let mail = posted.iter().find(|mail| mail.id == id).ok_or_else(Problem::not_found)?;
    if is_raw {
        let mut response = answer::answer(StatusCode::OK, HTML, mail.letter.html.clone());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MESSAGE));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        return Ok(response);
    }
    Ok(page(&mail.letter.subject, &message(mail)))
}

fn list(posted: &[Posted]) -> String {
    if posted.is_empty() {
        return "<p>No mail was sent yet. What the site sends is shown here while it runs under <code>purlin dev</code>.</p>"
            .to_owned();
    }
    let line = |mail: &Posted| {
        format!(
            "<li><span><a href=\"{MAIL}/{}\">{}</a><br><span class=\"purlin-small\">to {}, {}</span></span>\
             <span class=\"purlin-small\">{}</span></li>\n",
            Value::from(mail.id).to_text(),
            escaped(&mail.letter.subject),
            escaped(&mail.letter.recipient),
            moment(mail.at),
            escaped(&mail.state),
        )
    };
    format!("<ul class=\"purlin-list\">\n{}</ul>\n", posted.iter().map(line).collect::<String>())
}

fn message(mail: &Posted) -> String {
    let letter = &mail.letter;
    let error = match mail.error.as_str() {
        "" => String::new(),
        error => format!("<p class=\"purlin-small\">The last try failed: {}</p>\n", escaped(error)),
    };
    let body = if letter.html.is_empty() {
        "<p>This mail was sent by <code>purlin serve</code>, which keeps none.</p>".to_owned()
    } else {
        format!(
            "<iframe class=\"purlin-frame\" sandbox=\"allow-popups allow-popups-to-escape-sandbox\" \
             src=\"{MAIL}/{}/html\" title=\"The mail as HTML\"></iframe>\n<h2>Text</h2>\n<pre tabindex=\"0\">{}</pre>",
            Value::from(mail.id).to_text(),
            escaped(&letter.text),
        )
    };
    format!(
        "<p>To {}<br><span class=\"purlin-small\">{}, {}, made of {}</span></p>\n{error}{body}\n\
         <p><a href=\"{MAIL}\">All mails</a></p>\n",
        escaped(&letter.recipient),
        moment(mail.at),
        escaped(&mail.state),
        escaped(&format!("mail/{}.html", letter.template)),
    )
}

fn moment(micros: i64) -> String {
    let text = format_datetime(micros);
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

fn page(title: &str, body: &str) -> Response<Body> {
    let title = escaped(title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"stylesheet\" href=\"/_purlin/purlin.css\">\n<body class=\"purlin\">\n\
         <header class=\"purlin-head\"><a href=\"/\">To the site</a></header>\n\
         <main class=\"purlin-main purlin-wide purlin-report\">\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n",
    );
    let mut response = answer::answer(StatusCode::OK, HTML, with_script(page, &[]));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
