//! The changes of rules of conduct, and of a pack's scope, that examples must notice.

use std::sync::Arc;

use super::mutate::{Change, head, moved_term, moved_u32, moved_window};
use super::mutate_counts::{self, circles};
use crate::domain::party::Condition;
use crate::domain::vocabulary::Place;
use crate::rules::conduct::{Dealing, Which, Words};
use crate::rules::cover::Clause;
use crate::rules::model::{ContactBlock, Limits, Rule, Term};
use crate::rules::pack::Pack;
use crate::rules::words::{Exclude, Set, Word};

/// Every change of a rule's words, terms, sets and flags.
pub(super) fn changes(rule: &Rule) -> Vec<Change> {
    let mut out = Changes { rule, out: Vec::new() };
    match &rule.limits {
        Limits::Content(_) => content(&mut out),
        Limits::ChannelConsent(_) => consent(&mut out),
        Limits::ThirdParty(_) => third_party(&mut out),
        Limits::CallRecording(_) => {
            out.set("require", |limits| match limits {
                Limits::CallRecording(limits) => Some(&mut limits.require),
                _ => None,
            });
        }
        Limits::ProhibitedConduct(_) => {
            conduct(&mut out);
        }
        Limits::DisputeHandling(_) => dispute(&mut out),
        Limits::DocumentsHeld(_) => {
            out.words("documents", |limits| match limits {
                Limits::DocumentsHeld(limits) => Some(&mut limits.documents),
                _ => None,
            });
            out.term("within", |limits| match limits {
                Limits::DocumentsHeld(limits) => Some(&mut limits.within),
                _ => None,
            });
        }
        Limits::ContactHours(_) | Limits::ContactFrequency(_) => places(&mut out),
        Limits::ContactCooldown(_) => circles(&mut out),
        Limits::ContactBlock(_) | Limits::InterestCap(_) => {
            lasting(&mut out);
            out.set("also_toward", |limits| block_of(limits).map(|limits| &mut limits.also_toward));
            out.set("also_of", |limits| block_of(limits).map(|limits| &mut limits.also_of));
        }
        Limits::RequiredNotice(limits) if limits.paid_off => out.flag("paid_off", |limits| match limits {
            Limits::RequiredNotice(limits) => Some(&mut limits.paid_off),
            _ => None,
        }),
        _ => {}
    }
    out.which();
    out.out
}

pub(super) struct Changes<'r> {
    pub rule: &'r Rule,
    out: Vec<Change>,
}

impl Changes<'_> {
    pub fn with(&mut self, name: String, edit: impl FnOnce(&mut Limits) -> bool) {
        let mut changed = self.rule.clone();
        if edit(&mut changed.limits) && changed.limits != self.rule.limits {
            self.out.push((name, Some(changed)));
        }
    }

    /// Each word taken out. What is told in a check follows from the words.
    fn words(&mut self, key: &str, list: impl Fn(&mut Limits) -> Option<&mut Words>) {
        let mut limits = self.rule.limits.clone();
        let all: Vec<Box<str>> =
            list(&mut limits).map(|words| words.iter().map(Into::into).collect()).unwrap_or_default();
        for (at, word) in all.iter().enumerate() {
            let rest = all.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| one.clone());
            let rest: Vec<Box<str>> = rest.collect();
            self.with(format!("its {key} no longer name {word}"), |limits| {
                let Some(words) = list(limits) else { return false };
                *words = Words::of(rest);
                forget_duty(limits, word);
                true
            });
        }
    }

    /// Each word of a set taken out, where others are left.
    pub fn set<T: Word>(&mut self, key: &str, set: impl Fn(&mut Limits) -> Option<&mut Set<T>>) {
        let mut limits = self.rule.limits.clone();
        let Some(all) = set(&mut limits).copied() else { return };
        let words: Vec<T> = all.iter().collect();
        if words.len() < 2 {
            return;
        }
        for word in &words {
            let rest: Vec<T> = words.iter().copied().filter(|one| one.name() != word.name()).collect();
            self.with(format!("its {key} no longer name {}", word.name()), |limits| {
                set(limits).map(|set| *set = Set::of(&rest)).is_some()
            });
        }
    }

    /// The term moved by one unit, both ways.
    fn term(&mut self, key: &str, term: impl Fn(&mut Limits) -> Option<&mut Option<Term>>) {
        for (step, way) in [(-1, "shorter"), (1, "longer")] {
            self.with(format!("its {key} is one unit {way}"), |limits| {
                term(limits).is_some_and(|term| moved_term(term, step))
            });
        }
    }

    /// A flag that is set, turned off.
    pub fn flag(&mut self, key: &str, flag: impl Fn(&mut Limits) -> Option<&mut bool>) {
        self.with(format!("{key} is turned over"), |limits| flag(limits).map(|flag| *flag = !*flag).is_some());
    }

    /// What chooses the contacts, opened one by one.
    fn which(&mut self) {
        self.with("it concerns all channels".to_owned(), |limits| {
            which_of(limits).map(|which| which.channels = Set::default()).is_some()
        });
        self.with("it concerns all technologies".to_owned(), |limits| {
            which_of(limits).map(|which| which.technologies = Set::default()).is_some()
        });
        self.with("it concerns all types of numbers".to_owned(), |limits| {
            which_of(limits).map(|which| which.number_types = Set::default()).is_some()
        });
        self.with("it concerns all places".to_owned(), |limits| {
            places_of(limits).map(|places| *places = Set::default()).is_some()
        });
    }
}

