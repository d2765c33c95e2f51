//! What is told of a database's address and of why it does not open: which file or server, the cause, and what to mend. Never a
//! password.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::error::{code_of, sqlite_primary};
use super::{StoreError, StoreOptions};

/// The address of a database as a log may hold it: the whole path of a file; user, host, port and name of a server. A password
/// and options are left out.
#[must_use]
pub fn address_shown(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return match file_of(url) {
            Some(file) => format!("sqlite://{}", file.display()),
            None => "sqlite::memory:".to_owned(),
        };
    }
    match url.parse::<PgConnectOptions>() {
        Ok(options) => server_of(&options),
        Err(_) => "an address that does not read".to_owned(),
    }
}

/// Why a database did not open, and what to do: for whoever starts the program.
pub async fn why_not_opened(url: &str, options: &StoreOptions, error: &StoreError) -> String {
    if let StoreError::Newer(migration) = error {
        let shown = address_shown(url);
        return format!(
            "the database {shown} was migrated by a newer version of fairdue (migration {migration}): start that version or a \
             later one"
        );
    }
    if let StoreError::Address(_) = error {
        return error.to_string();
    }
    if let StoreError::Foreign(_) = error {
        return format!("the database {} was left as it is: {error}", address_shown(url));
    }
    if url.starts_with("sqlite:") {
        return file_closed(url, error);
    }
    // A pool tells only that it waited: one connection by itself tells why.
    for address in [url, options.migration_url.as_deref().unwrap_or(url)] {
        if let Some(told) = server_closed(address, options.acquire_timeout).await {
            return told;
        }
    }
    plain(&address_shown(url), error)
}

fn plain(shown: &str, error: &StoreError) -> String {
    match error.cause() {
        Some(cause) => format!("the database {shown}: {error}: {cause}"),
        None => format!("the database: {error}"),
    }
}

/// The whole path of an SQLite file; `None` of a database in memory, and of an address that names none.
pub(super) fn file_of(url: &str) -> Option<PathBuf> {
    let options: SqliteConnectOptions = url.parse().ok()?;
    let file = options.get_filename();
    // The driver's name for a database in memory is no file's.
    let named = |file: &&Path| !file.as_os_str().is_empty() && !file.to_string_lossy().starts_with("file:");
    let file = Some(file).filter(named)?;
    Some(std::path::absolute(file).unwrap_or_else(|_| file.to_owned()))
}

/// The file that an address names, where there is none yet: who only reads does not want an empty one made.
#[must_use]
pub fn missing_file(url: &str) -> Option<PathBuf> {
    if !url.starts_with("sqlite:") {
        return None;
    }
    file_of(url).filter(|file| !file.exists())
}

/// A table of an SQLite file in which no migration of this program ever ran: another program's. Read before anything else opens the
/// file, since connections for work change its journal. `None` of a file that cannot be read: opening it tells why.
pub(super) async fn foreign_table(url: &str) -> Option<String> {
    const TABLE: &str = r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
        ORDER BY name = 'seaql_migrations' DESC, name LIMIT 1";
    if !url.starts_with("sqlite:") || missing_file(url).is_some() {
        return None;
    }
    let options: SqliteConnectOptions = url.parse().ok()?;
    let mut file = SqliteConnection::connect_with(&options.read_only(true).create_if_missing(false)).await.ok()?;
    let table: Option<String> = sqlx::query_scalar(TABLE).fetch_optional(&mut file).await.ok().flatten();
    let _ = file.close().await;
    table.filter(|name| name != "seaql_migrations")
}

