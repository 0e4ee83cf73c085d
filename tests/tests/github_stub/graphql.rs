//! Queries of GraphQL: what the published schema allows, what it costs, and what a token sees.

use deckwatch_tests::github_stub::{GitHubStub, TokenBuilder};
use serde_json::{Value, json};

use crate::client::{Answer, send};

const REPO: &str = "example-org/alpha";

fn github() -> (GitHubStub, String) {
    let github = GitHubStub::start();
    let token = github.edit(|world| {
        world.add_repo(REPO);
        for number in 1..=1_100 {
            world.add_issue(REPO, &format!("Issue {number}"), &["ready"]);
        }
        let later = world.now().plus_seconds(1);
        world.add_pull(REPO, "Mend it", &["P0"]).updated_at = later;
        world.token(TokenBuilder::classic(&["repo"]))
    });
    (github, token)
}

async fn ask(github: &GitHubStub, token: &str, query: &str, variables: Value) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    send(github, token, "POST", "/graphql", &body, &[]).await
}

#[tokio::test]
async fn a_search_counts_all_and_lists_a_thousand() {
    let (github, token) = github();
    let query = "query($q: String!, $after: String) { search(query: $q, type: ISSUE, first: 100, after: $after) { issueCount \
                 pageInfo { hasNextPage endCursor } nodes { __typename ... on PullRequest { isDraft } ... on Issue { number } } } }";
    let (mut after, mut pages) = (Value::Null, 0);
    loop {
        let variables = json!({ "q": "repo:example-org/alpha is:open sort:updated-desc", "after": after });
        let found = ask(&github, &token, query, variables).await.body["data"]["search"].clone();
        assert_eq!(found["issueCount"], 1_101);
        if pages == 0 {
            assert_eq!(found["nodes"][0], json!({ "__typename": "PullRequest", "isDraft": false }));
        }
        pages += 1;
        if found["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = found["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(pages, 10);
}

#[tokio::test]
async fn a_query_that_the_schema_refuses_is_refused() {
    let (github, token) = github();
    for (query, message) in [
        ("{ viewer { name2 } }", "Field 'name2' doesn't exist on type 'User'"),
        ("{ viewer }", "Field must have selections (field 'viewer')"),
        ("query($x: String!) { viewer { login } }", "Variable $x of type String was provided invalid value"),
        (
            "query { search(query: \"is:open\", type: ISSUE) { issueCount } }",
            "You must provide a `first` or `last` value",
        ),
        ("query { search(query: \"is:open\", type: ISSUE, first: 101) { issueCount } }", "Requesting 101 records"),
        ("query { search(query: $q, type: ISSUE, first: 1) { issueCount } }", "Variable $q is used by anonymous query"),
        ("{ viewer { login }", "Parse error"),
    ] {
        let answer = ask(&github, &token, query, json!({})).await;
        let told = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(answer.status == 200 && told.starts_with(message) && answer.body["data"].is_null(), "{query}: {told}");
    }
    assert_eq!(ask(&github, "", "{ viewer { login } }", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_hidden_repository_is_an_error_and_a_renamed_one_has_its_new_name() {
    let (github, token) = github();
    let foreign = github.edit(|world| {
        world.rename(REPO, "example-org/omega");
        world.token(TokenBuilder::classic(&["repo"]).of("eve"))
    });
    let query = "{ a: repository(owner: \"example-org\", name: \"alpha\") { nameWithOwner isArchived parent { name } } \
                 b: repository(owner: \"example-org\", name: \"none\") { nameWithOwner } rateLimit { cost remaining } }";
    let answer = ask(&github, &token, query, json!({})).await.body;
    let expected = json!({ "nameWithOwner": "example-org/omega", "isArchived": false, "parent": null });
    assert_eq!((&answer["data"]["a"], &answer["data"]["b"]), (&expected, &Value::Null));
    assert_eq!((&answer["errors"][0]["type"], &answer["errors"][0]["path"]), (&json!("NOT_FOUND"), &json!(["b"])));
    assert_eq!(answer["data"]["rateLimit"], json!({ "cost": 1, "remaining": 4999 }));
    let hidden = ask(&github, &foreign, query, json!({})).await.body;
    assert_eq!(hidden["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn points_are_counted_and_limited() {
    let (github, token) = github();
    github.edit(|world| world.rates.graphql = 3);
    let costly = "query { search(query: \"is:open\", type: ISSUE, first: 100) { nodes { ... on Issue { \
                  labels(first: 10) { nodes { name } } assignees(first: 10) { totalCount } } } } }";
    let answer = ask(&github, &token, costly, json!({})).await;
    assert_eq!((answer.header("x-ratelimit-used"), answer.header("x-ratelimit-resource")), ("2", "graphql"));
    let refused = ask(&github, &token, costly, json!({})).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["type"]), (200, &json!("RATE_LIMITED")));
    assert_eq!(github.requests().iter().map(|request| request.points).collect::<Vec<_>>(), [2, 0]);
}
