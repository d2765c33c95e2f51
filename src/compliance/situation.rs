//! Everything a rule may look at when it judges one activity of one case.

use std::cell::Cell;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::persons::{ContactStamp, Marks};
use super::watch::{CaseStamp, CaseWatch};
use super::zones::{IdText, ZoneList};
use super::{Context, applies, cover};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::PersonId;
use crate::domain::party::{Condition, ContactPoint, Party, Residence};
use crate::domain::time::Timestamp;
use crate::domain::vocabulary::{Component, PartyRole};
use crate::rules::RuleSet;
use crate::rules::calendar::Calendar;
use crate::rules::cover::Clause;
use crate::rules::model::Kind;
use crate::rules::ruleset::{ActiveRule, Jurisdiction};
use crate::rules::topic::Topic;
use crate::rules::words::Attribute;

/// The answer to the scope of the pack asked about last: a pack's rules stand one after another.
struct Covered<'a> {
    clauses: &'a [Clause],
    #[allow(clippy::option_option)] // three answers
    answer: Option<Option<Attribute>>,
}

impl<'a> Covered<'a> {
    #[allow(clippy::option_option)]
    fn answer(&mut self, active: &'a ActiveRule, situation: &Situation<'_>) -> Option<Option<Attribute>> {
        let clauses = active.cover.as_deref().unwrap_or(&[]);
        if !std::ptr::eq(clauses, self.clauses) {
            let answer = if clauses.is_empty() { Some(None) } else { cover::covers(clauses, situation) };
            *self = Self { clauses, answer };
        }
        self.answer
    }
}

/// Scopes whose answer is remembered.
const SCOPES: usize = 16;
/// A scope's number, see [`ActiveRule::same_scope`], and whether it holds.
#[allow(clippy::option_option)] // three answers
type Scoped = (u32, Option<Option<Attribute>>);
/// No scope's.
const UNASKED: Scoped = (u32::MAX, None);

/// One activity of one case under judgement.
pub(crate) struct Situation<'a> {
    pub rules: &'a RuleSet,
    pub version: &'a CaseVersion,
    pub watch: &'a CaseWatch,
    pub activity: &'a Activity,
    /// The instant judged: the activity's, or a later one while the next lawful time is searched.
    pub at: Timestamp,
    /// The contact has not happened; it is asked about.
    pub asked: bool,
    pub lead: bool,
    pub person: Option<&'a PersonId>,
    pub party: Option<&'a Party>,
    pub role: Option<PartyRole>,
    /// All contacts of the person over all cases, oldest first.
    log: &'a [ContactStamp],
    /// Those of them that stand before what is judged.
    pub before: &'a [ContactStamp],
    /// The contacts of the case that do, oldest first.
    pub before_here: &'a [CaseStamp],
    /// The person's number in the case.
    pub index: Option<u16>,
    pub zones: ZoneList,
    pub region: &'a str,
    /// Components in the order in which the market settles payments that state nothing.
    pub payment_order: [Component; 3],
    /// Marks of the contact under judgement, if it is one.
    marks: Option<Marks>,
    /// The local date of `at`: every dated rule asks for it.
    today: NaiveDate,
    /// What was found of the scopes asked about last.
    scopes: [Cell<Scoped>; SCOPES],
    /// Whether the instant lies in a consent to more calls, once it was asked.
    consented: Cell<Option<bool>>,
}

impl<'a> Situation<'a> {
    pub fn new(ctx: &Context<'a>, watch: &'a CaseWatch, activity: &'a Activity, asked: bool) -> Self {
        let primary = ctx.version.primary();
        let person = activity.person.as_ref().or(primary.map(|party| &party.person));
        let own = person.and_then(|person| ctx.version.party(person));
        let role = activity.person_role.or(own.map(|party| party.role));
        let mut situation = Self {
            rules: ctx.rules,
            version: ctx.version,
            watch,
            activity,
            at: activity.occurred,
            asked,
            lead: ctx.lead,
            person,
            // A third person is looked for where the debtor lives, until told otherwise.
            party: own.or(primary),
            role,
            log: person.map_or(&[], |person| ctx.persons.stamps(person)),
            before: &[],
            before_here: &[],
            index: watch.index_of(person),
            zones: ZoneList::empty(),
            region: &ctx.market.region,
            payment_order: ctx.market.payment_order,
            marks: None,
            today: NaiveDate::MIN,
            scopes: [const { Cell::new(UNASKED) }; SCOPES],
            consented: Cell::new(None),
        };
        situation.zones = situation.candidate_zones();
        situation.move_to(activity.occurred);
        situation.marks = situation.contact().map(|contact| Marks::of(activity, contact, role, asked));
        situation
    }

