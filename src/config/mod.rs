//! Configuration: the server's settings, rule packs, KPI definitions, tenants and messages, loaded as one snapshot.
//! A load checks everything and reports all that is wrong at once; a snapshot is never changed, only replaced whole.

mod agents;
pub mod benchmark;
mod candidate;
pub mod document;
pub mod environment;
pub mod exchange;
mod holder;
mod partner;
pub mod reading;
pub mod server;
mod settings;
mod sink;
pub mod source;
pub mod strays;
pub mod target;
pub mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::agent_figures::AgentFigures;
use crate::domain::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::domain::disposition::Dispositions;
use crate::domain::ids::{MarketId, TenantId};
use crate::domain::market::Market;
use crate::domain::sharing::Sharing;
use crate::domain::sink::Sink;
use crate::domain::tenant::Span;
use crate::explain::Languages;
use crate::kpi::exchange::Reporting;
use crate::kpi::peers::Published;
use crate::kpi::target::Target;
use crate::kpi::{Calendar, Catalogue};
use crate::rules::{Packs, RuleSet};
pub use candidate::{CandidateFile, MAX_CANDIDATE_FILES};
pub use holder::Holder;
pub use server::Server;

/// A tenant as configuration knows it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its markets by id.
    pub markets: BTreeMap<MarketId, Market>,
    /// How each market divides its days.
    pub calendars: BTreeMap<MarketId, Calendar>,
    /// In which form each market's figures tell of agents.
    pub agent_figures: BTreeMap<MarketId, AgentFigures>,
    /// The rules of the packs with what the tenant adds and tightens.
    pub rules: Arc<RuleSet>,
    /// How it deals with findings.
    pub findings: tenant::Findings,
    /// Its own codes for what came of a contact.
    pub dispositions: Arc<Dispositions>,
    /// What is shared with partners.
    pub partners: Arc<[Sharing]>,
    /// To whom changes are sent.
    pub sinks: Arc<[Arc<Sink>]>,
    /// How its markets are added up, if it says.
    pub reporting: Option<Arc<Reporting>>,
    /// What its figures ought to be.
    pub targets: Vec<target::Placed>,
    /// The days whose figures it shares for quartiles of its markets' countries.
    pub shared: Option<Span>,
    /// A candidate in shadow: it is judged beside the rules in force and answers nothing.
    pub shadow: Option<Arc<RuleSet>>,
}

/// Everything that configuration says, checked as a whole.
#[derive(Debug)]
pub struct Snapshot {
    /// The server's settings.
    pub server: Server,
    /// The jurisdiction packs. What they say of a place in a file names it below the directory.
    pub packs: Arc<Packs>,
    /// The rules of a tenant that adds none.
    law: Arc<RuleSet>,
    /// The KPI definitions.
    pub catalogue: Arc<Catalogue>,
    /// The KPI files as read; those of worked figures are for [`crate::kpi::cases::run`].
    pub kpi_files: Arc<[SourceFile]>,
    /// Figures that others published.
    pub published: Vec<Published>,
    /// Tenants by id.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// The languages in which decisions are explained.
    pub languages: Arc<Languages>,
    /// Hash (blake3, hexadecimal) of every file that was read.
    pub digest: String,
    /// The texts of packs, rates and tenants, over which candidates are laid.
    sources: candidate::Sources,
}

impl Snapshot {
    /// The market of a tenant, if configured.
    #[must_use]
    pub fn market(&self, tenant: &TenantId, market: &MarketId) -> Option<&Market> {
        self.tenants.get(tenant)?.markets.get(market)
    }

    /// What was found in packs, rates and tenants of the directory that this was loaded from, with the paths of their files.
    #[must_use]
    pub fn found_in(&self, dir: &Path, found: Diagnostics) -> Diagnostics {
        self.sources.found_in(dir, found)
    }

    /// The targets of a market, in the order of the tenant's file.
    #[must_use]
    pub fn targets(&self, tenant: &TenantId, market: &MarketId) -> Vec<Target> {
        let all = self.tenants.get(tenant).map(|tenant| tenant.targets.as_slice()).unwrap_or_default();
        let here = all.iter().filter(|placed| placed.markets.is_empty() || placed.markets.contains(market));
        here.map(|placed| placed.target.clone()).collect()
    }
}

/// Loads snapshots.
pub struct Config;

