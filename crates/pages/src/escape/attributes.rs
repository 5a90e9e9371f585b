//! Attributes: what a value in one may be.
//!
//! The list says what is allowed. An attribute that is not on it is refused, because nobody knows what a browser or a
//! library of scripts does with its value.

/// What the value of an attribute is to a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text: a value in it is inert once it is escaped.
    Ordinary,
    /// An address.
    Url,
    /// An address that loads code or a document, or that a form is sent to: only from the site itself.
    OwnUrl,
    /// Addresses with commas between.
    UrlList,
    /// Code, or what changes what the element is.
    Refused(&'static str),
    /// `nonce`, which only `csp_nonce()` may fill.
    Nonce,
}

const URLS: &[&str] = &[
    "background",
    "cite",
    "classid",
    "codebase",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "ping",
    "poster",
    "profile",
    "src",
    "usemap",
    "xlink:href",
    "lowsrc",
    "dynsrc",
    "archive",
];

const URL_LISTS: &[&str] = &["srcset", "imagesrcset"];

const ORDINARY: &[&str] = &[
    "abbr",
    "accept",
    "accept-charset",
    "accesskey",
    "align",
    "allow",
    "alt",
    "as",
    "async",
    "autocapitalize",
    "autocomplete",
    "autocorrect",
    "autofocus",
    "autoplay",
    "border",
    "charset",
    "checked",
    "class",
    "color",
    "cols",
    "colspan",
    "content",
    "controls",
    "coords",
    "cx",
    "cy",
    "d",
    "datetime",
    "decoding",
    "default",
    "defer",
    "dir",
    "dirname",
    "disabled",
    "draggable",
    "enctype",
    "enterkeyhint",
    "fetchpriority",
    "fill",
    "for",
    "form",
    "headers",
    "height",
    "hidden",
    "high",
    "hreflang",
    "id",
    "inert",
    "inputmode",
    "itemid",
    "itemprop",
    "itemref",
    "itemscope",
    "itemtype",
    "kind",
    "label",
    "lang",
    "list",
    "loading",
    "loop",
    "low",
    "max",
    "maxlength",
    "media",
    "min",
    "minlength",
    "multiple",
    "muted",
    "name",
    "novalidate",
    "open",
    "optimum",
    "pattern",
    "placeholder",
    "points",
    "popover",
    "popovertarget",
    "prefix",
    "property",
    "r",
    "readonly",
    "rel",
    "required",
    "reversed",
    "role",
    "rows",
    "rowspan",
    "rx",
    "ry",
    "scope",
    "selected",
    "shape",
    "size",
    "sizes",
    "slot",
    "span",
    "spellcheck",
    "start",
    "step",
    "stroke",
    "stroke-width",
    "summary",
    "tabindex",
    "target",
    "title",
    "transform",
    "translate",
    "type",
    "typeof",
    "value",
    "vocab",
    "viewbox",
    "width",
    "wrap",
    "x",
    "x1",
    "x2",
    "xml:lang",
    "y",
    "y1",
    "y2",
];

/// Elements whose address loads code or another document.
const LOADERS: &[&str] =
    &["script", "iframe", "frame", "embed", "object", "link", "base", "use", "image", "portal"];

/// What a value in this attribute of this element is; both names in lower case.
pub(super) fn kind(element: &str, attribute: &str, xml: bool) -> Kind {
    let local = if xml { attribute.rsplit(':').next().unwrap_or(attribute) } else { attribute };
    if local.starts_with("on") {
        return Kind::Refused("it is code that runs");
    }
    match local {
        "style" => return Kind::Refused("it is a style sheet"),
        "srcdoc" => return Kind::Refused("it is a whole document"),
        "nonce" => return Kind::Nonce,
        "action" | "formaction" | "data" => return Kind::OwnUrl,
        "http-equiv" | "is" => return Kind::Refused("it changes what the element does"),
        "type" | "language" if element == "script" => return Kind::Refused("it decides how the script runs"),
        "rel" | "as" if element == "link" => return Kind::Refused("it decides what is loaded"),
        "name" | "property" if element == "meta" => return Kind::Refused("it changes what the element does"),
        _ => {}
    }
    if URL_LISTS.contains(&local) {
        return Kind::UrlList;
    }
    if URLS.contains(&local) {
        return if LOADERS.contains(&element) { Kind::OwnUrl } else { Kind::Url };
    }
    if xml || is_ordinary(attribute) {
        return Kind::Ordinary;
    }
    Kind::Refused("Purlin does not know what a browser makes of it; `data-…` is always text")
}

fn is_ordinary(attribute: &str) -> bool {
    // Libraries run what they find in `data-on-…` and the like.
    let data = attribute
        .strip_prefix("data-")
        .is_some_and(|name| !name.starts_with("on") && !name.starts_with("hx-on"));
    data || attribute.starts_with("aria-") || ORDINARY.contains(&attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_or_loads_is_known() {
        assert!(matches!(kind("p", "onclick", false), Kind::Refused(_)));
        assert!(matches!(kind("p", "style", false), Kind::Refused(_)));
        assert!(matches!(kind("div", "x-html", false), Kind::Refused(_)));
        assert!(matches!(kind("div", "data-on-click", false), Kind::Refused(_)));
        assert_eq!(kind("a", "href", false), Kind::Url);
        assert_eq!(kind("script", "src", false), Kind::OwnUrl);
        assert_eq!(kind("form", "action", false), Kind::OwnUrl);
        assert_eq!(kind("img", "srcset", false), Kind::UrlList);
        assert_eq!(kind("p", "class", false), Kind::Ordinary);
        assert_eq!(kind("p", "data-id", false), Kind::Ordinary);
        assert_eq!(kind("dc:creator", "anything", true), Kind::Ordinary);
        assert_eq!(kind("svg:a", "xlink:href", true), Kind::Url);
    }
}
