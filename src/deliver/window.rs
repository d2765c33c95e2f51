//! Which of the changes at hand may be on their way at once: those that concern different cases. What concerns the same case,
//! activity or finding goes one after the other, in the order of the feed.

use std::collections::HashSet;
use std::time::Instant;

use crate::domain::detail::Detail;
use crate::store::FeedRecord;
use crate::sync::What;

/// Changes that are not done yet and are looked at for one that may start: more would cost time and find little.
const LOOK_AHEAD: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may be sent, from this instant on.
    Ready(Option<Instant>),
    Running,
    Done,
}

/// What may be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send this one.
    Start(usize),
    /// Nothing before this instant, but for what is on its way.
    Wait(Instant),
    /// Nothing until something on its way has ended.
    Busy,
    /// All is done.
    Over,
}

/// Some changes in the order of the feed.
pub(super) struct Window {
    items: Vec<(Vec<String>, State)>,
    /// Everything before is done.
    first: usize,
}

impl Window {
    /// Changes with what they concern. `strict`: one after the other, whatever they concern.
    pub(super) fn new(concerns: impl Iterator<Item = Vec<String>>, strict: bool) -> Self {
        let one = |concern| if strict { vec![String::new()] } else { concern };
        Self { items: concerns.map(|concern| (one(concern), State::Ready(None))).collect(), first: 0 }
    }

    /// What may be done now.
    pub(super) fn step(&self, now: Instant) -> Step {
        let mut held: HashSet<&str> = HashSet::new();
        let mut wake: Option<Instant> = None;
        let open = self.items.iter().enumerate().skip(self.first).filter(|(_, (_, state))| *state != State::Done);
        let mut any = false;
        for (at, (concern, state)) in open.take(LOOK_AHEAD) {
            any = true;
            let free = concern.iter().all(|one| !held.contains(one.as_str()));
            match state {
                State::Ready(from) if free && from.is_none_or(|from| from <= now) => return Step::Start(at),
                State::Ready(Some(from)) if free => wake = Some(wake.map_or(*from, |wake| wake.min(*from))),
                _ => {}
            }
            held.extend(concern.iter().map(String::as_str));
        }
        match (any, wake) {
            (false, _) => Step::Over,
            (true, Some(wake)) => Step::Wait(wake),
            (true, None) => Step::Busy,
        }
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some((_, known)) = self.items.get_mut(at) {
            *known = state;
        }
    }

    /// One is on its way.
    pub(super) fn started(&mut self, at: usize) {
        self.set(at, State::Running);
    }

    /// One did not arrive: it is tried again, at once or from an instant on.
    pub(super) fn again(&mut self, at: usize, from: Option<Instant>) {
        self.set(at, State::Ready(from));
    }

    /// One is done: the last of those before which all are done, if there is a new one.
    pub(super) fn done(&mut self, at: usize) -> Option<usize> {
        self.set(at, State::Done);
        let before = self.first;
        while self.items.get(self.first).is_some_and(|(_, state)| *state == State::Done) {
            self.first += 1;
        }
        (self.first > before).then(|| self.first - 1)
    }
}

/// What a change concerns: cases, and the activity or finding itself.
pub(super) fn concerns(what: &What) -> Vec<String> {
    let of = |stored: &FeedRecord| {
        let mut all = vec![format!("activity {}", stored.id())];
        // One that does not read cannot be told either: that ends the sending before an order could be lost.
        if let Ok(activity) = stored.read() {
            all.extend(activity.cases.iter().map(|case| format!("case {case}")));
            if let Detail::Void { target, .. } = &activity.detail {
                all.push(format!("activity {target}"));
            }
        }
        all
    };
    match what {
        What::Case { version, .. } => vec![format!("case {}", version.case)],
        What::Activity(stored) => of(stored),
        What::Void { void, target } => {
            let mut all = of(void);
            all.extend(target.iter().flat_map(|target| of(target)));
            all
        }
        What::Finding { row, .. } => {
            let mut all = vec![format!("finding {}", row.finding.id)];
            all.extend(row.finding.case.iter().map(|case| format!("case {case}")));
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever ends when: what concerns the same thing never overlaps, keeps its order, and all is done at the end.
        #[test]
        fn what_concerns_the_same_goes_one_after_the_other(
            concerns in prop::collection::vec(prop::collection::vec(0_u8..6, 1..3), 0..40),
            ends in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 400),
            places in 1_usize..8,
        ) {
            let texts = concerns.iter().map(|some| some.iter().map(u8::to_string).collect());
            let mut window = Window::new(texts, false);
            let (mut running, mut done, mut reached): (Vec<usize>, Vec<usize>, usize) = (Vec::new(), Vec::new(), 0);
            let now = Instant::now();
            let mut ends = ends.into_iter();
            loop {
                let step = window.step(now);
                if let (Step::Start(at), true) = (step, running.len() < places) {
                    let shares = |other: &usize| concerns[*other].iter().any(|one| concerns[at].contains(one));
                    prop_assert!(!running.iter().any(shares), "{at} beside what concerns the same");
                    for before in (0..at).filter(shares) {
                        prop_assert!(done.contains(&before), "{at} before {before}");
                    }
                    window.started(at);
                    running.push(at);
                    continue;
                }
                if running.is_empty() {
                    prop_assert_eq!(step, Step::Over);
                    break;
                }
                let Some((index, arrived)) = ends.next() else { return Ok(()) };
                let at = running.swap_remove(index.index(running.len()));
                if !arrived {
                    window.again(at, None);
                    continue;
                }
                done.push(at);
                if let Some(last) = window.done(at) {
                    prop_assert!((0..=last).all(|one| done.contains(&one)));
                    reached = last + 1;
                }
            }
            prop_assert_eq!((done.len(), reached), (concerns.len(), concerns.len()));
        }
    }

    #[test]
    fn one_at_a_time_waits_for_what_is_tried_later() {
        let concerns = || ["a", "b"].iter().map(|one| vec![(*one).to_owned()]);
        let (now, later) = (Instant::now(), Instant::now() + std::time::Duration::from_secs(1));
        for strict in [true, false] {
            let mut window = Window::new(concerns(), strict);
            assert_eq!(window.step(now), Step::Start(0));
            window.started(0);
            assert_eq!(window.step(now), if strict { Step::Busy } else { Step::Start(1) });
            window.again(0, Some(later));
            assert_eq!(window.step(now), if strict { Step::Wait(later) } else { Step::Start(1) });
            assert_eq!(window.step(later), Step::Start(0));
            assert_eq!((window.done(1), window.done(0)), (None, Some(1)));
            assert_eq!(window.step(now), Step::Over);
        }
    }
}
