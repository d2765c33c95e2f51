//! The limits of a rule on money collected for others.

use super::model::Term;
use super::parse_limits::term;
use super::reader::Reader;

/// Money collected for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFunds {
    /// Handed over within; absent: no figure is stated.
    pub within: Option<Term>,
    /// It is kept apart: the tenant declares a client account.
    pub segregated: bool,
}

/// Reads a rule on client money.
pub fn client_funds(table: &mut Reader<'_, '_>) -> ClientFunds {
    let within = term(table, "within");
    let segregated = table.boolean("segregated").unwrap_or(false);
    let no_figure = table.boolean("no_figure").unwrap_or(false);
    if table.has("within") && no_figure {
        table.wrong("no_figure", "both within and no_figure are given", "remove one");
    }
    if !table.has("within") && !no_figure && !segregated {
        let example = "{ days = 30, count = ..., from = \"received\", roll = ... }, or segregated, or no_figure = true";
        table.missing("within", example);
    }
    ClientFunds { within, segregated }
}
