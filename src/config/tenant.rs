//! A tenant's file: its id and its markets. The rules that it adds or tightens stand in `[rules]`, what it declares of
//! itself in `[facts]`; `rules` reads both.

use std::collections::BTreeMap;

use chrono::Weekday;
use chrono_tz::Tz;
use toml::de::{DeTable, DeValue};

use super::agents;
use super::benchmark;
use super::document::{Complaints, Section};
use super::exchange::{self, Choice};
use super::partner;
use super::reading;
use super::sink;
use super::target::{self, Placed};
use crate::domain::buckets::Buckets;
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::domain::disposition::Dispositions;
use crate::domain::ids::{MarketId, TenantId, check_id};
use crate::domain::market::{DEFAULT_ATTRIBUTION_DAYS, DEFAULT_PAYMENT_ORDER, Market, MarketKey};
use crate::domain::money::Currency;
use crate::domain::outcome::Outcome;
use crate::domain::sharing::Sharing;
use crate::domain::sink::Sink;
use crate::domain::tenant::Span;
use crate::domain::vocabulary::Component;
use crate::kpi::Calendar;

/// ISO 3166-1 alpha-2, as of 2024.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
VN VU WF WS YE YT ZA ZM ZW";

/// What a tenant's file says, but for its rules.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantFile {
    /// The tenant: the file's name without `.toml`.
    pub id: TenantId,
    /// Its markets by id.
    pub markets: BTreeMap<MarketId, Market>,
    /// How each market divides its days; holidays are the country's pack's.
    pub calendars: BTreeMap<MarketId, Calendar>,
    /// In which form each market's figures tell of agents.
    pub agent_figures: BTreeMap<MarketId, agents::Placed>,
    /// Markets whose payment order the file leaves to the country's pack.
    pub unordered: Vec<MarketId>,
    /// It has a table `[rules]` or `[facts]`, which `rules` reads.
    pub has_rules: bool,
    /// How its findings are dealt with.
    pub findings: Findings,
    /// Its own codes for what came of a contact.
    pub dispositions: Dispositions,
    /// What it shares with partners.
    pub partners: Vec<Sharing>,
    /// To whom it has changes sent.
    pub sinks: Vec<Sink>,
    /// How its markets are added up.
    pub reporting: Option<Choice>,
    /// What its figures ought to be.
    pub targets: Vec<Placed>,
    /// The days whose figures it shares for quartiles.
    pub shared: Option<Span>,
    /// What it and its markets mean by the bare names of figures.
    pub readings: Vec<reading::Choice>,
}

/// How a tenant deals with findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Findings {
    /// A waiver needs the agreement of a second key.
    pub four_eyes_on_waivers: bool,
}

/// Reads a tenant's file; what is wrong goes to `found`.
pub fn read(file: &SourceFile, found: &mut Vec<Diagnostic>) -> Option<TenantFile> {
    let mut out = Complaints::new(&file.path, &file.text);
    let tenant = out.parse().and_then(|table| parsed(file, table.get_ref(), &mut out));
    let complaints = out.into_found();
    let clean = complaints.is_empty();
    found.extend(complaints);
    tenant.filter(|_| clean)
}

