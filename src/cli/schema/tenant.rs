//! The schema of `tenants/<id>.toml`.

use serde_json::{Value, json};

use super::cases::facts;
use super::money::{components, currency};
use super::shape::{amount, choices, file, flag, number, patterns, table, tables, text, texts};
use super::{contact, pack};
use crate::domain::feed::SyncEntity;
use crate::domain::outcome::Outcome;
use crate::domain::sharing::fields_of;

/// The schema of a tenant's file.
pub(super) fn schema() -> Value {
    let root = table("A tenant")
        .need("tenant", text("Its id: the file's name without .toml"))
        .need("markets", markets())
        .may("rules", rules())
        .may("facts", facts())
        .may("findings", findings())
        .may("dispositions", dispositions())
        .may("partner", tables("What is shared with a partner; what is not named is not shared", partner()));
    file("Fairdue: tenants/<id>.toml", root, &contact::definitions())
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

fn markets() -> Value {
    let market = table("A market: one country")
        .need("zone", text("IANA zone that decides the day on which a KPI counts a fact"))
        .need("currency", currency("ISO 4217 code"))
        .need("promise_grace_days", number("Days after a promise's due date in which payment counts as late", 0, 365))
        .may("payment_order", components("Each component once, in the order in which payments settle them"));
    table("Markets by the country's lower-case ISO 3166-1 code")
        .any(market.end())
        .rule("propertyNames", json!({ "pattern": "^[a-z]{2}$" }))
        .end()
}

fn rules() -> Value {
    let add = pack::rule(true).need("jurisdiction", text("The jurisdiction in which it speaks"));
    let tighten = table("A rule of a pack with a stricter limit; the key must be one of the rule's kind")
        .need("rule", text("The rule's id"))
        .may("block", flag("A breach blocks, whatever the default verdict"))
        .may("max", number("At most this many (contact_frequency)", 0, 100_000))
        .may("window_days", number("Over so many days (contact_frequency)", 0, 3660))
        .may("wait_days", number("Wait so many days (contact_cooldown)", 0, 3660))
        .may("wait_hours", number("Wait so many hours (contact_cooldown)", 0, 87_840))
        .may("term", number("Length of the term, in the rule's unit", 0, 5000))
        .may("open", contact::spans("Permitted stretches inside those of the law (contact_hours)"))
        .may("maximum", amount("At most this amount (fee_cap)"));
    let template = table("What a template of the tenant holds, so that contacts need not state it")
        .need("id", text("The template's id, as contacts name it"))
        .need("holds", patterns("Words, as packs name them", "^[a-z0-9_]+$"));
    table("Rules of the tenant's own: it may add and tighten, never loosen")
        .may("memberships", texts("Codes that it has signed"))
        .may("block_guidelines", flag("A regulator's expectations block instead of advising"))
        .may("add", tables("Rules of its own", add.end()))
        .may("tighten", tables("Rules of the packs, stricter", tighten.end()))
        .may("template", tables("Templates", template.end()))
        .end()
}
