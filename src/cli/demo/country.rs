//! What differs between the demo's markets: residences, zones, hours that are lawful there, fees, and the breaches that
//! are told on purpose.

use chrono_tz::Tz;

use crate::domain::vocabulary::ChargeStep;

/// Where a debtor of the demo lives.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// Subdivision as packs name it; `None` where the country has no rules below it.
    pub subdivision: Option<&'static str>,
    /// City or county as packs name it.
    pub locality: Option<&'static str>,
    /// The zone there.
    pub zone: Tz,
    /// Notices that the law of this place asks for beside the country's.
    pub notices: &'static [&'static str],
}

/// A breach told on purpose, so that a newcomer sees findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// A call late in the evening.
    NightCall,
    /// A call on a Sunday.
    SundayCall,
    /// More calls within a week than the law presumes fair.
    ManyCalls,
    /// A letter after the debtor asked in writing to be left alone.
    AfterCease,
    /// A call to a person who is represented by a lawyer.
    Represented,
    /// A fee over the cap of its step.
    FeeOverCap,
    /// A reminder fee that was never agreed.
    FeeNotAgreed,
    /// A first letter without the notices that it should carry.
    NoticeForgotten,
}

/// One market of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Country {
    /// Market id: the lower-case country code.
    pub market: &'static str,
    /// ISO 4217.
    pub currency: &'static str,
    /// Zone of the market.
    pub zone: Tz,
    /// Language of its letters.
    pub language: &'static str,
    /// Where its debtors live.
    pub homes: &'static [Home],
    /// Principals, in minor units, from and to.
    pub principal: (i64, i64),
    /// Notice kinds that the first letter carries.
    pub first_notice: &'static [&'static str],
    /// Step that its law states the fee of a first letter for.
    pub fee_step: ChargeStep,
    /// Fee for the first letter that the market's law allows, in minor units; 0 for none.
    pub demand_fee: i64,
    /// A fee over what is allowed, for the case that breaks it.
    pub fee_over_cap: i64,
    /// Number of the case that tells each breach.
    pub breaches: &'static [(u32, Breach)],
}

const fn home(subdivision: Option<&'static str>, locality: Option<&'static str>, zone: Tz) -> Home {
    Home { subdivision, locality, zone, notices: &[] }
}

const NEW_YORK: Home =
    Home { subdivision: Some("NY"), locality: None, zone: Tz::America__New_York, notices: &["ny_rights_notice"] };
const NEW_YORK_CITY: Home = Home { locality: Some("nyc"), ..NEW_YORK };

/// The markets of the demo.
pub const COUNTRIES: [Country; 4] = [
    Country {
        market: "it",
        currency: "EUR",
        zone: Tz::Europe__Rome,
        language: "it",
        homes: &[home(None, None, Tz::Europe__Rome)],
        principal: (8_000, 240_000),
        first_notice: &["demand"],
        fee_step: ChargeStep::Demand,
        demand_fee: 0,
        fee_over_cap: 0,
        breaches: &[(3, Breach::NightCall), (9, Breach::SundayCall), (14, Breach::SundayCall)],
    },
    Country {
        market: "se",
        currency: "SEK",
        zone: Tz::Europe__Stockholm,
        language: "sv",
        homes: &[home(None, None, Tz::Europe__Stockholm)],
        principal: (40_000, 1_500_000),
        first_notice: &["demand"],
        fee_step: ChargeStep::Demand,
        demand_fee: 18_000,
        fee_over_cap: 25_000,
        breaches: &[(4, Breach::FeeOverCap), (11, Breach::FeeNotAgreed), (17, Breach::FeeOverCap)],
    },
    Country {
        market: "de",
        currency: "EUR",
        zone: Tz::Europe__Berlin,
        language: "de",
        homes: &[home(Some("BY"), None, Tz::Europe__Berlin), home(Some("BE"), None, Tz::Europe__Berlin)],
        principal: (10_000, 300_000),
        first_notice: &["demand"],
        fee_step: ChargeStep::Collection,
        demand_fee: 2_500,
        fee_over_cap: 90_000,
        breaches: &[(5, Breach::FeeOverCap), (12, Breach::Represented)],
    },
    Country {
        market: "us",
        currency: "USD",
        zone: Tz::America__New_York,
        language: "en",
        homes: &[
            NEW_YORK_CITY,
            NEW_YORK,
            home(Some("IL"), None, Tz::America__Chicago),
            home(Some("CA"), None, Tz::America__Los_Angeles),
        ],
        principal: (12_000, 600_000),
        first_notice: &["validation_notice"],
        fee_step: ChargeStep::Demand,
        demand_fee: 0,
        fee_over_cap: 1_500,
        breaches: &[
            (2, Breach::ManyCalls),
            (6, Breach::AfterCease),
            (10, Breach::NightCall),
            (15, Breach::Represented),
            (19, Breach::NoticeForgotten),
        ],
    },
];
