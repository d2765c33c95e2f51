//! Who calls, and whether the caller may: settled before a message is read.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Extensions, HeaderMap, HeaderValue, header};
use tonic::Status;

use super::page::PageTokens;
use super::status;
use crate::domain::consistency::Consistency;
use crate::domain::error_kind::ErrorKind;
use crate::domain::principal::{Principal, Role};

/// Longest credential that is looked at.
const MAX_CREDENTIAL_BYTES: usize = 1024;

/// Finds the caller behind an API key.
pub type Authenticate = Arc<dyn Fn(HeaderValue) -> BoxFuture<'static, Result<Principal, Status>> + Send + Sync>;

/// A method of the API, who may call it, and whether its answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// A caller needs one of these.
    pub roles: &'static [Role],
    /// A stream has no default deadline.
    pub streaming: bool,
}

const WRITE: &[Role] = &[Role::Writer];
const READ: &[Role] = &[Role::Reader];
const FOLLOW: &[Role] = &[Role::Reader, Role::Partner];
const RESERVE: &[Role] = &[Role::Checker, Role::Writer];
const DECIDE: &[Role] = &[Role::Compliance];
const ADMINISTER: &[Role] = &[Role::Admin];
const CHECK: &[Role] = &[Role::Checker, Role::Reader, Role::Writer];

const fn unary(path: &'static str, roles: &'static [Role]) -> Method {
    Method { path, roles, streaming: false }
}

/// Every method of the API. A test compares this table with the services' descriptors.
pub const METHODS: [Method; 43] = [
    unary("/fairdue.v1.CaseService/UpsertCase", WRITE),
    unary("/fairdue.v1.CaseService/BatchUpsertCases", WRITE),
    unary("/fairdue.v1.CaseService/GetCase", READ),
    unary("/fairdue.v1.CaseService/ListCases", READ),
    unary("/fairdue.v1.CaseService/GetCaseFile", READ),
    unary("/fairdue.v1.ActivityService/RecordActivity", WRITE),
    unary("/fairdue.v1.ActivityService/BatchRecordActivities", WRITE),
    Method { path: "/fairdue.v1.ActivityService/StreamActivities", roles: WRITE, streaming: true },
    unary("/fairdue.v1.ActivityService/CorrectActivity", WRITE),
    unary("/fairdue.v1.ActivityService/VoidActivity", WRITE),
    unary("/fairdue.v1.ActivityService/GetActivity", READ),
    unary("/fairdue.v1.ActivityService/ListActivities", READ),
    unary("/fairdue.v1.ComplianceService/CheckContact", CHECK),
    unary("/fairdue.v1.ComplianceService/ReleasePermit", RESERVE),
    unary("/fairdue.v1.ComplianceService/GetPermit", CHECK),
    unary("/fairdue.v1.ComplianceService/ListPermits", CHECK),
    unary("/fairdue.v1.ComplianceService/BatchCheckContacts", CHECK),
    Method { path: "/fairdue.v1.ComplianceService/StreamContactChecks", roles: CHECK, streaming: true },
    unary("/fairdue.v1.ComplianceService/CheckCharge", CHECK),
    unary("/fairdue.v1.ComplianceService/Explain", CHECK),
    Method { path: "/fairdue.v1.ComplianceService/SimulateRules", roles: READ, streaming: true },
    unary("/fairdue.v1.ComplianceService/GetShadowReport", READ),
    unary("/fairdue.v1.ComplianceService/ListFindings", READ),
    unary("/fairdue.v1.ComplianceService/GetFinding", READ),
    unary("/fairdue.v1.ComplianceService/UpdateFinding", DECIDE),
    unary("/fairdue.v1.ComplianceService/ListRules", READ),
    unary("/fairdue.v1.KpiService/ListKpis", READ),
    unary("/fairdue.v1.KpiService/QueryKpis", READ),
    unary("/fairdue.v1.KpiService/QueryKpisAcrossMarkets", READ),
    Method { path: "/fairdue.v1.KpiService/WatchKpis", roles: READ, streaming: true },
    unary("/fairdue.v1.KpiService/GetScorecard", READ),
    Method { path: "/fairdue.v1.KpiService/WatchAlerts", roles: READ, streaming: true },
    unary("/fairdue.v1.KpiService/GetBenchmarks", READ),
    unary("/fairdue.v1.KpiService/GetDataQuality", READ),
    unary("/fairdue.v1.KpiService/DrillDown", READ),
    Method { path: "/fairdue.v1.SyncService/Pull", roles: FOLLOW, streaming: true },
    Method { path: "/fairdue.v1.SyncService/Push", roles: WRITE, streaming: true },
    unary("/fairdue.v1.SyncService/GetMarketStatus", FOLLOW),
    unary("/fairdue.v1.SyncService/ListDayTallies", FOLLOW),
    unary("/fairdue.v1.SyncService/ListLeaves", FOLLOW),
    unary("/fairdue.v1.SyncService/ListSinks", READ),
    unary("/fairdue.v1.SyncService/UpdateSink", ADMINISTER),
    unary("/fairdue.v1.SyncService/ListDeadLetters", READ),
];

