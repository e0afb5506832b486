//! Reads one value: from memory, or by a load that every reader of its key shares.

use std::any::Any;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::DirectTurns;
use super::flight::{Load, LoadEnd, LoadFailure, RememberedFailure};
use super::load::{StartedFor, Work};
use super::reader::{Handed, Reader};
use super::value::Value;
use crate::cache::core::Core;
use crate::cache::flight::Joined;
use crate::cache::negative_cache::NegativeEntry;
use crate::clock::{self, Instant};
use crate::entry::Freshness;
use crate::invalidation::{Sequence, Subject, Validity};
use crate::observe;
use crate::outcome::{Reason, Staleness};
use crate::rules::{Rule, holds};
use crate::value::{Data, KeyRef, ValueKey};

/// The number of times that a value is looked up whose loads are overtaken or lost.
const MAX_TRIES: usize = 8;

/// The time that a reader waits longer than the load itself may take.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// One call for a value that memory has no fresh one for.
pub(crate) struct Asked<'a> {
    pub(crate) data: Data,
    pub(crate) key: ValueKey,
    pub(crate) arguments: Arc<dyn Any + Send + Sync>,
    /// The tags of the value, beside those of its policy.
    pub(crate) tags: Vec<String>,
    /// Compares the arguments of a value with those of the call.
    pub(crate) is_same: &'a (dyn Fn(&(dyn Any + Send + Sync)) -> bool + Send + Sync),
    /// Makes the user's function begin.
    pub(crate) load: &'a (dyn Fn() -> Work + Send + Sync),
    /// True if the call can end with a copy of another one's error.
    pub(crate) takes_shared: bool,
    /// The last number published when the call came.
    pub(crate) arrival: Sequence,
    /// The time at which the call waits no longer for others.
    pub(crate) until: Instant,
    pub(crate) reader: &'a Reader,
}

/// The response to a call.
pub(crate) enum Reply<'a> {
    /// A value, which the reader has taken over.
    Value(Arc<Value>),
    /// The load failed. The one who began it has its own error.
    Failed(LoadFailure),
    /// The call loads for itself, in turn with others of its key if there are turns.
    Direct(Option<DirectTurns<'a>>),
    /// The call loads for itself, since the load waits for the one who calls.
    Circle,
}

/// The next step of a call.
enum Step {
    Hand(Arc<Value>, Handed),
    Refresh(Arc<Value>),
    Fail(LoadFailure),
    OtherArguments,
    Wait,
}

impl Asked<'_> {
    /// Returns the number up to which the call may know purges.
    fn arrival(&self) -> Sequence {
        match holds(Rule::LateJoin) {
            true => self.arrival,
            false => Sequence::NO_MARK,
        }
    }
}

impl Core {
    /// Finds a value for a call, if it is fresh and nothing else is needed.
    #[inline]
    pub(crate) fn fresh_value(&self, key: &KeyRef<'_>) -> Option<Arc<Value>> {
        let value = self.values.memory.get(key)?;
        value.is_fresh(&self.marks, clock::now).then_some(value)
    }

    /// Finds a value that may be validated. One that was purged may not, nor one that was made of
    /// others that are out of date.
    pub(crate) fn value_to_validate(&self, key: &ValueKey, needs: Sequence) -> Option<Arc<Value>> {
        let value = self.values.memory.get_key(key)?;
        let is_valid = value.validity(&self.marks) == Validity::Valid;
        let can_be_confirmed = is_valid && value.can_be_confirmed(clock::now());
        (can_be_confirmed && value.knows(needs)).then_some(value)
    }

    /// Finds a value for a call that looks once more, before it begins a load.
    pub(crate) fn loaded_meanwhile(&self, asked: &Asked<'_>) -> Option<Arc<Value>> {
        let value = self.values.memory.get_key(&asked.key)?;
        let is_fresh = value.is_fresh(&self.marks, clock::now);
        let is_it = value.knows(asked.reader.needs()) && (asked.is_same)(value.arguments());
        (is_fresh && is_it).then_some(value)
    }