    /// The contact under judgement, if it is one.
    pub fn contact(&self) -> Option<&'a Contact> {
        match &self.activity.detail {
            Detail::Contact(contact) => Some(contact),
            _ => None,
        }
    }

    /// The contact point used, where the contact names one that the person has.
    pub fn point(&self) -> Option<&'a ContactPoint> {
        let wanted = self.contact()?.contact_point.as_ref()?;
        self.party?.contact_points.iter().find(|point| point.id == *wanted)
    }

    /// Marks of the contact under judgement. Whether it falls into a consent depends on the instant, which the search
    /// for the next lawful time moves.
    pub fn marks(&self) -> Option<Marks> {
        let marks = self.marks?;
        let consented = self.consented.get().unwrap_or_else(|| self.watch.consented(self));
        self.consented.set(Some(consented));
        Some(if consented { marks.consented() } else { marks })
    }

    /// The zone whose dates are used where one date must be named.
    pub fn home_zone(&self) -> Tz {
        self.zones.as_slice().first().copied().unwrap_or(Tz::UTC)
    }

    /// The local date of the instant judged.
    pub const fn date(&self) -> NaiveDate {
        self.today
    }

    /// Judges another instant from now on.
    pub fn move_to(&mut self, at: Timestamp) {
        self.at = at;
        self.today = at.date(self.home_zone());
        // Whether there is a title depends on the day.
        self.scopes = [const { Cell::new(UNASKED) }; SCOPES];
        self.consented = Cell::new(None);
        // A fact looks back at what stands before it in the order of facts; a question at all that has happened.
        let (asked, order) = (self.asked, self.activity.order());
        let before = |stamp: &ContactStamp| if asked { stamp.at <= at } else { stamp.order() < order };
        let here = self.watch.contacts();
        self.before = self.log.get(..self.log.partition_point(before)).unwrap_or_default();
        self.before_here = here.get(..here.partition_point(|one| before(&one.stamp))).unwrap_or_default();
    }

    /// Whether a rule concerns the case, see [`applies::attributes`]. Rules of one scope are many: it is tested once.
    #[allow(clippy::option_option)] // three answers
    pub fn scoped(&self, active: &ActiveRule) -> Option<Option<Attribute>> {
        let known = self.scopes.get(active.same_scope as usize % SCOPES);
        if let Some((same, answer)) = known.map(Cell::get)
            && same == active.same_scope
        {
            return answer;
        }
        let answer = applies::attributes(&active.rule.scope, &active.rule.assume, self);
        known.iter().for_each(|known| known.set((active.same_scope, answer)));
        answer
    }

    /// The claim was disputed at some time before, whether or not it still is.
    pub fn ever_disputed(&self) -> bool {
        let told = self.watch.memory().flags.iter().map(|flag| (flag.condition, flag.from));
        let stated = self.party.iter().flat_map(|party| &party.conditions).map(|one| (one.condition, one.from));
        told.chain(stated).any(|(condition, from)| condition == Condition::Disputed && from <= self.at)
    }

    /// The subdivision for calendars.
    pub fn subdivision(&self) -> Option<&'a str> {
        self.residences().next().and_then(|residence| residence.subdivision.as_deref())
    }

    /// Residences that hold at the instant: those with the latest beginning not after it.
    pub fn residences(&self) -> impl Iterator<Item = &'a Residence> + use<'a> {
        let residences: &'a [Residence] = self.party.map_or(&[], |party| &party.residences);
        // A residence begins at local midnight; the market-independent UTC date is at most a day off only where a move
        // falls on the very day, and then both ends are judged by the earlier one.
        let at = self.at;
        let begun = move |one: &&'a Residence| one.from.is_none_or(|from| from <= at.date(Tz::UTC));
        let latest = residences.iter().filter(begun).map(|one| one.from).max();
        residences.iter().filter(begun).filter(move |one| Some(one.from) == latest)
    }

    fn candidate_zones(&self) -> ZoneList {
        let mut zones = ZoneList::empty();
        if let Some(party) = self.party {
            party.zones.iter().filter_map(|one| one.zone.parse::<Tz>().ok()).for_each(|zone| zones.push(zone));
        }
        if zones.as_slice().is_empty() {
            let mut add = |country: &str, subdivision: Option<&str>, locality: Option<&str>| {
                let Some(deepest) = self.deepest(country, subdivision, locality) else { return };
                // Only a country's pack states zones for its subdivisions; a subdivision's own pack states its own.
                let known = subdivision.and_then(|code| deepest.subdivision_zones.get(code));
                known.unwrap_or(&deepest.zones).iter().for_each(|zone| zones.push(*zone));
            };
            let mut any = false;
            for one in self.residences() {
                any = true;
                add(&one.country, one.subdivision.as_deref(), one.locality.as_deref());
            }
            if !any {
                add(self.region, None, None);
            }
        }
        zones
    }

    fn deepest(&self, country: &str, subdivision: Option<&str>, locality: Option<&str>) -> Option<&'a Jurisdiction> {
        let mut id = IdText::new();
        id.push(country);
        let mut found = self.rules.jurisdiction(id.as_str());
        for part in [subdivision, locality] {
            let Some(part) = part else { break };
            id.push("-");
            id.push(part);
            found = self.rules.jurisdiction(id.as_str()).or(found);
        }
        found
    }

    /// Calls `judge` for every rule that may speak: with the jurisdiction, and with what is missing to tell whether the
    /// person lives there and whether the rule's pack covers the case. Returns false if a country has no pack.
    pub fn each_rule(&self, mut judge: impl FnMut(&'a Jurisdiction, &'a Arc<ActiveRule>, Option<Attribute>)) -> bool {
        let mut covered = Covered { clauses: &[], answer: Some(None) };
        let mut judge = move |jurisdiction: &'a Jurisdiction, active: &'a Arc<ActiveRule>, possible: bool| {
            let Some(doubt) = covered.answer(active, self) else { return };
            judge(jurisdiction, active, possible.then_some(Attribute::Subdivision).or(doubt));
        };
        let topic = self.contact().map_or(Topic::Other, |contact| Topic::Contact(contact.channel));
        let law = self.governing_law();
        let complete = self.each_jurisdiction(&mut |jurisdiction, possible| {
            let places = jurisdiction.topics.rules(topic).iter();
            for active in places.filter_map(|place| jurisdiction.rules.get(usize::try_from(*place).ok()?)) {
                if active.judged && !(law.is_some() && active.rule.limits.kind() == Kind::LimitationPeriod) {
                    judge(jurisdiction, active, possible);
                }
            }
        });
        if let Some(law) = law {
            self.each_governing(law, &mut |jurisdiction, possible| {
                for active in &jurisdiction.rules {
                    if active.judged && active.rule.limits.kind() == Kind::LimitationPeriod {
                        judge(jurisdiction, active, possible);
                    }
                }
            });
        }
        complete
    }

    /// The law chosen for the claim, whose limitation periods then hold instead of those where the person lives.
    pub fn governing_law(&self) -> Option<&'a str> {
        self.version.class.governing_law.as_deref()
    }

    /// Calls `visit` once for every jurisdiction that the person may live in, and whether that is only possible. Returns
    /// false if a country has no pack.
    pub fn each_jurisdiction(&self, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) -> bool {
        let mut complete = true;
        let mut seen: [Option<&'a Jurisdiction>; 12] = [None; 12];
        let mut any = false;
        let mut once = |jurisdiction: &'a Jurisdiction, possible: bool| {
            let known = seen.iter().flatten().any(|one| std::ptr::eq(*one, jurisdiction));
            if known {
                return;
            }
            if let Some(slot) = seen.iter_mut().find(|slot| slot.is_none()) {
                *slot = Some(jurisdiction);
            }
            visit(jurisdiction, possible);
        };
        for one in self.residences() {
            any = true;
            complete &= self.chain(&one.country, one.subdivision.as_deref(), one.locality.as_deref(), &mut once);
        }
        if !any {
            complete &= self.chain(self.region, None, None, &mut once);
        }
        complete
    }

    /// Calls `visit` for every jurisdiction of the law chosen for the claim.
    pub fn each_governing(&self, law: &str, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) {
        let mut parts = law.splitn(3, '-');
        self.chain(parts.next().unwrap_or(""), parts.next(), parts.next(), visit);
    }

    fn chain(
        &self,
        country: &str,
        subdivision: Option<&str>,
        locality: Option<&str>,
        visit: &mut dyn FnMut(&'a Jurisdiction, bool),
    ) -> bool {
        let mut id = IdText::new();
        id.push(country);
        let Some(mut level) = self.rules.jurisdiction(id.as_str()) else { return false };
        visit(level, false);
        for part in [subdivision, locality] {
            let Some(part) = part else {
                self.below(level, visit);
                return true;
            };
            id.push("-");
            id.push(part);
            match self.rules.jurisdiction(id.as_str()) {
                Some(next) => {
                    visit(next, false);
                    level = next;
                }
                None => return true,
            }
        }
        true
    }

    /// The level below is not stated: every pack below may speak.
    fn below(&self, level: &'a Jurisdiction, visit: &mut dyn FnMut(&'a Jurisdiction, bool)) {
        for id in &level.below {
            if let Some(next) = self.rules.jurisdiction(id) {
                visit(next, true);
                self.below(next, visit);
            }
        }
    }

    /// The calendar by which a jurisdiction's terms and holidays are counted.
    pub fn calendar(jurisdiction: &'a Jurisdiction) -> &'a Calendar {
        static NONE: Calendar = Calendar { weekend: [false; 7], holidays: Vec::new() };
        jurisdiction.calendar.as_deref().unwrap_or(&NONE)
    }
}
