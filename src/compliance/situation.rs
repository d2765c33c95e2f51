//! Everything a rule may look at when it judges one activity of one case.

use std::cell::Cell;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::known::Known;
use super::persons::{ContactStamp, Marks};
use super::sides::Sides;
use super::walk::Places;
use super::watch::{CaseStamp, CaseWatch};
use super::zones::ZoneList;
use super::{Context, which, windows};
use crate::domain::activity::Activity;
use crate::domain::case::CaseVersion;
use crate::domain::detail::{Contact, Detail};
use crate::domain::ids::PersonId;
use crate::domain::party::{Condition, ContactPoint, Party, Residence};
use crate::domain::time::{Timestamp, date_of_day};
use crate::domain::vocabulary::{Component, Direction, PartyRole, Purpose};
use crate::domain::zone_names::zone_of;
use crate::rules::RuleSet;
use crate::rules::calendar::Calendar;
use crate::rules::candidates::Candidate;
use crate::rules::model::{Attributes, Window};
use crate::rules::ruleset::Jurisdiction;
use crate::rules::scope_mask::{Lacks, Profile};
use crate::rules::words::Attribute;

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
    /// All contacts of the person's household over all cases, oldest first.
    household_log: &'a [ContactStamp],
    /// Those of them that stand before what is judged.
    pub before_household: &'a [ContactStamp],
    /// The household that the case states for the person.
    pub household: Option<&'a str>,
    /// The contacts of the case that do, oldest first.
    pub before_here: &'a [CaseStamp],
    /// The person's number in the case.
    pub index: Option<u16>,
    pub zones: ZoneList,
    /// The zone in which a date that is known alone was written down.
    pub(super) market_zone: Tz,
    pub region: &'a str,
    /// Components in the order in which the market settles payments that state nothing.
    pub payment_order: [Component; 3],
    /// Marks of the contact under judgement, if it is one.
    marks: Option<Marks>,
    /// The number of the local date of `at`: every dated rule asks for it.
    pub(super) day: i32,
    /// That date, once it was asked.
    today: Cell<Option<NaiveDate>>,
    /// Microseconds since local midnight.
    pub(super) clock: i64,
    /// It is a contact that the collector means to make, whose outcome is not stated.
    pub(super) planned: bool,
    /// What is known of the person at all.
    pub known: Known,
    /// What scopes ask for by words, and what the activity lacks.
    profile: Profile,
    /// The jurisdictions that the person may live in at `at`.
    pub(super) places: Places<'a>,
    /// The person has lived in several places.
    pub(super) moved: bool,
    /// The next lawful instant is searched for: what is said is shown to nobody, and needs no evidence.
    pub searching: bool,
    subdivision: Option<&'a str>,
    /// Who collects the case, and for whom, once it was asked.
    sides: Cell<Option<Sides>>,
    /// Whether the instant lies in a consent to more calls, once it was asked.
    consented: Cell<Option<bool>>,
}

