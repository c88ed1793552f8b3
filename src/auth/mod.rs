//! Authentication: who we are to a site, described as plain data; the edge `fetch` sends it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use xxhash_rust::xxh3::xxh3_64;

use crate::scalar::{Clock, Origin, Reader};

/// What is placed into a request, and to whom it may be shown.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// Headers.
    pub headers: Vec<(String, SecretString)>,
    /// Query parameters.
    pub query: Vec<(String, SecretString)>,
    /// Cookies.
    pub cookies: Vec<(String, SecretString)>,
    /// Names that the address itself takes, `${auth.NAME}`.
    pub path: Vec<(String, SecretString)>,
    /// The call that gives a bearer token.
    pub token: Option<TokenCall>,
    /// Secrets that the request itself places, `${secret.NAME}`.
    pub placed: Vec<(String, SecretString)>,
    /// What the rest is made of, and other forms of it: they must not be seen by themselves either.
    pub ingredients: Vec<SecretString>,
    /// Origins it may be sent to besides that of `request`.
    pub origins: Vec<Origin>,
}

/// Members of a token call that say what is asked for, not who asks.
const OPEN: [&str; 4] = ["grant_type", "scope", "audience", "resource"];

/// The call that gives a token, RFC 6749: its form says which grant it is.
#[derive(Clone, Debug)]
pub struct TokenCall {
    /// Where.
    pub url: String,
    /// File and line of that address.
    pub place: String,
    /// The form.
    pub form: Vec<(String, SecretString)>,
    /// User and password of the header, when they are not in the form.
    pub basic: Option<(SecretString, SecretString)>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// Member of the answer that is the token.
    pub token_name: String,
    /// Member of the answer that is its life in seconds.
    pub expires_name: String,
    /// Where else the answer says when it expires, and what that counts.
    pub expires: Option<(Reader, Clock)>,
    /// Its life when the answer does not say.
    pub life: Option<Duration>,
}

impl Credential {
    /// Whether it is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
            && self.query.is_empty()
            && self.cookies.is_empty()
            && self.path.is_empty()
            && self.placed.is_empty()
            && self.token.is_none()
    }

    fn named(&self) -> impl Iterator<Item = &(String, SecretString)> {
        [&self.headers, &self.query, &self.cookies, &self.path, &self.placed].into_iter().flatten()
    }

    /// Equal for equal credentials: budgets are shared by it. Says nothing of them.
    pub fn identity(&self) -> u64 {
        let mut text = String::new();
        for (name, value) in self.named() {
            text += &format!("{name}\0{}\0", value.expose_secret());
        }
        text += &self.token.as_ref().map(TokenCall::text).unwrap_or_default();
        if text.is_empty() { 0 } else { xxh3_64(text.as_bytes()) }
    }

    /// All values that must not be seen, each with a name that is the same in each process.
    pub fn secrets(&self, source: &str) -> Vec<(String, SecretString)> {
        let form = self.token.iter().flat_map(|call| &call.form).filter(|(name, _)| !OPEN.contains(&name.as_str()));
        let named = self.named().chain(form).map(|(name, secret)| (format!("{source}.{name}"), secret));
        let basic = self.token.iter().filter_map(|call| call.basic.as_ref());
        let basic = basic.map(|(_, password)| (format!("{source}.password"), password));
        let rest = self.ingredients.iter().enumerate().map(|(index, secret)| (format!("{source}.{index}"), secret));
        named.chain(basic).chain(rest).map(|(name, secret)| (name, secret.clone())).collect()
    }
}

impl TokenCall {
    fn text(&self) -> String {
        let mut text = format!("{}\0{}\0{}", self.url, self.token_name, self.expires_name);
        for (name, value) in &self.headers {
            text += &format!("\0{name}\0{value}");
        }
        for (name, value) in &self.form {
            text += &format!("\0{name}\0{}", value.expose_secret());
        }
        if let Some((user, password)) = &self.basic {
            text += &format!("\0{}\0{}", user.expose_secret(), password.expose_secret());
        }
        text
    }

    /// Equal for equal calls: tokens are shared by it.
    pub fn identity(&self) -> u64 {
        xxh3_64(self.text().as_bytes())
    }
}
