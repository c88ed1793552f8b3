//! A site, or a server, that answers by the path of a request.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is answered: status, headers, body.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(status: u16, body: serde_json::Value) -> Self {
        Answer { status, headers: Vec::new(), body: body.to_string() }
    }

    pub fn with(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }
}

/// The requests that came, each with its head.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// Begins to serve; gives the origin and what is asked. `answer` gets the target of a request and its whole head.
pub fn serve(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let (heads, answer) = (asked.clone(), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (heads, answer) = (heads.clone(), answer.clone());
            std::thread::spawn(move || one(stream, &heads, &*answer));
        }
    });
    (origin, asked)
}

fn one(mut stream: TcpStream, heads: &Mutex<Vec<String>>, answer: &dyn Fn(&str, &str) -> Answer) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().unwrap().push(head.clone());
    let Answer { status, headers, body } = answer(&target, &head);
    let mut said = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    headers.iter().for_each(|(name, value)| said += &format!("{name}: {value}\r\n"));
    // Who has gone does not want it.
    let _ = stream.write_all(format!("{said}\r\n{body}").as_bytes());
}
