//! Documents: put, read, list, delete, versions.

use deckwatch_protocol::{DayStarted, Doc, DocOutcome, DocPut, DocText, DocVersion, ErrorCode, Operation, Page};
use deckwatch_tests::{Api, Caller, Response, TestRequest, a_moment_later, fresh, overlay};
use serde_json::{Value, json};

/// A document that only one test uses, put and deleted by an admin.
pub(crate) struct TestDoc {
    pub(crate) api: Api,
    pub(crate) scope: String,
    pub(crate) name: String,
}

impl TestDoc {
    /// A document in a new venture.
    pub(crate) async fn new() -> Self {
        Self::of(Api::start().await).await
    }

    pub(crate) async fn of(api: Api) -> Self {
        let scope = api.venture().await;
        Self { api, scope, name: "api.md".to_owned() }
    }

    /// A request for `operation` on the document.
    pub(crate) fn ask(&self, operation: Operation) -> TestRequest {
        TestRequest::of(operation).with(&self.scope).with(&self.name)
    }

    /// The request that puts the document with this content and these fields.
    pub(crate) fn ask_put(&self, content: &str, fields: Value) -> TestRequest {
        self.ask(Operation::PutDoc).json(&overlay(json!({ "content": content }), fields))
    }

    pub(crate) async fn send(&self, ask: TestRequest) -> Response {
        self.api.admin().send(ask).await
    }

    pub(crate) async fn put(&self, content: &str) -> DocPut {
        let response = self.send(self.ask_put(content, json!({}))).await;
        response.of(response.status)
    }

    pub(crate) async fn read(&self) -> DocText {
        self.send(self.ask(Operation::GetDoc)).await.of(200)
    }

    pub(crate) async fn version(&self, version: u32) -> Response {
        self.send(self.ask(Operation::GetDoc).query(format!("version={version}"))).await
    }

    pub(crate) async fn delete(&self) -> DocVersion {
        self.send(self.ask(Operation::DeleteDoc)).await.of(200)
    }

    /// The listed versions, newest first.
    pub(crate) async fn versions(&self) -> Page<DocVersion> {
        self.send(self.ask(Operation::ListDocVersions).query("limit=100")).await.of(200)
    }

    async fn listed(&self) -> Vec<Doc> {
        let page: Page<Doc> =
            self.send(TestRequest::of(Operation::ListDocs).query(format!("venture={}", self.scope))).await.of(200);
        assert_eq!(page.total as usize, page.items.len());
        page.items
    }
}

/// The numbers of versions.
pub(crate) fn numbers(versions: &Page<DocVersion>) -> Vec<u32> {
    versions.items.iter().map(|version| version.version).collect()
}

#[tokio::test]
async fn a_document_with_every_field_is_returned_unchanged() {
    let desk = TestDoc::new().await;
    let content = "# Größe 😀\n\ta \"quoted\" \\ \u{1} 'word'\r\n";
    let fields = json!({
        "doc_type": "markdown", "title": "The API", "source_repo": "example-org/alpha", "source_path": "docs/api.md",
    });
    let response = desk.send(desk.ask_put(content, fields.clone())).await;
    let put: DocPut = response.of(201);
    assert_eq!(put.outcome, DocOutcome::Created);
    let answer = response.json();
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(&answer[field], value);
    }
    assert_eq!(answer.get("content"), None, "the answer to a put never has the content");
    assert_eq!((&put.doc.summary.scope, &put.doc.summary.name), (&desk.scope, &desk.name));
    assert_eq!((put.doc.summary.version, put.doc.summary.size_bytes as usize), (1, content.len()));
    assert_eq!(put.doc.summary.updated_at, put.doc.created_at);
    let read = desk.send(desk.ask(Operation::GetDoc)).await;
    let text: DocText = read.of(200);
    assert_eq!((&text.doc, text.content.as_str()), (&put.doc, content));
    let tag = format!("\"{}\"", put.doc.summary.content_hash);
    assert_eq!((read.header("etag"), response.header("etag")), (Some(tag.as_str()), Some(tag.as_str())));
}

