//! The files of `deploy/`: no secret in them, ports on this machine alone, fixed versions, pipelines that compile.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use jobmarket::definition;
use jobmarket::files;
use jobmarket::plan::{Surroundings, server_of};
use serde_json::{Map, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn compose() -> Value {
    serde_saphyr::from_str(&read("deploy/compose.yaml")).unwrap()
}

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().unwrap()
}

/// The texts of a list; none where there is no list.
fn list(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn images_have_fixed_versions_and_ports_are_on_loopback() {
    let compose = compose();
    let mut elastic = Vec::new();
    for (name, service) in services(&compose) {
        let (image, version) = service["image"].as_str().unwrap().split_once(':').unwrap();
        let numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 3, "{name}: {version}");
        if image != "jobmarket" {
            elastic.push(version.to_owned());
        }
        assert!(service["mem_limit"].is_string(), "{name} has no limit of memory");
        for port in list(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    elastic.dedup();
    assert_eq!(elastic, ["8.19.5"], "Elasticsearch and Kibana are of one version, the one that is tested");
    assert_eq!(services(&compose)["jobmarket"]["image"], concat!("jobmarket:", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_secret_is_written_down() {
    let compose = compose();
    let secrets = compose["secrets"].as_object().unwrap();
    for (name, secret) in secrets {
        assert_eq!(secret["file"].as_str(), Some(format!("./secrets/{name}").as_str()), "a secret is a file beside");
    }
    assert!(read(".gitignore").lines().any(|line| line == "/deploy/secrets"));
    let word = |name: &str| ["PASSWORD", "SECRET", "TOKEN", "API_KEY"].iter().any(|word| name.contains(word));
    for (name, service) in services(&compose) {
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            assert!(!word(variable) || variable.ends_with("_FILE"), "{name}: {variable} = {value}");
        }
        for secret in list(&service["secrets"]) {
            assert!(secrets.contains_key(secret), "{name}: {secret}");
        }
    }
    let image = read("deploy/Dockerfile");
    for line in image.lines().filter(|line| !line.starts_with('#')) {
        let (order, rest) = line.split_once(' ').unwrap_or((line, ""));
        assert!(!matches!(order, "ENV" | "ARG") || !word(rest), "{line}");
        assert!(order != "COPY" || !rest.split(' ').any(|path| path == "." || path.contains(".env")), "{line}");
    }
    let user = image.lines().rfind(|line| line.starts_with("USER ")).unwrap();
    assert!(!user.contains("root") && user != "USER 0" && !user.starts_with("USER 0:"), "{user}");
}

#[test]
fn elasticsearch_asks_for_credentials_over_tls() {
    let compose = compose();
    let server = &services(&compose)["elasticsearch"];
    for setting in ["xpack.security.enabled", "xpack.security.http.ssl.enabled"] {
        assert_eq!(server["environment"][setting], "true", "{setting}");
    }
    assert!(server["healthcheck"]["test"].is_array());
    assert_eq!(server["depends_on"]["certificates"]["condition"], "service_completed_successfully");
    assert!(list(&server["volumes"]).contains(&"elasticsearch:/usr/share/elasticsearch/data"));
    for name in ["jobmarket", "kibana"] {
        assert_eq!(list(&services(&compose)[name]["profiles"]), [name], "nothing reads a site without being asked to");
    }
}

#[test]
fn the_program_is_confined_and_its_configuration_is_read_only() {
    let compose = compose();
    let program = &services(&compose)["jobmarket"];
    assert_eq!((&program["read_only"], list(&program["cap_drop"])), (&Value::Bool(true), vec!["ALL"]));
    assert_eq!(program["environment"]["CREDENTIALS_DIRECTORY"], "/run/secrets");
    let writable: Vec<&str> = list(&program["volumes"]).into_iter().filter(|volume| !volume.ends_with(":ro")).collect();
    assert_eq!(writable, ["data:/data"]);
    assert!(read("deploy/Dockerfile").contains("ENV INGEST_OUTPUT_DIR=/data\n"));
    // What is mounted from here is here.
    for (name, service) in services(&compose) {
        for volume in list(&service["volumes"]).into_iter().filter(|volume| volume.starts_with('.')) {
            let path = root().join("deploy").join(volume.split(':').next().unwrap());
            assert!(path.exists(), "{name}: {volume}");
        }
    }
}

#[test]
fn its_pipelines_compile_with_the_shipped_sources() {
    let mut texts = files::project(&root()).unwrap();
    let pipelines = texts.iter_mut().find(|text| text.path == "pipelines.yaml").unwrap();
    pipelines.text = read("deploy/pipelines.yaml");
    let (definitions, findings) = definition::read(&texts);
    assert_eq!(findings, []);
    // Every secret that is asked for is one that the container gets.
    let compose = compose();
    let given = list(&services(&compose)["jobmarket"]["secrets"]);
    let given = given.into_iter().map(|name| (name.to_owned(), "x".to_owned()));
    let server = server_of(&definitions, &Surroundings::new(given)).unwrap().unwrap();
    assert_eq!(server.urls, ["https://elasticsearch:9200"]);
    assert!(server.ca.is_some() && server.basic.is_some() && !server.allow_http);
    assert!(server_of(&definitions, &Surroundings::default()).is_err(), "the password is no part of the file");
}

#[test]
fn scripts_can_be_read_by_their_shell() {
    for script in ["deploy/certificates.sh", "deploy/access.sh"] {
        let output = std::process::Command::new("bash").args(["-n", script]).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Only names that the alias and the indices of this project can have, and nothing of other clusters' business.
#[test]
fn the_role_is_the_one_of_the_documentation() {
    let role: Value = serde_json::from_str(&read("deploy/role.json")).unwrap();
    assert_eq!(role["cluster"], serde_json::json!(["monitor"]));
    assert_eq!(role["indices"][0]["names"], serde_json::json!(["jobmarket-*"]));
    assert!(read("docs/elasticsearch.md").contains(read("deploy/role.json").trim()), "docs/elasticsearch.md is stale");
}
