//! Who calls: tenant, roles and markets, taken from the credential.

use super::ids::{KeyId, MarketId, TenantId};
use super::vocabulary::vocabulary;
use serde::{Deserialize, Serialize};

vocabulary!(
    /// What a key may do.
    Role {
        /// Write cases and activities.
        Writer = "writer",
        /// Read cases, activities, findings and KPIs, and ask for contact checks.
        Reader = "reader",
        /// Ask for contact checks, and hold and release permits.
        Checker = "checker",
        /// Administer the tenant.
        Admin = "admin",
        /// Decide about findings: acknowledge, remediate, waive, approve, reopen.
        Compliance = "compliance",
        /// Follow what the tenant's file shares with the key's partner, and nothing else.
        Partner = "partner",
    }
);

/// An authenticated caller. The first argument of every use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant.
    pub tenant: TenantId,
    /// The key that was used.
    pub key: KeyId,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Markets it may touch; all of the tenant's if empty.
    pub markets: Vec<MarketId>,
}

impl Principal {
    /// Whether the caller holds the role (an admin holds all).
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }

    /// Whether the caller may touch the market.
    #[must_use]
    pub fn may_touch(&self, market: &MarketId) -> bool {
        self.markets.is_empty() || self.markets.contains(market)
    }
}
