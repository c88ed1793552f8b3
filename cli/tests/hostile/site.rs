//! A site on loopback that answers whatever bytes it is given, for ever where that is asked.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// An answer of the site.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body, or how it begins.
    pub body: Vec<u8>,
    /// What comes behind it again and again, until nobody listens.
    pub endless: Option<Vec<u8>>,
}

/// Answers by path and query.
pub type Answers = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// A site until it is dropped.
pub struct Site {
    pub origin: String,
    over: Arc<AtomicBool>,
}

impl Site {
    pub fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let answers = answers.clone();
                // Who hangs up in the middle of an answer is right to do so.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &answers)));
            }
        });
        Site { origin, over }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let address = self.origin.trim_start_matches("http://");
        let _ = TcpStream::connect(address);
    }
}

fn serve(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    loop {
        let Some(target) = asked(&mut stream)? else { return Ok(()) };
        let answer = answers(&target);
        let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
        answer.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        match answer.endless {
            None => head += &format!("Content-Length: {}\r\n\r\n", answer.body.len()),
            Some(_) => head += "Connection: close\r\n\r\n",
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(&answer.body)?;
        while let Some(more) = &answer.endless {
            stream.write_all(more)?;
        }
    }
}

/// Path and query of the next request; its body is read and thrown away.
fn asked(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok(head.split(' ').nth(1).map(str::to_owned))
}
