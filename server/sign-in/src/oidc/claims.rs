//! What a token says, once it is known that the provider has said it.

use feast_config::{Issuer, OidcConfig};
use feast_model::Timestamp;
use feast_permissions::{Principal, SignInKind};
use serde_json::{Map, Value};

use crate::Refusal;
use crate::refusal::shown;

pub(crate) type Claims = Map<String, Value>;

/// How far the clocks of the provider and of this server may be apart, in seconds.
const LEEWAY: f64 = 10.0;

/// The claims that name somebody, the first that is a string.
const NAMES: [&str; 5] = ["preferred_username", "upn", "azp", "appid", "sub"];

/// Whether a token is for now, for this server, and of the right provider.
pub(crate) fn check(
    claims: &Claims,
    config: &OidcConfig,
    provider: Option<&str>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let now = now.micros() as f64 / 1e6;
    if seconds(claims, "exp")?.ok_or_else(|| Refusal::bad("it has no exp"))? <= now - LEEWAY {
        return Err(Refusal::bad("it has expired"));
    }
    for (name, what) in [("nbf", "is not valid yet"), ("iat", "was issued in the future")] {
        if seconds(claims, name)?.is_some_and(|time| time > now + LEEWAY) {
            return Err(Refusal::bad(format!("it {what}")));
        }
    }
    if claims.get("sub").is_some_and(|subject| !subject.is_string()) {
        return Err(Refusal::bad("its sub is no string"));
    }
    if let Some(audience) = &config.audience {
        check_audience(claims.get("aud"), audience)?;
    }
    check_issuer(claims.get("iss"), &config.issuer, provider)
}

fn seconds(claims: &Claims, name: &str) -> Result<Option<f64>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(Refusal::bad(format!("its {name} is no number"))),
        },
    }
}