impl Config {
    /// Loads a directory: `server.toml`, `jurisdictions/<id>/*.toml`, `rates/*.toml`, `kpis/*.toml`, `tenants/*.toml`,
    /// `exchange/*.toml`, `benchmarks/*.toml`, `messages/*.toml`, `shadow/<tenant>/...`, with the process's environment
    /// laid over the settings.
    ///
    /// # Errors
    /// Every diagnostic of every file, with file, line, column and remedy.
    pub fn load(dir: &Path) -> Result<Snapshot, Diagnostics> {
        Self::load_after(dir, environment(), None)
    }

    /// As [`Config::load`], where a load of the directory came before.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_anew(dir: &Path, former: &Snapshot) -> Result<Snapshot, Diagnostics> {
        Self::load_after(dir, environment(), Some(former))
    }

    /// As [`Config::load`], with the environment as an argument.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(dir: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Snapshot, Diagnostics> {
        Self::load_after(dir, environment, None)
    }

    /// As [`Config::load_with`], where a load came before. Every file is read, and compiled unless the former snapshot was
    /// compiled of the same text: law that has not changed is most of what a load takes.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_after(
        dir: &Path,
        environment: impl Iterator<Item = (String, String)>,
        former: Option<&Snapshot>,
    ) -> Result<Snapshot, Diagnostics> {
        let mut found = Vec::new();
        if !dir.is_dir() {
            found.push(Diagnostic {
                file: dir.display().to_string(),
                line: 1,
                column: 1,
                message: "is no directory".to_owned(),
                remedy: "name the configuration directory with --config".to_owned(),
            });
        }
        strays::check(dir, &mut found);
        let settings = source::optional(&dir.join("server.toml"), &mut found);
        let mut jurisdictions = source::folders(&dir.join("jurisdictions"), &mut found);
        jurisdictions.extend(source::folder(&dir.join("rates"), &mut found));
        let kpis = source::folder(&dir.join("kpis"), &mut found);
        let tenant_files = source::folder(&dir.join("tenants"), &mut found);
        let exchange_files = source::folder(&dir.join("exchange"), &mut found);
        let benchmark_files = source::folder(&dir.join("benchmarks"), &mut found);
        let messages = dir.join("messages");
        let message_files = source::folder(&messages, &mut found);
        let shadows = candidate::shadows(&dir.join("shadow"), &mut found);
        let shadow_files = shadows.iter().flat_map(|one| &one.files);
        let files = settings.iter().chain(&jurisdictions).chain(&kpis).chain(&tenant_files).chain(&message_files);
        let files = files.chain(shadow_files).chain(&exchange_files).chain(&benchmark_files);
        let digest = digest(dir, files);
        let sources = candidate::Sources::of(dir, jurisdictions.iter().chain(&tenant_files));
        // Law is compiled under its places below the directory: what was compiled of a text is the same wherever it lies.
        jurisdictions.iter_mut().for_each(|file| file.path = candidate::place_below(dir, file));
        let law_in = |found: Diagnostics| sources.found_in(dir, found);

        let file = settings.as_ref().map(|file| (file.path.as_str(), file.text.as_str()));
        let server = Server::build(file, environment, &mut found);
        let catalogue = keep(Catalogue::compile(&kpis), &mut found);
        let languages = Languages::read(&messages.display().to_string(), &message_files, &mut found).map(Arc::new);
        let exchange = exchange::read(&exchange_files, &mut found);
        let published = benchmark::read(&benchmark_files, catalogue.as_ref(), &mut found);
        // A tenant's rules can be judged only against sound packs; its other keys are checked all the same.
        let former = former.filter(|former| former.sources.same_law(&sources));
        let packs = match former {
            Some(former) => Some(Arc::clone(&former.packs)),
            None => keep(Packs::compile(&jurisdictions).map_err(law_in), &mut found).map(Arc::new),
        };
        let law = match (former, &packs) {
            (Some(former), _) => Some(Arc::clone(&former.law)),
            (None, Some(packs)) => keep(RuleSet::for_tenant(packs, None).map_err(law_in), &mut found).map(Arc::new),
            (None, None) => None,
        };
        let mut tenants = BTreeMap::new();
        for file in &tenant_files {
            let Some(mut tenant) = tenant::read(file, &mut found) else { continue };
            if let Some(packs) = &packs {
                ordered(&mut tenant, packs);
            }
            if let Some(catalogue) = &catalogue {
                tenant.markets.values_mut().for_each(|market| {
                    market.buckets = catalogue.buckets().clone();
                    market.case_dimensions = catalogue.case_dimensions().clone();
                });
                reading::check(&tenant.readings, &mut tenant.calendars, catalogue, file, &mut found);
                target::check(&mut tenant.targets, &tenant.calendars, catalogue, file, &mut found);
                agents::check(&tenant, catalogue, file, &mut found);
            }
            let rules = match &packs {
                Some(packs) if tenant.has_rules => {
                    let place = candidate::place_below(dir, file);
                    let same = former.filter(|former| former.sources.text(&place) == Some(file.text.as_str()));
                    match same.and_then(|former| former.tenants.get(&tenant.id)) {
                        Some(former) => Some(Arc::clone(&former.rules)),
                        None => keep(RuleSet::for_tenant(packs, Some(file)).map_err(law_in), &mut found).map(Arc::new),
                    }
                }
                _ => law.clone(),
            };
            if let Some(rules) = rules {
                let tenant::TenantFile {
                    id,
                    markets,
                    calendars,
                    agent_figures,
                    findings,
                    dispositions,
                    partners,
                    sinks,
                    reporting,
                    targets,
                    shared,
                    ..
                } = tenant;
                let agent_figures =
                    agent_figures.into_iter().map(|(market, placed)| (market, placed.figures)).collect();
                let (dispositions, partners) = (Arc::new(dispositions), Arc::from(partners));
                let sinks = sinks.into_iter().map(Arc::new).collect();
                let reporting = reporting.and_then(|choice| choice.resolve(file, &exchange, &mut found));
                let tenant = Tenant {
                    markets,
                    calendars,
                    agent_figures,
                    rules,
                    findings,
                    dispositions,
                    partners,
                    sinks,
                    reporting,
                    targets,
                    shared,
                    shadow: None,
                };
                tenants.insert(id, tenant);
            }
        }
        let found = Diagnostics(found);
        match (packs, law, catalogue, languages) {
            (Some(packs), Some(law), Some(catalogue), Some(languages)) => {
                let catalogue = Arc::new(catalogue);
                let kpi_files = Arc::from(kpis);
                let mut snapshot = Snapshot {
                    server,
                    packs,
                    law,
                    catalogue,
                    kpi_files,
                    published,
                    tenants,
                    languages,
                    digest,
                    sources,
                };
                let Diagnostics(mut found) = found;
                snapshot.cast(&shadows, &mut found);
                Diagnostics(found).into_result(snapshot)
            }
            // Without packs, definitions or messages there are diagnostics that say why.
            _ => Err(found.into_result(()).err().unwrap_or_default()),
        }
    }
}

