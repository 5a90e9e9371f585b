//! Whose word on who somebody is a site takes: providers of identities, by OpenID Connect or by plain OAuth 2.
//!
//! The usual ones are data: what stands in a preset is what an owner would write under `[accounts.providers.NAME]`, and
//! what he writes there stands in its place.

use super::Secret;

/// What may stand under `[accounts.providers.NAME]`.
pub const PROVIDER_KEYS: &[&str] = &[
    "preset",
    "label",
    "client_id",
    "client_secret",
    "team_id",
    "key_id",
    "private_key",
    "scopes",
    "issuer",
    "authorize_url",
    "token_url",
    "user_url",
    "emails_url",
    "subject",
    "email",
    "email_verified",
    "fullname",
    "form_post",
    "token_auth",
    "trust_email",
];

/// The usual providers, by name: what each of the keys is where the owner does not say.
pub const PRESETS: &[(&str, &[(&str, &str)])] = &[
    (
        "apple",
        &[
            ("label", "Apple"),
            ("issuer", "https://appleid.apple.com"),
            ("scopes", "openid email name"),
            // It sends a name and an address no other way.
            ("form_post", "true"),
        ],
    ),
    (
        "discord",
        &[
            ("label", "Discord"),
            ("authorize_url", "https://discord.com/oauth2/authorize"),
            ("token_url", "https://discord.com/api/oauth2/token"),
            ("user_url", "https://discord.com/api/users/@me"),
            ("scopes", "identify email"),
            ("subject", "id"),
            ("email", "email"),
            ("email_verified", "verified"),
            ("fullname", "global_name"),
        ],
    ),
    (
        "facebook",
        // It does not say whether an address was confirmed.
        &[
            ("label", "Facebook"),
            ("authorize_url", "https://www.facebook.com/v21.0/dialog/oauth"),
            ("token_url", "https://graph.facebook.com/v21.0/oauth/access_token"),
            ("user_url", "https://graph.facebook.com/v21.0/me?fields=id,name,email"),
            ("scopes", "public_profile email"),
            ("subject", "id"),
            ("email", "email"),
            ("fullname", "name"),
        ],
    ),
    (
        "github",
        &[
            ("label", "GitHub"),
            ("authorize_url", "https://github.com/login/oauth/authorize"),
            ("token_url", "https://github.com/login/oauth/access_token"),
            ("user_url", "https://api.github.com/user"),
            ("emails_url", "https://api.github.com/user/emails"),
            ("scopes", "read:user user:email"),
            ("subject", "id"),
            ("fullname", "name"),
        ],
    ),
    ("gitlab", &[("label", "GitLab"), ("issuer", "https://gitlab.com"), ("scopes", "openid email profile")]),
    (
        "google",
        &[("label", "Google"), ("issuer", "https://accounts.google.com"), ("scopes", "openid email profile")],
    ),
    (
        "microsoft",
        // Accounts of any tenant, whose administrators may write any address into them: none of them is believed. A site
        // for one tenant sets `issuer = "https://login.microsoftonline.com/TENANT/v2.0"` and perhaps `trust_email`.
        &[
            ("label", "Microsoft"),
            ("authorize_url", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"),
            ("token_url", "https://login.microsoftonline.com/common/oauth2/v2.0/token"),
            ("user_url", "https://graph.microsoft.com/oidc/userinfo"),
            ("scopes", "openid email profile"),
            ("subject", "sub"),
            ("email", "email"),
            ("fullname", "name"),
        ],
    ),
    (
        "x",
        &[
            ("label", "X"),
            ("authorize_url", "https://x.com/i/oauth2/authorize"),
            ("token_url", "https://api.x.com/2/oauth2/token"),
            ("user_url", "https://api.x.com/2/users/me"),
            ("scopes", "users.read tweet.read"),
            ("token_auth", "basic"),
            ("subject", "data.id"),
            ("fullname", "data.name"),
        ],
    ),
];

/// A provider as a site uses it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What its paths are called by: `/login/with/NAME`.
    pub name: String,
    /// `label`: what people call it.
    pub label: String,
    /// `client_id`: whom it knows the site as.
    pub client_id: String,
    /// By what the site shows that it is.
    pub proof: Proof,
    /// `scopes`: what is asked for.
    pub scopes: Vec<String>,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// `form_post`: whether its answer comes as a form instead of in the address.
    pub form_post: bool,
    /// `token_auth`: whether the secret goes in a header instead of the form; by OpenID Connect the provider says so.
    pub basic: Option<bool>,
    /// `trust_email`: whether each of its addresses is taken for confirmed, whatever it says.
    pub trust_email: bool,
}

/// By what a site shows a provider that it is itself.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By nothing but the code's own key (RFC 7636).
    None,
    /// `client_secret`.
    Secret(Secret),
    /// `team_id`, `key_id`, `private_key`: Apple's, a statement signed for each request.
    Signed {
        /// The developer's team.
        team_id: String,
        /// The key's name.
        key_id: String,
        /// PKCS #8 in PEM.
        private_key: Secret,
    },
}

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// OpenID Connect: everything else is discovered.
    OpenId {
        /// `issuer`.
        issuer: String,
    },
    /// Plain OAuth 2: whoever has the token asks who it is about.
    OAuth(Box<OAuth>),
}

/// What plain OAuth 2 leaves open. Fields are named by paths: `data.id`.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// Who stands behind it: the preset's name, else where it is asked who somebody is.
    pub authority: String,
    /// `authorize_url`: where people go.
    pub authorize_url: String,
    /// `token_url`: where a code becomes a token.
    pub token_url: String,
    /// `user_url`: who it is.
    pub user_url: String,
    /// `emails_url`: a list of addresses (`email`, `primary`, `verified`), as GitHub has one.
    pub emails_url: Option<String>,
    /// `subject`: the field that names somebody for good.
    pub subject: String,
    /// `email`: his address.
    pub email: Option<String>,
    /// `email_verified`: whether it was confirmed.
    pub email_verified: Option<String>,
    /// `fullname`: his name.
    pub fullname: Option<String>,
}

impl Provider {
    /// Who stands behind what it says, whatever the site calls it: two providers by the same name are not one.
    #[must_use]
    pub fn authority(&self) -> &str {
        match &self.protocol {
            Protocol::OpenId { issuer } => issuer,
            Protocol::OAuth(oauth) => &oauth.authority,
        }
    }
}
