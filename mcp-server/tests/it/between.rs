//! A simulated network between an agent and its server: slow or broken. It also acts as a proxy.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::api::{Request, respond};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The request and its answer pass.
    Passes,
    /// The same, after this delay.
    PassesLater(Duration),
    /// The connection breaks before the request arrives.
    Breaks,
    /// Another server answers, with this status and an HTML page.
    IsAnsweredElsewhere(u16),
}

type Decide = Box<dyn Fn(&Request) -> Fate + Send>;

/// A network path to a server. Its threads end with the test's process.
pub(crate) struct Between {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    delay: AtomicU64,
    /// Whether the answers ask for a heartbeat every second.
    beats_often: AtomicBool,
    decide: Mutex<Decide>,
    /// The paths of the requests that passed.
    seen: Mutex<Vec<String>>,
}

impl Between {
    /// A network path to the server at this address. All requests pass.
    pub(crate) fn leading_to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let decide: Mutex<Decide> = Mutex::new(Box::new(|_| Fate::Passes));
        let shared = Arc::new(Shared {
            server,
            delay: AtomicU64::new(0),
            beats_often: AtomicBool::new(false),
            decide,
            seen: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.carry(stream));
            }
        });
        Self { url, shared }
    }

    /// Delays each request by this time from now on.
    pub(crate) fn takes(&self, delay: Duration) {
        self.shared.delay.store(delay.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// Has the answers ask for a heartbeat every second from now on.
    pub(crate) fn beats_often(&self) {
        self.shared.beats_often.store(true, Ordering::SeqCst);
    }

    /// Sets what happens to each request from now on.
    pub(crate) fn decides(&self, decide: impl Fn(&Request) -> Fate + Send + 'static) {
        *self.shared.decide.lock().unwrap() = Box::new(decide);
        self.shared.seen.lock().unwrap().clear();
    }

    /// Whether a request for this path passed since the last call of [`Self::decides`].
    pub(crate) fn has_seen(&self, path: &str) -> bool {
        self.shared.seen.lock().unwrap().iter().any(|seen| seen == path)
    }
}

impl Shared {
    fn carry(&self, mut stream: TcpStream) -> Option<()> {
        let request = Request::read(&stream)?;
        let fate = (self.decide.lock().unwrap())(&request);
        self.seen.lock().unwrap().push(request.path.split('?').next().unwrap_or_default().to_owned());
        std::thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
        match fate {
            Fate::Passes => {}
            Fate::PassesLater(delay) => std::thread::sleep(delay),
            Fate::Breaks => return None,
            Fate::IsAnsweredElsewhere(status) => return respond(&mut stream, status, &[], "<html>Log in to the hotel"),
        }
        let answer = self.forward(&request)?;
        let answer = if self.beats_often.load(Ordering::SeqCst) { with_short_interval(answer) } else { answer };
        stream.write_all(&answer).ok()
    }

    fn forward(&self, request: &Request) -> Option<Vec<u8>> {
        let mut server = TcpStream::connect(self.server).ok()?;
        // A request to a proxy contains the whole URL.
        let path = request
            .path
            .strip_prefix("http://")
            .map_or(request.path.as_str(), |whole| &whole[whole.find('/').unwrap()..]);
        let mut head = format!("{} {path} HTTP/1.1\r\n", request.method);
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "connection") {
            head.extend([name, ": ", value, "\r\n"]);
        }
        server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).ok()?;
        server.write_all(&request.body).ok()?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).ok()?;
        Some(answer)
    }
}

/// The answer with an interval of a second between heartbeats, and with the same length.
fn with_short_interval(answer: Vec<u8>) -> Vec<u8> {
    const NAME: &str = "\"heartbeat_interval_seconds\":";
    let Ok(text) = String::from_utf8(answer.clone()) else { return answer };
    let Some((before, after)) = text.split_once(NAME) else { return answer };
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or_default();
    format!("{before}{NAME}{:>digits$}{}", 1, &after[digits..]).into_bytes()
}