#[tokio::test]
async fn the_content_hash_is_the_sha_256_of_the_content() {
    let desk = TestDoc::new().await;
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(desk.put("abc").await.doc.summary.content_hash, hash);
}

#[tokio::test]
async fn unchanged_content_keeps_its_version_and_its_time() {
    let desk = TestDoc::new().await;
    let first = desk.put("# One").await;
    a_moment_later().await;
    let response = desk.send(desk.ask_put("# One", json!({}))).await;
    let again: DocPut = response.of(200);
    assert_eq!((again.outcome, &again.doc), (DocOutcome::Unchanged, &first.doc));
    let fields = json!({ "title": "Another", "source_path": "README.md" });
    let renamed: DocPut = desk.send(desk.ask_put("# One", fields)).await.of(200);
    assert_eq!(renamed.outcome, DocOutcome::Unchanged, "the content is unchanged");
    assert_eq!((renamed.doc.summary.version, renamed.doc.summary.updated_at), (1, first.doc.summary.updated_at));
    assert_eq!(desk.read().await.doc.summary.title, "Another");
    assert_eq!(numbers(&desk.versions().await), [1]);
}

#[tokio::test]
async fn changed_content_makes_a_version() {
    let desk = TestDoc::new().await;
    let first = desk.put("# One").await;
    a_moment_later().await;
    let second: DocPut = desk.send(desk.ask_put("# Two", json!({}))).await.of(200);
    assert_eq!((second.outcome, second.doc.summary.version), (DocOutcome::Updated, 2));
    assert!(second.doc.summary.updated_at > first.doc.summary.updated_at);
    assert_eq!(second.doc.created_at, first.doc.created_at);
    desk.put("# One").await;
    let versions = desk.versions().await;
    assert_eq!((numbers(&versions), versions.total), (vec![3, 2, 1], 3), "putting earlier content makes a new version");
    assert_eq!(versions.items[0].content_hash, versions.items[2].content_hash);
    for (version, content) in [(1, "# One"), (2, "# Two"), (3, "# One")] {
        let response = desk.version(version).await;
        let text: DocText = response.of(200);
        assert_eq!((text.content.as_str(), text.doc.summary.version), (content, version));
        assert_eq!(response.header("etag"), Some(format!("\"{}\"", text.doc.summary.content_hash).as_str()));
    }
    assert_eq!(desk.version(3).await.of::<DocText>(200), desk.read().await, "the newest version is the document");
}

#[tokio::test]
async fn the_last_20_versions_are_kept() {
    let desk = TestDoc::new().await;
    for n in 1..=23 {
        assert_eq!(desk.put(&format!("# {n}")).await.doc.summary.version, n);
    }
    let versions = desk.versions().await;
    assert_eq!(numbers(&versions), (4..=23).rev().collect::<Vec<_>>());
    assert_eq!(desk.version(4).await.of::<DocText>(200).content, "# 4");
    desk.version(3).await.problem(ErrorCode::DocNotFound);
    desk.version(24).await.problem(ErrorCode::DocNotFound);
    let rows = "select count(*) as n from doc_versions where scope = ?1";
    assert_eq!(desk.api.db_count(rows, json!([desk.scope])).await, 20);
}

