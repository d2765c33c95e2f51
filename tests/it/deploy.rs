//! The files of deploy/: what they name is there. No container runs here; each setting, flag, port, path and name is compared
//! with the product, or with the file beside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use fairdue::config::Server;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::service::binary;

const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const KUBERNETES: &str = include_str!("../../deploy/kubernetes.yaml");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const POOLER: &str = include_str!("../../deploy/Dockerfile.pgbouncer");
const SETTINGS: &str = include_str!("../../deploy/pgbouncer.ini");

fn documents(text: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(text).expect("YAML")
}

fn list(yaml: &Yaml) -> &[Yaml] {
    yaml.as_vec().map_or(&[], Vec::as_slice)
}

fn words(yaml: &Yaml) -> Vec<String> {
    list(yaml).iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
}

/// The instruction's JSON array.
fn instruction(file: &str, name: &str) -> Vec<String> {
    let line = file.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    serde_json::from_str(line.trim()).expect("an array")
}

fn exposed(file: &str) -> BTreeSet<String> {
    let line = file.lines().find_map(|line| line.strip_prefix("EXPOSE ")).expect("ports");
    line.split_whitespace().map(str::to_owned).collect()
}

/// Settings given by the environment, read as the server reads them: an unknown name or a value that it does not take is told.
fn settings(environment: Vec<(String, String)>) -> Server {
    assert!(environment.iter().all(|(name, _)| name.starts_with("FAIRDUE_")), "{environment:?}");
    assert!(environment.len() >= 4, "{environment:?}");
    let mut found = Vec::new();
    let server = Server::build(None, environment.into_iter(), &mut found);
    assert!(found.is_empty(), "{found:?}");
    server
}

/// A command line that the program takes: it prints its help instead of doing it.
fn takes(arguments: &[String]) {
    let output = Command::new(binary()).args(arguments).arg("--help").output().expect("run fairdue");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
        assert!(text.contains(flag.as_str()), "{flag} is no option of {arguments:?}");
    }
}

/// The value behind a flag.
fn behind<'a>(arguments: &'a [String], flag: &str) -> &'a str {
    let at = arguments.iter().position(|argument| argument == flag).expect(flag);
    &arguments[at + 1]
}

fn port(address: &str) -> i64 {
    address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// Host and port of a database's address.
fn place(url: &str) -> String {
    let rest = url.split_once('@').expect("a user").1;
    rest.split('/').next().expect("a host").to_owned()
}

fn pooler_settings() -> BTreeMap<&'static str, &'static str> {
    let lines = SETTINGS.lines().filter(|line| !line.starts_with(';'));
    lines.filter_map(|line| line.split_once(" = ")).collect()
}

#[test]
fn the_images_hold_what_they_start() {
    let arguments = instruction(DOCKERFILE, "CMD");
    takes(&arguments);
    let program = instruction(DOCKERFILE, "ENTRYPOINT").remove(0);
    let mut copied = BTreeSet::new();
    for line in DOCKERFILE.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let parts: Vec<&str> = line.split_whitespace().filter(|part| !part.starts_with("--")).collect();
        let (from, to) = (parts[0], parts[1]);
        assert!(from.starts_with('/') || Path::new(env!("CARGO_MANIFEST_DIR")).join(from).exists(), "{from}");
        copied.insert(to.to_owned());
    }
    assert!(copied.contains(&program) && copied.contains(behind(&arguments, "--config")), "{copied:?}");
    let build = DOCKERFILE.lines().find(|line| line.contains("cargo build")).expect("a build");
    assert!(build.contains("--bin fairdue") && !build.contains("--features"), "{build}");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs").exists());
    let ports: BTreeSet<String> =
        ["--listen", "--metrics"].iter().map(|flag| port(behind(&arguments, flag)).to_string()).collect();
    assert_eq!(exposed(DOCKERFILE), ports);
    assert_eq!(exposed(POOLER), [pooler_settings()["listen_port"].to_owned()].into());
    // The user that the image makes is the one that Kubernetes asks for.
    assert!(DOCKERFILE.contains("--uid 10001") && DOCKERFILE.contains("USER 10001"));
}

