//! Messages on their way to destinations: a real web server, and real programs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use check::message::{Contact, Notification, Topic};
use jiff::Timestamp;
use local::{EnvironmentSecrets, Store};
use runtime::{Delivery, Notifier, Ports};
use scheduler::{Deliveries, Rules};
use settings::{Destination, DestinationKind, Network, SecretRef};

/// A web server that answers with the given statuses, and then with 200.
fn server(statuses: &[u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks/a-secret-path", listener.local_addr().unwrap());
    let (sender, received) = channel();
    let statuses = statuses.to_vec();
    std::thread::spawn(move || {
        for (place, stream) in listener.incoming().enumerate() {
            let status = statuses.get(place).copied().unwrap_or(200);
            if sender.send(answer(stream.unwrap(), status)).is_err() {
                return;
            }
        }
    });
    (url, received)
}

/// Reads a request, and returns its body.
fn answer(mut stream: TcpStream, status: u16) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                assert!(head.starts_with("POST /hooks/a-secret-path "), "{head}");
                write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
                return body.to_owned();
            }
        }
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deliveries-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// A program of these lines of shell.
fn program(folder: &Path, lines: &str) -> DestinationKind {
    let file = folder.join("program");
    fs::write(&file, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    DestinationKind::Command(vec![file.to_str().unwrap().to_owned(), folder.to_str().unwrap().to_owned()])
}

fn webhook() -> DestinationKind {
    DestinationKind::Webhook(SecretRef::parse("env:WEBHOOK", "demo", "up").unwrap())
}

fn destination(name: &str, kind: DestinationKind) -> Destination {
    Destination { name: name.to_owned(), topics: vec![Topic::OnCall], kind }
}

/// Deliveries to these destinations, whose store is in memory.
fn deliveries(destinations: Vec<Destination>, url: &str) -> Deliveries {
    let store = Arc::new(Store::in_memory().unwrap());
    let url = url.to_owned();
    let secrets = EnvironmentSecrets::new(move |name: &str| (name == "WEBHOOK").then(|| url.clone().into()));
    let ports = check_testkit::ports(&Arc::default(), &Arc::default(), []);
    let ports = Ports { secrets: Arc::new(secrets), ..ports };
    Deliveries::new(ports, store, Rules { destinations, network: network(), sns: None }).0
}

/// Settings of a network that includes this machine.
fn network() -> Network {
    let text = "environment = \"demo\"\nbase_url = \"http://127.0.0.1:1\"\ncontact = { name = \"a\", details = \"b\" }\n\
                links.runbook = \"https://example.com/{check}\"\nnetwork.allow_addresses = [\"127.0.0.0/8\"]\n\
                [check.availability]\n[[check.availability.targets]]\nid = \"a\"\npath = \"/\"\n";
    let checks = operations::checks::from_text("test", text, &[]).unwrap();
    checks[0].common().network.clone()
}

fn message(topic: Topic) -> Delivery {
    let sender = Contact { name: "Anna".to_owned(), details: "a test".to_owned() };
    let now = Timestamp::from_second(1_795_000_000).unwrap();
    Delivery { topic, notification: Notification::test(topic, "demo", "here", sender, now), queued_at: now }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_destination_of_the_topic_gets_the_message() {
    let (url, received) = server(&[]);
    let folder = folder("all");
    // The other variables of the environment may be secrets.
    let command = program(&folder, "cat > \"$1/message\"; env > \"$1/environment\"");
    let deliveries = deliveries(vec![destination("chat", webhook()), destination("pager", command)], &url);
    deliveries.send(&message(Topic::OnCall)).await.unwrap();
    let by_webhook: serde_json::Value = serde_json::from_str(&received.recv().unwrap()).unwrap();
    let by_command: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("message")).unwrap()).unwrap();
    assert_eq!(by_webhook, serde_json::to_value(message(Topic::OnCall).notification).unwrap());
    assert_eq!(by_command, by_webhook);
    let environment = fs::read_to_string(folder.join("environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("CARGO"), "{environment}");
    // Nobody asked for warnings.
    deliveries.send(&message(Topic::Warnings)).await.unwrap();
    assert!(received.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_destination_is_tried_again_and_the_others_are_not() {
    let (url, received) = server(&[503, 200]);
    let folder = folder("again");
    let command = program(&folder, "echo once >> \"$1/count\"");
    let deliveries = deliveries(vec![destination("chat", webhook()), destination("pager", command)], &url);
    let error = deliveries.send(&message(Topic::OnCall)).await.unwrap_err();
    assert!(error.retryable, "{error}");
    let said = error.to_string();
    assert!(said.contains("to chat: status 503") && !said.contains("a-secret-path"), "{said}");
    deliveries.send(&message(Topic::OnCall)).await.unwrap();
    assert_eq!(received.iter().take(2).count(), 2);
    assert_eq!(fs::read_to_string(folder.join("count")).unwrap(), "once\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirected_message_is_not_delivered() {
    // Clients follow it with GET, without the message.
    let (url, _received) = server(&[302, 302]);
    let deliveries = deliveries(vec![destination("chat", webhook())], &url);
    let error = deliveries.send(&message(Topic::OnCall)).await.unwrap_err().to_string();
    assert!(error.contains("status 302"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_destinations_wait_together() {
    let folders: Vec<PathBuf> = (0..4).map(|place| folder(&format!("slow{place}"))).collect();
    let slow = folders.iter().enumerate();
    let slow =
        slow.map(|(place, folder)| destination(&format!("pager{place}"), program(folder, "cat > /dev/null; sleep 1")));
    let deliveries = deliveries(slow.collect(), "http://127.0.0.1:1/");
    let began = std::time::Instant::now();
    deliveries.send(&message(Topic::OnCall)).await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_millis(3_500), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_programs_are_named_with_their_reason() {
    for (name, lines, expected) in [
        ("code", "cat > /dev/null; echo no route to pager >&2; exit 3", "ended with exit status: 3: no route to pager"),
        ("deaf", "exec <&-; exit 0", ""),
        // A program that it leaves behind holds its standard error.
        ("parent", "cat > /dev/null; sleep 30 & exit 0", ""),
        ("failing-parent", "cat > /dev/null; sleep 30 & echo no mail >&2; exit 2", "exit status: 2: no mail"),
        (
            "chatty",
            "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo the end >&2; exit 1",
            "status: 1: the end",
        ),
        ("hostile", "cat > /dev/null; printf '\\033[2Jx\\n' >&2; exit 1", "\\u{1b}[2Jx"),
    ] {
        let (folder, began) = (folder(name), std::time::Instant::now());
        let deliveries = deliveries(vec![destination("pager", program(&folder, lines))], "http://127.0.0.1:1/");
        match (deliveries.send(&message(Topic::OnCall)).await, expected) {
            (Ok(()), "") => {}
            (Err(error), expected) if !expected.is_empty() => {
                assert!(error.to_string().contains(expected), "{name}: {error}");
            }
            (found, expected) => panic!("{name}: {found:?}, expected {expected}"),
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{name}: {:?}", began.elapsed());
    }
    let missing = DestinationKind::Command(vec!["/nowhere/pager".to_owned()]);
    let deliveries = deliveries(vec![destination("pager", missing)], "http://127.0.0.1:1/");
    let error = deliveries.send(&message(Topic::OnCall)).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/pager cannot be started: No such file"), "{error}");
}
