//! The schema of `jurisdictions/<id>/rules.toml`.

use serde_json::{Value, json};

use super::shape::{
    MONTH_DAY, Table, amount, choice, date, decimal, file, flag, number, pattern, set, table, tables, text, texts, word,
};
use super::{conduct, contact, money};
use crate::domain::verdict::{Confidence, Effect, Source};
use crate::domain::vocabulary::{
    CollectorRole, CreditorType, DebtClass, DebtType, Ownership, PartyKind, PartyRole, Purpose,
};
use crate::rules::model::Kind;
use crate::rules::parse::ObservedWord;
use crate::rules::words::{BindFrom, Status, Subject, VersionBy, Word};

/// The schema of a pack.
pub(super) fn schema() -> Value {
    let root = table("A jurisdiction's rules")
        .need("format", json!({ "const": 1, "description": "Format of the file" }))
        .need("jurisdiction", pattern("Its id: it, us-ny, us-ny-nyc", "^[a-z]{2}(-[a-z0-9]+){0,2}$"))
        .need("name", text("Its name in English"))
        .need("version", text("The pack's own version"))
        .may("currency", money::currency("ISO 4217 code of its amounts"))
        .may("highest_vat", decimal("The country's highest rate of VAT in percent, as \"25\""))
        .may("payment_order", money::components("Each component once, in the order in which payments settle them"))
        .may("payment_order_of", tables("Debts of which the law states another order", payment_order_of()))
        .may("zones", texts("IANA zones that a resident may be in"))
        .may("subdivision", tables("Zones of residents of whom the subdivision is known", subdivision()))
        .may("includes", texts("Shared packs that speak with it"))
        .may("shared", flag("A pack that only others include"))
        .may("calendar", calendar())
        .may("fee_table", tables("Tiers under a name, for rules that differ in all else", fee_table()))
        .may("rule", tables("The rules", rule(false).end()))
        .may("scope", tables("Which cases the rules concern: those that any row admits; all without rows", clause()))
        .may("not_encoded", tables("Rows of law that are no rule here", not_encoded()));
    file("Fairdue: jurisdictions/<id>/rules.toml", root, &contact::definitions())
}

fn payment_order_of() -> Value {
    table("An order in which payments on debts of some kind settle components, whatever a tenant's file says")
        .may("debt_class", set::<DebtClass>("Consumer, commercial or public; without it, all"))
        .may("debt_type", set::<DebtType>("Where the debt comes from; without it, anywhere"))
        .need("order", money::components("Each component once, in the order of the law"))
        .rule("anyOf", json!([{ "required": ["debt_class"] }, { "required": ["debt_type"] }]))
        .end()
}

fn not_encoded() -> Value {
    table("A row that is no rule of its own here, and why")
        .need("id", text("The row's id"))
        .may("encoded_in", texts("Rules and packs that encode it"))
        .may("reason", text("Why it cannot be judged, or in what way it is encoded elsewhere"))
        .rule("anyOf", json!([{ "required": ["reason"] }, { "required": ["encoded_in"] }]))
        .end()
}

fn subdivision() -> Value {
    table("Zones of some subdivisions")
        .need("codes", texts("ISO 3166-2 parts behind the hyphen, as \"IL\""))
        .need("zones", texts("IANA zones"))
        .end()
}

fn fee_table() -> Value {
    table("Tiers under a name")
        .need("id", text("Its id, which a fee_cap names in table"))
        .need("tiers", money::fee_tiers("Amounts by the basis, in rising order"))
        .end()
}

fn calendar() -> Value {
    let year = |about: &str| number(about, 1800, 2200);
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let holiday = table("A public holiday: exactly one of date, easter, orthodox_easter and weekday")
        .need("name", text("Its name"))
        .may("date", pattern("Month and day, as \"01-06\"", MONTH_DAY))
        .may("easter", number("Days after Easter Sunday, or before it", -120, 120))
        .may("orthodox_easter", number("The same of the Orthodox churches", -120, 120))
        .may("weekday", choice("A weekday, with month and nth or with on_or_after", names))
        .may("month", number("Month of the weekday", 1, 12))
        .may("nth", number("Which such weekday of the month; -1 is the last", -1, 5))
        .may("on_or_after", pattern("The first such weekday on or after this month and day", MONTH_DAY))
        .may("observed", word::<ObservedWord>("What happens on a weekend; same_day without this key"))
        .may("from_year", year("First year"))
        .may("until_year", year("Last year"))
        .may("subdivisions", texts("Subdivisions that keep it; all without this key"))
        .one_of(&["date", "easter", "orthodox_easter", "weekday"]);
    table("Public holidays and weekend; those of the pack above without this table")
        .need("weekend", contact::weekdays("Weekdays that are no working days"))
        .may("complete", flag("false where holidays are left out: no rule and no KPI counts working days by it then"))
        .may("holiday", tables("Public holidays", holiday.end()))
        .end()
}

