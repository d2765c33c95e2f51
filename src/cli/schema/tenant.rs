//! The schema of `tenants/<id>.toml`.

use serde_json::{Value, json};

use super::cases::facts;
use super::money::{components, currency};
use super::shape::{choice, choices, file, flag, number, pattern, patterns, table, tables, text, texts};
use super::{contact, pack, tighten};
use crate::config::tenant::WEEKDAYS;
use crate::domain::agent_figures::AgentFigures;
use crate::domain::case_dimensions::CaseDimensions;
use crate::domain::feed::SyncEntity;
use crate::domain::outcome::Outcome;
use crate::domain::sharing::fields_of;
use crate::kpi::target::Side;
use crate::kpi::{Dimension, Grain};

/// The schema of a tenant's file.
pub(super) fn schema() -> Value {
    let root = table("A tenant")
        .need("tenant", text("Its id: the file's name without .toml"))
        .need("markets", markets())
        .may("rules", rules())
        .may("facts", facts())
        .may("findings", findings())
        .may("dispositions", dispositions())
        .may("partner", tables("What is shared with a partner; what is not named is not shared, but for what comes with every record, as its id", partner()))
        .may("sink", tables("To whom changes are sent as they are committed", sink()))
        .may("reporting", reporting())
        .may("benchmarks", shared())
        .may(
            "kpi_defaults",
            readings("Which reading of a figure is meant by its bare name; a market may choose its own"),
        )
        .may("target", tables("What figures ought to be", target()));
    file("Fairdue: tenants/<id>.toml", root, &contact::definitions())
}

/// Bare names of KPIs, each with the id of the reading that is chosen: which there are, the definitions say.
fn readings(about: &str) -> Value {
    table(about).any(pattern("The id of a KPI", "^[a-z][a-z0-9_]*$")).end()
}

fn findings() -> Value {
    table("How findings are dealt with")
        .may("four_eyes", choices("Decisions that a second key must agree to", ["waived"]))
        .end()
}

fn dispositions() -> Value {
    let codes = |outcome: &Outcome| (outcome.as_str().to_owned(), texts("The platform's own codes that mean this"));
    table("The platform's own codes for what came of a contact, by the outcomes that they mean")
        .with(Outcome::ALL.iter().map(codes))
        .end()
}

fn partner() -> Value {
    let fields = |entity: &SyncEntity| {
        let about = format!("Fields of each {entity} that are shared");
        (entity.as_str().to_owned(), choices(&about, fields_of(*entity).iter().copied()))
    };
    let share = table("Entities that are shared, each with its fields").with(SyncEntity::ALL.iter().map(fields));
    table("A partner")
        .need("id", text("Its name"))
        .need("keys", texts("Ids of the API keys that it uses: the parts between their dots"))
        .need("markets", texts("Markets that are shared"))
        .may("clients", texts("Only cases of these creditors"))
        .may("portfolios", texts("Only cases that are or were in these portfolios"))
        .need("share", share.end())
        .end()
}

fn sink() -> Value {
    let secret = |about| pattern(about, "^(env:[A-Za-z0-9_]+|file:.+)$");
    let webhook = table("An HTTP endpoint; requests are signed as the Standard Webhooks specification says")
        .need("url", pattern("Its address", "^https?://"))
        .need(
            "secrets",
            patterns("Where the signing secrets are; each request is signed with all", "^(env:[A-Za-z0-9_]+|file:.+)$"),
        );
    let nats = table("A NATS server with JetStream")
        .need("url", pattern("Its address", "^(tls|nats)://"))
        .need("subject", pattern("Events go to SUBJECT.MARKET.ENTITY", "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"))
        .may("user", text("A user"))
        .may("password", secret("Where the user's password is"))
        .may("token", secret("Where a token is, instead of user and password"));
    table("A receiver of changes; it is for one partner, or for the tenant's own systems")
        .need("id", text("Its name"))
        .may("partner", text("The partner whose policy holds: what is shared with it is sent"))
        .may("own", flag("A receiver of the tenant's own: everything is sent"))
        .need("markets", patterns("Markets whose changes are sent", "^[a-z]{2}$"))
        .may("entities", choices("Only changes of these", SyncEntity::ALL.iter().map(|entity| entity.as_str())))
        .may("start", choice("Where it begins; beginning if absent", ["beginning", "now"]))
        .may("in_flight", number("Events under way at once, in the order of each case; 1 if absent", 1, 64))
        .may("webhook", webhook.end())
        .may("nats", nats.end())
        .end()
}

