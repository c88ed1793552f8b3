//! A proxy in front of a real Elasticsearch: it forwards what comes, and injects the faults that it is ordered to.
#![allow(dead_code, reason = "each test uses a part of it")]

mod answers;
mod asked;
mod forward;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use answers::Large;
use answers::{Answer, Fixed};
pub use asked::Asked;
use asked::request;
use forward::{documents, forward, items};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Answered with this status and not forwarded.
    Status(u16),
    /// Answered as at the flood stage of its disk, and not forwarded.
    Block,
    /// Answered with 429, which asks for a pause of so many seconds, and not forwarded.
    Later(u64),
    /// The connection is closed, nothing is forwarded.
    Reset,
    /// Forwarded and applied, then closed without an answer: the outcome is not known.
    ResetAfter,
    /// Forwarded and applied, the answer is cut in the middle.
    Half,
    /// Forwarded, and so many milliseconds before the answer.
    Slow(u64),
    /// So many in a hundred items are not forwarded and answered with this status; the others are really applied.
    Items(u16, u32),
    /// Bodies above so many bytes are answered with 413, until that is cleared.
    TooLarge(usize),
}

/// What `Proxy::random` chooses from: each is over by itself.
const RANDOM: [Fault; 10] = [
    Fault::Status(429),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Block,
    Fault::Reset,
    Fault::ResetAfter,
    Fault::Half,
    Fault::Slow(50),
    Fault::Items(429, 30),
    Fault::Items(503, 30),
];

/// Says why a request is not allowed.
type Judge = Box<dyn Fn(&Asked) -> Result<(), String> + Send>;

struct Orders {
    target: String,
    bulk: VecDeque<(Fault, usize)>,
    all: VecDeque<(Fault, usize)>,
    random: Option<(fastrand::Rng, u32)>,
    /// Chooses the items of a partial failure.
    chance: fastrand::Rng,
    /// How bodies above so many bytes are answered; closed without a word where nothing is said.
    too_large: Option<(usize, Large)>,
    /// What items say that have this status.
    words: Option<(u16, String, String)>,
    /// Documents that hold this text are refused with this status.
    refused: Option<(String, u16)>,
    demanded: Option<(String, String)>,
    judge: Option<Judge>,
    forbidden: Vec<String>,
    fixed: Vec<Fixed>,
    seen: Vec<(Fault, u64)>,
    asked: Vec<Asked>,
}

/// What is done with a request.
enum Deed {
    Answer(Answer),
    Forward(Option<Fault>),
}

impl Orders {
    /// Decides about a request, and notes it.
    fn next(&mut self, asked: &Asked) -> Deed {
        self.asked.push(asked.clone());
        if let Some((name, value)) = &self.demanded
            && asked.header(name) != Some(value)
        {
            return Deed::Answer(answers::unauthenticated(&asked.path));
        }
        if let Some(Err(why)) = self.judge.as_ref().map(|judge| judge(asked)) {
            let answer = answers::forbidden(&why);
            self.forbidden.push(why);
            return Deed::Answer(answer);
        }
        if let Some(fixed) = self.fixed.iter().find(|fixed| fixed.meets(asked)) {
            return Deed::Answer(fixed.answer.clone());
        }
        let bulk = asked.is_bulk();
        if let Some((most, large)) = self.too_large.filter(|(most, _)| bulk && asked.text().len() > *most) {
            self.count(Fault::TooLarge(most));
            return match answers::too_large(large, asked.text().len(), most) {
                Some(answer) => Deed::Answer(answer),
                None => Deed::Forward(Some(Fault::Reset)),
            };
        }
        let fault = next(&mut self.all).or_else(|| bulk.then(|| next(&mut self.bulk)).flatten());
        let fault = fault.or_else(|| {
            let (random, permille) = self.random.as_mut().filter(|_| bulk)?;
            (random.u32(..1_000) < *permille).then(|| RANDOM[random.usize(..RANDOM.len())])
        });
        // A request without items has none that could fail.
        let fault = fault.filter(|fault| bulk || !matches!(fault, Fault::Items(..)));
        fault.into_iter().for_each(|fault| self.count(fault));
        match fault {
            Some(Fault::Status(status)) => Deed::Answer(answers::status(status, &asked.path)),
            Some(Fault::Block) => Deed::Answer(answers::flooded(&asked.path)),
            Some(Fault::Later(seconds)) => Deed::Answer(answers::later(seconds)),
            fault => Deed::Forward(fault),
        }
    }

