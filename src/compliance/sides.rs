//! By whom and for whom a case is collected, as far as counting contacts needs it.

use serde::{Deserialize, Serialize};

use crate::domain::case::CaseVersion;

/// A name as 32 bits: two names that a tenant uses meet in them once in four thousand million times. Zero stands for a name
/// that is not stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct NameMark(u32);

impl NameMark {
    fn of(name: Option<&str>) -> Self {
        // FNV-1a.
        let hash = |name: &str| {
            name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        };
        Self(name.filter(|name| !name.is_empty()).map_or(0, |name| hash(name).max(1)))
    }

    const fn is_stated(self) -> bool {
        self.0 != 0
    }
}

/// Who collects a case, and for which creditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sides {
    collector: NameMark,
    creditor: NameMark,
}

impl Sides {
    /// Those of a case.
    #[must_use]
    pub fn of(version: &CaseVersion) -> Self {
        let identity = &version.identity;
        Self::named(identity.collector_entity.as_deref(), Some(&identity.creditor))
    }

    /// Those of these names; an empty one is not stated.
    #[must_use]
    pub fn named(collector: Option<&str>, creditor: Option<&str>) -> Self {
        Self { collector: NameMark::of(collector), creditor: NameMark::of(creditor) }
    }

    /// Whether both are collected by the same company. Cases that name none are the tenant's own; where only one of two
    /// names a company, nobody can tell.
    #[must_use]
    pub fn same_collector(self, other: Self) -> Option<bool> {
        let (one, other) = (self.collector, other.collector);
        if one == other { Some(true) } else { (one.is_stated() && other.is_stated()).then_some(false) }
    }

    /// Whether both are collected for the same creditor; nobody can tell where one of them names none.
    #[must_use]
    pub fn same_creditor(self, other: Self) -> Option<bool> {
        (self.names_creditor() && other.names_creditor()).then_some(self.creditor == other.creditor)
    }

    /// It is known for whom the case is collected.
    #[must_use]
    pub const fn names_creditor(self) -> bool {
        self.creditor.is_stated()
    }
}
