//! A site that keeps what it was sent, and counts who connected.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is answered: status, headers and body.
pub type Said = (u16, Vec<(&'static str, String)>, String);
type Handler = Arc<dyn Fn(&str) -> Said + Send + Sync>;

#[derive(Default)]
struct Seen {
    connects: usize,
    requests: Vec<String>,
}

/// It listens at every address of this machine, of both families.
pub struct Site {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Site {
    pub fn start(answer: impl Fn(&str) -> Said + Send + Sync + 'static) -> Self {
        Self::bound(TcpListener::bind("[::]:0").unwrap(), answer)
    }

    pub fn bound(listener: TcpListener, answer: impl Fn(&str) -> Said + Send + Sync + 'static) -> Self {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (kept, answer): (_, Handler) = (seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                kept.lock().unwrap().connects += 1;
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || one(stream, &kept, &answer));
            }
        });
        Site { port, seen }
    }

    /// How often somebody connected since the last time, and what was sent.
    pub fn seen(&self) -> (usize, Vec<String>) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        (seen.connects, seen.requests)
    }
}

fn one(mut stream: TcpStream, seen: &Mutex<Seen>, answer: &Handler) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let head = loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        text += &String::from_utf8_lossy(&buffer[..count]);
        if let Some(end) = text.find("\r\n\r\n") {
            break end + 4;
        }
    };
    let length = text[..head].to_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while text.len() < head + length {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        text += &String::from_utf8_lossy(&buffer[..count]);
    }
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().requests.push(text);
    let (status, headers, body) = answer(&path);
    let mut said = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for (name, value) in headers {
        said += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{said}\r\n{body}").as_bytes()).ok()
}
