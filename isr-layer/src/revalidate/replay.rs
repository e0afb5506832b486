//! Remembers the last ten thousand acknowledged deliveries, so that a repeated one is not carried
//! out again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::auth::Admission;
use super::response::Acknowledged;

/// The number of deliveries remembered. To carry out a forgotten one again is harmless.
const MAX_DELIVERIES: usize = 10_000;

/// The ids of acknowledged deliveries, each with its [`Acknowledged`].
#[derive(Debug, Default)]
pub(super) struct Replays {
    deliveries: Mutex<Delivered>,
}

#[derive(Debug, Default)]
struct Delivered {
    acknowledgements: HashMap<Id, Acknowledged>,
    in_order: VecDeque<Id>,
}

/// The hash of an authenticator and a delivery id: a sender chooses the length of its ids, and each
/// authenticator has ids of its own.
type Id = [u8; 32];

impl Replays {
    /// Returns the earlier acknowledgement of this delivery. Only a scheme with delivery ids has
    /// one: a signature does not identify a delivery, since two publishes with one body are two
    /// purges.
    pub(super) fn acknowledged(&self, admission: &Admission) -> Option<Acknowledged> {
        let id = id(admission)?;
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .acknowledgements
            .get(&id)
            .copied()
    }

    /// Remembers a delivery whose purge is acknowledged.
    pub(super) fn remember(&self, admission: &Admission, acknowledged: Acknowledged) {
        let Some(id) = id(admission) else { return };
        let mut deliveries = self
            .deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if deliveries
            .acknowledgements
            .insert(id, acknowledged)
            .is_none()
        {
            deliveries.in_order.push_back(id);
        }

        while deliveries.in_order.len() > MAX_DELIVERIES {
            let oldest = deliveries.in_order.pop_front();
            oldest.map(|oldest| deliveries.acknowledgements.remove(&oldest));
        }
    }
}

fn id(admission: &Admission) -> Option<Id> {
    let delivery = admission.delivery.as_deref()?;
    let mut hash = Sha256::new();
    hash.update(admission.credential.authenticator().to_le_bytes());
    hash.update(delivery.as_bytes());
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::Receipt;
    use crate::revalidate::auth::Credential;

    fn delivery(authenticator: usize, id: &str) -> Admission {
        Admission {
            credential: Credential::new(authenticator, 0),
            delivery: Some(id.to_owned()),
        }
    }

    fn acknowledged(sequence: u64) -> Acknowledged {
        Acknowledged::of(&Receipt::new(Some(sequence), Vec::new())).unwrap()
    }

    #[test]
    fn a_delivery_is_known_once_it_was_remembered() {
        let replays = Replays::default();

        assert_eq!(replays.acknowledged(&delivery(0, "a")), None);
        replays.remember(&delivery(0, "a"), acknowledged(7));

        assert_eq!(
            replays.acknowledged(&delivery(0, "a")),
            Some(acknowledged(7))
        );
        assert_eq!(
            replays.acknowledged(&delivery(1, "a")),
            None,
            "each authenticator has ids of its own"
        );
    }

    #[test]
    fn a_request_without_an_id_is_never_known() {
        let replays = Replays::default();
        let anonymous = Admission {
            delivery: None,
            ..delivery(0, "")
        };

        replays.remember(&anonymous, acknowledged(1));

        assert_eq!(replays.acknowledged(&anonymous), None);
    }

    #[test]
    fn the_set_is_bounded_and_the_oldest_goes_first() {
        let replays = Replays::default();
        for id in 0..MAX_DELIVERIES + 5 {
            replays.remember(&delivery(0, &id.to_string()), acknowledged(1));
            replays.remember(&delivery(0, &id.to_string()), acknowledged(2));
        }

        assert_eq!(replays.acknowledged(&delivery(0, "4")), None);
        assert_eq!(
            replays.acknowledged(&delivery(0, "5")),
            Some(acknowledged(2))
        );
        let deliveries = replays.deliveries.lock().unwrap();
        assert_eq!(
            (deliveries.acknowledgements.len(), deliveries.in_order.len()),
            (MAX_DELIVERIES, MAX_DELIVERIES)
        );
    }
}
