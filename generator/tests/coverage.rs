//! What is not read although it looks like code that declares routes: it is told, or it is code of a browser.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use deckwatch_generator::{Kind, generate};

fn document(files: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    generate(dir.path(), Kind::Api).unwrap().content
}

#[test]
fn code_of_rust_that_is_nested_too_deeply_is_told() {
    let deep = format!("fn f() {{ Router::new().route(\"/a\", {}{}) }}", "(".repeat(1_001), ")".repeat(1_001));
    let content = document(&[("src/deep.rs", &deep), ("src/main.rs", "#[get(\"/b\")]\nfn b() {}\n")]);
    assert!(content.contains("- 1 code in more than 1,000 nested brackets: `src/deep.rs`"), "{content}");
}

#[test]
fn code_of_a_browser_declares_no_routes() {
    let package = r#"{"dependencies": {"vue": "3", "axios": "1"}}"#;
    let call = "app.get('/a', (request) => request);\n";
    let content = document(&[("package.json", package), ("src/page.ts", call)]);
    assert!(content.contains("No routes were found"), "{content}");
    let server = r#"{"dependencies": {"express": "5"}}"#;
    let content = document(&[("package.json", server), ("src/page.ts", call)]);
    assert!(content.contains("| `GET` | `/a` |"), "{content}");
    let component = document(&[("package.json", server), ("src/page.tsx", call)]);
    assert!(component.contains("No routes were found"), "{component}");
    let minified = format!("{call}{}", "var a=1;".repeat(1_000));
    let content = document(&[("package.json", server), ("public/all.js", &minified)]);
    assert!(content.contains("No routes were found"), "{content}");
}
