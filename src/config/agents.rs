//! In which form a market's figures tell of agents: `agent_figures` of a market, and what targets may name under it.

use super::document::{Complaints, Section};
use super::target;
use super::tenant::TenantFile;
use crate::domain::agent_figures::{AgentFigures, Pseudonyms};
use crate::domain::diagnostic::{Diagnostic, SourceFile};
use crate::kpi::definition::Kind;
use crate::kpi::{Catalogue, Dimension, Grain};

/// The form, and where the file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The form.
    pub figures: AgentFigures,
    /// Byte offset of its word, or of the market.
    at: usize,
}

/// Reads `agent_figures` of a market; `named` where the file does not say.
pub(super) fn read(section: &mut Section, out: &mut Complaints) -> Option<Placed> {
    let key = "agent_figures";
    let Some((text, at)) = section.text(out, key) else {
        let placed = Placed { figures: AgentFigures::default(), at: section.offset() };
        return (!section.was_there(key)).then_some(placed);
    };
    let figures = AgentFigures::parse(text);
    if figures.is_none() {
        let known: Vec<&str> = AgentFigures::ALL.iter().map(|one| one.as_str()).collect();
        let message = format!("agent_figures is \"{}\", which is no form of figures about agents", text.escape_debug());
        out.at(at, message, format!("write one of {}", known.join(", ")));
    }
    Some(Placed { figures: figures?, at })
}

/// Refuses targets whose figures no market tells, and the form that needs a count of active agents where there is none.
pub(super) fn check(tenant: &TenantFile, catalogue: &Catalogue, file: &SourceFile, found: &mut Vec<Diagnostic>) {
    let mut wrong = |at: usize, message: String, remedy: &str| {
        found.push(Diagnostic::at(&file.path, &file.text, at, message, remedy));
    };
    for (market, placed) in &tenant.agent_figures {
        if placed.figures == AgentFigures::Teams && catalogue.active_agents().is_none() {
            let message =
                format!("markets.{market}.agent_figures is teams, and no KPI counts the agents who were active");
            wrong(
                placed.at,
                message,
                "add a simple KPI over a distinct count of agent in agent_active to the KPI files",
            );
        }
        for target in tenant.targets.iter().filter(|one| one.markets.is_empty() || one.markets.contains(market)) {
            for (dimension, value, at) in target.named() {
                if let Some((why, remedy)) = refused(placed.figures, target, (dimension, value), catalogue) {
                    let (id, figures) = (&target.target.id, placed.figures);
                    let message = format!(
                        "target \"{id}\" {why}, and figures of the market {market} tell of agents as {figures} \
                         (agent_figures)"
                    );
                    wrong(at, message, remedy);
                }
            }
        }
    }
}