#[tokio::test]
async fn versions_are_paged() {
    let desk = TestDoc::new().await;
    for n in 1..=12 {
        desk.put(&format!("# {n}")).await;
    }
    let (mut query, mut walked) = ("limit=5".to_owned(), Vec::new());
    loop {
        let page: Page<DocVersion> = desk.send(desk.ask(Operation::ListDocVersions).query(query)).await.of(200);
        assert_eq!(page.total, 12);
        walked.extend(numbers(&page));
        let Some(next) = page.next_cursor else { break };
        query = format!("limit=5&cursor={next}");
    }
    assert_eq!(walked, (1..=12).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_deleted_document_is_not_found_and_its_versions_are_kept() {
    let desk = TestDoc::new().await;
    desk.put("# One").await;
    desk.put("# Two").await;
    let deletion = desk.delete().await;
    assert_eq!((deletion.version, deletion.deleted, deletion.size_bytes), (3, true, 0));
    assert_eq!(deletion.content_hash, None);
    desk.send(desk.ask(Operation::GetDoc)).await.problem(ErrorCode::DocNotFound);
    desk.send(desk.ask(Operation::DeleteDoc)).await.problem(ErrorCode::DocNotFound);
    assert_eq!(desk.listed().await, []);
    let versions = desk.versions().await;
    assert_eq!(versions.items[0], deletion);
    assert_eq!(numbers(&versions), [3, 2, 1]);
    assert_eq!(desk.version(2).await.of::<DocText>(200).content, "# Two");
    desk.version(3).await.problem(ErrorCode::DocNotFound);
    let left = "select length(content) as n from context_docs where scope = ?1";
    assert_eq!(desk.api.db_count(left, json!([desk.scope])).await, 0);
}

#[tokio::test]
async fn a_document_put_after_its_deletion_continues_the_version_numbers() {
    let desk = TestDoc::new().await;
    desk.put("# One").await;
    desk.delete().await;
    let again: DocPut = desk.send(desk.ask_put("# One", json!({}))).await.of(201);
    assert_eq!((again.outcome, again.doc.summary.version), (DocOutcome::Created, 3));
    assert_eq!(desk.read().await.content, "# One");
    let updated = desk.put("# Two").await;
    assert_eq!((updated.outcome, updated.doc.summary.version), (DocOutcome::Updated, 4));
    let deletions: Vec<bool> = desk.versions().await.items.iter().map(|version| version.deleted).collect();
    assert_eq!(deletions, [false, false, true, false]);
}

#[tokio::test]
async fn a_document_that_the_client_has_is_not_sent_again() {
    let desk = TestDoc::new().await;
    let tag = format!("\"{}\"", desk.put("# One").await.doc.summary.content_hash);
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let response = desk.send(desk.ask(Operation::GetDoc).header("if-none-match", known)).await;
        assert_eq!((response.status, response.body.len()), (304, 0), "{response}");
        assert_eq!((response.header("etag"), response.header("content-type")), (Some(tag.as_str()), None));
    }
    for other in ["\"1\"", "x", &tag.replace('"', "")] {
        desk.send(desk.ask(Operation::GetDoc).header("if-none-match", other)).await.of::<DocText>(200);
    }
    desk.put("# Two").await;
    desk.send(desk.ask(Operation::GetDoc).header("if-none-match", &tag)).await.of::<DocText>(200);
    let first = desk.ask(Operation::GetDoc).query("version=1").header("if-none-match", &tag);
    assert_eq!(desk.send(first).await.status, 304);
    desk.delete().await;
    let gone = desk.ask(Operation::GetDoc).header("if-none-match", "*");
    desk.send(gone).await.problem(ErrorCode::DocNotFound);
}

#[tokio::test]
async fn a_list_has_the_documents_of_its_scope_sorted_by_name() {
    let desk = TestDoc::new().await;
    let other = TestDoc { api: desk.api.clone(), scope: desk.api.venture().await, name: "z.md".to_owned() };
    other.put("# Other").await;
    for name in ["b.md", "a.md", "c.json", "_d.md"] {
        TestDoc { api: desk.api.clone(), scope: desk.scope.clone(), name: name.to_owned() }.put("# T").await;
    }
    let names = |docs: &[Doc]| docs.iter().map(|doc| doc.summary.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&desk.listed().await), ["_d.md", "a.md", "b.md", "c.json"]);
    let by_scope: Page<Doc> =
        desk.send(TestRequest::of(Operation::ListDocs).query(format!("scope={}", desk.scope))).await.of(200);
    assert_eq!(by_scope.items, desk.listed().await);
    let mut walked = Vec::new();
    let mut query = format!("scope={}&limit=3", desk.scope);
    loop {
        let page: Page<Doc> = desk.send(TestRequest::of(Operation::ListDocs).query(query)).await.of(200);
        assert_eq!(page.total, 4);
        walked.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        query = format!("scope={}&limit=3&cursor={next}", desk.scope);
    }
    assert_eq!(walked, by_scope.items);
    let both = format!("scope=global&venture={}", desk.scope);
    let neither: Page<Doc> = desk.send(TestRequest::of(Operation::ListDocs).query(both)).await.of(200);
    assert_eq!((neither.items, neither.total), (vec![], 0));
}