/// The process's environment.
fn environment() -> impl Iterator<Item = (String, String)> {
    // A variable that is no UTF-8 cannot be a setting of ours: names and values are ASCII words.
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Payments of a market whose file states no order settle components as the country's pack says, those on debts of which the law
/// states an order in that one, and its working days are those of the country's pack.
fn ordered(tenant: &mut tenant::TenantFile, packs: &Packs) {
    for (id, calendar) in &mut tenant.calendars {
        let pack = tenant.markets.get(id).and_then(|market| packs.get(&market.region.to_lowercase()));
        calendar.holidays = pack.and_then(|pack| packs.calendar_of(pack));
    }
    for market in tenant.markets.values_mut() {
        let pack = packs.get(&market.region.to_lowercase());
        market.payment_orders = pack.map_or_else(Vec::new, |pack| pack.payment_orders.clone());
    }
    for id in &tenant.unordered {
        let Some(market) = tenant.markets.get_mut(id) else { continue };
        let pack = packs.get(&market.region.to_lowercase());
        market.payment_order = pack.and_then(|pack| pack.payment_order).unwrap_or(market.payment_order);
    }
}

/// The value, or its diagnostics kept.
fn keep<T>(result: Result<T, Diagnostics>, found: &mut Vec<Diagnostic>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(diagnostics) => {
            found.extend(diagnostics.0);
            None
        }
    }
}

/// Hash over names (relative to the directory, so that a moved directory keeps its digest) and texts.
fn digest<'f>(dir: &Path, files: impl Iterator<Item = &'f SourceFile>) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let name = Path::new(&file.path).strip_prefix(dir).unwrap_or(Path::new(&file.path));
        for part in [name.as_os_str().as_encoded_bytes(), file.text.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().to_hex().to_string()
}
