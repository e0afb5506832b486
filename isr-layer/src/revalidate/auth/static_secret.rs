//! Checks a secret that is sent as it is: in a header, as HTTP Basic, in the body or in the query.

mod place;

use http::HeaderName;

use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict, compare};
use crate::revalidate::pointer::Pointer;
use crate::{Error, ErrorKind};
use place::Place;

/// Checks a secret in `Authorization: Bearer …`.
///
/// ```
/// use isr_layer::auth::Bearer;
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let bearer = Bearer::new("from `openssl rand -base64 32`")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Bearer {
    inner: StaticSecret,
}

impl Bearer {
    /// Accepts `secret`.
    ///
    /// # Errors
    ///
    /// As for [`StaticSecret::header`].
    pub fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        let inner = StaticSecret::header("authorization", secret)?.prefix("Bearer ");
        Ok(Self { inner })
    }

    /// Accepts the secret in the environment variable `name`.
    ///
    /// # Errors
    ///
    /// If the variable is not set, or [`new`](Self::new) refuses its secret. The error names the
    /// variable.
    pub fn from_env(name: &str) -> Result<Self, Error> {
        Self::from_variable(name, Secret::from_env(name)?)
    }

    fn from_variable(name: &str, secret: Secret) -> Result<Self, Error> {
        Self::new(secret).map_err(|error| {
            let message =
                format!("the environment variable `{name}` has no usable secret: {error}");
            Error::new(ErrorKind::Secret, message)
        })
    }

    /// Accepts another secret too, for the time in which it replaces the first.
    ///
    /// # Errors
    ///
    /// As for the first secret.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            inner: self.inner.or_secret(secret)?,
        })
    }

    /// Looks for the secret in the query parameter `name` too, for a sender that cannot set a
    /// header.
    #[must_use]
    pub fn also_query(self, name: impl Into<String>) -> Self {
        Self {
            inner: self.inner.also_query(name),
        }
    }
}

impl Authenticate for Bearer {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        self.inner.verify(request)
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        self.inner.verify_head(request)
    }

    fn is_credential(&self, name: &str) -> bool {
        self.inner.is_credential(name)
    }

    fn challenge(&self) -> String {
        self.inner.challenge()
    }

    fn is_ambient(&self) -> bool {
        self.inner.is_ambient()
    }
}

/// Checks a secret that is sent as it is: for content systems that do not sign.
///
/// ```
/// use isr_layer::auth::StaticSecret;
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let secret = "from `openssl rand -base64 32`";
/// let strapi = StaticSecret::header("x-strapi-secret", secret)?;
/// let datocms = StaticSecret::basic("datocms", secret)?;
/// let prismic = StaticSecret::pointer("/secret", secret)?;
/// let nextjs = StaticSecret::query("secret", secret)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StaticSecret {
    places: Vec<Place>,
    secrets: Secrets,
}

impl StaticSecret {
    /// Looks for the secret in the header `name`.
    ///
    /// # Errors
    ///
    /// If `name` is an invalid header name, if the secret has fewer than 24 bytes or more than
    /// 4,096, or if a header cannot carry it: it must be ASCII without control characters, and
    /// without a blank at either end.
    pub fn header(name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        let name = HeaderName::try_from(name).map_err(|source| {
            let message =
                format!("invalid header name `{name}`: expected a name such as `x-secret`");
            Error::new(ErrorKind::Configuration, message).with_source(source)
        })?;
        Self::at(
            Place::Header {
                name,
                prefix: String::new(),
            },
            secret,
        )
    }

    /// Looks for the secret as the password of HTTP Basic.
    ///
    /// # Errors
    ///
    /// If the user's name contains a colon or the password a control character (RFC 7617, 2), or
    /// the password has fewer than 24 bytes or more than 4,096.
    pub fn basic(user: &str, password: impl Into<Secret>) -> Result<Self, Error> {
        if user.contains(':') {
            let message = format!(
                "the HTTP Basic user name `{user}` contains a colon, which would end the name"
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Self::at(
            Place::Basic {
                user: user.to_owned(),
            },
            password,
        )
    }

    /// Looks for the secret in the JSON body, at a JSON pointer (RFC 6901) such as `/secret`.
    ///
    /// # Errors
    ///
    /// If `pointer` does not parse, or the secret is not UTF-8, or has fewer than 24 bytes or more
    /// than 4,096.
    pub fn pointer(pointer: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        let pointer = Pointer::parse(pointer).map_err(|mistake| {
            Error::new(ErrorKind::Configuration, format!("`{pointer}`: {mistake}"))
        })?;
        Self::at(Place::Body(pointer), secret)
    }

    /// Looks for the secret in the query parameter `name`. Proxies and outer layers log a URI, and
    /// with it the secret: prefer a header if the sender can set one.
    ///
    /// # Errors
    ///
    /// If the secret is not UTF-8, or has fewer than 24 bytes or more than 4,096.
    pub fn query(name: impl Into<String>, secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::at(Place::Query(name.into()), secret)
    }

    /// Sets the text before the secret in its header, `Bearer ` for example. Case is ignored, as
    /// for a scheme (RFC 9110, 11.1). Has no effect on a secret that is not in a header.
    #[must_use]
    pub fn prefix(mut self, expected: &str) -> Self {
        for place in &mut self.places {
            if let Place::Header { prefix, .. } = place {
                expected.clone_into(prefix);
            }
        }
        self
    }

    /// Accepts another secret too, for the time in which it replaces the first.
    ///
    /// # Errors
    ///
    /// As for the first secret.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        let secret = secret.into();
        place::check(&self.places, &secret)?;
        Ok(Self {
            secrets: self.secrets.with(secret)?,
            ..self
        })
    }

    /// Looks for the secret in the query parameter `name` too.
    #[must_use]
    pub fn also_query(mut self, name: impl Into<String>) -> Self {
        self.places.push(Place::Query(name.into()));
        self
    }

    fn at(place: Place, secret: impl Into<Secret>) -> Result<Self, Error> {
        let (places, secret) = (vec![place], secret.into());
        place::check(&places, &secret)?;
        Ok(Self {
            places,
            secrets: Secrets::new(secret)?,
        })
    }
}

impl Authenticate for StaticSecret {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        // Every place is compared, so that an absent secret takes as long as a wrong one. An absent
        // one is empty, and no secret is.
        let found = self.places.iter().map(|place| {
            let presented = place.presented(request).unwrap_or_default();
            compare::find_equal(
                &presented,
                self.secrets.iter().map(|secret| place.expected(secret)),
            )
        });
        Verdict::by_secret(found.fold(None, Option::or))
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        let verdict = self.verify(request);
        let may_be_in_body = self
            .places
            .iter()
            .any(|place| matches!(place, Place::Body(_)));
        (verdict.is_accepted() || !may_be_in_body).then_some(verdict)
    }

    fn is_credential(&self, name: &str) -> bool {
        self.places.iter().any(|place| match place {
            Place::Query(query) => query == name,
            Place::Body(pointer) => pointer.first() == Some(name),
            Place::Header { .. } | Place::Basic { .. } => false,
        })
    }

    fn challenge(&self) -> String {
        let mut challenges = self.places.iter().filter_map(Place::challenge);
        challenges.next().unwrap_or_else(|| "Secret".to_owned())
    }

    fn is_ambient(&self) -> bool {
        self.places.iter().any(Place::is_ambient)
    }
}

#[cfg(test)]
mod tests;