#[tokio::test]
async fn a_list_without_a_filter_covers_every_scope() {
    let desk = TestDoc::new().await;
    let global = TestDoc { api: desk.api.clone(), scope: "global".to_owned(), name: fresh("doc") };
    let mine = [desk.put("# Mine").await.doc, global.put("# Everybody's").await.doc];
    let (mut query, mut walked) = ("limit=100".to_owned(), Vec::<Doc>::new());
    loop {
        let page: Page<Doc> = desk.send(TestRequest::of(Operation::ListDocs).query(query)).await.of(200);
        walked.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        query = format!("limit=100&cursor={next}");
    }
    assert!(mine.iter().all(|doc| walked.contains(doc)));
    let place = |doc: &Doc| format!("{}.{}", doc.summary.scope, doc.summary.name);
    assert!(walked.is_sorted_by_key(place));
}

#[tokio::test]
async fn a_start_of_day_lists_a_document_until_it_is_deleted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let desk = TestDoc { api: api.clone(), scope: agent.venture.clone(), name: "api.md".to_owned() };
    let put = desk.put("# The API").await;
    let own = |day: &DayStarted| {
        day.doc_index.items.iter().filter(|doc| doc.scope == agent.venture).cloned().collect::<Vec<_>>()
    };
    let day = agent.started().await;
    assert_eq!(own(&day), [put.doc.summary]);
    assert!(!day.doc_audit.missing.iter().any(|problem| problem.name == "api.md" && problem.scope == agent.venture));
    desk.delete().await;
    assert_eq!(own(&agent.start_day(json!({})).await.of(200)), []);
}

#[tokio::test]
async fn a_put_and_a_deletion_replay_byte_for_byte_after_later_changes() {
    let desk = TestDoc::new().await;
    let (put, delete) = (desk.ask_put("# One", json!({})), desk.ask(Operation::DeleteDoc));
    let first = desk.send(put.clone()).await;
    first.of::<DocPut>(201);
    desk.put("# Two").await;
    let deleted = desk.send(delete.clone()).await;
    deleted.of::<DocVersion>(200);
    desk.put("# Three").await;
    for (ask, before) in [(put, first), (delete, deleted)] {
        let again = desk.send(ask).await;
        assert_eq!((again.is_replay(), again.status, &again.body), (true, before.status, &before.body));
        assert_eq!(again.header("etag"), before.header("etag"));
    }
    assert_eq!(desk.read().await.content, "# Three");
    assert_eq!(numbers(&desk.versions().await), [4, 3, 2, 1]);
}

#[tokio::test]
async fn a_version_must_be_a_number_and_other_query_parameters_are_refused() {
    let desk = TestDoc::new().await;
    desk.put("# One").await;
    for version in ["0", "-1", "x", "1.0", "", "99999999999"] {
        let ask = desk.ask(Operation::GetDoc).query(format!("version={version}"));
        desk.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/version"]);
    }
    for operation in [Operation::GetDoc, Operation::ListDocVersions, Operation::DeleteDoc] {
        let ask = desk.ask(operation).query("nonsense=1");
        desk.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/nonsense"]);
    }
    let body = desk.ask(Operation::DeleteDoc).json(&json!({ "content": "x" }));
    desk.send(body).await.problem_at(ErrorCode::InvalidRequest, &["/content"]);
    assert_eq!(desk.read().await.content, "# One");
}
