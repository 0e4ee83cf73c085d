//! A server of files on loopback, for programs that download. A test can make it answer wrongly.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How a path is answered instead of with its file.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A redirect to this URL.
    Redirect(String),
    /// Half of the file, under the length of the whole.
    Truncated,
    /// Only a status and a header.
    Refusal(u16, &'static str),
}

/// A running server. Its thread ends with the test's process.
pub struct FileServer {
    /// Its address, without a slash at the end.
    pub url: String,
    state: Arc<State>,
}

struct State {
    folder: PathBuf,
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<String>>,
}

impl FileServer {
    /// Serves the files of a folder.
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(State { folder: folder.to_owned(), answers: Mutex::default(), requests: Mutex::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // A client that breaks off is no fault of the test.
                std::thread::spawn(move || state.serve(connection).unwrap_or_default());
            }
        });
        Self { url, state }
    }

    /// Sets how a path is answered from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// The requests so far: the first line and the headers of each.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl State {
    fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut head = String::new();
        for line in BufReader::new(connection.try_clone()?).lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            head.push_str(&line);
            head.push('\n');
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.requests.lock().unwrap().push(head);
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        let close = "connection: close\r\n";
        match (answer, std::fs::read(self.folder.join(path.trim_start_matches('/')))) {
            (Some(Answer::Redirect(to)), _) => {
                write!(connection, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n{close}\r\n")
            }
            (Some(Answer::Refusal(status, header)), _) => {
                write!(connection, "HTTP/1.1 {status} Refused\r\n{header}\r\ncontent-length: 0\r\n{close}\r\n")
            }
            (answer, Ok(bytes)) => {
                write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{close}\r\n", bytes.len())?;
                let sent = if answer.is_some() { bytes.len() / 2 } else { bytes.len() };
                connection.write_all(&bytes[..sent])
            }
            (None | Some(Answer::Truncated), Err(_)) => {
                write!(connection, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n{close}\r\n")
            }
        }
    }
}
