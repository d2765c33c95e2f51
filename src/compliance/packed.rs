//! What a case remembers for its rules, as bytes: cases that were not used lately are kept so.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::memory::{Task, Timer};
use super::span::Span;
use super::watch::CaseWatch;
use crate::domain::ids::{ActivityId, PersonId, RuleId};
use crate::domain::time::Timestamp;
use crate::rules::RuleSet;

/// A timer with its rule by name.
#[derive(Debug, Serialize, Deserialize)]
struct NamedTimer {
    span: Span,
    began: Timestamp,
    rule: RuleId,
    trigger: Option<ActivityId>,
    person: Option<PersonId>,
    agent: Option<String>,
    uncertain: Option<String>,
    task: Task,
}

/// What a case remembers, in a form that can be written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedWatch<'a> {
    watch: Cow<'a, CaseWatch>,
    timers: Vec<NamedTimer>,
}

impl CaseWatch {
    /// The form that can be written down.
    #[must_use]
    pub fn packed(&self) -> PackedWatch<'_> {
        let named = |timer: &Timer| {
            // Every field by name, so that a new one is not forgotten here.
            let Timer { span, began, rule, trigger, person, agent, uncertain, task } = timer;
            NamedTimer {
                span: *span,
                began: *began,
                rule: rule.rule.id.clone(),
                trigger: trigger.clone(),
                person: person.clone(),
                agent: agent.clone(),
                uncertain: uncertain.as_deref().map(str::to_owned),
                task: task.clone(),
            }
        };
        PackedWatch { watch: Cow::Borrowed(self), timers: self.memory().timers.iter().map(named).collect() }
    }

    /// What was written down, under the rules it was written under; `None` if a rule is not among them.
    #[must_use]
    pub fn unpacked(packed: PackedWatch<'_>, rules: &RuleSet) -> Option<Self> {
        let mut watch = packed.watch.into_owned();
        if packed.timers.is_empty() {
            return Some(watch);
        }
        let timers: Option<Vec<Timer>> = packed
            .timers
            .into_iter()
            .map(|named| {
                Some(Timer {
                    span: named.span,
                    began: named.began,
                    rule: rules.active(&named.rule)?,
                    trigger: named.trigger,
                    person: named.person,
                    agent: named.agent,
                    uncertain: named.uncertain.map(Cow::Owned),
                    task: named.task,
                })
            })
            .collect();
        watch.remember_in().timers = timers?;
        Some(watch)
    }
}

/// Values that leave out fields which are not set: as JSON text, since packed bytes know no names.
pub(super) mod as_text {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(to)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}
