//! A charge as the rules of a case remember it: what stands of it.

use serde::{Deserialize, Serialize};

use crate::domain::activity::Activity;
use crate::domain::detail::Charge;
use crate::domain::ids::{ActivityId, ClaimId};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::ChargeStep;

/// A charge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Charged {
    pub at: Timestamp,
    pub step: ChargeStep,
    /// What stands of it, without VAT.
    pub net: i64,
    /// What it was, without VAT and with it.
    whole: (i64, i64),
    /// What was taken back of it, with VAT.
    back: i64,
    /// Nothing of it stands.
    pub gone: bool,
    pub claim: Option<ClaimId>,
    pub id: ActivityId,
}

impl Charged {
    pub fn of(activity: &Activity, charge: &Charge) -> Self {
        Self {
            at: activity.occurred,
            step: charge.step,
            net: charge.amount.minor,
            whole: (charge.amount.minor, charge.amount.minor.saturating_add(charge.vat.unwrap_or(0))),
            back: 0,
            gone: false,
            claim: charge.claim.clone(),
            id: activity.id.clone(),
        }
    }

    /// What stands of the VAT on it.
    pub const fn vat(&self) -> i64 {
        let (_, gross) = self.whole;
        gross.saturating_sub(self.back).saturating_sub(self.net)
    }

    /// Takes back a part of what is owed for it, VAT and net amount alike in the proportion in which it has them, and no more
    /// than there is; what that takes off the balance.
    pub fn take_back(&mut self, amount: i64) -> i64 {
        let (net, gross) = self.whole;
        let taken = amount.clamp(0, gross.saturating_sub(self.back).max(0));
        self.back = self.back.saturating_add(taken);
        self.gone = self.back >= gross;
        // Of a cent that cannot be parted nothing is freed.
        let freed = i128::from(net) * i128::from(self.back) / i128::from(gross.max(1));
        self.net = net.saturating_sub(i64::try_from(freed).unwrap_or(net));
        taken
    }
}