#[test]
fn compose_names_what_there_is() {
    let file = documents(COMPOSE).remove(0);
    let services = &file["services"];
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let names: BTreeSet<&str> = services.as_hash().expect("services").keys().filter_map(Yaml::as_str).collect();
    for name in &names {
        let service = &services[*name];
        if let Some(from) = service["build"]["dockerfile"].as_str() {
            let context = directory.join(service["build"]["context"].as_str().expect("a context"));
            assert!(context.join(from).is_file(), "{from} of {name}");
        }
        for volume in words(&service["volumes"]) {
            let from = volume.split(':').next().expect("a source");
            let there = if from.starts_with('.') {
                directory.join(from).is_file()
            } else {
                !file["volumes"][from].is_badvalue()
            };
            assert!(there, "{from} of {name}");
        }
        let awaited = match &service["depends_on"] {
            Yaml::Hash(all) => all.keys().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            others => words(others),
        };
        assert!(awaited.iter().all(|one| names.contains(one.as_str())), "{awaited:?}");
    }
    let environment = services["fairdue"]["environment"].as_hash().expect("an environment");
    let text = |yaml: &Yaml| yaml.as_str().expect("a text").to_owned();
    let server = settings(environment.iter().map(|(name, value)| (text(name), text(value))).collect());
    let pooler = pooler_settings();
    assert_eq!(place(&server.database.url), format!("pgbouncer:{}", pooler["listen_port"]));
    assert!(server.database.pooled && server.database.row_security && pooler["pool_mode"] == "transaction");
    let direct = place(server.database.migration_url.as_deref().expect("past the pooler"));
    let (host, port_of) = direct.split_once(':').expect("a port");
    assert!(names.contains(host) && pooler["fairdue"].contains(&format!("host={host} port={port_of}")), "{direct}");
    assert!(["pgbouncer", "postgres", "fairdue"].iter().all(|one| names.contains(one)));
    // The user and password of all files are one.
    let user = &server.database.url["postgres://".len()..server.database.url.find('@').expect("a user")];
    let (user, password) = user.split_once(':').expect("a password");
    assert_eq!(include_str!("../../deploy/users.txt").trim(), format!("\"{user}\" \"{password}\""));
    let init = include_str!("../../deploy/init.sql");
    assert!(
        init.contains(&format!("CREATE ROLE {user} ")) && init.contains(&format!("PASSWORD '{password}'")),
        "{init}"
    );
    let listened = services["fairdue"]["ports"][0].as_str().map(port);
    assert_eq!(listened, Some(port(behind(&instruction(DOCKERFILE, "CMD"), "--listen"))));
    let grace = services["fairdue"]["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('s'));
    assert!(
        grace.and_then(|text| text.parse().ok()).is_some_and(|seconds: u64| seconds > server.stop_grace.as_secs() + 4)
    );
}

#[test]
fn kubernetes_names_what_there_is() {
    let all = documents(KUBERNETES);
    let kind = |kind: &'static str| all.iter().filter(move |one| one["kind"].as_str() == Some(kind));
    assert_eq!(kind("Deployment").count(), 2);
    for deployment in kind("Deployment") {
        assert_eq!(deployment["apiVersion"].as_str(), Some("apps/v1"));
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
        let pod = &deployment["spec"]["template"]["spec"];
        let volumes: BTreeSet<&str> = list(&pod["volumes"]).iter().filter_map(|one| one["name"].as_str()).collect();
        for volume in list(&pod["volumes"]) {
            let named =
                volume["configMap"]["name"].as_str().or(volume["secret"]["secretName"].as_str()).expect("a source");
            // What is made by hand stands at the head of the file.
            assert!(
                KUBERNETES.contains(&format!("#   kubectl create configmap {named} "))
                    || KUBERNETES.contains(&format!("#   kubectl create secret generic {named} ")),
                "{named}"
            );
        }
        for container in list(&pod["containers"]) {
            let mounts: BTreeSet<&str> =
                list(&container["volumeMounts"]).iter().filter_map(|one| one["name"].as_str()).collect();
            assert_eq!(mounts, volumes, "volumes that are made, and mounted");
        }
    }
    for service in kind("Service") {
        let target = kind("Deployment")
            .find(|one| one["spec"]["template"]["metadata"]["labels"] == service["spec"]["selector"])
            .expect("pods of the service");
        let container = &target["spec"]["template"]["spec"]["containers"][0];
        for wanted in list(&service["spec"]["ports"]) {
            let found = list(&container["ports"]).iter().find(|one| one["name"] == wanted["targetPort"]);
            assert_eq!(found.expect("a port")["containerPort"], wanted["port"]);
        }
    }
    let deployment =
        kind("Deployment").find(|one| one["metadata"]["name"].as_str() == Some("fairdue")).expect("fairdue");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let arguments = words(&container["args"]);
    takes(&arguments);
    let ports: Vec<i64> = list(&container["ports"]).iter().filter_map(|one| one["containerPort"].as_i64()).collect();
    assert_eq!(ports, ["--listen", "--metrics"].map(|flag| port(behind(&arguments, flag))));
    assert_eq!(container["readinessProbe"]["grpc"]["port"].as_i64(), Some(ports[0]));
    assert_eq!(container["livenessProbe"]["httpGet"]["path"].as_str(), Some("/healthz"));
    assert_eq!(container["livenessProbe"]["httpGet"]["port"].as_str(), Some("metrics"));
    let environment = list(&container["env"]).iter().map(|one| {
        let name = one["name"].as_str().expect("a name").to_owned();
        let value = match &one["valueFrom"]["secretKeyRef"] {
            Yaml::BadValue => one["value"].as_str().expect("a value").to_owned(),
            secret => {
                // The head of the file tells how the secret is made.
                let key = format!("--from-literal={}=", secret["key"].as_str().expect("a key"));
                assert_eq!(secret["name"].as_str(), Some("fairdue-database"));
                let text = KUBERNETES.split(&key).nth(1).expect("a key of the secret");
                text.split_whitespace().next().expect("an address").replace("POSTGRES:", "postgres:")
            }
        };
        (name, value)
    });
    let server = settings(environment.collect());
    let pooler = kind("Service").find(|one| one["metadata"]["name"].as_str() == Some("pgbouncer")).expect("a pooler");
    let listens = pooler["spec"]["ports"][0]["port"].as_i64().expect("a port");
    assert_eq!(place(&server.database.url), format!("pgbouncer:{listens}"));
    assert_eq!(pooler_settings()["listen_port"], listens.to_string());
    let grace = pod["terminationGracePeriodSeconds"].as_i64().expect("seconds");
    assert!(grace > i64::try_from(server.stop_grace.as_secs() + 4).expect("seconds"));
    let config = behind(&arguments, "--config");
    for mount in list(&container["volumeMounts"]) {
        let path = mount["mountPath"].as_str().and_then(|path| path.strip_prefix(config)).expect("inside --config");
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path.trim_start_matches('/'));
        assert!(there.exists(), "{}", there.display());
    }
    assert_eq!(pod["securityContext"]["runAsUser"].as_i64(), Some(10_001));
}