/// Paths that begin so need a credential.
pub const PROTECTED: &str = "/fairdue.";

impl Method {
    /// The method of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<&'static Self> {
        #[cfg(feature = "bench")]
        let mut known = METHODS.iter().chain(&super::bench::METHODS);
        #[cfg(not(feature = "bench"))]
        let mut known = METHODS.iter();
        known.find(|method| method.path == path)
    }

    /// Refuses a caller that has none of the method's roles.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub fn admit(&self, who: &Principal) -> Result<(), Status> {
        if self.roles.iter().any(|role| who.has(*role)) {
            return Ok(());
        }
        let names: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let message = format!("the API key lacks the role: {} is needed", names.join(" or "));
        Err(status::own(ErrorKind::PermissionDenied, "ROLE_MISSING", message))
    }
}

/// An authenticated caller, as handlers find it in the request's extensions.
#[derive(Clone)]
pub struct Caller {
    /// Who it is.
    pub who: Principal,
    /// How new answers have to be.
    pub consistency: Consistency,
    credential: HeaderValue,
}

impl Caller {
    /// The caller of a request whose credential opened this principal.
    #[must_use]
    pub const fn new(who: Principal, consistency: Consistency, credential: HeaderValue) -> Self {
        Self { who, consistency, credential }
    }

    /// The caller of a request that went through authentication.
    ///
    /// # Errors
    /// UNAUTHENTICATED, if it did not.
    pub fn take(extensions: &mut Extensions) -> Result<Self, Status> {
        extensions.remove::<Self>().ok_or_else(unauthenticated)
    }

    /// The same caller with what its key opens by now.
    #[must_use]
    pub fn again(&self, who: Principal) -> Self {
        Self { who, ..self.clone() }
    }

    /// The caller's API key, to ask again whether it still opens anything.
    #[must_use]
    pub fn api_key(&self) -> &str {
        self.credential.to_str().unwrap_or_default()
    }

    /// Page tokens for this caller: signed with what its credential and nothing else gives, so that every replica
    /// reads them and nobody else's tokens open here.
    #[must_use]
    pub fn page_tokens(&self) -> PageTokens {
        PageTokens::new(self.credential.as_bytes())
    }
}

/// The answer to every credential that opens nothing: it does not say why.
#[must_use]
pub fn unauthenticated() -> Status {
    let message = "send a valid API key in the metadata: authorization: Bearer fd_...";
    status::own(ErrorKind::Unauthenticated, "UNAUTHENTICATED", message)
}

/// How new the answers of a request have to be: the header `fairdue-consistency`.
///
/// # Errors
/// INVALID_ARGUMENT, if the header says something else.
pub fn consistency(headers: &HeaderMap) -> Result<Consistency, Status> {
    let mut values = headers.get_all("fairdue-consistency").iter();
    let asked = match (values.next(), values.next()) {
        (None, _) => Some(Consistency::Fastest),
        (Some(value), None) => value.to_str().ok().and_then(Consistency::parse),
        _ => None,
    };
    asked.ok_or_else(|| {
        let message = "the header fairdue-consistency is malformed: send fastest, fully-consistent or at-least=<revision>, \
                       once";
        status::own(ErrorKind::InvalidArgument, "MALFORMED_CONSISTENCY", message)
    })
}

