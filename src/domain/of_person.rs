//! What an activity tells of a person and not of a debt: it binds on every case of that person, whichever of them the activity
//! names. An estate, an insolvency, a medium that somebody does not want to be reached by are the same for all that is owed.

use super::activity::Activity;
use super::detail::Detail;
use super::ids::PersonId;
use super::party::Condition;

/// Whether a condition is one of the person. Others are of a debt: who represents somebody, or asks for no more contact, does so
/// for the debt that it is about (15 USC 1692c(a)(2), (c): "with respect to such debt"), and so is disputed what is disputed.
#[must_use]
pub const fn is_of_person(condition: Condition) -> bool {
    match condition {
        Condition::Insolvency
        | Condition::Discharged
        | Condition::Moratorium
        | Condition::BreathingSpace
        | Condition::DebtRelief
        | Condition::Deceased
        | Condition::Minor
        | Condition::CapacityDoubt
        | Condition::Vulnerable
        | Condition::MilitaryService
        | Condition::EmployerProhibits => true,
        Condition::Disputed
        | Condition::Represented
        | Condition::CeaseRequested
        | Condition::Hardship
        | Condition::AdviserHold
        | Condition::ArrangementKept
        | Condition::NotDebtor
        | Condition::OmbudsmanCase
        | Condition::LimitationPleaded => false,
    }
}

/// The person of whom an activity tells something that binds on all of that person's cases: a condition of the person, its end, an
/// opt-out, hours, the state of a contact point. A consent is given to a creditor, and holds on the cases that it names alone.
#[must_use]
pub fn told_of(activity: &Activity) -> Option<&PersonId> {
    let binds = match &activity.detail {
        Detail::Condition { condition, .. } => is_of_person(*condition),
        Detail::Permission { permission, .. } => !permission.granted,
        // Whose number it is does not depend on what is owed.
        Detail::Window { .. } | Detail::ContactPointChanged { .. } => true,
        _ => false,
    };
    activity.person.as_ref().filter(|_| binds)
}

/// Kinds of activities that may tell of a person, as they are stored.
pub const KINDS: [&str; 4] = ["condition", "permission", "window", "contact_point_changed"];
