//! The REST API: finds the function of a request. Each file has the functions of a resource.

mod apps;
mod deliveries;
mod issues;
mod labels;
mod pulls;
mod repos;
mod users;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::{self, AnyOf};
use super::answer::{Answer, Handled};
use super::caller::Caller;
use super::page;
use super::world::{Repo, World};

/// A request that is being handled.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// The address of the API as the caller knows it, with `/api/v3` for an enterprise.
    pub(super) base: String,
    /// The path below `base`.
    pub(super) path: &'a str,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    pub(super) caller: Caller,
    pub(super) world: &'a mut World,
}

impl Call<'_> {
    /// The address of the request, without its query.
    fn url(&self) -> String {
        format!("{}{}", self.base, self.path)
    }

    fn list(&self, all: Vec<Value>) -> Answer {
        self.list_of(all, |value| value)
    }

    fn list_of<T>(&self, all: Vec<T>, form: impl Fn(T) -> Value) -> Answer {
        page::list(all, &self.url(), &self.query, form)
    }

    /// The repository, if the caller has one of these permissions. An earlier name redirects.
    fn repo(&self, owner: &str, name: &str, any_of: AnyOf) -> Result<&Repo, Answer> {
        let full = format!("{owner}/{name}");
        let found = self.world.repos.iter().find(|repo| repo.full_name().eq_ignore_ascii_case(&full));
        if let Some(repo) = found {
            access::need(self.world, &self.caller, repo, any_of)?;
            return Ok(repo);
        }
        let moved = self.world.earlier_names.get(&full.to_ascii_lowercase()).and_then(|id| self.world.repo_by_id(*id));
        let moved = moved.ok_or_else(Answer::not_found)?;
        access::see(self.world, &self.caller, moved)?;
        let rest = self.path.splitn(5, '/').nth(4).map_or_else(String::new, |rest| format!("/{rest}"));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        Err(Answer::moved(format!("{}/repositories/{}{rest}{query}", self.base, moved.id)))
    }
}

/// Answers a request. `segments` are those of the path, decoded.
pub(super) fn answer(call: &mut Call, segments: &[&str]) -> Handled {
    match (call.method, segments) {
        (_, ["repositories", id, rest @ ..]) => {
            let found = id.parse().ok().and_then(|id| call.world.repo_by_id(id)).ok_or_else(Answer::not_found)?;
            let (owner, name) = (found.owner.clone(), found.name.clone());
            let segments: Vec<&str> = ["repos", &owner, &name].into_iter().chain(rest.iter().copied()).collect();
            answer(call, &segments)
        }
        ("GET", ["repos", owner, name]) => repos::get(call, owner, name),
        ("GET", ["orgs", org, "repos"]) => Ok(repos::of_organization(call, org)),
        ("GET", ["repos", owner, name, "issues"]) => issues::list(call, owner, name),
        ("POST", ["repos", owner, name, "issues"]) => issues::create(call, owner, name),
        ("GET", ["repos", owner, name, "issues", number]) => issues::get(call, owner, name, number),
        ("PATCH", ["repos", owner, name, "issues", number]) => issues::update(call, owner, name, number),
        ("GET", ["repos", owner, name, "issues", number, "labels"]) => labels::of_issue(call, owner, name, number),
        ("POST", ["repos", owner, name, "issues", number, "labels"]) => labels::add(call, owner, name, number),
        ("PUT", ["repos", owner, name, "issues", number, "labels"]) => labels::set(call, owner, name, number),
        ("DELETE", ["repos", owner, name, "issues", number, "labels"]) => labels::clear(call, owner, name, number),
        ("DELETE", ["repos", owner, name, "issues", number, "labels", label]) => {
            labels::remove(call, owner, name, number, label)
        }
        ("GET", ["repos", owner, name, "labels"]) => labels::list(call, owner, name),
        ("POST", ["repos", owner, name, "labels"]) => labels::create(call, owner, name),
        ("GET", ["repos", owner, name, "labels", label]) => labels::get(call, owner, name, label),
        ("GET", ["repos", owner, name, "pulls"]) => pulls::list(call, owner, name),
        ("POST", ["repos", owner, name, "pulls"]) => pulls::create(call, owner, name),
        ("GET", ["repos", owner, name, "pulls", number]) => pulls::get(call, owner, name, number),
        ("GET", ["repos", owner, name, "pulls", number, "files"]) => pulls::files(call, owner, name, number),
        ("GET", ["repos", owner, name, "installation"]) => apps::of_repo(call, owner, name),
        ("GET", ["app"]) => apps::get(call),
        ("GET", ["app", "installations"]) => apps::installations(call),
        ("GET", ["app", "installations", id]) => apps::installation(call, id),
        ("POST", ["app", "installations", id, "access_tokens"]) => apps::create_token(call, id),
        ("GET", ["app", "hook", "config"]) => apps::hook(call),
        ("GET", ["app", "hook", "deliveries"]) => deliveries::list(call),
        ("PATCH", ["app", "hook", "config"]) => apps::update_hook(call),
        ("GET", ["installation", "repositories"]) => apps::repositories(call),
        ("POST", ["app-manifests", code, "conversions"]) => apps::convert_manifest(call, code),
        ("GET", ["user"]) => users::current(call),
        ("GET", ["user", "repos"]) => users::repos(call),
        ("GET", ["users", login]) => users::get(call, login),
        ("GET", ["rate_limit"]) => {
            let (caller, now) = (call.caller.counted_as(), call.world.seconds());
            Ok(Answer::ok(call.world.rates.overview(&caller, now)))
        }
        ("GET", ["meta"]) => Ok(Answer::ok(json!({ "verifiable_password_authentication": false }))),
        _ => Err(Answer::not_found()),
    }
}

/// The number in a path.
fn number(text: &str) -> Result<u64, Answer> {
    text.parse().map_err(|_| Answer::not_found())
}
