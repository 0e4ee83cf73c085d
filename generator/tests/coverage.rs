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
fn code_of_a_browser_declares_no_routes_and_is_told() {
    let package = r#"{"dependencies": {"vue": "3", "axios": "1"}}"#;
    let call = "app.get('/a', (request) => request);\n";
    let content = document(&[("package.json", package), ("src/page.ts", call)]);
    assert!(content.contains("No routes were found"), "{content}");
    assert!(content.contains("with calls like those of a router: `src/page.ts`"), "{content}");
    let server = r#"{"dependencies": {"express": "5"}}"#;
    let content = document(&[("package.json", server), ("src/page.ts", call)]);
    assert!(content.contains("| `GET` | `/a` |"), "{content}");
    let component = document(&[("package.json", server), ("src/page.tsx", call)]);
    assert!(component.contains("No routes were found"), "{component}");
    assert!(component.contains("with calls like those of a router: `src/page.tsx`"), "{component}");
    let minified = format!("{call}{}", "var a=1;".repeat(1_000));
    let content = document(&[("package.json", server), ("public/all.js", &minified), ("public/one.min.js", call)]);
    assert!(content.contains("No routes were found"), "{content}");
    assert!(content.contains("- 2 minified JavaScript: `public/all.js`, `public/one.min.js`"), "{content}");
}

#[test]
fn code_that_takes_too_many_steps_is_told_and_does_not_end_the_rest() {
    // Each function calls the next one four times, so that the first one would run the last one 4^20 times.
    let calls = |n: usize| format!("export function f{n}() {{ {} }}\n", format!("f{}(app); ", n + 1).repeat(4));
    let endless: String = (0..20).map(calls).collect();
    let endless = format!("import express from 'express';\n{endless}export function f20() {{ g(); }}\nf0();\n");
    let server = "import express from 'express';\nconst app = express();\napp.get('/late', (request) => request);\n";
    let content = document(&[("src/a.js", &endless), ("src/z.js", server)]);
    assert!(content.contains("not evaluated to its end"), "{content}");
    assert!(content.contains("`src/a.js`") && content.contains("| `GET` | `/late` |"), "{content}");
}
