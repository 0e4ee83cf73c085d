//! The contents and names of documents: exact sizes, types, titles, invalid names.

use deckwatch_protocol::{Doc, DocPut, DocText, ErrorCode, Operation};
use deckwatch_tests::{Caller, TestRequest};
use serde_json::{Value, json};

use crate::docs::{TestDoc, numbers};

const MAX: usize = Doc::MAX_BYTES;

#[tokio::test]
async fn a_document_may_have_1_mb_in_any_characters_and_not_a_byte_more() {
    let desk = TestDoc::new().await;
    for (n, unit) in ["x", "😀", "\"", "\\", "\n", "\u{1}"].into_iter().enumerate() {
        let content = unit.repeat(MAX / unit.len());
        let put: DocPut = desk.send(desk.ask_put(&content, json!({}))).await.of(if n == 0 { 201 } else { 200 });
        assert_eq!(put.doc.summary.size_bytes as usize, MAX);
        let read = desk.read().await;
        assert!(read.content == content, "the content of {unit:?} was changed");
        assert!(desk.version(put.doc.summary.version).await.of::<DocText>(200).content == content);
        let over = desk.ask_put(&format!("{content}x"), json!({}));
        desk.send(over).await.problem_at(ErrorCode::InvalidRequest, &["/content"]);
    }
    assert_eq!(numbers(&desk.versions().await), [6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn content_that_the_client_escapes_in_ascii_fits_too() {
    let desk = TestDoc::new().await;
    let content = "😀".repeat(MAX / 4);
    let body = format!(r#"{{"content":"{}"}}"#, r"\ud83d\ude00".repeat(MAX / 4));
    desk.send(desk.ask(Operation::PutDoc).text(body)).await.of::<DocPut>(201);
    assert!(desk.read().await.content == content);
}

#[tokio::test]
async fn a_body_larger_than_any_document_needs_is_refused_with_and_without_its_length() {
    let desk = TestDoc::new().await;
    let text = |bytes: usize| format!(r#"{{"content":"x"{}}}"#, " ".repeat(bytes - 15));
    let limit = deckwatch_protocol::operation::MAX_DOC_BODY_BYTES;
    for bytes in [limit + 1, 2 * limit] {
        let over = desk.ask(Operation::PutDoc).text(text(bytes));
        desk.send(over.clone()).await.problem(ErrorCode::PayloadTooLarge);
        desk.send(over.chunked()).await.problem(ErrorCode::PayloadTooLarge);
    }
    desk.send(desk.ask(Operation::PutDoc).text(text(limit)).chunked()).await.of::<DocPut>(201);
    // A deletion contains no document, so it has the smaller body limit of the other requests.
    let delete = desk.ask(Operation::DeleteDoc).text(text(deckwatch_protocol::operation::MAX_BODY_BYTES + 1));
    desk.send(delete).await.problem(ErrorCode::PayloadTooLarge);
}

#[tokio::test]
async fn a_json_document_must_be_valid_json() {
    let desk = TestDoc::new().await;
    let put = |content: &str| desk.send(desk.ask_put(content, json!({ "doc_type": "json" })));
    for content in ["{", "", "nul", "{}{}", "{'a':1}", "[1,]", "# A heading", "\u{feff}{}"] {
        put(content).await.problem_at(ErrorCode::InvalidRequest, &["/content"]);
    }
    let refused = put("{\"a\": secret}").await;
    assert!(!refused.to_string().contains("secret"), "{refused}");
    for content in ["{}", "[1, 2.50]", " null\n", "\"text\""] {
        put(content).await.of::<DocPut>(if content == "{}" { 201 } else { 200 });
        assert_eq!(desk.read().await.content, content, "the content must be returned unchanged, with its white space");
    }
    assert_eq!(desk.read().await.doc.summary.doc_type, "json");
}

#[tokio::test]
async fn deeply_nested_json_is_accepted_or_refused_and_the_engine_keeps_running() {
    let desk = TestDoc::new().await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let response = desk.send(desk.ask_put(&deep, json!({ "doc_type": "json" }))).await;
    assert!(matches!(response.status, 201 | 400), "{response}");
    desk.put("# Still there").await;
}

#[tokio::test]
async fn the_title_is_the_given_one_or_the_first_heading_or_the_name() {
    let desk = TestDoc::new().await;
    let named = [
        ("# The API\n\ntext", json!({}), "The API"),
        ("# The API", json!({ "title": "Given" }), "Given"),
        ("no heading", json!({}), "api.md"),
        ("```\n# code\n```\n## Second", json!({}), "Second"),
        ("{\"title\":\"A schema\"}", json!({ "doc_type": "json" }), "A schema"),
        ("[{\"title\":\"no\"}]", json!({ "doc_type": "json", "title": null }), "api.md"),
    ];
    for (content, fields, title) in named {
        let response = desk.send(desk.ask_put(content, fields)).await;
        assert_eq!(response.of::<DocPut>(response.status).doc.summary.title, title, "{content}");
    }
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let desk = TestDoc::new().await;
    let fields = json!({
        "content": "", "doc_type": "html", "title": "a\nb", "source_repo": "alpha", "source_path": "a\u{0}b", "x": 1,
    });
    let all = ["/source_path"];
    desk.send(desk.ask(Operation::PutDoc).json(&fields)).await.problem_at(ErrorCode::InvalidRequest, &all);
    let without_nul = deckwatch_tests::overlay(fields, json!({ "source_path": "p".repeat(501) }));
    let all = ["/content", "/doc_type", "/title", "/source_repo", "/source_path", "/x"];
    desk.send(desk.ask(Operation::PutDoc).json(&without_nul)).await.problem_at(ErrorCode::InvalidRequest, &all);
    desk.send(desk.ask(Operation::PutDoc).json(&json!({}))).await.problem_at(ErrorCode::InvalidRequest, &["/content"]);
    desk.send(desk.ask(Operation::GetDoc)).await.problem(ErrorCode::DocNotFound);
}

/// Path segments that are not valid names.
fn hostile() -> Vec<String> {
    let names = [
        "%2e%2e",
        "%2E",
        ".env",
        "..",
        ".",
        "a%2Fb",
        "a%2fb",
        "%00",
        "a%00b",
        "%F0%9F%98%80",
        "a%20b",
        "a;b",
        "a'b",
        "a%22b",
        "api.md%0A",
        "%25",
        "a+b",
        "~",
        "a:b",
        "a,b",
    ];
    names.into_iter().map(str::to_owned).chain([["n"; 129].concat(), "n".repeat(10 * 1024)]).collect()
}

#[tokio::test]
async fn an_invalid_name_is_refused_by_a_put_and_not_found_by_a_read() {
    let desk = TestDoc::new().await;
    for name in hostile() {
        let at = |operation| TestRequest::of(operation).with(&desk.scope).with(&name);
        // A client or proxy may resolve the dots; then the path or the method is unknown.
        let resolved = [ErrorCode::UnknownRoute, ErrorCode::MethodNotAllowed];
        let put = desk.send(at(Operation::PutDoc).json(&json!({ "content": "x" }))).await;
        if !resolved.contains(&put.refusal().code) {
            put.problem_at(ErrorCode::InvalidRequest, &["/name"]);
        }
        for operation in [Operation::GetDoc, Operation::ListDocVersions, Operation::DeleteDoc] {
            let code = desk.send(at(operation)).await.refusal().code;
            assert!(code == ErrorCode::DocNotFound || resolved.contains(&code), "{name}: {code:?}");
        }
    }
    let rows = "select count(*) as n from context_docs where scope = ?1";
    assert_eq!(desk.api.db_count(rows, json!([desk.scope])).await, 0);
}

#[tokio::test]
async fn a_name_of_128_characters_can_be_read_and_listed() {
    let desk = TestDoc::new().await;
    for first in ["a", "b"] {
        TestDoc { api: desk.api.clone(), scope: desk.scope.clone(), name: first.repeat(128) }.put("# Long").await;
    }
    let list = |query: String| {
        desk.send(TestRequest::of(Operation::ListDocs).query(format!("venture={}&limit=1{query}", desk.scope)))
    };
    let page: deckwatch_protocol::Page<Doc> = list(String::new()).await.of(200);
    let rest: deckwatch_protocol::Page<Doc> = list(format!("&cursor={}", page.next_cursor.unwrap())).await.of(200);
    assert_eq!((rest.items[0].summary.name.as_str(), rest.next_cursor), ("b".repeat(128).as_str(), None));
}

#[tokio::test]
async fn a_scope_is_global_or_a_registered_venture() {
    let desk = TestDoc::new().await;
    let put =
        |scope: &str| TestRequest::of(Operation::PutDoc).with(scope).with("a.md").json(&json!({ "content": "x" }));
    for unregistered in ["nobody-knows-it", "audit", "docs"] {
        desk.send(put(unregistered)).await.problem_at(ErrorCode::VentureNotRegistered, &["/scope"]);
        let read = TestRequest::of(Operation::GetDoc).with(unregistered).with("a.md");
        desk.send(read).await.problem(ErrorCode::DocNotFound);
        let list = TestRequest::of(Operation::ListDocs).query(format!("scope={unregistered}"));
        assert_eq!(desk.send(list).await.of::<Value>(200)["total"], 0);
    }
    for malformed in ["Alpha", "a.b", "GLOBAL", "%2Fa"] {
        desk.send(put(malformed)).await.problem_at(ErrorCode::InvalidRequest, &["/scope"]);
    }
    let both = TestRequest::of(Operation::PutDoc).with("Alpha").with(".env").json(&json!({ "content": "x" }));
    desk.send(both).await.problem_at(ErrorCode::InvalidRequest, &["/scope", "/name"]);
    let list = TestRequest::of(Operation::ListDocs).query("scope=a.b&venture=global");
    desk.send(list).await.problem_at(ErrorCode::InvalidRequest, &["/scope", "/venture"]);
}

#[tokio::test]
async fn the_path_of_the_audit_is_not_a_document() {
    let desk = TestDoc::new().await;
    let response = desk.send(TestRequest::at("PUT", "/v1/docs/audit").json(&json!({ "content": "x" }))).await;
    assert!(matches!(response.refusal().code, ErrorCode::UnknownRoute | ErrorCode::MethodNotAllowed), "{response}");
    for path in ["/v1/docs/", "/v1/docs/global/", "/v1/docs/global//versions", "/v1/docs/global/a.md/versions/1"] {
        let code = desk.api.admin().send(TestRequest::at("GET", path)).await.refusal().code;
        assert!(matches!(code, ErrorCode::UnknownRoute | ErrorCode::DocNotFound), "{path}: {code:?}");
    }
}
