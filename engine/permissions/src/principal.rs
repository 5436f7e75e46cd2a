//! Who asks.

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The name, as messages and logs have it. Names of different kinds of sign-in may be equal.
    pub name: String,
    /// For policies of roles.
    pub roles: Vec<String>,
    /// For policies of groups.
    pub groups: Vec<String>,
    /// For policies of namespaces.
    pub namespaces: Vec<String>,
    /// How this is known.
    pub sign_in: SignInKind,
    /// May never write, whatever permissions say.
    pub is_read_only: bool,
}

/// How somebody has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignInKind {
    /// With a token of an OpenID provider.
    Oidc,
    /// With a token of the Kubernetes cluster.
    Kubernetes,
    /// With an API key of this server.
    ApiKey,
}

impl SignInKind {
    /// What it is called in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Kubernetes => "kubernetes",
            Self::ApiKey => "api_key",
        }
    }
}

impl Principal {
    /// Somebody without roles, groups and namespaces.
    pub fn new(name: impl Into<String>, sign_in: SignInKind) -> Self {
        Self {
            name: name.into(),
            roles: Vec::new(),
            groups: Vec::new(),
            namespaces: Vec::new(),
            sign_in,
            is_read_only: false,
        }
    }
}
