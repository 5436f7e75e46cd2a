//! Who may do what to which object of a registry: Feast's decisions over its `Permission` objects.
//!
//! [`Rules`] are made once of the definitions of a registry, and hold for each of its objects the permissions that are about it. A
//! decision then is a look at those few, so there is nothing to cache beside the rules themselves, and nothing that could be out of date.
//!
//! Pure: it reads no file, no clock and no token, and logs nothing. Who a [`Principal`] is has been found out by others. Permissions
//! that cannot be read allow nothing, and are [`Remark`]s for whoever runs the server.

mod decide;
mod object;
mod pattern;
mod principal;
mod roles;
mod rules;
#[cfg(test)]
mod tests;

pub use decide::Denied;
pub use object::Object;
pub use principal::{Principal, SignInKind};
pub use roles::{RoleGrant, Unsecured};
pub use rules::{Remark, Rules};
