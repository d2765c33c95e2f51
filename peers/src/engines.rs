//! The other contestant, and what both are asked.

use cel::{Context as CelContext, Program, Value};
use fairdue::compliance::Answered;
use fairdue::domain::verdict::Answer;
use fairdue::rules::RuleSet;

use crate::twelve::situations::Situation;

/// What a rule says, in the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Silent,
    Kept,
    Broken,
}

/// The ids of the rules, each with what it says to CEL: first what it concerns, then what breaks it.
const RULES: [(&str, &str); 12] = [
    ("it-hours", "!(weekday <= 6 && minute >= 480 && minute < 1260)"),
    ("it-holidays", "holiday"),
    ("it-attempts-week", "attempts_week + 1 > 7"),
    ("it-attempts-day", "attempts_day + 1 > 2"),
    ("it-contacts-month", "contacts_month + 1 > 4"),
    ("it-cooldown", "days_since_conversation < 7"),
    ("it-represented", "represented"),
    ("it-cease", "cease_requested"),
    ("it-insolvency", "insolvency"),
    ("it-disputed", "disputed"),
    ("it-opted-out", "opted_out"),
    ("it-closed", "closed"),
];
/// What all of them concern.
const SCOPE: &str = "channel in ['call'] && outbound && debt_class in ['consumer'] && role in ['agency', 'debt_buyer']";

/// What an answer says, in the order of the rules.
pub fn judgements(rules: &RuleSet, answer: &Answered) -> Vec<Judgement> {
    let said = |id: &str| {
        let speaking = answer.speaking.iter().find(|one| rules.numbered(one.rule).is_some_and(|active| active.rule.id.as_str() == id));
        match speaking.map(|one| one.answer) {
            None => Judgement::Silent,
            Some(Answer::Kept) => Judgement::Kept,
            Some(Answer::Broken) => Judgement::Broken,
            Some(other) => panic!("{id} is answered with {other:?}"),
        }
    };
    RULES.iter().map(|(id, _)| said(id)).collect()
}

/// The `cel` crate with the twelve rules.
pub struct Cel {
    programs: Vec<Program>,
    /// The rules without what they concern: less than the same rules, and the best that CEL could do.
    bare: Vec<Program>,
    /// The standard library, made once.
    environment: std::sync::Arc<cel::Env>,
}

impl Cel {
    pub fn new() -> Self {
        let compile = |text: String| Program::compile(&text).unwrap_or_else(|found| panic!("{text}: {found}"));
        let rule = |broken: &str| compile(format!("!({SCOPE}) ? 0 : ({broken}) ? 2 : 1"));
        Self {
            programs: RULES.iter().map(|(_, broken)| rule(broken)).collect(),
            bare: RULES.iter().map(|(_, broken)| compile(format!("({broken}) ? 2 : 1"))).collect(),
            environment: std::sync::Arc::new(cel::Env::stdlib()),
        }
    }

    /// The inputs of a situation, as values of CEL.
    pub fn bind(&self, situation: &Situation) -> CelContext<'static, 'static> {
        let mut context = CelContext::with_env(std::sync::Arc::clone(&self.environment));
        let text = |value: &str| Value::String(std::sync::Arc::new(value.to_owned()));
        for (name, value) in [
            ("channel", text("call")),
            ("debt_class", text("consumer")),
            ("role", text("agency")),
            ("outbound", Value::Bool(true)),
            ("weekday", Value::Int(situation.weekday())),
            ("minute", Value::Int(situation.minute.into())),
            ("holiday", Value::Bool(situation.holiday())),
            ("attempts_week", Value::Int(situation.attempts(7))),
            ("attempts_day", Value::Int(situation.attempts(1))),
            ("contacts_month", Value::Int(situation.contacts_of_month())),
            ("days_since_conversation", Value::Int(situation.days_since_conversation())),
            ("represented", Value::Bool(situation.represented)),
            ("cease_requested", Value::Bool(situation.cease_requested)),
            ("insolvency", Value::Bool(situation.insolvency)),
            ("disputed", Value::Bool(situation.disputed)),
            ("opted_out", Value::Bool(situation.opted_out)),
            ("closed", Value::Bool(situation.closed)),
        ] {
            context.add_variable_from_value(name, value);
        }
        context
    }

    pub fn decide(&self, bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
        run(&self.programs, bound, told);
    }

    pub fn decide_bare(&self, bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
        run(&self.bare, bound, told);
    }
}

fn run(programs: &[Program], bound: &CelContext<'_, '_>, told: &mut Vec<Judgement>) {
    told.clear();
    for program in programs {
        told.push(match program.execute(bound) {
            Ok(Value::Int(0)) => Judgement::Silent,
            Ok(Value::Int(1)) => Judgement::Kept,
            Ok(Value::Int(2)) => Judgement::Broken,
            other => panic!("CEL answered {other:?}"),
        });
    }
}