fn which_of(limits: &mut Limits) -> Option<&mut Which> {
    match limits {
        Limits::Content(limits) => Some(&mut limits.which),
        Limits::ChannelConsent(limits) => Some(&mut limits.which),
        Limits::ThirdParty(limits) => Some(&mut limits.which),
        Limits::CallRecording(limits) => Some(&mut limits.which),
        Limits::ProhibitedConduct(limits) => Some(&mut limits.which),
        _ => None,
    }
}

fn places_of(limits: &mut Limits) -> Option<&mut Set<Place>> {
    match limits {
        Limits::ContactHours(limits) => Some(&mut limits.places),
        Limits::ContactFrequency(limits) => Some(&mut limits.places),
        limits => which_of(limits).map(|which| &mut which.places),
    }
}

fn lasting_of(limits: &mut Limits) -> Option<&mut Set<Condition>> {
    match limits {
        Limits::ContactBlock(limits) => Some(&mut limits.lasts.of),
        Limits::InterestCap(limits) => Some(&mut limits.lasts.of),
        _ => None,
    }
}

fn block_of(limits: &mut Limits) -> Option<&mut ContactBlock> {
    match limits {
        Limits::ContactBlock(limits) => Some(limits),
        _ => None,
    }
}

/// Conditions that a term ends: each taken out, and all of them meant; and a block of expired claims alone widened.
fn lasting(out: &mut Changes<'_>) {
    out.set("lasts_for", lasting_of);
    out.with("lasts speaks of all its conditions".to_owned(), |limits| {
        lasting_of(limits).map(|conditions| *conditions = Set::default()).is_some()
    });
    out.with("it binds whether or not the claim has expired".to_owned(), |limits| match limits {
        Limits::ContactBlock(limits) => !std::mem::take(&mut limits.if_expired).is_empty(),
        _ => false,
    });
}

/// Each place taken out, and what the person stated forgotten.
fn places(out: &mut Changes<'_>) {
    out.set("places", places_of);
    for word in [Exclude::WrongNumber, Exclude::NoMessagePossible, Exclude::BeforeConversation] {
        out.with(format!("its exclude no longer names {}", word.name()), |limits| match limits {
            Limits::ContactFrequency(limits) if limits.exclude.has(word) => {
                let rest: Vec<Exclude> = limits.exclude.iter().filter(|one| *one != word).collect();
                limits.exclude = Set::of(&rest);
                true
            }
            _ => false,
        });
    }
    circles(out);
    mutate_counts::conditions(out);
    let Limits::ContactHours(hours) = &out.rule.limits else { return };
    out.with("its clock is the person's".to_owned(), |limits| match limits {
        Limits::ContactHours(limits) => limits.zone.take().is_some(),
        _ => false,
    });
    if hours.unless_preferred {
        out.flag("unless_preferred", |limits| match limits {
            Limits::ContactHours(limits) => Some(&mut limits.unless_preferred),
            _ => None,
        });
    }
}

/// A word that is no longer asked for is no longer told.
fn forget_duty(limits: &mut Limits, word: &str) {
    let duties = match limits {
        Limits::Content(limits) => &mut limits.duties,
        Limits::ProhibitedConduct(limits) => &mut limits.duties,
        Limits::ChannelConsent(limits) => &mut limits.leave_out,
        _ => return,
    };
    let Some(told) = duties else { return };
    let keep = |one: &str| one.strip_prefix("leave_out:").unwrap_or(one) != word;
    *duties = Some(Arc::new(told.iter().filter(|one| keep(one)).cloned().collect()));
}

fn content(out: &mut Changes<'_>) {
    macro_rules! of {
        ($field:ident) => {
            |limits: &mut Limits| match limits {
                Limits::Content(limits) => Some(&mut limits.$field),
                _ => None,
            }
        };
    }
    out.words("items", of!(items));
    out.words("where_due", of!(where_due));
    out.words("forbidden", of!(forbidden));
    out.words("items_if_deadline_inside", of!(items_if_deadline_inside));
    out.set("forms", of!(forms));
    out.term("during", of!(during));
    out.term("least_deadline", of!(least_deadline));
}