    /// The status of each document of a bulk that is not forwarded: what is refused for good, and what a fault chooses.
    fn statuses(&mut self, asked: &Asked, fault: Option<Fault>) -> Vec<Option<u16>> {
        let text = asked.text();
        let (refused, status) = self.refused.as_ref().map_or((&[][..], 0), |(text, status)| (text.as_bytes(), *status));
        let holds = |line: &&[u8]| !refused.is_empty() && line.windows(refused.len()).any(|part| part == refused);
        let documents = documents(&text);
        let mut statuses: Vec<Option<u16>> =
            documents.iter().map(|document| document.iter().any(holds).then_some(status)).collect();
        if let Some(Fault::Items(status, percent)) = fault {
            let mut chance = self.chance.fork();
            let mut failed: Vec<bool> = documents.iter().map(|_| chance.u32(..100) < percent).collect();
            // A fault that was ordered happens, however few the items are.
            failed[0] |= !failed.contains(&true);
            statuses.iter_mut().zip(failed).filter(|(_, failed)| *failed).for_each(|(own, _)| *own = Some(status));
        }
        statuses
    }

    fn count(&mut self, fault: Fault) {
        match self.seen.iter_mut().find(|(own, _)| *own == fault) {
            Some((_, times)) => *times += 1,
            None => self.seen.push((fault, 1)),
        }
    }
}

fn next(orders: &mut VecDeque<(Fault, usize)>) -> Option<Fault> {
    let (fault, times) = orders.front_mut()?;
    let fault = *fault;
    *times -= 1;
    if *times == 0 {
        orders.pop_front();
    }
    Some(fault)
}

/// A proxy on loopback, until it is dropped: then its connections are closed, and nobody answers there.
pub struct Proxy {
    pub url: String,
    orders: Arc<Mutex<Orders>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Forwards everything.
    pub async fn start(target: &str) -> Proxy {
        Self::serve(target, 0, None).await
    }

    /// The same behind TLS; its address is that of `localhost`, as a certificate names it.
    pub async fn start_tls(target: &str, tls: rustls::ServerConfig) -> Proxy {
        Self::start_tls_at(target, 0, tls).await
    }

