//! Read masks: which top-level fields of a message a caller wants.

use prost_types::FieldMask;

use crate::proto::v1;
use crate::wire::decode::DecodeError;

/// A message whose top-level fields can be left out.
pub trait Masked {
    /// Names of the fields, as the proto writes them.
    const FIELDS: &'static [&'static str];

    /// Empties every field that is not kept.
    fn keep(&mut self, kept: &dyn Fn(&str) -> bool);
}

/// The fields that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask(Option<Vec<String>>);

impl Mask {
    /// Reads the mask of a request for a message. Absent, empty or `*`: every field.
    ///
    /// # Errors
    /// A path that is no top-level field of the message.
    pub fn read<M: Masked>(mask: Option<FieldMask>) -> Result<Self, DecodeError> {
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        if let Some((index, stranger)) =
            paths.iter().enumerate().find(|(_, path)| *path != "*" && !M::FIELDS.contains(&path.as_str()))
        {
            let shown: String = stranger.chars().take(40).collect();
            return Err(DecodeError::one(
                format!("read_mask.paths[{index}]"),
                format!("{shown:?} is no top-level field: send some of {}", M::FIELDS.join(", ")),
            ));
        }
        let all = paths.is_empty() || paths.iter().any(|path| path == "*");
        Ok(Self((!all).then_some(paths)))
    }

    /// Whether the mask has a field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.as_ref().is_none_or(|paths| paths.iter().any(|path| path == field))
    }

    /// The message with only the fields of the mask.
    #[must_use]
    pub fn apply<M: Masked>(&self, mut message: M) -> M {
        if self.0.is_some() {
            message.keep(&|field| self.has(field));
        }
        message
    }
}

macro_rules! masked {
    ($($message:ident { $($field:ident),+ $(,)? })+) => {$(
        impl Masked for v1::$message {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn keep(&mut self, kept: &dyn Fn(&str) -> bool) {
                $(if !kept(stringify!($field)) {
                    self.$field = Default::default();
                })+
            }
        }
    )+};
}

masked! {
    Case {
        case_id, version_id, effect_time, currency_code, identity, legal_class, dates, terms, placement, steering,
        claims, parties, history_complete_time, prior_notices, prior_charges, closed, attributes, etag, revision,
        version_count,
    }
    CaseFile {
        case, state_time, balance, promises, timeline, timeline_truncated, contact_permissions, findings, documents,
    }
    Activity {
        activity_id, case_ids, person_id, person_role, occur_time, date_only, receive_time, effect_time, end_time,
        source_sequence, initiator, at_debtors_request, actor, parent_activity_id, control, detail, record_time,
        revision, voided,
    }
    KpiRow {
        kpi_id, variant_id, period_start_date, period_end_date, whole_period, group, currency_code, value,
        no_value_reason, numerator, denominator, sample_size, unit, decimals, interval_low, interval_high, row_kind,
        compared, frozen, freeze_time, running_period,
    }
    Finding {
        finding_id, rule_id, jurisdiction_id, pack_version, pack_digest, severity, effect, status, case_id, person_id,
        activity_id, agent_id, client_id, breach_time, omission, known_at_time, observation, evidence_activity_ids,
        change_reason, open_time, change_time, revision, etag, decision,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn read<M: Masked>(paths: &[&str]) -> Result<Mask, DecodeError> {
        Mask::read::<M>(Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }))
    }

    #[test]
    fn the_fields_are_those_of_the_proto() {
        let pool = prost_reflect::DescriptorPool::decode(crate::proto::DESCRIPTOR_SET).unwrap();
        let described = |name: &str| -> BTreeSet<String> {
            let message = pool.get_message_by_name(&format!("fairdue.v1.{name}")).unwrap();
            let real = message.oneofs().filter(|oneof| !oneof.is_synthetic()).map(|oneof| oneof.name().to_owned());
            let plain =
                message.fields().filter(|field| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()));
            plain.map(|field| field.name().to_owned()).chain(real).collect()
        };
        let known = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(described("Case"), known(v1::Case::FIELDS));
        assert_eq!(described("CaseFile"), known(v1::CaseFile::FIELDS));
        assert_eq!(described("Activity"), known(v1::Activity::FIELDS));
        assert_eq!(described("KpiRow"), known(v1::KpiRow::FIELDS));
        assert_eq!(described("Finding"), known(v1::Finding::FIELDS));
    }

    #[test]
    fn only_the_asked_fields_are_kept() {
        let finding =
            v1::Finding { finding_id: "f".to_owned(), rule_id: "r".to_owned(), revision: 7, ..Default::default() };
        let kept = read::<v1::Finding>(&["rule_id"]).unwrap().apply(finding.clone());
        assert_eq!(kept, v1::Finding { rule_id: "r".to_owned(), ..Default::default() });
        for all in [&[][..], &["*"], &["rule_id", "*"]] {
            assert_eq!(read::<v1::Finding>(all).unwrap().apply(finding.clone()), finding);
        }
        assert_eq!(Mask::read::<v1::Finding>(None).unwrap().apply(finding.clone()), finding);
    }

    #[test]
    fn strangers_are_refused() {
        for bad in ["", "nothing", "observation.unit", "finding_id ", "FINDING_ID"] {
            let error = read::<v1::Finding>(&["rule_id", bad]).unwrap_err();
            assert_eq!(error.violations[0].field, "read_mask.paths[1]");
        }
    }
}
