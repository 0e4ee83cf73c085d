//! Who sends a request: checks the token, or the JWT of an App.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::answer::Answer;
use super::token::Token;
use super::world::World;

/// The longest life of a JWT, and how far its clock may be ahead, in seconds.
const JWT_SECONDS: i64 = 600;
const JWT_AHEAD: i64 = 60;

/// Who sends a request.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    Nobody,
    Token(Token),
    /// An App, by its JWT.
    App(u64),
}

impl Caller {
    /// Finds the caller. A wrong token is 401, also where none is needed.
    pub(super) fn of(headers: &HeaderMap, world: &World) -> Result<Self, Answer> {
        let Some(header) = headers.get(http::header::AUTHORIZATION) else { return Ok(Self::Nobody) };
        let bad = || Answer::error(401, "Bad credentials");
        let (scheme, text) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(bad)?;
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        if !is_bearer && !scheme.eq_ignore_ascii_case("token") {
            return Err(bad());
        }
        if is_bearer && text.split('.').count() == 3 {
            return app_of(text, world).map(Self::App);
        }
        let found = world.tokens.iter().find(|token| token.text == text).ok_or_else(bad)?;
        if found.expires_at.is_some_and(|expires_at| expires_at <= world.seconds()) {
            return Err(bad());
        }
        Ok(Self::Token(found.clone()))
    }

    /// The account that acts.
    pub(super) fn login(&self) -> Option<String> {
        match self {
            Self::Token(token) => Some(token.login.clone()),
            Self::Nobody | Self::App(_) => None,
        }
    }

    /// Whose rate limit counts.
    pub(super) fn counted_as(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::Token(token) => token.text.clone(),
            Self::App(id) => format!("app {id}"),
        }
    }
}

/// The App of a JWT: RS256, at most 10 minutes long, with a signature of the App's key.
fn app_of(jwt: &str, world: &World) -> Result<u64, Answer> {
    let undecodable = || Answer::error(401, "A JSON web token could not be decoded");
    let parts: Vec<&str> = jwt.split('.').collect();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| undecodable());
    let object = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| undecodable());
    let (header, claims) = (object(parts[0])?, object(parts[1])?);
    if header["alg"] != "RS256" {
        return Err(undecodable());
    }
    let issuer = claims["iss"].as_str().map_or_else(|| claims["iss"].to_string(), str::to_owned);
    let app = world.apps.iter().find(|app| app.id.to_string() == issuer || app.client_id == issuer);
    let app = app.ok_or_else(|| Answer::error(404, "Integration not found"))?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key);
    let signed = &jwt[..parts[0].len() + 1 + parts[1].len()];
    key.verify(signed.as_bytes(), &decode(parts[2])?).map_err(|_| undecodable())?;
    let claim = |name: &str, wrong: &'static str| claims[name].as_i64().ok_or_else(|| Answer::error(401, wrong));
    let expires = claim("exp", "Missing 'exp' claim in assertion")?;
    let issued_at = claim("iat", "Missing 'iat' claim in assertion")?;
    let now = world.seconds();
    if expires <= now {
        return Err(Answer::error(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    if expires > now + JWT_SECONDS || expires - issued_at > JWT_SECONDS + JWT_AHEAD {
        return Err(Answer::error(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    if issued_at > now + JWT_AHEAD {
        return Err(Answer::error(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    Ok(app.id)
}