fn file_closed(url: &str, error: &StoreError) -> String {
    let shown = address_shown(url);
    let Some(file) = file_of(url) else { return plain(&shown, error) };
    let directory = file.parent().unwrap_or(Path::new("/")).to_owned();
    let remedy = match error.code().as_deref().and_then(sqlite_primary) {
        Some(14) if !directory.is_dir() => {
            format!("make the directory {}, or name another file by the setting database.url", directory.display())
        }
        Some(8 | 14 | 23) => format!(
            "let the user that runs fairdue read and write the file and the directory {}, in which SQLite makes two more",
            directory.display()
        ),
        Some(13) => "make room on its disk".to_owned(),
        Some(26) => "it is another program's file, or damaged: name another by the setting database.url".to_owned(),
        Some(11) => "restore it from a backup".to_owned(),
        Some(5 | 6) => "another process holds it: end that one, or wait until it is done".to_owned(),
        _ => return plain(&shown, error),
    };
    let cause = error.cause().unwrap_or_default();
    format!("the database {shown} does not open: {cause}; remedy: {remedy}")
}

fn server_of(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let name = options.get_database().unwrap_or_else(|| options.get_username());
    format!("postgres://{}@{place}/{name}", options.get_username())
}

/// Why a server takes no connection; `None` if it takes one.
async fn server_closed(url: &str, wait: Duration) -> Option<String> {
    let options = match url.parse::<PgConnectOptions>() {
        Ok(options) => options,
        Err(error) => {
            return Some(format!(
                "the database's address does not read: {error}; remedy: write postgres://USER:PASSWORD@HOST/NAME"
            ));
        }
    };
    let shown = server_of(&options);
    let (cause, remedy) = match tokio::time::timeout(wait, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            return None;
        }
        Ok(Err(error)) => (error.to_string(), server_remedy(&error)),
        Err(_) => (
            format!("no answer within {} ms", wait.as_millis()),
            "see whether host and port are right and no firewall is between; database.acquire_timeout_ms is how long is waited",
        ),
    };
    Some(format!("the database {shown} does not open: {cause}; remedy: {remedy}"))
}

fn server_remedy(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nobody listens there: start PostgreSQL, or name its host and port by the setting database.url"
        }
        sqlx::Error::Io(_) => "see whether the host of the setting database.url is right and can be reached from here",
        sqlx::Error::Tls(_) => "see sslmode and sslrootcert of the setting database.url",
        sqlx::Error::Database(database) => match database.code().as_deref() {
            Some("28P01" | "28000") => {
                "see user and password of the setting database.url, and pg_hba.conf of PostgreSQL"
            }
            Some("3D000") => "make it with createdb, or name another by the setting database.url",
            Some("53300") => {
                "PostgreSQL has no connection left: raise its max_connections, or lower database.max_connections"
            }
            Some("42501") => "grant the user the rights that it lacks",
            Some("57P03") => "PostgreSQL is starting or stopping: try again",
            _ => "PostgreSQL's own log may tell more",
        },
        _ => "see the setting database.url",
    }
}

impl StoreError {
    /// The database's own code, where it gave one.
    pub(super) fn code(&self) -> Option<String> {
        match self {
            Self::Unavailable(error)
            | Self::Conflict(error)
            | Self::Moved(error)
            | Self::SchemaBusy(error)
            | Self::Full(error)
            | Self::Other(error) => code_of(error),
            Self::Corrupt { .. } | Self::Address(_) | Self::Copy(_) | Self::Newer(_) | Self::Foreign(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_password_and_options() {
        for (url, shown) in [
            (
                "postgres://u:secret@db.example.org/x?sslmode=disable&password=secret",
                "postgres://u@db.example.org:5432/x",
            ),
            ("postgres://u:secret@127.0.0.1:6432/x", "postgres://u@127.0.0.1:6432/x"),
            ("sqlite:///var/lib/fairdue/f.db?mode=rwc", "sqlite:///var/lib/fairdue/f.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://u:secret@[", "an address that does not read"),
        ] {
            assert_eq!(address_shown(url), shown, "{url}");
        }
        let here = std::env::current_dir().unwrap().join("y.db");
        assert_eq!(address_shown("sqlite://y.db"), format!("sqlite://{}", here.display()));
    }
}
