//! What a tenant declares of itself, as its file and worked examples write it.

use super::model::Kind;
use super::reader::Reader;
use super::spelling::nearest;
use crate::domain::tenant::{Declared, Exemption, LicenceHeld, Membership, Span, TenantFacts};

/// What the packs know, to tell a misspelt name.
pub struct Known<'k> {
    /// A pack has that id.
    pub jurisdiction: &'k dyn Fn(&str) -> bool,
    /// The kind of that rule, if a pack has it.
    pub rule: &'k dyn Fn(&str) -> Option<Kind>,
    /// Some rule asks for that membership.
    pub code: &'k dyn Fn(&str) -> bool,
    /// The kinds of licence that some rule asks for; `None` where any word will do.
    pub licences: Option<&'k [&'k str]>,
}

/// Reads `[facts]`.
pub fn facts(table: &mut Reader<'_, '_>, known: &Known<'_>) -> TenantFacts {
    let mut found = TenantFacts::default();
    for mut item in table.tables("licence") {
        let (place, number) = (jurisdiction(&mut item, known), item.need_text("number"));
        let (licence, authority) = (item.text("licence"), item.text("authority"));
        let span = span(&mut item, true);
        // A word that no rule asks for serves nowhere: every contact would be answered as without a licence.
        if let (Some(word), Some(asked)) = (licence.as_deref(), known.licences)
            && !asked.contains(&word)
        {
            let message = format!("no rule asks for a licence of the kind \"{word}\"{}", nearest(word, asked));
            let remedy = format!("write one of {}, or leave it out", asked.join(", "));
            item.wrong("licence", &message, &remedy);
        }
        if let (Some(jurisdiction), Some(number)) = (place, number) {
            found.licences.push(LicenceHeld { jurisdiction, licence, number, authority, span });
        }
        item.finish();
    }
    for mut item in table.tables("exemption") {
        let (rule, reason) = (item.need_text("rule"), item.need_text("reason"));
        let span = span(&mut item, false);
        if let Some(rule) = &rule {
            match (known.rule)(rule) {
                Some(Kind::Licence) => {}
                // No other kind asks what the tenant is exempt from: its breaches would be told all the same.
                Some(kind) => {
                    let message = format!("rule \"{rule}\" is of kind {kind}, of which no exemption is known");
                    item.wrong("rule", &message, "name a rule of kind licence, or remove it");
                }
                None => {
                    let message = format!("no pack has the rule \"{rule}\"");
                    item.wrong("rule", &message, "write the id as ListRules shows it");
                }
            }
        }
        if let (Some(rule), Some(reason)) = (rule, reason) {
            found.exemptions.push(Exemption { rule, reason, span });
        }
        item.finish();
    }
    found.client_accounts = declared(table, "client_account", "account", known);
    found.dispute_schemes = declared(table, "dispute_scheme", "scheme", known);
    for mut item in table.tables("membership") {
        let code = item.need_text("code");
        let span = span(&mut item, false);
        if let Some(code) = code.as_ref().filter(|code| !(known.code)(code)) {
            let message = format!("no pack knows the membership \"{code}\"");
            item.wrong("code", &message, "write it as the packs do, or remove it");
        }
        found.memberships.extend(code.map(|code| Membership { code, span }));
        item.finish();
    }
    found
}

fn declared(table: &mut Reader<'_, '_>, key: &'static str, name: &'static str, known: &Known<'_>) -> Vec<Declared> {
    let mut found = Vec::new();
    for mut item in table.tables(key) {
        let (place, name) = (jurisdiction(&mut item, known), item.need_text(name));
        let span = span(&mut item, true);
        if let (Some(jurisdiction), Some(name)) = (place, name) {
            found.push(Declared { jurisdiction, name, span });
        }
        item.finish();
    }
    found
}

fn jurisdiction(item: &mut Reader<'_, '_>, known: &Known<'_>) -> Option<String> {
    let text = item.need_text("jurisdiction")?;
    if !(known.jurisdiction)(&text) {
        item.wrong("jurisdiction", &format!("there is no pack \"{text}\""), "name a jurisdiction that has a pack");
    }
    Some(text)
}

fn span(item: &mut Reader<'_, '_>, needed: bool) -> Span {
    if needed && !item.has("from") {
        item.missing("from", "2024-01-01, its first day");
    }
    let span = Span { from: item.date("from"), until: item.date("until") };
    if let (Some(from), Some(until)) = (span.from, span.until)
        && until < from
    {
        item.wrong("until", "until lies before from", "state the last day on which it holds");
    }
    span
}
