//! Several authenticators, tried in order.

use std::fmt;
use std::sync::Arc;

use super::{Authenticate, SignedRequest};

/// One or more authenticators, tried in order; one that accepts is enough. There is no way to have none.
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

/// Whose request it is: which authenticator accepted it, by which of its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Credential {
    authenticator: usize,
    secret: usize,
}

/// A request that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) credential: Credential,
    /// The sender's own id of this delivery, where its scheme has one.
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
    /// Adds one to be tried after those there are.
    #[must_use]
    pub fn or(mut self, next: impl Authenticate) -> Self {
        self.in_order.push(Arc::new(next));
        self
    }

    pub(crate) fn admit(&self, request: &SignedRequest<'_>) -> Option<Admission> {
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

    /// Whether a query parameter or a member of the body carries a credential and nothing else.
    pub(crate) fn carry(&self, name: &str) -> bool {
        self.in_order.iter().any(|one| one.has_tag(name))
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
