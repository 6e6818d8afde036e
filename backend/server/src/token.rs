//! Access tokens: JWTs signed with HS256, and what a request's token says.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use mycopod_core::id::UserId;
use mycopod_core::status::Role;
use mycopod_store::users::User;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A stolen token is of use for this long at most.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// What replicas' clocks may differ by.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);
const ISSUER: &str = "mycopod";
const AUDIENCE: &str = "mycopod-api";

/// What a token says (RFC 7519). The server takes only `sub` and `exp` from it: what somebody may do is looked
/// up for each request. The rest is for the user interface.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Whose token it is.
    pub sub: UserId,
    email: String,
    role: Role,
    approved: bool,
    exp: i64,
    iat: i64,
    iss: String,
    aud: String,
}

impl Claims {
    /// The moment at which the token ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// Makes and reads access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// With the installation's key.
    pub fn new(key: &[u8; 32]) -> Self {
        // The algorithm is pinned: a token cannot choose it.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked in `read`, against the clock that the token was made by.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A token for `user`, and when it ends.
    pub fn issue(&self, user: &User, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>), Problem> {
        let claims = Claims {
            sub: user.id,
            email: user.email.clone(),
            role: user.role,
            approved: user.approved,
            exp: (now + LIFETIME).timestamp(),
            iat: now.timestamp(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            Problem::internal()
        })?;
        Ok((token, claims.expires_at()))
    }

    /// What a token says, where it is ours and has not ended.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Problem> {
        let claims = decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| Problem::unauthenticated("invalid_token", "This is no token of this MycoPod. Log in."))?
            .claims;
        if claims.expires_at() + LEEWAY <= now {
            return Err(Problem::unauthenticated("token_expired", "The token has expired. Refresh it, or log in."));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use mycopod_core::id::UserId;
    use mycopod_core::status::Role;
    use mycopod_store::users::User;
    use uuid::Uuid;

    use super::{LIFETIME, Tokens};

    fn somebody() -> User {
        User {
            id: UserId(Uuid::from_u128(7)),
            email: "ada@example.com".to_owned(),
            role: Role::User,
            approved: true,
            created_at: DateTime::UNIX_EPOCH,
            last_login_at: None,
        }
    }

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_token_says_whose_it_is_until_it_ends() {
        let tokens = Tokens::new(&[1; 32]);
        let (token, expires_at) = tokens.issue(&somebody(), noon()).unwrap();
        assert_eq!(tokens.read(&token, noon()).unwrap().sub, somebody().id);
        assert_eq!(expires_at, noon() + LIFETIME);
        assert!(tokens.read(&token, expires_at + TimeDelta::minutes(1)).is_err());
    }

    #[test]
    fn another_installations_token_is_refused() {
        let (token, _) = Tokens::new(&[2; 32]).issue(&somebody(), noon()).unwrap();
        assert!(Tokens::new(&[1; 32]).read(&token, noon()).is_err());
    }

    #[test]
    fn a_token_cannot_choose_its_algorithm_issuer_or_audience() {
        let tokens = Tokens::new(&[1; 32]);
        let (token, _) = tokens.issue(&somebody(), noon()).unwrap();
        let good = serde_json::to_value(tokens.read(&token, noon()).unwrap()).unwrap();
        let sign = |algorithm, claims: &serde_json::Value| {
            encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(&[1; 32])).unwrap()
        };
        assert!(tokens.read(&sign(Algorithm::HS256, &good), noon()).is_ok());
        assert!(tokens.read(&sign(Algorithm::HS512, &good), noon()).is_err());
        for (claim, value) in [("iss", "other"), ("aud", "other")] {
            let mut bad = good.clone();
            bad[claim] = value.into();
            assert!(tokens.read(&sign(Algorithm::HS256, &bad), noon()).is_err(), "{claim}");
        }
        let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert!(tokens.read(&unsigned, noon()).is_err());
    }
}