/// `applies_to`.
fn applies_to() -> Value {
    table("Which cases are concerned; a key that is missing admits all")
        .may("collector_role", set::<CollectorRole>("Capacity of the collector"))
        .may("ownership", set::<Ownership>("On whose account"))
        .may("debt_class", set::<DebtClass>("Consumer, commercial or public"))
        .may("debt_type", set::<DebtType>("Where the debt comes from"))
        .may("creditor_type", set::<CreditorType>("Kind of creditor"))
        .may("debtor_kind", set::<PartyKind>("Legal kind of the debtor"))
        .may("person_role", set::<PartyRole>("Role of the person dealt with"))
        .may("regulated_credit", flag("Regulated consumer credit"))
        .may("eu_bank_npl", flag("Non-performing loan of an EU bank"))
        .may("secured", flag("Secured"))
        .may("titled", flag("There is an enforceable title on the activity's day"))
        .may("past_due_min", number("Days past due, at least", 0, 36_525))
        .may("past_due_max", number("Days past due, at most", 0, 36_525))
        .may("min_principal", amount("Least principal of the case"))
        .may("max_principal", amount("Greatest principal of the case"))
        .end()
}

/// `when_missing`: a word of the list, or `unknown`.
fn when_missing() -> Value {
    fn taken<T: Word>(about: &str) -> Value {
        choice(about, T::all().iter().map(|word| word.name()).chain(["unknown"]))
    }
    let yes = |about: &str| json!({ "enum": [true, false, "unknown"], "description": about });
    table("What is taken, on the conservative side, for an attribute that a case does not state")
        .may("collector_role", taken::<CollectorRole>("Capacity of the collector"))
        .may("ownership", taken::<Ownership>("On whose account"))
        .may("debt_class", taken::<DebtClass>("Consumer, commercial or public"))
        .may("debt_type", taken::<DebtType>("Where the debt comes from"))
        .may("creditor_type", taken::<CreditorType>("Kind of creditor"))
        .may("debtor_kind", taken::<PartyKind>("Legal kind of the debtor"))
        .may("person_role", taken::<PartyRole>("Role of the person dealt with"))
        .may("regulated_credit", yes("Regulated consumer credit"))
        .may("eu_bank_npl", yes("Non-performing loan of an EU bank"))
        .may("secured", yes("Secured"))
        .end()
}

fn clause() -> Value {
    table("A row of the pack's scope")
        .need("id", text("Its id, which begins with the jurisdiction's"))
        .need("text", text("What it says"))
        .need("citation", text("Where the text stands"))
        .need("confidence", word::<Confidence>("Whether it was read there"))
        .may("valid_from", date("First day in force"))
        .may("valid_until", date("Last day in force"))
        .may("version_by", word::<VersionBy>("Which date picks the version; activity_on without this key"))
        .may("max_principal", amount("Greatest principal of a case"))
        .may("applies_to", applies_to())
        .may("when_missing", when_missing())
        .end()
}

/// Every kind's limits.
fn kinds() -> impl Iterator<Item = (&'static str, Table)> {
    contact::kinds().into_iter().chain(conduct::kinds()).chain(money::kinds())
}

/// A rule of a pack, or of a tenant, whose source and confidence are its own.
pub(super) fn rule(tenant: bool) -> Table {
    let exempt = table("Which activities it leaves alone")
        .may("initiated_by_debtor", flag("Begun by the debtor or a third party"))
        .may("at_debtors_request", flag("Made because the debtor asked for it"))
        .may("purposes", set::<Purpose>("Made for one of these purposes"))
        .may("person_roles", set::<PartyRole>("Made to a person in one of these roles"));
    let prefix = if tenant { "tenant" } else { "the jurisdiction's id" };
    let mut rule = table("A rule: its head and exactly one table of limits, named as its kind")
        .need("id", pattern(&format!("Its id, which begins with {prefix}; never reused"), "^[a-z0-9-]{4,80}$"))
        .need("title", text("One line"))
        .need("text", text("What it says, in a sentence or two"))
        .need("citation", text("The text of law or code"))
        .need("effect", word::<Effect>("What the text does"));
    if !tenant {
        let sources = Source::ALL.iter().filter(|source| **source != Source::Tenant).map(|source| source.as_str());
        rule = rule
            .need("source", choice("Where it comes from", sources))
            .need("confidence", word::<Confidence>("Whether its numbers were read in the text"));
    }
    let kinds = kinds().map(|(name, kind)| (name.to_owned(), kind.end()));
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let judged = Subject::ALL.iter().filter(|subject| subject.is_judged());
    rule.may("status", word::<Status>("Whether it is law; in_force without this key"))
        .may("membership", text("The code under which it binds; needed for source code"))
        .may("valid_from", date("First day in force; from ever without this key"))
        .may("valid_until", date("Last day in force; open without this key"))
        .may("version_by", word::<VersionBy>("Which date picks the version; activity_on without this key"))
        .may("subject", choice("What is judged", judged.map(|subject| subject.as_str())))
        .may("from", word::<BindFrom>("From when a flag binds; received without this key"))
        .may("reviewed_by", text("Who signed it"))
        .may("reviewed_on", date("When"))
        .may("next_review_on", date("When to look again"))
        .may("applies_to", applies_to())
        .may("exempt", exempt.end())
        .may("when_missing", when_missing())
        .with(kinds)
        .one_of(&names)
}