    /// Reads a value that memory had no fresh one for.
    pub(crate) async fn read_value(self: &Arc<Self>, asked: &Asked<'_>) -> Reply<'_> {
        for _ in 0..MAX_TRIES {
            if clock::now() > asked.until {
                let end = LoadEnd::Failed(LoadFailure::without_error(Reason::Timeout));
                return self.reply(asked, &end, true).unwrap_or(Reply::Direct(None));
            }
            let hand = |value: Arc<Value>, handed| {
                asked.reader.hand(self, &value, handed);
                Reply::Value(value)
            };

            match self.step(asked) {
                Step::Hand(value, handed) => return hand(value, handed),
                Step::Refresh(value) => {
                    self.refresh(asked);
                    return hand(value, Handed::AsItIs);
                }
                Step::Fail(failure) => return Reply::Failed(failure),
                Step::OtherArguments => {
                    observe::arguments_differ(asked.data.name());
                    return Reply::Direct(None);
                }
                Step::Wait => {}
            }
            if let Some(reply) = self.wait(asked).await {
                return reply;
            }
        }
        Reply::Direct(Some(self.values.direct_turns(&asked.key)))
    }

    /// Decides the next step from the value, the remembered failure and the time.
    fn step(&self, asked: &Asked<'_>) -> Step {
        let now = clock::now();
        let found = self.values.memory.get_key(&asked.key);
        if let Some(value) = &found
            && !(asked.is_same)(value.arguments())
        {
            return Step::OtherArguments;
        }

        let needs = asked.reader.needs();
        let found = found.map(|value| {
            let freshness = match value.freshness(&self.marks, now) {
                Freshness::Fresh if !value.knows(needs) => Freshness::Stale(Staleness::Mark),
                freshness => freshness,
            };
            (freshness, value)
        });
        let is_cold = found
            .as_ref()
            .is_none_or(|(freshness, _)| !freshness.can_be_served());
        let value = found.as_ref().map(|(_, value)| &**value);
        let negative = self.remembered(asked, value, is_cold, now);
        match (found, negative) {
            (Some((Freshness::Fresh, value)), _) => Step::Hand(value, Handed::AsItIs),
            (Some((freshness, value)), Some(negative)) if freshness.can_be_served() => {
                Step::Hand(value, Handed::Old(Some(negative.until(false))))
            }
            (Some((Freshness::Stale(_), value)), None)
                if !asked.reader.keeps() || !holds(Rule::Waits) =>
            {
                Step::Refresh(value)
            }
            (_, Some(negative)) => match negative.failure().map(|failed| &failed.failure) {
                Some(LoadFailure {
                    value: Some(value), ..
                }) => Step::Hand(value.clone(), Handed::AsItIs),
                Some(failure) if failure.can_end(asked.takes_shared) => Step::Fail(failure.clone()),
                _ => Step::Wait,
            },
            _ => Step::Wait,
        }
    }

    /// Returns the failure that is remembered of the call, unless a purge of the value came since:
    /// the value may have tags that the failed load did not learn.
    fn remembered(
        &self,
        asked: &Asked<'_>,
        value: Option<&Value>,
        is_cold: bool,
        now: Instant,
    ) -> Option<Arc<NegativeEntry<RememberedFailure>>> {
        let negative = &self.values.negative;
        let negative = negative.get(&self.marks, &asked.key, now, is_cold)?;
        if !holds(Rule::LoadBackoff) {
            return None;
        }
        let is_purged_since = value.is_some_and(|value| {
            let subject = Subject::nowhere(value.marks().as_slice());
            self.marks.validity(subject, negative.as_of()) != Validity::Valid
        });
        let failed = negative.failure()?;
        let is_same = (asked.is_same)(&*failed.arguments);
        (!is_purged_since && is_same).then_some(negative)
    }

    /// Starts a load that no reader waits for, unless there is one.
    fn refresh(self: &Arc<Self>, asked: &Asked<'_>) {
        if let Ok(Joined::Lead(leader)) = self.join_load(asked) {
            self.start_load(leader, asked.data, (asked.load)(), StartedFor::Refresh);
        }
    }

    /// Waits for a load of the key. Returns `None` if the call looks again.
    async fn wait(self: &Arc<Self>, asked: &Asked<'_>) -> Option<Reply<'_>> {
        let arrival = asked.arrival();
        let (follower, is_leader) = match self.join_load(asked) {
            Err(fresh) => {
                asked.reader.hand(self, &fresh, Handed::AsItIs);
                return Some(Reply::Value(fresh));
            }
            Ok(Joined::Follow(follower)) => (follower, false),
            Ok(Joined::Lead(leader)) => {
                let follower = leader.follow(arrival);
                self.start_load(leader, asked.data, (asked.load)(), StartedFor::Reader);
                (follower, true)
            }
        };
        let wait = follower.wait_for();
        if wait.is_none() && holds(Rule::Circle) {
            return Some(Reply::Circle);
        }

        let _wait = wait;
        let failure = || LoadEnd::Failed(LoadFailure::without_error(Reason::Timeout));
        let mut waiting = pin!(follower.wait_until(asked.until));
        if let Some(deadline) = asked.reader.deadline() {
            // The reader has a time limit of its own: an old value in time is better than none.
            let completed = tokio::time::timeout_at(deadline, waiting.as_mut()).await;
            match completed {
                Ok(Ok(completed)) => return self.reply(asked, &completed?.outcome, is_leader),
                Ok(Err(_)) => return self.reply(asked, &failure(), is_leader),
                Err(_) if self.last_value(asked).is_some() => {
                    return self.reply(asked, &failure(), is_leader);
                }
                Err(_) => {}
            }
        }
        match waiting.await {
            Ok(completed) => self.reply(asked, &completed?.outcome, is_leader),
            Err(_) => self.reply(asked, &failure(), is_leader),
        }
    }

    fn reply(&self, asked: &Asked<'_>, end: &LoadEnd, is_leader: bool) -> Option<Reply<'_>> {
        let turns = || Some(self.values.direct_turns(&asked.key));

        Some(match end {
            LoadEnd::Loaded(value) | LoadEnd::ForOne(value)
                if !(asked.is_same)(value.arguments()) =>
            {
                observe::arguments_differ(asked.data.name());
                Reply::Direct(None)
            }
            LoadEnd::ForOne(_) if !is_leader => Reply::Direct(turns()),
            LoadEnd::Loaded(value) | LoadEnd::ForOne(value) => {
                asked.reader.hand(self, value, Handed::AsItIs);
                Reply::Value(value.clone())
            }
            LoadEnd::Failed(failure) => match self.last_value(asked) {
                Some((value, rests_until)) => {
                    asked.reader.hand(self, &value, Handed::Old(rests_until));
                    Reply::Value(value)
                }
                None => match &failure.value {
                    Some(value) => {
                        asked.reader.hand(self, value, Handed::AsItIs);
                        Reply::Value(value.clone())
                    }
                    None if is_leader || failure.can_end(asked.takes_shared) => {
                        Reply::Failed(failure.clone())
                    }
                    None => Reply::Direct(turns()),
                },
            },
        })
    }

    /// Returns the value to fall back on, and the time until which it is left alone.
    fn last_value(&self, asked: &Asked<'_>) -> Option<(Arc<Value>, Option<Instant>)> {
        let now = clock::now();
        let value = self.values.memory.get_key(&asked.key)?;
        let can_be_served = value.freshness(&self.marks, now).can_be_served();
        if !can_be_served || !(asked.is_same)(value.arguments()) {
            return None;
        }
        let negative = self.remembered(asked, Some(&value), false, now);
        Some((value, negative.map(|negative| negative.until(false))))
    }

    fn join_load(&self, asked: &Asked<'_>) -> Result<Joined<Load>, Arc<Value>> {
        let load = Load {
            key: asked.key.clone(),
            arguments: asked.arguments.clone(),
            marks: self
                .known_marks(&asked.data, Some(&asked.key), &asked.tags)
                .into(),
            timeout: asked.data.timeout,
            needs: asked.reader.needs(),
        };
        let needs = load.needs;
        let admits = |load: &Load| load.needs >= needs && (asked.is_same)(&*load.arguments);
        let second_look = || self.loaded_meanwhile(asked);

        let flights = &self.values.flights;
        flights.join(&self.marks, load, asked.arrival(), admits, second_look)
    }
}
