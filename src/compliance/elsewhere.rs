//! What activities on other cases tell of a person: remembered without being judged, for they are judged where they happened.

use super::CaseWatch;
use crate::domain::activity::Activity;
use crate::domain::detail::Detail;

impl CaseWatch {
    /// Remembers what an activity on another case tells of a person of this one.
    pub fn told_of_person(&mut self, activity: &Activity) {
        self.remember_date(activity);
        self.remember_flags(activity);
    }

    /// The same of activities, in their order, that come after what is remembered already and may be among it.
    pub fn told_belatedly<'a>(&mut self, activities: impl Iterator<Item = &'a Activity>) {
        for activity in activities {
            let begins = matches!(activity.detail, Detail::Condition { ended: false, .. });
            if begins && self.memory().flags.iter().any(|flag| flag.id == activity.id) {
                continue;
            }
            // To be told twice of an end, an opt-out or hours is the same as once.
            self.remember_flags(activity);
            if let Some(Err(place)) =
                activity.date_only.then(|| self.memory().by_date.binary_search(&activity.occurred))
            {
                self.remember_in().by_date.insert(place, activity.occurred);
            }
        }
    }
}