fn consent(out: &mut Changes<'_>) {
    macro_rules! of {
        ($field:ident) => {
            |limits: &mut Limits| match limits {
                Limits::ChannelConsent(limits) => Some(&mut limits.$field),
                _ => None,
            }
        };
    }
    out.words("carrying", of!(carrying));
    out.words("must_carry", of!(must_carry));
    out.set("require", of!(require));
    out.term("max_age", of!(max_age));
    out.term("verified_within", of!(verified_within));
    out.term("used_within", of!(used_within));
    out.term("notice_term", of!(notice_term));
    out.term("honour_within", of!(honour_within));
    for (step, way) in [(-1, "less"), (1, "more")] {
        out.with(format!("it may ask one time {way}"), |limits| match limits {
            Limits::ChannelConsent(limits) => limits.asking.as_mut().is_some_and(|one| moved_u32(&mut one.max, step)),
            _ => false,
        });
        out.with(format!("its window for asking is one unit {way}"), |limits| match limits {
            Limits::ChannelConsent(limits) => {
                limits.asking.as_mut().is_some_and(|one| moved_window(&mut one.window, step))
            }
            _ => false,
        });
    }
    let Limits::ChannelConsent(limits) = &out.rule.limits else { return };
    if limits.written {
        out.flag("written", of!(written));
    }
}

fn third_party(out: &mut Changes<'_>) {
    macro_rules! of {
        ($field:ident) => {
            |limits: &mut Limits| match limits {
                Limits::ThirdParty(limits) => Some(&mut limits.$field),
                _ => None,
            }
        };
    }
    out.words("shown", of!(shown));
    out.words("lifted_by", of!(lifted_by));
    let Limits::ThirdParty(limits) = &out.rule.limits else { return };
    // Where nothing depends on who is told, the list is idle.
    let dealings = [limits.contact, limits.disclosure, limits.debtor];
    if limits.verify_identity || dealings.iter().any(|one| *one != Dealing::Free) {
        out.set("told", of!(told));
    }
    out.set("persons", of!(persons));
    out.set("purposes", of!(purposes));
    out.set("unless", of!(unless));
    for (step, way) in [(-1, "less"), (1, "more")] {
        out.with(format!("it may inquire one time {way}"), |limits| match limits {
            Limits::ThirdParty(limits) => limits.max.as_mut().is_some_and(|max| moved_u32(max, step)),
            _ => false,
        });
        out.with(format!("its window is one unit {way}"), |limits| match limits {
            Limits::ThirdParty(limits) => limits.window.as_mut().is_some_and(|window| moved_window(window, step)),
            _ => false,
        });
    }
    let Limits::ThirdParty(limits) = &out.rule.limits else { return };
    if limits.verify_identity {
        out.flag("verify_identity", of!(verify_identity));
    }
}

fn conduct(out: &mut Changes<'_>) {
    macro_rules! of {
        ($field:ident) => {
            |limits: &mut Limits| match limits {
                Limits::ProhibitedConduct(limits) => Some(&mut limits.$field),
                _ => None,
            }
        };
    }
    out.words("conduct", of!(conduct));
    out.words("unless", of!(unless));
    out.words("needs", of!(needs));
}

fn dispute(out: &mut Changes<'_>) {
    macro_rules! of {
        ($field:ident) => {
            |limits: &mut Limits| match limits {
                Limits::DisputeHandling(limits) => Some(&mut limits.$field),
                _ => None,
            }
        };
    }
    out.set("opened_by", of!(conditions));
    out.term("only_within", of!(only_within));
    out.term("resume", of!(resume));
    out.term("answer_within", of!(answer_within));
    let Limits::DisputeHandling(limits) = &out.rule.limits else { return };
    let (written, grounded) = (limits.written_only, limits.grounded_only);
    if written {
        out.flag("written_only", of!(written_only));
    }
    if grounded {
        out.flag("grounded_only", of!(grounded_only));
    }
    let steps = |limits: &Limits| match limits {
        Limits::DisputeHandling(limits) => limits.until.len(),
        _ => 0,
    };
    for at in 0..steps(&out.rule.limits) {
        out.with(format!("step {} of its until no longer ends it", at + 1), |limits| match limits {
            Limits::DisputeHandling(limits) if at < limits.until.len() => {
                limits.until.remove(at);
                true
            }
            _ => false,
        });
    }
}

/// A clause of a pack's scope, what was changed in it, and the scope that is left.
pub(super) type ChangedScope<'a> = (&'a Clause, String, Option<Arc<[Clause]>>);

/// Every change of a pack's scope: a row taken out (the pack then covers less, or all), or its amount moved.
pub(super) fn scopes(pack: &Pack) -> Vec<ChangedScope<'_>> {
    let mut out = Vec::new();
    let clauses = pack.scope.as_deref().unwrap_or(&[]);
    for (at, clause) in clauses.iter().enumerate() {
        let rest: Vec<Clause> =
            clauses.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| one.clone()).collect();
        out.push((clause, format!("{} is taken out", clause.id), (!rest.is_empty()).then(|| rest.into())));
        for (name, scope) in head::moved(&clause.scope) {
            let mut moved = clauses.to_vec();
            if let Some(one) = moved.get_mut(at) {
                one.scope = scope;
            }
            out.push((clause, format!("of row {} {name}", clause.id), Some(moved.into())));
        }
    }
    out
}
