//! A site that answers every request with two offers.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"rows":[{"id":"1","title":"t","url":"https://a.example/1"},{"id":"2","title":"t","url":"https://a.example/2"}]}"#;

/// Its address; it answers as long as the test runs.
pub fn offers() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/a", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    address
}

fn answer(mut stream: TcpStream) {
    let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => asked.extend_from_slice(&piece[..read]),
        }
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", BODY.len());
    // Who has gone does not want it.
    let _ = stream.write_all(format!("{head}{BODY}").as_bytes());
}