fn parsed(file: &SourceFile, table: &DeTable, out: &mut Complaints) -> Option<TenantFile> {
    let mut top = Section::new("", 0, table);
    let id = tenant_id(file, &mut top, out);
    let mut markets = BTreeMap::new();
    let mut calendars = BTreeMap::new();
    let mut agent_figures = BTreeMap::new();
    let mut unordered = Vec::new();
    let own = top.table(out, "kpi_defaults");
    let mut readings = own.map(|section| reading::read(section, None, out)).unwrap_or_default();
    match top.table(out, "markets") {
        None => top.missing(out, "markets", "add [markets.<country>] with zone and currency"),
        Some(mut section) => {
            for (key, at) in section.keys() {
                let Some((value, span)) = section.remove(key) else { continue };
                let DeValue::Table(table) = value else {
                    out.at(at, format!("markets.{key} is not a table"), "write [markets.<country>]");
                    continue;
                };
                let mut section = Section::new(format!("markets.{key}"), span.start, table);
                if let (Some(chosen), Ok(market)) = (section.table(out, "kpi_defaults"), MarketId::new(key)) {
                    readings.extend(reading::read(chosen, Some(&market), out));
                }
                let ordered = table.contains_key("payment_order");
                let figures = agents::read(&mut section, out);
                if let Some(((market, calendar), figures)) = market(key, at, section, id.as_ref(), out).zip(figures) {
                    agent_figures.insert(market.key.market.clone(), figures);
                    calendars.insert(market.key.market.clone(), calendar);
                    if !ordered {
                        unordered.push(market.key.market.clone());
                    }
                    markets.insert(market.key.market.clone(), market);
                }
            }
        }
    }
    let has_rules = [top.take("rules"), top.take("facts")].iter().any(Option::is_some);
    let findings = top.table(out, "findings").map(|section| findings(section, out)).unwrap_or_default();
    let dispositions = top.table(out, "dispositions").map(|section| dispositions(section, out)).unwrap_or_default();
    let partners = partner::read(top.tables(out, "partner"), &markets, out);
    let sinks = sink::read(top.tables(out, "sink"), &markets, &partners, out);
    let reporting = top.table(out, "reporting").and_then(|section| exchange::choice(section, out));
    let shared = top.table(out, "benchmarks").and_then(|section| benchmark::shared(section, out));
    let targets = target::read(top.tables(out, "target"), out);
    for market in targets.iter().flat_map(|placed| &placed.markets).filter(|market| !markets.contains_key(*market)) {
        out.at(0, format!("a target names the market {market}, which the tenant has not"), "name one of its markets");
    }
    top.finish(out);
    Some(TenantFile {
        id: id?,
        markets,
        calendars,
        agent_figures,
        unordered,
        has_rules,
        findings,
        dispositions,
        partners,
        sinks,
        reporting,
        targets,
        shared,
        readings,
    })
}

fn dispositions(mut section: Section, out: &mut Complaints) -> Dispositions {
    let mut dispositions = Dispositions::default();
    for outcome in Outcome::ALL {
        for (code, at) in section.texts(out, outcome.as_str()) {
            if let Err(error) = check_id(code) {
                out.at(at, format!("disposition \"{}\" {error}", code.escape_debug()), "write the platform's code");
            } else if let Some(before) = dispositions.insert(code, *outcome) {
                let message = format!("disposition \"{code}\" means {before} already");
                out.at(at, message, "name each code once");
            }
        }
    }
    section.finish(out);
    dispositions
}

fn findings(mut section: Section, out: &mut Complaints) -> Findings {
    let mut findings = Findings::default();
    for (name, at) in section.texts(out, "four_eyes") {
        if name == "waived" {
            findings.four_eyes_on_waivers = true;
        } else {
            let message = format!("findings.four_eyes names \"{name}\", which needs no second key");
            out.at(at, message, "write four_eyes = [\"waived\"], or remove it");
        }
    }
    section.finish(out);
    findings
}

