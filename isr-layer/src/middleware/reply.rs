//! The reply to a request for a page, and the response that one client gets of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;

use crate::body::IsrBody;
use crate::cache::{Core, Failure};
use crate::clock;
use crate::deliver::{Delivery, deliver, forbid_storing, name_declared, take_back, unstored};
use crate::entry::Entry;
use crate::invalidation::{Sequence, Validity};
use crate::outcome::Outcome;
use crate::render::Recipe;

/// The reply to a request for a page, before this client's own wishes are looked at.
pub(super) enum Reply<R> {
    /// A stored page.
    Entry(Arc<Entry>, Outcome),
    /// A failure that several clients get. `retry` is the time for which the key is left alone.
    Failure {
        failure: Arc<Failure>,
        outcome: Outcome,
        retry: Option<Duration>,
    },
    /// A page that was rendered for this client alone.
    Own(Response<IsrBody<R>>, Outcome),
    /// The response of another route to the client's own request.
    OtherRoute(Response<IsrBody<R>>, Outcome),
}

impl<R: Body<Data = Bytes>> Reply<R> {
    /// Returns the response for the client that sent `delivery` when the number `arrival` was the
    /// last one published.
    pub(super) fn respond(
        self,
        core: &Core,
        recipe: &Recipe,
        delivery: &Delivery,
        arrival: Sequence,
    ) -> Response<IsrBody<R>> {
        let cache_name = core.config.cache_name;

        match self {
            Self::Entry(entry, outcome) => {
                let choice = delivery.choose(&entry);
                let mut response = deliver(&entry, choice, outcome, cache_name, clock::now());
                let is_old = entry.uses_old_values();
                if is_old || entry.validity(&core.marks) != Validity::Valid {
                    take_back(response.headers_mut());
                }
                response
            }
            Self::Failure {
                failure,
                outcome,
                retry,
            } => {
                let own = Self::Own(failure.response(retry), outcome);
                own.respond(core, recipe, delivery, arrival)
            }
            Self::Own(mut response, outcome) => {
                // Fields that are declared for GET say nothing about a gRPC response.
                if !recipe.key.is_grpc() {
                    name_declared(response.headers_mut(), &recipe.page.vary);
                    // A purge since then may concern the response, which no mark can reach.
                    if core.marks.published() != arrival {
                        forbid_storing(response.headers_mut());
                    }
                }
                unstored(response, delivery, outcome, cache_name)
            }
            // The route responded to a HEAD itself: the length that its GET would have is unknown.
            Self::OtherRoute(response, outcome) => {
                unstored(response, &Delivery::default(), outcome, cache_name)
            }
        }
    }
}