fn reporting() -> Value {
    table("How amounts of several markets are added up")
        .need("currency", currency("The currency of the sums"))
        .need("table", text("A file of exchange/ without .toml"))
        .need("date_policy", choice("Which day's rate converts an amount", ["fact_day", "period_end", "fixed"]))
        .may("fixed_date", pattern("The day whose rates convert everything, for fixed", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
        .end()
}

const DAY: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

fn shared() -> Value {
    table("Whether figures are shared for quartiles among tenants of the same countries")
        .need("share_from", pattern("First day whose figures are shared", DAY))
        .may("share_until", pattern("Last day", DAY))
        .end()
}

/// The schema of `benchmarks/*.toml`.
pub(super) fn benchmarks() -> Value {
    let number = |about| pattern(about, "^-?[0-9]+([.][0-9]+)?$");
    let one = table("A figure that somebody published: one value, or low and high")
        .need("kpi", text("The KPI that it is about"))
        .may("markets", patterns("Countries that it is about; all if absent", "^[a-z]{2}$"))
        .may("value", number("The figure, in the unit of the KPI"))
        .may("low", number("Lower end of a range"))
        .may("high", number("Upper end of a range"))
        .need("source", text("Who published it, and where"))
        .need("published", text("When"))
        .need("covers", text("Of whom and of when it is"))
        .may("note", text("How it differs from the KPI"));
    let root = table("Published figures")
        .need("format", super::shape::number("The format of the file", 1, 1))
        .may("benchmark", tables("The figures", one.end()));
    file("Fairdue: benchmarks/*.toml", root, &[])
}

fn target() -> Value {
    let side = || choice("On which side a figure is good", Side::ALL.iter().map(|one| one.as_str()));
    let number = |about| pattern(about, "^-?[0-9]+([.][0-9]+)?$");
    let day = |about| pattern(about, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
    let guard = table("Another KPI that must keep a bound, or the target is at risk at best")
        .need("kpi", text("The other KPI"))
        .need("side", side())
        .need("bound", number("The bound, in the unit of that KPI"));
    let group = table("The group that it is for, by dimension; the whole market if absent");
    let none = CaseDimensions::default();
    let dimensions = Dimension::names(&none).map(|one| (one.to_owned(), json!({ "type": "string" })));
    table("What a figure ought to be")
        .need("id", text("Its id, unique in the file"))
        .need("kpi", text("The KPI"))
        .need("grain", choice("Length of the periods judged", grains()))
        .need("from", day("First day on which it holds"))
        .may("until", day("Last day"))
        .may("markets", patterns("Markets that it is for; all if absent", "^[a-z]{2}$"))
        .may("group", group.with(dimensions).any(text("A value of a dimension that case_dimensions states")).end())
        .may("currency", currency("The currency, for figures of money"))
        .need("goal", number("The goal, in the unit of the KPI"))
        .need("side", side())
        .may("margin", number("How far short of the goal is at risk and not missed; 0 if absent"))
        .may("hysteresis", number("How far beyond a bound a state gets better; 0 if absent"))
        .may("guard", guard.end())
        .end()
}

fn grains() -> impl Iterator<Item = &'static str> {
    Grain::ALL.iter().filter(|grain| **grain != Grain::Total).map(|grain| grain.as_str())
}

/// The schema of `exchange/<id>.toml`.
pub(super) fn exchange() -> Value {
    let day = table("Units of each currency for one unit of the base").any(pattern("A price", "^[0-9]+([.][0-9]+)?$"));
    let root = table("Exchange rates")
        .need("format", number("The format of the file", 1, 1))
        .need("base", currency("The currency whose one unit has these prices"))
        .need("source", text("Who published the rates"))
        .need("carry_days", number("For how many days without one a rate serves", 0, 36_500))
        .need("rates", table("Rates by day").any(day.end()).end());
    file("Fairdue: exchange/<id>.toml", root, &[])
}

fn markets() -> Value {
    let forms = AgentFigures::ALL.iter().map(|one| one.as_str());
    let market = table("A market: one country")
        .need("zone", text("IANA zone that decides the day on which a KPI counts a fact"))
        .need("currency", currency("ISO 4217 code"))
        .need(
            "promise_grace_days",
            number("Days after a promise's due date, or an instalment's, in which payment still keeps it", 0, 365),
        )
        .may(
            "attribution_days",
            number("Days for which the last right-party contact earns its agent the payments that name nobody; 30 if absent", 0, 365),
        )
        .may("payment_order", components("Each component once, in the order in which payments settle them"))
        .may("week_start", choice("First day of a week of KPIs; monday if absent", WEEKDAYS.map(|(name, _)| name)))
        .may("fiscal_year_start", number("Month with which a fiscal year of KPIs begins; 1 if absent", 1, 12))
        .may("kpi_defaults", readings("Which reading of a figure is meant by its bare name in this market"))
        .may("agent_figures", choice("In which form figures tell of agents; named if absent", forms))
        .may("close_after_days", number("Days after its end at which a period is closed; never if absent", 0, 3660));
    table("Markets by the country's lower-case ISO 3166-1 code")
        .any(market.end())
        .rule("propertyNames", json!({ "pattern": "^[a-z]{2}$" }))
        .end()
}

fn rules() -> Value {
    let add = pack::rule(true).need("jurisdiction", text("The jurisdiction in which it speaks"));
    let template = table("What a template of the tenant holds, so that contacts need not state it")
        .need("id", text("The template's id, as contacts name it"))
        .need("holds", patterns("Words, as packs name them", "^[a-z0-9_]+$"));
    table("Rules of the tenant's own: it may add and tighten, never loosen")
        .may("memberships", texts("Codes that it has signed"))
        .may("block_guidelines", flag("A regulator's expectations block instead of advising"))
        .may("add", tables("Rules of its own", add.end()))
        .may("tighten", tables("Rules of the packs, stricter", tighten::entry()))
        .may("template", tables("Templates", template.end()))
        .end()
}
