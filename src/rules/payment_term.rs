//! The limits of a rule on the longest time to pay.

use super::model::Term;
use super::parse_limits::term;
use super::reader::Reader;

/// The longest time to pay an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerm {
    /// From the invoice's date (sent) or its receipt.
    pub longest: Term,
    /// A longer time that was agreed expressly is lawful.
    pub unless_agreed: bool,
    /// Not even an agreed time is longer.
    pub longest_agreed: Option<Term>,
}

/// Reads a rule on the time to pay.
pub fn payment_term(table: &mut Reader<'_, '_>) -> Option<PaymentTerm> {
    if !table.has("longest") {
        table.missing("longest", "{ days = 60, count = \"clear_days\", from = \"received\", roll = \"none\" }");
    }
    let longest = term(table, "longest");
    let longest_agreed = term(table, "longest_agreed");
    let unless_agreed = table.boolean("unless_agreed").unwrap_or(false);
    if longest_agreed.is_some() && !unless_agreed {
        table.wrong("longest_agreed", "longest_agreed needs unless_agreed", "add unless_agreed = true");
    }
    Some(PaymentTerm { longest: longest?, unless_agreed, longest_agreed })
}
