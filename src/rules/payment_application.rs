//! The limits of a rule on how payments are put to what is owed.

use serde::{Deserialize, Serialize};

use super::reader::Reader;
use super::words::{Word, words};
use crate::domain::vocabulary::{Component, vocabulary};

vocabulary!(
    /// Which of several claims comes first.
    ClaimOrder { OldestDue = "oldest_due" }
);
vocabulary!(
    /// Who alone may receive payments.
    Payee { Creditor = "creditor" }
);
words!(ClaimOrder, Payee, Component);

/// How a payment is put to what is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentApplication {
    /// Components: nothing to a later one while an earlier one stays open.
    pub order: Vec<Component>,
    /// Which of several claims comes first.
    pub claims: Option<ClaimOrder>,
    /// A direction of the debtor is followed.
    pub debtor_choice: bool,
    /// With several debts, nothing to a disputed one that the debtor did not name.
    pub never_disputed: bool,
    /// Who alone may receive.
    pub payee: Option<Payee>,
}

/// Reads a list of components, each at most once.
pub fn components(table: &mut Reader<'_, '_>, key: &'static str) -> Vec<Component> {
    let names: Vec<&str> = Component::all().iter().map(|word| word.name()).collect();
    let mut found = Vec::new();
    for text in table.texts(key) {
        match Component::parse(&text) {
            Some(component) if !found.contains(&component) => found.push(component),
            Some(_) => table.wrong(key, &format!("{key} names \"{text}\" twice"), "name each component once"),
            None => {
                let message = format!("{key} does not know \"{text}\"");
                table.wrong(key, &message, &format!("write some of: {}, in their order", names.join(", ")));
            }
        }
    }
    found
}

/// Reads a rule on how payments are put.
pub fn payment_application(table: &mut Reader<'_, '_>) -> PaymentApplication {
    let order = components(table, "order");
    if table.has("order") && order.len() == 1 {
        table.wrong("order", "an order of one component orders nothing", "name at least two, the first first");
    }
    let limits = PaymentApplication {
        order,
        claims: table.word("claims"),
        debtor_choice: table.boolean("debtor_choice").unwrap_or(false),
        never_disputed: table.boolean("never_disputed").unwrap_or(false),
        payee: table.word("payee"),
    };
    let keys = ["order", "claims", "debtor_choice", "never_disputed", "payee"];
    if !keys.into_iter().any(|key| table.has(key)) {
        table.missing(
            "order",
            "[\"cost\", \"interest\", \"principal\"], or claims, debtor_choice, never_disputed, payee",
        );
    }
    limits
}