    /// The same at a port that is known before.
    pub async fn start_tls_at(target: &str, port: u16, tls: rustls::ServerConfig) -> Proxy {
        Self::serve(target, port, Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn serve(target: &str, port: u16, tls: Option<TlsAcceptor>) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if tls.is_some() { format!("https://localhost:{port}") } else { format!("http://127.0.0.1:{port}") };
        let orders = Arc::new(Mutex::new(Orders {
            target: target.to_owned(),
            bulk: VecDeque::new(),
            all: VecDeque::new(),
            random: None,
            chance: fastrand::Rng::with_seed(1),
            too_large: None,
            words: None,
            refused: None,
            demanded: None,
            judge: None,
            forbidden: Vec::new(),
            fixed: Vec::new(),
            seen: Vec::new(),
            asked: Vec::new(),
        }));
        let given = orders.clone();
        // The client is made with a provider of its own cryptography, which another test may have installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (orders, client, tls) = (given.clone(), client.clone(), tls.clone());
                connections.spawn(async move {
                    // A client that goes away ends its connection, nothing else.
                    let _ = match tls {
                        None => connection(&orders, &client, stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => connection(&orders, &client, stream).await,
                            Err(error) => Err(error),
                        },
                    };
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Proxy { url, orders, serving }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap()
    }

    /// For the next bulk requests.
    pub fn order(&self, fault: Fault, times: usize) {
        match fault {
            Fault::TooLarge(most) => self.orders().too_large = Some((most, Large::Empty)),
            fault if times > 0 => self.orders().bulk.push_back((fault, times)),
            _ => {}
        }
    }

    /// Bulk requests above so many bytes are answered so, until that is cleared.
    pub fn limit(&self, most: usize, large: Large) {
        self.orders().too_large = Some((most, large));
    }

    /// What items say that are refused with a status: type and reason. Also those that `refuse` names.
    pub fn say(&self, status: u16, kind: &str, reason: &str) {
        self.orders().words = Some((status, kind.to_owned(), reason.to_owned()));
    }

    /// For the next requests of any kind.
    pub fn order_all(&self, fault: Fault, times: usize) {
        match fault {
            Fault::TooLarge(_) => self.order(fault, times),
            fault if times > 0 => self.orders().all.push_back((fault, times)),
            _ => {}
        }
    }

    /// Faults at random on bulk requests, so many in a thousand; the same for the same seed and requests.
    pub fn random(&self, seed: u64, permille: u32) {
        let mut orders = self.orders();
        orders.chance = fastrand::Rng::with_seed(seed);
        orders.random = Some((fastrand::Rng::with_seed(seed), permille));
    }

    /// Forwards everything again; what is demanded and what was seen stays.
    pub fn clear(&self) {
        let mut orders = self.orders();
        orders.bulk.clear();
        orders.all.clear();
        orders.fixed.clear();
        (orders.random, orders.too_large) = (None, None);
    }

    /// Requests without this header are refused, as the real server words it.
    pub fn demand(&self, header: &str, value: &str) {
        self.orders().demanded = Some((header.to_owned(), value.to_owned()));
    }

    /// Documents that hold a text are not forwarded and answered as what does not fit the mapping, also behind `clear`.
    pub fn refuse(&self, text: &str) {
        self.refuse_as(text, 400);
    }

    /// The same with another status.
    pub fn refuse_as(&self, text: &str, status: u16) {
        self.orders().refused = Some((text.to_owned(), status));
    }

    /// Requests that are not allowed are refused with the reason.
    pub fn restrict(&self, judge: impl Fn(&Asked) -> Result<(), String> + Send + 'static) {
        self.orders().judge = Some(Box::new(judge));
    }

    /// Why requests were not allowed.
    pub fn forbidden(&self) -> Vec<String> {
        self.orders().forbidden.clone()
    }

    /// A path, or a method and a path, is answered so and not forwarded.
    pub fn answer(&self, call: &str, status: u16, body: &str) {
        self.answer_to(call, "", status, body);
    }

    /// The same for requests whose body holds a text.
    pub fn answer_to(&self, call: &str, holds: &str, status: u16, body: &str) {
        self.fix(call, holds, Answer::json(status, body.to_owned()));
    }

    fn fix(&self, call: &str, holds: &str, answer: Answer) {
        self.orders().fixed.push(Fixed { call: call.to_owned(), holds: holds.to_owned(), answer });
    }

    /// Whoever asks for a path is sent to the same one of another server.
    pub fn send_on(&self, path: &str, target: &str) {
        let answer = Answer::json(301, String::new()).with("location", &format!("{target}{path}"));
        self.fix(path, "", answer);
    }

    /// Forwards to another server.
    pub fn retarget(&self, target: &str) {
        self.orders().target = target.to_owned();
    }

    /// How often each fault was injected.
    pub fn seen(&self) -> Vec<(Fault, u64)> {
        self.orders().seen.clone()
    }

    /// The requests that came, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.orders().asked.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    orders: &Mutex<Orders>,
    client: &reqwest::Client,
    mut stream: S,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(asked) = request(&mut stream, &mut buffer).await? {
        let (deed, target) = {
            let mut orders = orders.lock().unwrap();
            (orders.next(&asked), orders.target.clone())
        };
        let (answer, fault) = match deed {
            Deed::Answer(answer) => (answer, None),
            Deed::Forward(Some(Fault::Reset)) => return Ok(()),
            Deed::Forward(fault) if asked.is_bulk() => {
                let (statuses, words) = {
                    let mut orders = orders.lock().unwrap();
                    (orders.statuses(&asked, fault), orders.words.clone())
                };
                let errors: Vec<Option<answers::Error>> =
                    statuses.into_iter().map(|status| Some(answers::Error::new(status?, words.as_ref()))).collect();
                (items(client, &target, &asked, &errors).await?, fault)
            }
            Deed::Forward(fault) => (forward(client, &target, &asked, &asked.body).await?, fault),
        };
        let bytes = answer.bytes();
        match fault {
            Some(Fault::ResetAfter) => return Ok(()),
            Some(Fault::Half) => {
                stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)]).await?;
                return stream.flush().await;
            }
            Some(Fault::Slow(milliseconds)) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            _ => {}
        }
        stream.write_all(&bytes).await?;
        stream.flush().await?;
    }
    Ok(())
}
