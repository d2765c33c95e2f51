//! Changes sent to a real NATS server: its stream holds each once and in order, whatever is killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::receive::{changes, configured, in_order, sinks, until, write};
use crate::support::database::{Backend, Database};
use crate::support::packages::program;
use crate::support::postgres::free_port;

const PASSWORD: &str = "a password of this test";

/// A NATS server that ends with this test.
struct Nats(Child);

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(directory: &Path, port: u16) -> Nats {
    let mut command = Command::new(program("nats-server"));
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "--user", "fairdue", "--pass", PASSWORD, "-sd"]);
    let child = command.arg(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let nats = Nats(child.expect("run nats-server"));
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return nats;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nats-server does not listen on {port}");
}

/// Asks JetStream's API.
async fn ask(port: u16, subject: &str, question: &Value) -> Value {
    let mut wire = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.expect("connect"));
    let login = json!({ "verbose": false, "user": "fairdue", "pass": PASSWORD, "headers": true });
    let text = question.to_string();
    let hello = format!("CONNECT {login}\r\nSUB answers 1\r\nPUB {subject} answers {}\r\n{text}\r\n", text.len());
    wire.write_all(hello.as_bytes()).await.expect("write");
    loop {
        let mut line = String::new();
        wire.read_line(&mut line).await.expect("a line");
        assert!(!line.starts_with("-ERR"), "{line}");
        if let Some(rest) = line.strip_prefix("MSG ") {
            let length: usize = rest.split_whitespace().last().and_then(|word| word.parse().ok()).expect("a length");
            let mut body = vec![0; length];
            wire.read_exact(&mut body).await.expect("a body");
            return serde_json::from_slice(&body).expect("JSON");
        }
    }
}

/// All messages of the stream: subject, id, and the event.
async fn stored(port: u16) -> Vec<(String, String, Value)> {
    let info = ask(port, "$JS.API.STREAM.INFO.CHANGES", &json!({})).await;
    let last = info["state"]["last_seq"].as_u64().unwrap_or(0);
    let mut found = Vec::new();
    for seq in 1..=last {
        let message = ask(port, "$JS.API.STREAM.MSG.GET.CHANGES", &json!({ "seq": seq })).await["message"].take();
        let bytes = |name: &str| STANDARD.decode(message[name].as_str().expect("a text")).expect("base64");
        let headers = String::from_utf8(bytes("hdrs")).expect("text");
        let id = headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id: ")).expect("an id");
        assert!(headers.contains("Content-Type: application/cloudevents+json"), "{headers}");
        let event = serde_json::from_slice(&bytes("data")).expect("an event");
        found.push((message["subject"].as_str().expect("a subject").to_owned(), id.to_owned(), event));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_holds_each_change_once_and_in_order() {
    let database = Database::fresh(Backend::Sqlite).await;
    let (directory, port) = (tempfile::tempdir().expect("a directory"), free_port());
    let password = directory.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("write the password");
    let sink = format!(
        "[[sink]]\nid = \"stream\"\nown = true\nmarkets = [\"it\"]\n[sink.nats]\nurl = \"nats://127.0.0.1:{port}\"\n\
         subject = \"fairdue\"\nuser = \"fairdue\"\npassword = \"file:{}\"\n",
        password.display()
    );
    let setup = configured(&database, &sink).await;
    let mut service = setup.start().await;
    write(&service, &setup.key, 0..16).await;
    // Nobody is there, then a server without a stream, then one: each is told to the operator, and nothing is lost.
    let failing = async |service: &_, text: &str| {
        until(text, async || sinks(service, &setup.key).await[0].last_error.contains(text)).await;
    };
    failing(&service, "refused").await;
    let nats = start(directory.path(), port).await;
    failing(&service, "no stream takes the subject fairdue.it.case").await;
    let stream = json!({ "name": "CHANGES", "subjects": ["fairdue.>"], "duplicate_window": 600_000_000_000_u64 });
    let made = ask(port, "$JS.API.STREAM.CREATE.CHANGES", &stream).await;
    assert!(made["error"].is_null(), "{made}");
    until("something is stored", async || !stored(port).await.is_empty()).await;
    service.kill();
    drop(nats);
    service = setup.start().await;
    write(&service, &setup.key, 16..32).await;
    let _nats = start(directory.path(), port).await;
    write(&service, &setup.key, 32..40).await;
    let all = changes(&service, &setup.key).await;
    until("everything is stored", async || {
        let sink = sinks(&service, &setup.key).await.remove(0);
        sink.through_revision == sink.head_revision && sink.failure_count == 0
    })
    .await;
    let stored = stored(port).await;
    let events: Vec<Value> = stored.iter().map(|(_, _, event)| event.clone()).collect();
    assert_eq!(in_order(&events, &all), 0, "the stream knows what it has by its id");
    for (subject, id, event) in &stored {
        assert_eq!(event["id"], id.as_str());
        let entity = event["type"].as_str().and_then(|kind| kind.rsplit('.').next()).expect("a type");
        assert_eq!(*subject, format!("fairdue.it.{entity}"));
    }
    assert_eq!(service.stop(), 0);
}