impl<'a> Situation<'a> {
    pub fn new(ctx: &Context<'a>, watch: &'a CaseWatch, activity: &'a Activity, asked: bool) -> Self {
        let primary = ctx.version.primary();
        let person = activity.person.as_ref().or(primary.map(|party| &party.person));
        let own = person.and_then(|person| ctx.version.party(person));
        let role = activity.role_of(own);
        let household = own.and_then(|party| party.household.as_deref());
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
            log: person.map_or(&[], |person| ctx.persons.of_person(person)),
            before: &[],
            household_log: household.map_or(&[], |key| ctx.persons.of_household(key)),
            before_household: &[],
            household,
            before_here: &[],
            index: watch.index_of(person),
            zones: ZoneList::empty(),
            market_zone: ctx.market.zone,
            region: &ctx.market.region,
            payment_order: ctx.market.payment_order_of(&ctx.version.class),
            marks: None,
            day: 0,
            today: Cell::new(None),
            clock: 0,
            planned: false,
            known: Known::of(watch, ctx.version, own.or(primary), activity, person),
            profile: profile(ctx.version, own.or(primary), role),
            places: Places::none(),
            moved: own.or(primary).is_some_and(|party| party.residences.iter().any(|one| one.from.is_some())),
            searching: false,
            subdivision: None,
            sides: Cell::new(None),
            consented: Cell::new(None),
        };
        situation.live_there();
        situation.move_to(activity.occurred);
        if activity.date_only {
            situation.stand_on_date();
        }
        let open = |contact: &Contact| contact.outcome.is_none() && contact.flags.is_none();
        let outbound = activity.direction() == Direction::Outbound;
        situation.planned = asked && outbound && situation.contact().is_some_and(open);
        let told = |purpose| matches!(purpose, Some(Purpose::Demand | Purpose::Reminder));
        let marked = |contact: &Contact| told(contact.purpose) || !contact.notices.is_empty();
        let marked = situation.contact().is_some_and(marked);
        let demand = marked || which::is_unstated(&situation);
        situation.profile = situation
            .profile
            .lacking(Lacks::Outbound, !outbound)
            .lacking(Lacks::Marks, !marked)
            .lacking(Lacks::Demand, !demand)
            .lacking(Lacks::Lead, !ctx.lead)
            .lacking(Lacks::Flags, situation.known.flags.is_empty());
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
    #[inline]
    pub fn marks(&self) -> Option<Marks> {
        let marks = self.marks?;
        if !self.known.permissions {
            return Some(marks);
        }
        let consented = self.consented.get().unwrap_or_else(|| self.watch.consented(self));
        self.consented.set(Some(consented));
        Some(if consented { marks.consented() } else { marks })
    }

    /// The zone whose dates are used where one date must be named.
    pub fn home_zone(&self) -> Tz {
        self.zones.as_slice().first().copied().unwrap_or(self.market_zone)
    }

    /// The local day of the instant judged and the microseconds since its midnight, in one of the zones.
    #[inline]
    pub fn clock(&self, zone: Tz) -> (i32, i64) {
        if self.activity.date_only || zone == self.home_zone() { (self.day, self.clock) } else { self.at.clock(zone) }
    }

    /// First instant of the window that ends with the instant judged.
    #[inline]
    pub fn window(&self, window: Window, zone: Tz) -> Timestamp {
        windows::begins_with(window, self.at, self.clock(zone).0, zone)
    }

    /// Nothing that is known comes after the instant judged, of contacts and of consents to more of them: from here on
    /// windows only lose contacts.
    pub const fn rests(&self) -> bool {
        !self.known.permissions
            && self.before.len() == self.log.len()
            && self.before_household.len() == self.household_log.len()
            && self.before_here.len() == self.watch.contacts().len()
    }

    /// The date of a local day.
    #[inline]
    pub fn date_of(&self, day: i32) -> NaiveDate {
        if day == self.day { self.date() } else { date_of_day(day) }
    }

    /// The local date of the instant judged.
    #[inline]
    pub fn date(&self) -> NaiveDate {
        let today = self.today.get().unwrap_or_else(|| date_of_day(self.day));
        self.today.set(Some(today));
        today
    }

    /// Who collects the case, and for whom.
    pub fn sides(&self) -> Sides {
        let sides = self.sides.get().unwrap_or_else(|| Sides::of(self.version));
        self.sides.set(Some(sides));
        sides
    }

    /// Judges another instant from now on.
    pub fn move_to(&mut self, at: Timestamp) {
        self.at = at;
        if self.moved {
            self.live_there();
        }
        (self.day, self.clock) = at.clock(self.home_zone());
        self.today = Cell::new(None);
        self.consented = Cell::new(None);
        // A fact looks back at what stands before it in the order of facts; a question at all that has happened.
        let (asked, order) = (self.asked, self.activity.order());
        let before = |stamp: &ContactStamp| if asked { stamp.at <= at } else { stamp.order() < order };
        let here = self.watch.contacts();
        self.before = self.log.get(..self.log.partition_point(before)).unwrap_or_default();
        let households = self.household_log;
        self.before_household = households.get(..households.partition_point(before)).unwrap_or_default();
        self.before_here = here.get(..here.partition_point(|one| before(&one.stamp))).unwrap_or_default();
    }