/// The API key of a request: the one `authorization` header, scheme Bearer.
///
/// # Errors
/// UNAUTHENTICATED, without saying what is wrong.
pub fn credential(headers: &HeaderMap) -> Result<HeaderValue, Status> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(unauthenticated()) };
    let bytes = value.as_bytes();
    let key = match bytes.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key,
        _ => return Err(unauthenticated()),
    };
    if key.is_empty() || key.len() > MAX_CREDENTIAL_BYTES || !key.iter().all(u8::is_ascii_graphic) {
        return Err(unauthenticated());
    }
    let mut key = HeaderValue::from_bytes(key).map_err(|_| unauthenticated())?;
    key.set_sensitive(true);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{KeyId, TenantId};

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_key_is_read() {
        assert_eq!(credential(&headers(&[b"Bearer fd_a"])).unwrap(), "fd_a");
        assert_eq!(credential(&headers(&[b"bearer fd_a"])).unwrap(), "fd_a");
        let long = [b"Bearer ".as_slice(), &[b'x'; 1025]].concat();
        let bad: [&[&[u8]]; 9] = [
            &[],
            &[b""],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Basic fd_a"],
            &[b"Bearer fd_a", b"Bearer fd_b"],
            &[b"Bearer fd a"],
            &[b"Bearer fd_\xff"],
            &[&long],
        ];
        for values in bad {
            let status = credential(&headers(values)).unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unauthenticated);
            assert_eq!(status.message(), unauthenticated().message(), "all wrong credentials look alike");
        }
    }

    #[test]
    fn the_table_names_every_method_of_the_api() {
        let pool = prost_reflect::DescriptorPool::decode(crate::proto::DESCRIPTOR_SET).unwrap();
        let described: std::collections::BTreeSet<(String, bool)> = pool
            .services()
            .filter(|service| service.package_name() == "fairdue.v1")
            .flat_map(|service| {
                let methods: Vec<_> = service.methods().collect();
                methods.into_iter().map(move |method| {
                    let path = format!("/{}/{}", service.full_name(), method.name());
                    (path, method.is_client_streaming() || method.is_server_streaming())
                })
            })
            .collect();
        let known = METHODS.iter().map(|method| (method.path.to_owned(), method.streaming)).collect();
        assert_eq!(described, known);
    }

    /// The methods that a role opens, service by service, as the page lists them.
    fn opened_by(role: Role) -> String {
        let mut services: Vec<(&str, Vec<&str>)> = Vec::new();
        for method in METHODS.iter().filter(|method| method.roles.contains(&role)) {
            let (service, name) = method.path.trim_start_matches("/fairdue.v1.").split_once('/').unwrap();
            match services.last_mut().filter(|(last, _)| *last == service) {
                Some((_, names)) => names.push(name),
                None => services.push((service, vec![name])),
            }
        }
        let told = services.iter().map(|(service, names)| format!("{service}: {}", names.join(", ")));
        told.collect::<Vec<_>>().join("; ")
    }

    /// The page's table of roles is the one that is held. With `FAIRDUE_BLESS` set its rows are written anew.
    #[test]
    fn the_page_of_roles_says_what_the_table_admits() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<String> = Role::ALL
            .iter()
            .filter(|role| **role != Role::Admin)
            .map(|role| format!("| {} | {} |", role.as_str(), opened_by(*role)))
            .chain([format!("| admin | all of the others', and {} |", opened_by(Role::Admin))])
            .collect();
        let head = "| role | calls |\n| --- | --- |\n";
        let (before, rest) = page.split_once(head).unwrap();
        let after = rest.split_once("\n\n").unwrap().1;
        let written = format!("{before}{head}{}\n\n{after}", rows.join("\n"));
        if std::env::var_os("FAIRDUE_BLESS").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert!(page == written || std::env::var_os("FAIRDUE_BLESS").is_some(), "write it anew: FAIRDUE_BLESS=1");
    }

    #[test]
    fn a_role_is_needed_and_an_admin_has_all() {
        let who = |roles: &[Role]| Principal {
            tenant: TenantId::new("t").unwrap(),
            key: KeyId::new("k").unwrap(),
            roles: roles.to_vec(),
            markets: Vec::new(),
        };
        for method in METHODS {
            assert!(method.admit(&who(&[])).is_err(), "{}", method.path);
            assert!(method.admit(&who(&[Role::Admin])).is_ok(), "{}", method.path);
        }
        let check = Method::of("/fairdue.v1.ComplianceService/CheckContact").unwrap();
        assert!(check.admit(&who(&[Role::Checker])).is_ok());
        let write = Method::of("/fairdue.v1.CaseService/UpsertCase").unwrap();
        assert!(write.admit(&who(&[Role::Checker, Role::Reader])).is_err());
        assert!(Method::of("/fairdue.v1.CaseService/Nothing").is_none());
    }
}
