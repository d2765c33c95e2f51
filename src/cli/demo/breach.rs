//! Breaches told on purpose, so that a newcomer sees findings.

use chrono::{Datelike, NaiveDate};

use super::country::Breach;
use super::story::Teller;
use crate::domain::detail::Detail;
use crate::domain::outcome::Outcome;
use crate::domain::party::Condition;
use crate::domain::time::{SECOND, Timestamp, add_days};
use crate::domain::vocabulary::Initiator;

impl Teller<'_> {
    /// Tells the breach, from that day on.
    pub(super) fn tell_breach(&mut self, breach: Breach, day: NaiveDate) {
        match breach {
            Breach::NightCall => {
                let at = self.at(day, 22 * 60 + 40);
                self.dial(at, Outcome::RightPartyNoCommitment);
            }
            Breach::SundayCall => {
                let sunday = add_days(day, i64::from(7 - day.weekday().number_from_monday()));
                let at = self.at(sunday, 11 * 60);
                self.dial(at, Outcome::NoAnswer);
            }
            Breach::ManyCalls => {
                for call in 0..9 {
                    let at = self.at(add_days(day, call / 2), 9 * 60 + (call % 2) * 300);
                    self.dial(at, Outcome::NoAnswer);
                }
            }
            Breach::AfterCease => {
                let told = self.at(day, 9 * 60);
                self.condition(told, Condition::CeaseRequested);
                let at = self.at(self.working_day(day, 5), 14 * 60);
                self.dial(at, Outcome::NoAnswer);
            }
            Breach::Represented => {
                let told = self.at(day, 9 * 60);
                self.condition(told, Condition::Represented);
                let at = self.at(self.working_day(day, 4), 15 * 60);
                self.dial(at, Outcome::RightPartyNoCommitment);
            }
            // Told with the first letter.
            Breach::FeeOverCap | Breach::FeeNotAgreed | Breach::NoticeForgotten => {}
        }
    }

    fn condition(&mut self, at: Timestamp, condition: Condition) {
        let detail = Detail::Condition {
            condition,
            ended: false,
            written: Some(true),
            direct_contact_consented: false,
            reference: None,
        };
        self.tell(at, Initiator::Debtor, false, detail);
        if let Some(last) = self.told.last_mut() {
            last.received = Some(at.plus(3_600 * SECOND));
        }
    }
}
