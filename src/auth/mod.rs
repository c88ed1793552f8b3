//! Authentication: who we are to a site, described as plain data; the edge `fetch` sends it.
pub mod redact;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use xxhash_rust::xxh3::xxh3_64;

use crate::scalar::{Clock, Reader};

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
    /// Origins it may be sent to.
    pub origins: Vec<String>,
}

/// The call of an OAuth 2.0 client credentials grant, RFC 6749 section 4.4.
#[derive(Clone, Debug)]
pub struct TokenCall {
    /// Where.
    pub url: String,
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
            && self.token.is_none()
    }

    /// Equal for equal credentials: budgets and tokens are shared by it. Says nothing of them.
    pub fn identity(&self) -> u64 {
        let mut text = String::new();
        for (name, value) in self.headers.iter().chain(&self.query).chain(&self.cookies).chain(&self.path) {
            text += &format!("{name}\0{}\0", value.expose_secret());
        }
        if let Some(call) = &self.token {
            text += &call.url;
            for (name, value) in &call.form {
                text += &format!("\0{name}\0{}", value.expose_secret());
            }
            if let Some((user, password)) = &call.basic {
                text += &format!("\0{}\0{}", user.expose_secret(), password.expose_secret());
            }
        }
        if text.is_empty() { 0 } else { xxh3_64(text.as_bytes()) }
    }

    /// All values that must not be seen.
    pub fn secrets(&self) -> Vec<SecretString> {
        let placed =
            self.headers.iter().chain(&self.query).chain(&self.cookies).chain(&self.path).map(|(_, value)| value);
        let token = self.token.iter().flat_map(|call| {
            let hidden = call.form.iter().filter(|(name, _)| !matches!(name.as_str(), "grant_type" | "scope"));
            hidden.map(|(_, value)| value).chain(call.basic.iter().map(|(_, password)| password))
        });
        placed.chain(token).cloned().collect()
    }
}
