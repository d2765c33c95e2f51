//! What the records of a case do to its open balance.

use std::collections::HashMap;

use crate::domain::activity::Activity;
use crate::domain::detail::{AdjustmentKind, Detail};
use crate::domain::ids::ActivityId;

/// Of each activity of a case that moved its balance, by how much, in minor units: what is left of it after reversals. Kept only
/// where the mapping makes reversals.
#[derive(Debug, Default)]
pub struct Effects(HashMap<ActivityId, i64>);

impl Effects {
    /// What an activity does to the open balance, in minor units. A reversal takes back what it names, at most what is left of
    /// that, as the balance of the service does; one that names nothing that came before does nothing.
    pub fn of(&self, activity: &Activity) -> i64 {
        match &activity.detail {
            Detail::Charge(charge) => charge.amount.minor.saturating_add(charge.vat.unwrap_or(0)),
            Detail::Interest(interest) => interest.amount.minor,
            Detail::Payment(payment) => payment.amount.minor.saturating_neg(),
            Detail::Reversal { reverses, amount, .. } => {
                let left = self.0.get(reverses).copied().unwrap_or(0);
                let most = amount.minor.max(0);
                left.saturating_neg().clamp(-most, most)
            }
            Detail::Adjustment { adjustment, amount, .. } => match adjustment {
                AdjustmentKind::WriteOff | AdjustmentKind::SettlementDiscount | AdjustmentKind::Cancellation => {
                    amount.minor.saturating_neg()
                }
                AdjustmentKind::Correction | AdjustmentKind::WriteUp => amount.minor,
            },
            _ => 0,
        }
    }

    /// Notes what was made of a row.
    pub fn keep(&mut self, made: &[Activity]) {
        for activity in made {
            let effect = self.of(activity);
            if let Detail::Reversal { reverses, .. } = &activity.detail {
                if let Some(left) = self.0.get_mut(reverses) {
                    *left = left.saturating_add(effect);
                }
            } else if effect != 0 {
                self.0.insert(activity.id.clone(), effect);
            }
        }
    }
}
