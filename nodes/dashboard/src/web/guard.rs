//! Who may talk to the server.
//!
//! The page can move files, so no other page may speak to it. A page elsewhere that lets its own name point to this machine
//! (DNS rebinding) is given away by `Host`; one that sends requests from a visitor's browser, by `Origin`, `Sec-Fetch-Site` and
//! the header of ours that it may not set. Who can reach more than this machine needs the token besides.

use super::Problem;
use crate::config::Config;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Nothing from elsewhere, no inline code, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];
const COOKIE_NAME: &str = "wakuteka";

/// What is let through.
#[derive(Debug)]
pub struct Guard {
    token: Option<blake3::Hash>,
    hosts: Vec<String>,
    /// Whether others than this machine can reach it.
    open: bool,
}

impl Guard {
    /// For a server at this address.
    pub fn new(config: &Config, address: SocketAddr) -> Self {
        Self {
            token: config.token.as_ref().map(|token| blake3::hash(token.as_bytes())),
            hosts: config.host.iter().map(|host| host.to_ascii_lowercase()).collect(),
            open: !address.ip().is_loopback(),
        }
    }

    /// Whether a browser may call the server so: `name`, `name:port`, `[::1]:port`.
    fn knows_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => host,
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let plain = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        match plain.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || self.open,
            Err(_) => name == "localhost" || self.hosts.contains(&name),
        }
    }

    /// # Errors
    /// Why it is refused.
    fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let refused = |why: &str| Problem { status: StatusCode::FORBIDDEN, text: why.into() };
        let one = |name: HeaderName| {
            let mut values = headers.get_all(name).iter();
            let first = values.next().map(|value| value.to_str().unwrap_or("?"));
            (first, values.next().is_some())
        };
        let (Some(host), false) = one(HOST) else { return Err(refused("a request needs one Host")) };
        if !self.knows_host(host) {
            return Err(refused("this Host is not known here; --host NAME makes a name known"));
        }
        if let (Some(origin), more) = one(ORIGIN) {
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if more || authority.is_none_or(|authority| !authority.eq_ignore_ascii_case(host)) {
                return Err(refused("another page may not ask this one"));
            }
        }
        if let (Some(site), more) = one(HeaderName::from_static("sec-fetch-site"))
            && (more || !["same-origin", "none"].contains(&site))
        {
            return Err(refused("another page may not ask this one"));
        }
        let changes = *method != Method::GET && *method != Method::HEAD;
        if changes && headers.get("x-wakuteka").is_none_or(|value| value != "1") {
            return Err(refused("a request that changes something needs the header X-Wakuteka: 1"));
        }
        Ok(())
    }

    /// Whether the request brings the token, if one is needed.
    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        // Hashes are compared in constant time.
        let is_it = |text: &str| blake3::hash(text.as_bytes()) == *token;
        let bearer = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = cookies.flat_map(|value| value.split(';')).filter_map(|one| one.trim().split_once('='));
        bearer.is_some_and(is_it) || cookies.into_iter().any(|(name, value)| name == COOKIE_NAME && is_it(value))
    }

    /// The token in `/?token=…`, when it is the right one.
    fn brought<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, text) = pairs.into_iter().find(|(name, _)| *name == "token")?;
        let token = self.token.as_ref()?;
        (request.uri().path() == "/" && blake3::hash(text.as_bytes()) == *token).then_some(text)
    }
}

/// Lets a request through, or answers why not.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = if let Err(problem) = guard.admit(request.method(), request.headers()) {
        problem.into_response()
    } else if let Some(token) = guard.brought(&request) {
        // The token leaves the address bar and the history.
        let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
        (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, "/".to_owned())]).into_response()
    } else if guard.has_token(request.headers()) {
        next.run(request).await
    } else {
        Problem { status: StatusCode::UNAUTHORIZED, text: "open /?token=… with the token of --token once".into() }
            .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
