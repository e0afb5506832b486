//! A list of authenticators, tried in order.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::{AuthRequest, Authenticate};
use crate::error::{Error, ErrorKind};

/// One or more authenticators, tried in order; one that accepts is enough. The list is never empty.
///
/// ```
/// use isr_layer::auth::{Authenticators, Bearer};
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let deploys = Bearer::new("the secret of the deployment")?;
/// let editors = Bearer::new("the secret of the editors' tool")?;
/// let both = Authenticators::from(deploys).or(editors);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Authenticators {
    in_order: Vec<Arc<dyn Authenticate>>,
}

/// The credential of a request: the authenticator that accepted it, and which of its secrets
/// matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Credential {
    authenticator: usize,
    secret: usize,
}

/// A request that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) credential: Credential,
    /// The sender's own id of this delivery, if its scheme has one.
    pub(crate) delivery: Option<String>,
}

impl Credential {
    pub(crate) fn new(authenticator: usize, secret: usize) -> Self {
        Self {
            authenticator,
            secret,
        }
    }

    pub(crate) fn authenticator(self) -> usize {
        self.authenticator
    }
}

impl Authenticators {
    /// Tries any number of authenticators, such as those that a configuration lists.
    ///
    /// ```
    /// use isr_layer::auth::{Authenticate, Authenticators, Bearer, Hmac};
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let configured: Vec<Box<dyn Authenticate>> = vec![
    ///     Box::new(Bearer::new("the secret of the deployment")?),
    ///     Box::new(Hmac::github("the secret of the webhook")?),
    /// ];
    /// let either = Authenticators::any_of(configured)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no authenticator.
    pub fn any_of<A: Authenticate>(
        authenticators: impl IntoIterator<Item = A>,
    ) -> Result<Self, Error> {
        let in_order = authenticators
            .into_iter()
            .map(|one| Arc::new(one) as Arc<dyn Authenticate>)
            .collect::<Vec<_>>();
        if in_order.is_empty() {
            let message = "no authenticator is given: at least one must check the callers";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(Self { in_order })
    }

    /// Adds an authenticator to be tried after the others.
    #[must_use]
    pub fn or(mut self, next: impl Authenticate) -> Self {
        self.in_order.push(Arc::new(next));
        self
    }

    pub(crate) fn admit(&self, request: &AuthRequest<'_>) -> Option<Admission> {
        self.in_order
            .iter()
            .enumerate()
            .find_map(|(authenticator, candidate)| {
                let verdict = candidate.verify(request);
                let credential = Credential::new(authenticator, verdict.credential);
                verdict.accepted.then_some(Admission {
                    credential,
                    delivery: verdict.delivery,
                })
            })
    }

    /// Returns whether the request is admitted as far as its head decides: `None` if its body does.
    pub(crate) fn judge_head(&self, head: &AuthRequest<'_>) -> Option<bool> {
        let verdicts = self.in_order.iter().map(|one| one.verify_head(head));
        let mut is_undecided = false;
        for verdict in verdicts {
            match verdict {
                Some(verdict) if verdict.accepted => return Some(true),
                Some(_) => {}
                None => is_undecided = true,
            }
        }
        (!is_undecided).then_some(false)
    }

    /// True if a browser may have added the credential by itself.
    pub(crate) fn is_ambient(&self, credential: Credential) -> bool {
        let accepted = self.in_order.get(credential.authenticator);
        accepted.is_none_or(|one| one.is_ambient())
    }

    /// Returns the challenges of all authenticators, for `WWW-Authenticate`.
    pub(crate) fn challenge(&self) -> HeaderValue {
        let mut challenges: Vec<_> = self.in_order.iter().map(|one| one.challenge()).collect();
        let mut seen = HashSet::new();
        challenges.retain(|challenge| seen.insert(challenge.clone()));
        // One of a user's own may be a text that no header can have.
        HeaderValue::try_from(challenges.join(", "))
            .unwrap_or_else(|_| HeaderValue::from_static("Custom"))
    }

    /// True if a query parameter or a member of the body carries a credential and nothing else.
    pub(crate) fn is_credential(&self, name: &str) -> bool {
        self.in_order.iter().any(|one| one.is_credential(name))
    }
}

impl<A: Authenticate> From<A> for Authenticators {
    fn from(only: A) -> Self {
        Self {
            in_order: vec![Arc::new(only)],
        }
    }
}

impl fmt::Debug for Authenticators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticators")
            .field("count", &self.in_order.len())
            .finish()
    }
}
