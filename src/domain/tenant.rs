//! What a tenant declares of itself: licences, exemptions, client accounts, dispute schemes, codes it has signed.

use chrono::NaiveDate;

/// A stretch of days, both ends inclusive and optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub until: Option<NaiveDate>,
}

impl Span {
    /// The day falls into the stretch.
    #[must_use]
    pub fn holds(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date <= until)
    }
}

/// A licence to collect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicenceHeld {
    /// The jurisdiction that gave it, as packs name it.
    pub jurisdiction: String,
    /// What it is for, as the rule that asks for it names it.
    pub licence: Option<String>,
    /// Its number.
    pub number: String,
    /// Who gave it.
    pub authority: Option<String>,
    /// When it holds.
    pub span: Span,
}

/// A rule that does not concern the tenant, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemption {
    /// The rule.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// When.
    pub span: Span,
}

/// Something that holds in a jurisdiction and what lies below it: a client account, a dispute scheme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// The jurisdiction.
    pub jurisdiction: String,
    /// Its name.
    pub name: String,
    /// When it holds.
    pub span: Span,
}

impl Declared {
    fn serves(&self, jurisdiction: &str, on: NaiveDate) -> bool {
        let below = jurisdiction.strip_prefix(self.jurisdiction.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) && self.span.holds(on)
    }
}

/// A code that the tenant has signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Membership {
    /// The code, as packs name it.
    pub code: String,
    /// When.
    pub span: Span,
}

/// All that a tenant declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TenantFacts {
    /// Licences.
    pub licences: Vec<LicenceHeld>,
    /// Rules that do not concern it.
    pub exemptions: Vec<Exemption>,
    /// Accounts on which it keeps others' money apart.
    pub client_accounts: Vec<Declared>,
    /// Dispute schemes to which it belongs.
    pub dispute_schemes: Vec<Declared>,
    /// Codes that it has signed.
    pub memberships: Vec<Membership>,
    /// It stands for a tenant that has everything: worked examples of other rules.
    pub complete: bool,
}

impl TenantFacts {
    /// A tenant that has every licence, account and scheme.
    #[must_use]
    pub fn everything() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// The same with codes signed for ever.
    #[must_use]
    pub fn member_of(mut self, codes: &[String]) -> Self {
        self.memberships.extend(codes.iter().map(|code| Membership { code: code.clone(), span: Span::default() }));
        self
    }

    /// The rule does not concern the tenant on that day.
    #[must_use]
    pub fn exempt(&self, rule: &str, on: NaiveDate) -> bool {
        self.exemptions.iter().any(|one| one.rule == rule && one.span.holds(on))
    }

    /// It keeps others' money apart.
    #[must_use]
    pub fn has_client_account(&self, jurisdiction: &str, on: NaiveDate) -> bool {
        self.complete || self.client_accounts.iter().any(|one| one.serves(jurisdiction, on))
    }

    /// It has signed the code.
    #[must_use]
    pub fn is_member(&self, code: &str, on: NaiveDate) -> bool {
        self.memberships.iter().any(|one| one.code == code && one.span.holds(on))
    }

    /// It belongs to a dispute scheme.
    #[must_use]
    pub fn has_dispute_scheme(&self, jurisdiction: &str, on: NaiveDate) -> bool {
        self.complete || self.dispute_schemes.iter().any(|one| one.serves(jurisdiction, on))
    }
}