fn tenant_id(file: &SourceFile, top: &mut Section, out: &mut Complaints) -> Option<TenantId> {
    let (text, at) = top.required(out, "tenant", "write tenant = \"<id>\", the file's name without .toml")?;
    let stem = std::path::Path::new(&file.path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    if stem.as_deref() != Some(text) {
        let message = format!("tenant is \"{text}\", the file is named {}", stem.unwrap_or_default());
        out.at(at, message, "name the file as the tenant, with .toml behind");
    }
    match TenantId::new(text) {
        Ok(id) => Some(id),
        Err(error) => {
            out.at(at, format!("tenant {error}"), "write an id of 1 to 128 bytes");
            None
        }
    }
}

fn market(
    key: &str,
    at: usize,
    mut section: Section,
    tenant: Option<&TenantId>,
    out: &mut Complaints,
) -> Option<(Market, Calendar)> {
    let region = key.to_ascii_uppercase();
    let known = key.len() == 2 && key.bytes().all(|b| b.is_ascii_lowercase());
    if !known || !COUNTRIES.split(' ').any(|country| country == region) {
        let message = format!("{key} is no country's lower-case ISO 3166-1 alpha-2 code");
        out.at(at, message, "write a code such as it, se, us");
    }
    let zone =
        section.required(out, "zone", "write zone = \"Europe/Rome\" or another IANA zone").and_then(|(text, at)| {
            let zone = text.parse::<Tz>().ok();
            if zone.is_none() {
                out.at(at, format!("\"{text}\" is no IANA time zone"), "write a zone such as Europe/Rome");
            }
            zone
        });
    let money = section.required(out, "currency", "write currency = \"EUR\" or another ISO 4217 code");
    let currency = money.and_then(|(text, at)| {
        let currency = Currency::parse(text);
        if currency.is_none() {
            out.at(at, format!("\"{text}\" is no ISO 4217 currency"), "write a code such as EUR");
        }
        currency
    });
    let grace = section.integer(out, "promise_grace_days", 0..366);
    if grace.is_none() && !section.was_there("promise_grace_days") {
        section.missing(out, "promise_grace_days", "write promise_grace_days = 3, or another number of days");
    }
    let attribution = section.integer(out, "attribution_days", 0..366);
    let attribution = match attribution {
        None if section.was_there("attribution_days") => None,
        None => Some(DEFAULT_ATTRIBUTION_DAYS),
        Some(days) => u16::try_from(days).ok(),
    };
    let payment_order = payment_order(&mut section, out);
    let calendar = calendar(&mut section, out);
    section.finish(out);
    let market = Market {
        key: MarketKey { tenant: tenant?.clone(), market: MarketId::new(key).ok()? },
        region,
        zone: zone?,
        currency: currency?,
        promise_grace_days: u16::try_from(grace?).ok()?,
        attribution_days: attribution?,
        payment_order: payment_order?,
        // The country's pack states them.
        payment_orders: Vec::new(),
        // The KPI definitions state them.
        buckets: Buckets::default(),
        case_dimensions: crate::domain::case_dimensions::CaseDimensions::default(),
    };
    Some((market, calendar?))
}

/// Where weeks and fiscal years begin; holidays follow from the country's pack. Every key is taken, whatever is wrong with one
/// before it: what is not taken is told to be unknown.
fn calendar(section: &mut Section, out: &mut Complaints) -> Option<Calendar> {
    let mut calendar = Calendar::default();
    let week_start = section.text(out, "week_start");
    let weekday = week_start.map(|(text, at)| {
        let found = WEEKDAYS.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = WEEKDAYS.iter().map(|(name, _)| *name).collect();
            let message = format!("week_start is \"{}\", which is no weekday", text.escape_debug());
            out.at(at, message, format!("write one of {}", names.join(", ")));
        }
        found
    });
    if let Some(Some((_, weekday))) = weekday {
        calendar.week_start = *weekday;
    }
    let closing = section.integer(out, "close_after_days", 0..3_661);
    if let Some(days) = closing {
        calendar.close_after_days = Some(u32::try_from(days).ok()?);
    }
    let month = section.integer(out, "fiscal_year_start", 1..13);
    if let Some(month) = month {
        calendar.fiscal_year_start = u32::try_from(month).ok()?;
    }
    let understood = matches!(weekday, Some(Some(_))) || !section.was_there("week_start");
    let understood = understood && (closing.is_some() || !section.was_there("close_after_days"));
    (understood && (month.is_some() || !section.was_there("fiscal_year_start"))).then_some(calendar)
}

/// Weekdays as a market's file names them.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

/// Each component once, in the order in which payments settle them; the default where the file names none, until the
/// country's pack is asked.
fn payment_order(section: &mut Section, out: &mut Complaints) -> Option<[Component; 3]> {
    let names = section.texts(out, "payment_order");
    if !section.was_there("payment_order") {
        return Some(DEFAULT_PAYMENT_ORDER);
    }
    let at = names.first().map_or(section.offset(), |(_, at)| *at);
    let order: Vec<Component> = names.iter().filter_map(|(name, _)| Component::parse(name)).collect();
    let complete = Component::ALL.iter().all(|component| order.contains(component));
    let order = <[Component; 3]>::try_from(order).ok().filter(|_| complete && names.len() == 3);
    if order.is_none() {
        let remedy = "write payment_order = [\"cost\", \"interest\", \"principal\"] in the order you need";
        out.at(at, "payment_order does not name each component once", remedy);
    }
    order
}
