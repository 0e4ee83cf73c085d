//! The HTTP side of the model: reads a request, finds the next step, and answers in the format of the API.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::heard::{ModelRequest, texts};
use super::script::{Call, Script, Step};
use super::{anthropic, google, openai};

/// The state that all requests share.
pub(super) struct ModelState {
    pub(super) script: RwLock<Script>,
    pub(super) heard: watch::Sender<Vec<ModelRequest>>,
    pub(super) release: watch::Receiver<bool>,
}

/// An answer in the format of one of the APIs.
pub(super) enum Reply {
    /// A JSON document.
    Json(Value),
    /// Server-sent events, each named after its `type` if it has one.
    Events(Vec<Value>),
}

/// One of the APIs for models.
#[derive(Debug, Clone, Copy)]
enum Dialect {
    Anthropic,
    OpenAi,
    Google,
}

/// Accepts connections until this task is aborted; aborting it ends the connections too.
pub(super) async fn serve(listener: TcpListener, state: Arc<ModelState>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(converse(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, state: Arc<ModelState>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    // An agent that closes the connection early, for example because it is stopped, is not an error of the model.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl ModelState {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let Some(dialect) = Dialect::of(&path) else {
            // The agents also send other requests, such as for the list of models.
            return Reply::Json(json!({ "data": [], "models": [] })).into_response();
        };
        // If the agent closes the connection early, the body is empty.
        let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let heard = dialect.hear(path.clone(), &body);
        self.heard.send_modify(|all| all.push(heard.clone()));
        dialect.reply(&path, &body, &self.next(dialect, &heard).await).into_response()
    }

    /// The next step. At the wait of the script, it first waits until the model is released.
    async fn next(&self, dialect: Dialect, heard: &ModelRequest) -> Step {
        let number = heard.results.len();
        if self.script(|script| script.waits_after == Some(number)) {
            // An error is impossible, because the sender lives as long as the model.
            let _ = self.release.clone().wait_for(|released| *released).await;
        }
        match self.script(|script| script.call_at(number, heard).cloned()) {
            Some(call) => dialect.step(number, call, heard),
            None => Step::End,
        }
    }

    fn script<T>(&self, read: impl FnOnce(&Script) -> T) -> T {
        read(&self.script.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Script {
    /// Call `number` of a conversation.
    fn call_at(&self, number: usize, heard: &ModelRequest) -> Option<&Call> {
        let of_sub_agent = self.sub_agent.as_ref().filter(|(prompt, _)| heard.opening.contains(prompt));
        of_sub_agent.map_or(&self.calls, |(_, calls)| calls).get(number)
    }
}

impl Dialect {
    fn of(path: &str) -> Option<Self> {
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        if ends(&["/v1/messages", "/v1/messages/count_tokens"]) {
            Some(Self::Anthropic)
        } else if ends(&["/responses"]) {
            Some(Self::OpenAi)
        } else if ends(&[":generateContent", ":streamGenerateContent"]) {
            Some(Self::Google)
        } else {
            None
        }
    }

    fn hear(self, path: String, request: &Value) -> ModelRequest {
        let (tools, results) = match self {
            Self::Anthropic => (anthropic::tools(request), anthropic::results(request)),
            Self::OpenAi => (openai::tools(request), openai::results(request)),
            Self::Google => (google::tools(request), google::results(request)),
        };
        ModelRequest { path, tools, results, text: texts(request), opening: texts(&request["messages"][0]) }
    }

    fn step(self, number: usize, call: Call, heard: &ModelRequest) -> Step {
        let (tool, arguments) = match call {
            Call::Deckwatch { tool, arguments } => (self.offered(&tool), arguments),
            Call::Own { tool, arguments } => (tool, arguments),
            Call::Shell(command) => {
                let (tool, arguments) = self.shell(&command);
                (tool.to_owned(), arguments)
            }
        };
        // The agents also send requests without tools, for example for a title.
        if heard.tools.contains(&tool) { Step::Call { number, tool, arguments } } else { Step::End }
    }

    fn offered(self, tool: &str) -> String {
        match self {
            Self::Anthropic => anthropic::offered(tool),
            Self::OpenAi => openai::offered(tool),
            Self::Google => google::offered(tool),
        }
    }

    /// The agent's tool that runs a shell command, with its arguments.
    fn shell(self, command: &str) -> (&'static str, Value) {
        match self {
            Self::Anthropic => ("Bash", json!({ "command": command, "description": "look around" })),
            Self::OpenAi => ("exec_command", json!({ "cmd": command })),
            Self::Google => ("run_shell_command", json!({ "command": command, "description": "look around" })),
        }
    }

    fn reply(self, path: &str, request: &Value, next: &Step) -> Reply {
        match self {
            Self::Anthropic => anthropic::reply(path, request, next),
            Self::OpenAi => openai::reply(next),
            Self::Google => google::reply(path, next),
        }
    }
}

impl Reply {
    fn into_response(self) -> Response<Full<Bytes>> {
        let (kind, body) = match self {
            Self::Json(value) => ("application/json", value.to_string()),
            Self::Events(events) => ("text/event-stream", events.iter().map(event).collect()),
        };
        Response::builder().header(header::CONTENT_TYPE, kind).body(Full::from(body)).unwrap()
    }
}

fn event(data: &Value) -> String {
    let name = data["type"].as_str().map_or_else(String::new, |name| format!("event: {name}\n"));
    format!("{name}data: {data}\n\n")
}
