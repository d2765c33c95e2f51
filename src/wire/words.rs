//! Closed word lists on the wire: value n of a list is enum number n, and 0 is "not stated".
//!
//! The numbers follow the order of the domain's lists, which therefore only ever grow at their end. A test compares
//! every name on both sides, so that a value added to one side alone, or moved, does not go unnoticed.

use crate::domain::agent_figures::AgentFigures;
use crate::domain::vocabulary as v;
use crate::domain::{case, detail, feed, finding, finding_life, outcome, party, permit, sink, verdict};

/// A closed list that has an enum of the same name in the proto.
pub trait Word: Copy + 'static {
    /// Every value, in the order of the enum's numbers from 1.
    const VALUES: &'static [Self];
    /// Name of the enum on the wire.
    const WIRE_NAME: &'static str;

    /// The enum number of the value.
    fn number(self) -> i32;

    /// The value of an enum number; `None` for 0 and for numbers that this version does not know.
    #[must_use]
    fn of_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::VALUES.get(index).copied()
    }
}

/// The number of an optional value: 0 if absent.
#[must_use]
pub fn number<W: Word>(word: Option<W>) -> i32 {
    word.map_or(0, W::number)
}

/// An enum's name, the words of the domain, and the name that the wire has for each number.
#[cfg(test)]
pub(crate) type Sides = (&'static str, Vec<String>, Vec<String>);

macro_rules! words {
    ($($domain:path => $wire:ident),+ $(,)?) => {
        $(
            impl $crate::wire::words::Word for $domain {
                const VALUES: &'static [Self] = Self::ALL;
                const WIRE_NAME: &'static str = stringify!($wire);

                fn number(self) -> i32 {
                    self as i32 + 1
                }
            }
        )+

        /// Both sides of each list.
        #[cfg(test)]
        fn both_sides() -> Vec<$crate::wire::words::Sides> {
            vec![$({
                let words = <$domain>::ALL.iter().map(|word| word.as_str().to_owned()).collect();
                let names = (1..)
                    .map_while(|number| crate::proto::v1::$wire::try_from(number).ok())
                    .map(|value| value.as_str_name().to_owned())
                    .collect();
                (<$domain as $crate::wire::words::Word>::WIRE_NAME, words, names)
            }),+]
        }
    };
}
pub(crate) use words;

words! {
    v::Channel => Channel,
    v::Technology => Technology,
    v::Initiator => Initiator,
    v::ActorKind => ActorKind,
    v::Direction => Direction,
    v::Place => Place,
    v::Purpose => Purpose,
    v::Form => Form,
    v::MessageLeft => MessageLeft,
    v::PartyRole => PartyRole,
    v::PartyKind => PartyKind,
    v::CollectorRole => CollectorRole,
    v::Ownership => Ownership,
    v::DebtClass => DebtClass,
    v::DebtType => DebtType,
    v::CreditorType => CreditorType,
    v::ContactPointKind => ContactPointKind,
    v::NumberType => NumberType,
    v::ContactPointState => ContactPointState,
    v::ConsentScope => ConsentScope,
    v::MessageEventKind => MessageEventKind,
    v::Component => Component,
    v::ChargeStep => ChargeStep,
    v::Beneficiary => Beneficiary,
    party::Condition => Condition,
    case::LimitationEventKind => LimitationEventKind,
    case::InterestKind => InterestKind,
    detail::AdjustmentKind => AdjustmentKind,
    detail::TransferKind => TransferKind,
    detail::ReversalKind => ReversalKind,
    detail::MatterStep => MatterStep,
    detail::CreditReportKind => CreditReportKind,
    detail::SettlementStep => SettlementStep,
    detail::LegalStepKind => LegalStepKind,
    detail::SurveyKind => SurveyKind,
    detail::PaymentDirection => PaymentDirection,
    detail::InterestNature => InterestNature,
    detail::PageStep => PageStep,
    outcome::Outcome => Outcome,
    verdict::Effect => Effect,
    verdict::Source => Source,
    verdict::Confidence => Confidence,
    verdict::Verdict => Verdict,
    verdict::Answer => Answer,
    verdict::Unit => Unit,
    finding::Severity => Severity,
    finding::FindingStatus => FindingStatus,
    finding_life::FindingAction => FindingAction,
    permit::PermitState => PermitState,
    feed::SyncEntity => SyncEntity,
    feed::ChangeReason => ChangeReason,
    sink::SinkState => SinkState,
    AgentFigures => AgentFigures,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn prefix(name: &str) -> String {
        let mut prefix = String::new();
        for (index, c) in name.char_indices() {
            if c.is_ascii_uppercase() && index > 0 {
                prefix.push('_');
            }
            prefix.push(c.to_ascii_uppercase());
        }
        prefix
    }

    /// Every word has the same name and number on both sides.
    pub(crate) fn assert_alike(lists: Vec<Sides>) {
        assert!(!lists.is_empty());
        for (enumeration, words, names) in lists {
            let expected: Vec<String> =
                words.iter().map(|word| format!("{}_{}", prefix(enumeration), word.to_uppercase())).collect();
            assert_eq!(names, expected, "{enumeration}");
        }
    }

    #[test]
    fn every_word_has_the_same_name_and_number_on_both_sides() {
        assert_alike(both_sides());
    }

    #[test]
    fn numbers_round_trip_and_strangers_are_refused() {
        for &channel in v::Channel::ALL {
            assert_eq!(v::Channel::of_number(channel.number()), Some(channel));
        }
        for stranger in [i32::MIN, -1, 0, 10, i32::MAX] {
            assert_eq!(v::Channel::of_number(stranger), None);
        }
    }
}
