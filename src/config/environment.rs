//! Variables of the environment that begin as the settings do. One that is nearly a setting (`FAIRDUE_DATABASE_URL`) is a
//! mistake: passed over in silence, the server would serve something else. The rest only get a warning, for others set such
//! variables too: Kubernetes gives every pod some for each service, and manifests keep parts of an address in some.

use super::document::distance;
use super::server::DEFAULTS;
use super::settings::Settings;

/// Variables that commands read by themselves (their options name them).
const PLAIN: [&str; 5] =
    ["FAIRDUE_CONFIG", "FAIRDUE_URL", "FAIRDUE_API_KEY", "FAIRDUE_TO_API_KEY", "FAIRDUE_B_API_KEY"];

/// What a variable's name is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Another program's, or one that a command reads.
    Plain,
    /// It names this setting, known or not: `section.key`.
    Setting(String),
    /// It names none, but nearly these.
    Nearly(Vec<String>),
    /// It names none.
    Unknown,
}

/// What the name of a variable is, beside the settings that there are.
pub(super) fn read<'k>(name: &str, settings: impl Iterator<Item = &'k str>) -> Name {
    let Some(rest) = name.strip_prefix("FAIRDUE_") else { return Name::Plain };
    if PLAIN.contains(&name) {
        return Name::Plain;
    }
    if let Some((section, key)) = rest.split_once("__") {
        return Name::Setting(format!("{}.{}", section.to_ascii_lowercase(), key.to_ascii_lowercase()));
    }
    if of_a_service(rest) {
        return Name::Plain;
    }
    let said = letters(rest);
    let near = |path: &&str| {
        let section = path.split('.').next().unwrap_or_default();
        // One letter more, less or other is a slip; two would take FAIRDUE_DATABASE_USER for database.url.
        section == said || distance(&said, &letters(path)) <= 1
    };
    let near: Vec<String> = settings.filter(near).map(str::to_owned).collect();
    if near.is_empty() { Name::Unknown } else { Name::Nearly(near) }
}

/// The variable that sets a setting.
pub(super) fn variable(path: &str) -> String {
    format!("FAIRDUE_{}", path.to_ascii_uppercase().replace('.', "__"))
}

fn letters(text: &str) -> String {
    text.chars().filter(|letter| *letter != '_' && *letter != '.').map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether Kubernetes sets it for a service whose name begins with fairdue: `FAIRDUE_SERVICE_HOST`, `FAIRDUE_PORT`,
/// `FAIRDUE_GRPC_PORT_50051_TCP_ADDR`, `FAIRDUE_SERVICE_PORT_GRPC`.
fn of_a_service(rest: &str) -> bool {
    let words: Vec<&str> = rest.split('_').collect();
    let pair = |first: &str, second: &str| words.windows(2).any(|two| two == [first, second]);
    let numbered = |at: usize| words.get(at + 1).is_none_or(|word| word.parse::<u16>().is_ok());
    pair("SERVICE", "HOST")
        || pair("SERVICE", "PORT")
        || words.iter().enumerate().any(|(at, word)| *word == "PORT" && numbered(at))
}

/// Names of the process's variables that begin as those of settings do, name none and are passed over. To be told, for
/// whoever set one may believe that it does something.
#[must_use]
pub fn passed_over() -> Vec<String> {
    Settings::defaults(DEFAULTS).unknown(super::environment())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(variable: &str) -> Name {
        read(variable, ["database.url", "database.pooled", "grpc.listen", "log.filter"].into_iter())
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_told_from_those_of_others() {
        for (variable, near) in [
            ("FAIRDUE_DATABASE_URL", "database.url"),
            ("FAIRDUE_DATABASEURL", "database.url"),
            ("FAIRDUE_DATABASE_URI", "database.url"),
            ("FAIRDUE_GRPC_LISTEN", "grpc.listen"),
            ("FAIRDUE_GRPC_LISTN", "grpc.listen"),
        ] {
            assert_eq!(name(variable), Name::Nearly(vec![near.to_owned()]), "{variable}");
        }
        let section = vec!["database.url".to_owned(), "database.pooled".to_owned()];
        assert_eq!(name("FAIRDUE_DATABASE"), Name::Nearly(section));
        assert_eq!(name("FAIRDUE_GRPC__LISTN"), Name::Setting("grpc.listn".to_owned()));
        assert_eq!(name("FAIRDUE_GRPC__PORT"), Name::Setting("grpc.port".to_owned()));
        for variable in [
            "FAIRDUE_CONFIG",
            "FAIRDUE_B_API_KEY",
            "PATH",
            "FAIRDUE_PORT",
            "FAIRDUE_SERVICE_HOST",
            "FAIRDUE_SERVICE_PORT",
            "FAIRDUE_SERVICE_PORT_GRPC",
            "FAIRDUE_PORT_50051_TCP",
            "FAIRDUE_PORT_50051_TCP_ADDR",
            "FAIRDUE_DATABASE_SERVICE_HOST",
            "FAIRDUE_DATABASE_PORT",
        ] {
            assert_eq!(name(variable), Name::Plain, "{variable}");
        }
        for variable in ["FAIRDUE_DATABASE_USER", "FAIRDUE_LOG_LEVEL", "FAIRDUE_REGION"] {
            assert_eq!(name(variable), Name::Unknown, "{variable}");
        }
        assert_eq!(variable("grpc.listen"), "FAIRDUE_GRPC__LISTEN");
    }
}
