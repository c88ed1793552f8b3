//! How a request is authenticated, as it is written.
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Deserializer;

use super::ordered::Ordered;
use super::request::Part;
use crate::scalar::{Clock, Given, Origin, Reader, Span, Template};

/// Who we are to a site.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nobody.
    None,
    /// HTTP Basic, RFC 7617.
    Basic(Basic),
    /// A token in `Authorization: Bearer`, RFC 6750.
    Bearer(Template),
    /// Keys in headers, query, cookies or path.
    Key(Key),
    /// OAuth 2.0, RFC 6749.
    Oauth2(Oauth2),
    /// A session token won by a request.
    Login(Ordered<Part>),
    /// A signed token.
    Jwt(Ordered<Part>),
}

/// One of several ways, with its condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthBranch {
    /// Chosen when this holds.
    pub when: Option<Template>,
    /// HTTP Basic.
    pub basic: Option<Basic>,
    /// A bearer token.
    pub bearer: Option<Template>,
    /// Keys.
    pub key: Option<Key>,
    /// OAuth 2.0.
    pub oauth2: Option<Oauth2>,
    /// Nobody.
    #[serde(default, deserialize_with = "nobody")]
    pub none: Option<Nobody>,
}

/// Nothing stands in it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nobody {}

/// `none:` with nothing behind it is the same as `none: {}`.
fn nobody<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nobody>, D::Error> {
    Option::<Nobody>::deserialize(deserializer).map(|written| Some(written.unwrap_or(Nobody {})))
}

impl AuthBranch {
    /// Its ways: exactly one where it is right.
    pub fn ways(&self) -> Vec<Auth> {
        let basic = self.basic.clone().map(Auth::Basic);
        let bearer = self.bearer.clone().map(Auth::Bearer);
        let key = self.key.clone().map(Auth::Key);
        let oauth2 = self.oauth2.clone().map(Auth::Oauth2);
        let none = self.none.as_ref().map(|_| Auth::None);
        [basic, bearer, key, oauth2, none].into_iter().flatten().collect()
    }
}

/// HTTP Basic.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// User.
    pub user: Template,
    /// Password.
    pub password: Template,
}

/// Keys, each placed by name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// In headers.
    #[serde(default)]
    pub header: Ordered<Template>,
    /// In the query.
    #[serde(default)]
    pub query: Ordered<Template>,
    /// In cookies.
    #[serde(default)]
    pub cookie: Ordered<Template>,
    /// In the address, by `${auth.NAME}`.
    #[serde(default)]
    pub path: Ordered<Template>,
    /// Origins they may be sent to besides that of `request`.
    #[serde(default)]
    pub to: Vec<Origin>,
}

/// OAuth 2.0.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    /// Where the token is asked for.
    pub token_url: Template,
    /// The client's name.
    pub client_id: Template,
    /// The client's secret.
    pub client_secret: Template,
    /// What is asked for, separated by blanks.
    pub scope: Option<Template>,
    /// Where the client's name and secret go; the header by default, RFC 6749 section 2.3.1.
    #[serde(default)]
    pub credentials: Credentials,
    /// The grant.
    #[serde(default)]
    pub grant: Grant,
    /// The refresh token, for that grant.
    pub refresh_token: Option<Template>,
    /// The user, for `password`.
    pub user: Option<Template>,
    /// The password, for `password`.
    pub password: Option<Template>,
    /// More headers of the token call.
    #[serde(default)]
    pub headers: Ordered<Template>,
    /// More members of its form.
    #[serde(default)]
    pub extra: Ordered<Template>,
    /// What its answer calls things.
    #[serde(default)]
    pub names: Names,
    /// When the token expires.
    pub expires: Option<Expires>,
}

/// Where the client's name and secret go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// In the form.
    Body,
    /// In the header.
    #[default]
    Basic,
}

/// An OAuth 2.0 grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749 section 4.4.
    #[default]
    ClientCredentials,
    /// Section 6.
    RefreshToken,
    /// Section 4.3.
    Password,
}

/// What the token call's answer calls things.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// The token.
    pub token: String,
    /// Its life.
    pub expires: String,
}

impl Default for Names {
    fn default() -> Self {
        Names { token: "access_token".into(), expires: "expires_in".into() }
    }
}

/// When a token expires.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expires {
    /// Where it says so.
    pub at: Reader,
    /// What it counts.
    #[serde(rename = "as")]
    pub unit: Clock,
    /// Its life when it does not say.
    pub life: Option<Given<Span>>,
}