fn check_audience(claim: Option<&Value>, audience: &str) -> Result<(), Refusal> {
    let is_meant = match claim {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    match is_meant {
        true => Ok(()),
        false => Err(Refusal::bad(format!("it is not for audience {audience}"))),
    }
}

fn check_issuer(claim: Option<&Value>, expected: &Issuer, provider: Option<&str>) -> Result<(), Refusal> {
    let expected = match (expected, provider, claim) {
        (Issuer::Anybody, ..) | (Issuer::OfProvider, None, _) | (Issuer::OfProvider, _, None) => return Ok(()),
        (Issuer::Exactly(issuer), ..) => issuer,
        (Issuer::OfProvider, Some(issuer), Some(_)) => issuer,
    };
    match claim.and_then(Value::as_str) {
        Some(issuer) if issuer == expected => Ok(()),
        Some(issuer) => Err(Refusal::bad(format!("its issuer is {}, not {expected}", shown(issuer)))),
        None => Err(Refusal::bad(format!("it does not say that its issuer is {expected}"))),
    }
}

/// When the token ends.
pub(crate) fn end(claims: &Claims) -> Result<Timestamp, Refusal> {
    let seconds = seconds(claims, "exp")?.unwrap_or_default();
    // A time beyond all others is brought to the last one.
    Ok(Timestamp::from_micros((seconds * 1e6) as i64))
}

/// Who has the token. Roles are those of a client, as Keycloak has them, and those at the top, as Entra has them.
pub(crate) fn principal(claims: &Claims, client: Option<&str>) -> Result<Principal, Refusal> {
    let name = NAMES.into_iter().find_map(|name| claims.get(name)?.as_str());
    let name = name.ok_or_else(|| Refusal::bad(format!("it has none of {}", NAMES.join(", "))))?;
    let of_client = client.and_then(|client| claims.get("resource_access")?.get(client)?.get("roles"));
    let mut roles = strings(of_client);
    for role in strings(claims.get("roles")) {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(Principal {
        roles,
        groups: strings(claims.get("groups")),
        ..Principal::new(name, SignInKind::Oidc)
    })
}

/// The strings of a list; none of anything else.
fn strings(claim: Option<&Value>) -> Vec<String> {
    let list = claim.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn config() -> OidcConfig {
        OidcConfig {
            discovery_url: "https://provider".to_owned(),
            client_id: None,
            audience: None,
            issuer: Issuer::OfProvider,
            checks_certificate: true,
            authorities: None,
            key_lifespan: Duration::from_secs(300),
            key_timeout: Duration::from_secs(10),
        }
    }

    fn claims(claims: Value) -> Claims {
        claims.as_object().cloned().unwrap()
    }

    /// At second 1000.
    fn checked(said: Value, config: &OidcConfig) -> String {
        let outcome = check(
            &claims(said),
            config,
            Some("provider"),
            Timestamp::from_micros(1_000_000_000),
        );
        outcome.map_or_else(|refusal| refusal.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn times_are_compared_with_some_leeway() {
        let check = |said: Value, expected: &str| assert_eq!(checked(said, &config()), expected);
        check(json!({"exp": 2000}), "accepted");
        check(json!({"exp": 990.5}), "accepted");
        check(json!({"exp": 990}), "the token is not accepted: it has expired");
        check(json!({}), "the token is not accepted: it has no exp");
        check(
            json!({"exp": "2000"}),
            "the token is not accepted: its exp is no number",
        );
        check(json!({"exp": null}), "the token is not accepted: its exp is no number");
        check(json!({"exp": 1e300}), "accepted");
        check(json!({"exp": 2000, "nbf": 1010}), "accepted");
        check(
            json!({"exp": 2000, "nbf": 1011}),
            "the token is not accepted: it is not valid yet",
        );
        check(
            json!({"exp": 2000, "iat": 1011}),
            "the token is not accepted: it was issued in the future",
        );
        check(
            json!({"exp": 2000, "sub": 5}),
            "the token is not accepted: its sub is no string",
        );
        assert_eq!(
            end(&claims(json!({"exp": 1e300}))),
            Ok(Timestamp::from_micros(i64::MAX))
        );
        assert_eq!(end(&claims(json!({"exp": 7.5}))), Ok(Timestamp::from_micros(7_500_000)));
    }

    #[test]
    fn issuers_and_audiences_are_compared_exactly() {
        let with = |audience: Option<&str>, issuer| OidcConfig {
            audience: audience.map(str::to_owned),
            issuer,
            ..config()
        };
        let check = |said: Value, config: &OidcConfig, is_accepted: bool| {
            let mut said = said;
            said["exp"] = json!(2000);
            assert_eq!(checked(said.clone(), config) == "accepted", is_accepted, "{said}");
        };
        let exactly = with(None, Issuer::Exactly("me".to_owned()));
        check(json!({"iss": "me"}), &exactly, true);
        check(json!({"iss": "me/"}), &exactly, false);
        check(json!({"iss": ["me"]}), &exactly, false);
        check(json!({}), &exactly, false);
        check(json!({"iss": "provider"}), &config(), true);
        check(json!({"iss": 5}), &config(), false);
        check(json!({}), &config(), true);
        check(json!({"iss": "x"}), &with(None, Issuer::Anybody), true);
        let audience = with(Some("a"), Issuer::Anybody);
        check(json!({"aud": "a"}), &audience, true);
        check(json!({"aud": ["b", 5, "a"]}), &audience, true);
        check(json!({"aud": "A"}), &audience, false);
        check(json!({"aud": {"a": "a"}}), &audience, false);
        check(json!({}), &audience, false);
    }

    #[test]
    fn users_roles_and_groups_are_where_feast_looks() {
        let check = |said: Value, name: &str, roles: &[&str], groups: &[&str]| {
            let principal = principal(&claims(said), Some("feast")).unwrap();
            assert_eq!((principal.name.as_str(), principal.sign_in), (name, SignInKind::Oidc));
            assert_eq!(principal.roles, roles);
            assert_eq!(principal.groups, groups);
        };
        let both = json!({"feast": {"roles": ["a", 1, "b"]}, "other": {"roles": ["c"]}});
        check(
            json!({"sub": "s", "resource_access": both, "roles": ["b", "d"]}),
            "s",
            &["a", "b", "d"],
            &[],
        );
        check(
            json!({"preferred_username": null, "upn": 5, "azp": "app", "groups": ["/g"]}),
            "app",
            &[],
            &["/g"],
        );
        check(
            json!({"preferred_username": "", "sub": "s", "roles": "a", "groups": {"g": 1}}),
            "",
            &[],
            &[],
        );
        check(
            json!({"sub": "s", "realm_access": {"roles": ["a"]}, "scope": "a"}),
            "s",
            &[],
            &[],
        );
        assert!(principal(&claims(json!({"name": "x"})), None).is_err());
    }
}