    /// Whether somebody of the case, by number, lives in the household of the person: what the version in force states of
    /// both. `None`: it does not state it of one of them. A person is of the own household in any case.
    pub fn in_household(&self, index: Option<u16>) -> Option<bool> {
        if index.is_some() && index == self.index {
            return Some(true);
        }
        let person = self.watch.person(index?)?;
        let theirs = self.version.party(person)?.household.as_deref()?;
        Some(theirs == self.household?)
    }

    /// Whether a rule concerns the case, see [`super::applies::attributes`], and the activity, as far as words tell: no
    /// later instant changes it.
    #[inline]
    #[allow(clippy::option_option)] // three answers
    pub fn scoped_by_words(&self, candidate: &Candidate) -> Option<Option<Attribute>> {
        candidate.scope.admits(self.profile)
    }

    /// The claim was disputed at some time before, whether or not it still is.
    pub fn ever_disputed(&self) -> bool {
        let told = self.watch.memory().flags.iter().map(|flag| (flag.condition, flag.from));
        let stated = self.party.iter().flat_map(|party| &party.conditions).map(|one| (one.condition, one.from));
        told.chain(stated).any(|(condition, from)| condition == Condition::Disputed && from <= self.at)
    }

    /// Finds where the person lives at the instant.
    fn live_there(&mut self) {
        let first = match self.party.map(|party| party.residences.as_slice()) {
            Some([only]) if !self.moved => Some(only),
            _ => self.residences().next(),
        };
        self.subdivision = first.and_then(|residence| residence.subdivision.as_deref());
        self.places = self.find_places();
        self.zones = self.candidate_zones();
    }

    /// The subdivision for calendars.
    pub const fn subdivision(&self) -> Option<&'a str> {
        self.subdivision
    }

    /// The person may live in one of several subdivisions, or in any.
    pub fn may_live_elsewhere(&self) -> bool {
        match self.party.map(|party| party.residences.as_slice()) {
            Some([only]) if !self.moved => only.subdivision.is_none(),
            _ => {
                self.subdivision.is_none()
                    || self.residences().any(|one| one.subdivision.as_deref() != self.subdivision)
            }
        }
    }

    /// The person may live in that subdivision.
    pub fn may_live_in(&self, code: &str) -> bool {
        let mut residences = self.residences().peekable();
        residences.peek().is_none()
            || residences.any(|one| one.subdivision.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(code)))
    }

    /// Residences that hold at the instant: those with the latest beginning not after it.
    pub fn residences(&self) -> impl Iterator<Item = &'a Residence> + use<'a> {
        let residences: &'a [Residence] = self.party.map_or(&[], |party| &party.residences);
        // A residence begins at midnight on the person's clock, as far as it is stated; else on the market's.
        let stated = self.party.filter(|_| self.moved).and_then(|party| party.zones.first());
        let zone = stated.and_then(|one| zone_of(&one.zone)).unwrap_or(self.market_zone);
        let at = self.at;
        let begun = move |one: &&'a Residence| one.from.is_none_or(|from| from <= at.date(zone));
        let latest = residences.iter().filter(begun).map(|one| one.from).max();
        residences.iter().filter(begun).filter(move |one| Some(one.from) == latest)
    }

    /// The calendar by which a jurisdiction's terms and holidays are counted.
    pub fn calendar(jurisdiction: &'a Jurisdiction) -> &'a Calendar {
        static NONE: Calendar = Calendar { weekend: [false; 7], holidays: Vec::new(), partial: false };
        jurisdiction.calendar.as_deref().unwrap_or(&NONE)
    }
}

/// What a case and the person dealt with state of what scopes ask for by words.
fn profile(version: &CaseVersion, party: Option<&Party>, role: Option<PartyRole>) -> Profile {
    let (identity, class) = (&version.identity, &version.class);
    Profile::of(&Attributes {
        collector_role: identity.collector_role,
        ownership: identity.ownership,
        debt_class: class.debt_class,
        debt_type: class.debt_type,
        creditor_type: identity.creditor_type,
        debtor_kind: party.and_then(|party| party.kind),
        person_role: role,
        regulated_credit: class.regulated_credit,
        eu_bank_npl: class.eu_bank_npl,
        secured: class.secured,
    })
}
