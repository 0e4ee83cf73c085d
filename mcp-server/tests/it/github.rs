//! A GitHub on loopback. It answers the GraphQL queries of the server and supports the search qualifiers that the
//! server uses. It refuses anything else, like GitHub.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::api::{Request, respond};

/// The valid token.
pub(crate) const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

/// An open issue.
#[derive(Clone)]
pub(crate) struct Issue {
    pub(crate) repo: &'static str,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) author: Option<String>,
    pub(crate) updated_at: String,
}

pub(crate) fn issue(repo: &'static str, number: u64, title: &str, labels: &[&'static str]) -> Issue {
    let author = Some("ann".to_owned());
    let updated_at = "2026-11-20T08:00:00Z".to_owned();
    Issue { repo, number, title: title.to_owned(), labels: labels.to_vec(), author, updated_at }
}

/// How the server behaves.
#[derive(Clone)]
pub(crate) enum Mood {
    Well,
    /// Answers with this status, these headers and this body.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// Reads the request and never answers.
    Hangs,
}

/// A running server. Its threads end with the test's process.
pub(crate) struct GitHub {
    pub(crate) url: String,
    requests: Arc<Mutex<usize>>,
}

struct World {
    issues: Vec<Issue>,
    repos: Vec<&'static str>,
    renamed: Vec<(&'static str, &'static str)>,
    mood: Mood,
}

impl GitHub {
    /// With these repositories and issues.
    pub(crate) fn with(repos: &[&'static str], issues: &[Issue]) -> Self {
        let (repos, issues) = (repos.to_vec(), issues.to_vec());
        Self::start(World { issues, repos, renamed: Vec::new(), mood: Mood::Well })
    }

    pub(crate) fn in_mood(mood: Mood) -> Self {
        Self::start(World { issues: Vec::new(), repos: Vec::new(), renamed: Vec::new(), mood })
    }

    /// A server where the repository `old` was renamed to `new`.
    pub(crate) fn renamed(old: &'static str, new: &'static str) -> Self {
        Self::start(World { issues: Vec::new(), repos: vec![new], renamed: vec![(old, new)], mood: Mood::Well })
    }

    fn start(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(0));
        let (world, count) = (Arc::new(world), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *count.lock().unwrap() += 1;
                let world = Arc::clone(&world);
                std::thread::spawn(move || world.serve(stream));
            }
        });
        Self { url, requests }
    }

    /// The number of received requests.
    pub(crate) fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }
}

impl World {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let request = Request::read(&stream)?;
        match &self.mood {
            Mood::Hangs => {
                // Wait until the caller closes the connection.
                let _ = Request::read(&stream);
                None
            }
            Mood::Answers(status, headers, body) => respond(&mut stream, *status, headers, body),
            Mood::Well => {
                let (status, body) = self.answer(&request);
                respond(&mut stream, status, &[], &body.to_string())
            }
        }
    }

    fn answer(&self, request: &Request) -> (u16, Value) {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/graphql") {
            return (404, json!({"message": "Not Found"}));
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return (401, json!({"message": "Bad credentials"}));
        }
        if request.header("user-agent").is_none_or(str::is_empty) {
            return (403, json!({"message": "Request forbidden by administrative rules."}));
        }
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(question) => (200, self.resolve(&question)),
            Err(_) => (400, json!({"message": "Problems parsing JSON"})),
        }
    }

    fn resolve(&self, question: &Value) -> Value {
        let (query, variables) = (question["query"].as_str().unwrap(), &question["variables"]);
        assert_eq!(query.matches('{').count(), query.matches('}').count(), "{query}");
        let (mut data, mut errors) = (Map::new(), Vec::new());
        for line in query.lines() {
            let Some((alias, field)) = line.split_once(": ").filter(|(alias, _)| !alias.contains(['(', ' '])) else {
                if line.contains("viewer { login }") {
                    data.insert("viewer".to_owned(), json!({"login": "ann"}));
                }
                continue;
            };
            let variable = |name: &str| {
                let start = field.find(&format!("{name}: $")).expect(field) + name.len() + 3;
                let name: String = field[start..].chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(query.contains(&format!("${name}: String!")), "{name} is declared");
                variables[name].as_str().expect("a variable").to_owned()
            };
            let page = |after: &str| after.strip_prefix("cursor").expect("a cursor of this server").parse().unwrap();
            let value = if field.starts_with("repository(") {
                self.repository(&format!("{}/{}", variable("owner"), variable("name")))
            } else {
                let first = field.split("first: ").nth(1).unwrap().split([')', ',']).next().unwrap().parse().unwrap();
                let after = if field.contains("after: ") { page(&variable("after")) } else { 0 };
                Some(self.search(&variable("query"), first, after))
            };
            if value.is_none() {
                errors.push(
                    json!({"type": "NOT_FOUND", "path": [alias], "message": "Could not resolve to a Repository"}),
                );
            }
            data.insert(alias.to_owned(), value.unwrap_or_default());
        }
        if errors.is_empty() { json!({"data": data}) } else { json!({"data": data, "errors": errors}) }
    }

    fn repository(&self, name: &str) -> Option<Value> {
        let renamed = self.renamed.iter().find(|(old, _)| old.eq_ignore_ascii_case(name)).map(|(_, new)| *new);
        let found = renamed.or_else(|| self.repos.iter().copied().find(|repo| repo.eq_ignore_ascii_case(name)));
        found.map(|name| json!({"nameWithOwner": name}))
    }

    /// Finds nothing in an unknown repository, without an error, like GitHub.
    fn search(&self, search: &str, first: usize, after: usize) -> Value {
        let mut found: Vec<&Issue> =
            self.issues.iter().filter(|issue| search.split(' ').all(|qualifier| fits(issue, qualifier))).collect();
        found.sort_by_key(|issue| std::cmp::Reverse(&issue.updated_at));
        let edge = |(n, issue): (usize, &&Issue)| {
            let node = json!({"number": issue.number, "title": issue.title, "updatedAt": issue.updated_at,
                "author": issue.author.as_ref().map(|login| json!({"login": login})),
                "assignees": {"nodes": [{"login": "bob"}]}});
            json!({"cursor": format!("cursor{}", n + 1), "node": node})
        };
        let edges: Vec<Value> = found.iter().enumerate().skip(after).take(first).map(edge).collect();
        json!({"issueCount": found.len(), "pageInfo": {"hasNextPage": after + edges.len() < found.len()}, "edges": edges})
    }
}

/// Whether an issue matches one qualifier. The server's qualifiers contain no spaces.
fn fits(issue: &Issue, qualifier: &str) -> bool {
    let has = |quoted: &str| issue.labels.iter().any(|label| label.eq_ignore_ascii_case(quoted.trim_matches('"')));
    match qualifier.split_once(':').unwrap() {
        ("repo", repo) => issue.repo.eq_ignore_ascii_case(repo),
        ("is", "issue" | "open") | ("sort", "updated-desc") => true,
        ("label", labels) => labels.split(',').any(has),
        ("-label", label) => !has(label),
        // An unknown qualifier matches nothing.
        _ => false,
    }
}
