//! The claims of a case as the fold keeps them: what principal is open and which days matter, and no more.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::domain::case;
use crate::domain::time::day_number;

/// A day that is not known.
const NO_DAY: i32 = i32::MIN;

/// A wide sum of minor units, in eight-byte words so that it does not widen its neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wide {
    high: i64,
    low: u64,
}

impl Wide {
    /// Packs a sum.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the two halves of the word
    pub const fn new(sum: i128) -> Self {
        Self { high: (sum >> 64) as i64, low: sum as u64 }
    }

    /// The sum.
    pub const fn get(self) -> i128 {
        ((self.high as i128) << 64) | self.low as i128
    }
}

/// The days from which it is counted how late a payment came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Since {
    due_original: i32,
    invoice: i32,
}

impl Since {
    /// No day is known.
    pub const UNDATED: Self = Self { due_original: NO_DAY, invoice: NO_DAY };

    /// Days from the original due date to `day`.
    pub fn days_due(&self, day: i32) -> Option<i32> {
        (self.due_original != NO_DAY).then(|| day.saturating_sub(self.due_original))
    }

    /// Days from the invoice date to `day`.
    pub fn days_invoice(&self, day: i32) -> Option<i32> {
        (self.invoice != NO_DAY).then(|| day.saturating_sub(self.invoice))
    }
}

/// One claim: open principal and its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    open: Wide,
    due: i32,
    since: Since,
}

impl Claim {
    /// The claim with all its principal open.
    pub fn of(claim: &case::Claim) -> Self {
        let mut made = Self::undated();
        made.open = Wide::new(i128::from(claim.principal));
        made.dates(claim);
        made
    }

    /// A claim that no version names: takes what is written up on a case without claims.
    pub const fn undated() -> Self {
        Self { open: Wide::new(0), due: NO_DAY, since: Since::UNDATED }
    }

    /// Takes over the dates of a version.
    pub fn dates(&mut self, claim: &case::Claim) {
        let day = |date: Option<NaiveDate>| date.map_or(NO_DAY, day_number);
        self.due = day(claim.due());
        self.since = Since { due_original: day(claim.due_original), invoice: day(claim.invoice_date) };
    }

    /// Principal that is open.
    pub const fn open(&self) -> i128 {
        self.open.get()
    }

    /// Sets the principal that is open.
    pub const fn set_open(&mut self, open: i128) {
        self.open = Wide::new(open);
    }

    /// Day of the due date in force.
    pub fn due(&self) -> Option<i32> {
        (self.due != NO_DAY).then_some(self.due)
    }

    /// Day of the original due date.
    pub fn due_first(&self) -> Option<i32> {
        (self.since.due_original != NO_DAY).then_some(self.since.due_original)
    }

    /// From which days it is counted how late a payment came, by the version in force.
    pub const fn since(&self) -> Since {
        self.since
    }
}

/// The claims, the single one of most cases without a heap block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Claims {
    /// Just one.
    One([Claim; 1]),
    /// None or several.
    Many(Box<[Claim]>),
}

impl From<Vec<Claim>> for Claims {
    fn from(claims: Vec<Claim>) -> Self {
        match claims.as_slice() {
            [one] => Self::One([*one]),
            _ => Self::Many(claims.into()),
        }
    }
}

impl Claims {
    /// All of them; those of the version in force first, in its order.
    pub fn all(&self) -> &[Claim] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }

    /// All of them, to change.
    pub fn all_mut(&mut self) -> &mut [Claim] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }

    /// Open principal of all.
    pub fn principal(&self) -> i128 {
        self.all().iter().map(Claim::open).sum()
    }

    /// Earliest due day in force.
    pub fn first_due(&self) -> Option<i32> {
        self.all().iter().filter_map(Claim::due).min()
    }

    /// Indexes, oldest due first, those without a due date last; `first` before all.
    pub fn oldest_first(&self, first: Option<usize>) -> Vec<usize> {
        let claims = self.all();
        let mut order: Vec<usize> = (0..claims.len()).collect();
        if order.len() > 1 {
            order.sort_by_key(|&at| {
                let due = claims.get(at).and_then(Claim::due);
                (first != Some(at), due.is_none(), due, at)
            });
        }
        order
    }
}