/// Why a target's group has no figures, and what to write instead.
fn refused(
    figures: AgentFigures,
    target: &target::Placed,
    (dimension, value): (Dimension, &str),
    catalogue: &Catalogue,
) -> Option<(String, &'static str)> {
    use AgentFigures as F;
    let of = &target.target;
    let runs_on = || {
        let kpis = std::iter::once(&of.kpi).chain(of.guard.iter().map(|guard| &guard.kpi));
        let kind = |id: &String| catalogue.list().find(|info| info.id == *id).map(|info| info.kind);
        kpis.into_iter().any(|id| kind(id) == Some(Kind::Cumulative))
    };
    match (dimension, figures) {
        (Dimension::Agent, F::Pseudonym) if !Pseudonyms::is_one(value) => Some((
            format!("names the agent \"{}\" and no pseudonym", value.escape_debug()),
            "write the pseudonym that answers by agent tell, or set the target for a team",
        )),
        (Dimension::Agent, F::Teams) => {
            Some(("names an agent".to_owned(), "set the target for a team of five or more, or for the market"))
        }
        (Dimension::Agent | Dimension::Team, F::Off) => Some((
            format!("is for one {dimension}"),
            "set the target for the market, or name in markets where it is for",
        )),
        (Dimension::Team, F::Teams) if target.named().count() > 1 => {
            Some(("is for a team and something else".to_owned(), "set the target for the team alone"))
        }
        (Dimension::Team, F::Teams) if runs_on() => {
            Some(("is for a team and of a running total".to_owned(), "name the KPI of the month that it adds up"))
        }
        (Dimension::Team, F::Teams) if matches!(of.grain, Grain::Day | Grain::Week) => Some((
            format!("is for a team by {}", of.grain),
            "write grain = \"month\", or a longer one: teams are told of by whole months",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{source, tenant};

    const HEAD: &str = "tenant = \"t\"\n[markets.it]\nzone = \"Europe/Rome\"\ncurrency = \"EUR\"\n\
        promise_grace_days = 3\n[markets.de]\nzone = \"Europe/Berlin\"\ncurrency = \"EUR\"\npromise_grace_days = 3\n";

    fn definitions() -> Vec<SourceFile> {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/kpis");
        source::folder(&dir, &mut Vec::new())
    }

    /// What is wrong with a file whose German market has this form.
    fn complaints(figures: &str, more: &str, catalogue: &Catalogue) -> Vec<String> {
        let text = format!("{HEAD}agent_figures = {figures}\n{more}");
        let file = SourceFile { path: "t.toml".to_owned(), text };
        let mut found = Vec::new();
        if let Some(mut tenant) = tenant::read(&file, &mut found) {
            target::check(&mut tenant.targets, &tenant.calendars, catalogue, &file, &mut found);
            check(&tenant, catalogue, &file, &mut found);
        }
        found.into_iter().map(|one| format!("{}:{}: {}", one.line, one.column, one.message)).collect()
    }

    fn target(grain: &str, markets: &str, group: &str) -> String {
        format!(
            "[[target]]\nid = \"x\"\nkpi = \"calls_outbound\"\ngrain = \"{grain}\"\nfrom = \"2026-01-01\"\n\
             goal = \"1\"\nside = \"at_least\"\n{markets}[target.group]\n{group}"
        )
    }

    #[test]
    fn a_form_is_one_of_four() {
        let catalogue = Catalogue::compile(&definitions()).unwrap();
        for one in AgentFigures::ALL {
            assert!(complaints(&format!("\"{one}\""), "", &catalogue).is_empty());
        }
        let wrong = ["10:17: agent_figures is \"five\", which is no form of figures about agents"];
        assert_eq!(complaints("\"five\"", "", &catalogue), wrong);
        assert_eq!(
            complaints("5", "", &catalogue),
            ["10:17: markets.de.agent_figures is a whole number, not a text in quotes"]
        );
    }

    #[test]
    fn a_target_is_for_what_figures_tell_of() {
        let catalogue = Catalogue::compile(&definitions()).unwrap();
        let of = |figures: &str, grain: &str, group: &str| {
            let found = complaints(&format!("\"{figures}\""), &target(grain, "", group), &catalogue);
            found.join(" | ")
        };
        assert_eq!(of("named", "day", "agent = \"ann\"\n"), "");
        let pseudonym = "agent = \"agent-0123456789abcdef01234567\"\n";
        assert_eq!(of("pseudonym", "day", pseudonym), "");
        let told = |what: &str, figures: &str| {
            format!(
                "19:1: target \"x\" {what}, and figures of the market de tell of agents as {figures} (agent_figures)"
            )
        };
        let named = "names the agent \"ann\" and no pseudonym";
        assert_eq!(of("pseudonym", "day", "agent = \"ann\"\n"), told(named, "pseudonym"));
        assert_eq!(of("teams", "month", pseudonym), told("names an agent", "teams"));
        assert_eq!(of("teams", "month", "team = \"a\"\n"), "");
        assert_eq!(of("teams", "week", "team = \"a\"\n"), told("is for a team by week", "teams"));
        let running =
            target("month", "currency = \"EUR\"\n", "team = \"a\"\n").replace("calls_outbound", "collected_to_date");
        let what = "target \"x\" is for a team and of a running total";
        let found = complaints("\"teams\"", &running, &catalogue);
        assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
        assert_eq!(of("off", "month", "team = \"a\"\n"), told("is for one team", "off"));
        let elsewhere = target("day", "markets = [\"it\"]\n", "agent = \"ann\"\n");
        assert!(complaints("\"off\"", &elsewhere, &catalogue).is_empty(), "another market tells of agents");
    }

    #[test]
    fn teams_need_a_count_of_active_agents() {
        let mut files = definitions();
        let all = Catalogue::compile(&files).unwrap();
        assert_eq!(all.active_agents(), Some("active_agents"));
        for file in &mut files {
            file.text = file.text.replace("agg = \"distinct\"\nof = \"agent\"", "agg = \"distinct\"\nof = \"team\"");
            file.text = file.text.replace("[[], [\"channel\"], [\"team\"], ", "[[], [\"channel\"], ");
        }
        let none = Catalogue::compile(&files).unwrap();
        let wrong = "10:17: markets.de.agent_figures is teams, and no KPI counts the agents who were active";
        assert_eq!(complaints("\"teams\"", "", &none), [wrong]);
        assert!(complaints("\"off\"", "", &none).is_empty());
    }
}
