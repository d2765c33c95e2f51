//! In which form a market's figures tell of the people who work there, and the names that stand for them.

use serde::{Deserialize, Serialize};

use super::market::MarketKey;
use super::vocabulary::vocabulary;

vocabulary!(
    /// In which form figures tell of agents. Law and agreements with employees' representatives decide it market by market:
    /// § 87 (1) no. 6 BetrVG gives a works council a say in whatever can watch what single employees do, and art. 5 (1) (c)
    /// GDPR asks for no more than is needed.
    #[derive(Default)]
    AgentFigures {
        /// By their ids, as records name them.
        #[default]
        Named = "named",
        /// By names that stand for them, which only the server can make.
        Pseudonym = "pseudonym",
        /// Not at all; of teams in which at least five were active.
        Teams = "teams",
        /// Neither of agents nor of teams.
        Off = "off",
    }
);

/// What every pseudonym begins with.
const HEAD: &str = "agent-";
/// Hexadecimal digits behind it: 96 bits, so that no two agents of a market share one.
const DIGITS: usize = 24;

/// Makes the pseudonyms of a market: keyed hashes of agents' ids. Whoever knows every id cannot tell which is whose without
/// the key, and nobody can tell that pseudonyms of two markets are of one agent.
#[derive(Clone, PartialEq, Eq)]
pub struct Pseudonyms {
    key: [u8; 32],
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Those of a market, by a secret of its tenant that never leaves the server.
    #[must_use]
    pub fn of_market(secret: &[u8; 32], market: &MarketKey) -> Self {
        // Derived, so that what else the secret serves tells nothing of these.
        let tenant = blake3::derive_key("fairdue pseudonyms of agents v1", secret);
        let mut hasher = blake3::Hasher::new_keyed(&tenant);
        for part in [market.tenant.as_str(), market.market.as_str()] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Self { key: *hasher.finalize().as_bytes() }
    }

    /// What stands for an agent's id.
    #[must_use]
    pub fn of(&self, agent: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, agent.as_bytes()).to_hex();
        format!("{HEAD}{}", hash.get(..DIGITS).unwrap_or_default())
    }

    /// Whether a text is written as pseudonyms are.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let digits = text.strip_prefix(HEAD).unwrap_or_default();
        digits.len() == DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{MarketId, TenantId};

    fn of(secret: u8, tenant: &str, market: &str) -> Pseudonyms {
        let key = MarketKey { tenant: TenantId::trusted(tenant), market: MarketId::trusted(market) };
        Pseudonyms::of_market(&[secret; 32], &key)
    }

    #[test]
    fn pseudonyms_are_stable_and_of_one_market() {
        let here = of(1, "t", "it");
        assert_eq!(here.of("ann"), of(1, "t", "it").of("ann"));
        assert_ne!(here.of("ann"), here.of("bob"));
        for other in [of(2, "t", "it"), of(1, "u", "it"), of(1, "t", "se"), of(1, "ti", "t")] {
            assert_ne!(here.of("ann"), other.of("ann"));
        }
        assert_ne!(of(1, "ab", "c").of("ann"), of(1, "a", "bc").of("ann"), "lengths keep the parts apart");
        assert_eq!(format!("{here:?}"), "Pseudonyms", "the key is shown nowhere");
    }

    #[test]
    fn what_is_written_as_a_pseudonym_is_told_apart_from_ids() {
        assert!(Pseudonyms::is_one(&of(1, "t", "it").of("ann")));
        let long = format!("{HEAD}{}", "a".repeat(DIGITS + 1));
        let upper = format!("{HEAD}{}", "A".repeat(DIGITS));
        for text in ["", "ann", HEAD, "agent-17", &long, &upper] {
            assert!(!Pseudonyms::is_one(text), "{text}");
        }
    }
}
