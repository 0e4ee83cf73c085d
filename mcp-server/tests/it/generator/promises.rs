//! The guarantees of generated documents: the same bytes for the same files, no content of ignored files or of files
//! that are named like a secret, a size limit and a time limit.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{DOCUMENTS, generated, repository, run, write};
use crate::harness::Machine;

/// The content of files that must not be read.
const CANARY: &str = "canary-5d1f";

/// A small repository with sources for each document.
fn fill(dir: &Path, reversed: bool) {
    let mut files = vec![
        ("AGENTS.md", "Be kind.\n".to_owned()),
        ("Cargo.toml", "[package]\nname = \"shop\"\ndescription = \"Sells.\"\n".to_owned()),
        ("migrations/0001_a.sql", "create table a (id int);\n".to_owned()),
        ("migrations/0002_b.sql", "alter table a add b text;\n".to_owned()),
        ("src/main.rs", "fn main() { Router::new().route(\"/a\", get(a)).nest(\"/b\", b::router()); }\n".to_owned()),
        ("src/b.rs", "pub fn router() -> Router { Router::new().route(\"/c\", post(c)) }\n".to_owned()),
        ("tests/t.rs", "get(\"/a\")\n".to_owned()),
    ];
    for n in 0..30 {
        files.push(("", format!("n{n}")));
    }
    if reversed {
        files.reverse();
    }
    for (path, content) in files {
        if path.is_empty() {
            write(dir, &format!("web/{content}/server.js"), format!("app.get('/{content}', handler);\n"));
        } else {
            write(dir, path, content);
        }
    }
}

#[test]
fn the_same_files_give_the_same_bytes_in_any_folder() {
    let machine = Machine::new();
    let (here, there) = (repository(&machine, "here"), repository(&machine, "some/where/else/entirely"));
    fill(&here, false);
    fill(&there, true);
    for document in DOCUMENTS {
        let first = generated(&machine, document, &here);
        assert!(first.len() > 300, "{first}");
        for _ in 0..3 {
            assert_eq!(generated(&machine, document, &here), first);
        }
        assert_eq!(generated(&machine, document, &there), first);
        let mut elsewhere = machine.command(machine.home());
        elsewhere.args(["generate", "--repo"]).arg(there.join("web/n1")).arg(document);
        elsewhere.env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Asia/Tokyo").env("RUST_LOG", "trace");
        assert_eq!(String::from_utf8(elsewhere.output().unwrap().stdout).unwrap(), first, "from a folder inside");
    }
}

#[test]
fn a_clone_gives_the_same_bytes_as_its_origin() {
    let machine = Machine::new();
    let origin = repository(&machine, "origin");
    fill(&origin, false);
    machine.git(&origin, &["add", "--all"]);
    machine.git(&origin, &["commit", "--quiet", "--message=all"]);
    machine.git(machine.home(), &["clone", "--quiet", origin.to_str().unwrap(), "clone"]);
    machine.git(&origin, &["worktree", "add", "--quiet", "../worktree"]);
    for document in DOCUMENTS {
        let first = generated(&machine, document, &origin);
        assert_eq!(generated(&machine, document, &machine.home().join("clone")), first);
        assert_eq!(generated(&machine, document, &machine.home().join("worktree")), first);
    }
}

#[test]
fn a_users_ignore_rules_hide_untracked_files_but_no_tracked_ones() {
    let machine = Machine::new();
    for (name, format) in [("short", "sha1"), ("long", "sha256")] {
        let dir = machine.folder(name);
        let format = format!("--object-format={format}");
        machine.git(&dir, &["init", "--quiet", "--initial-branch=main", &format]);
        fill(&dir, false);
        write(&dir, "é/server.js", "app.get('/accented', handler);\n");
        machine.git(&dir, &["add", "--all"]);
        machine.git(&dir, &["commit", "--quiet", "--message=all"]);
        machine.git(&dir, &["worktree", "add", "--quiet", &format!("../{name}-worktree")]);
        let first = DOCUMENTS.map(|document| generated(&machine, document, &dir));
        assert!(first[1].contains("/accented"), "{}", first[1]);

        write(machine.home(), ".config/git/ignore", "*.js\n*.sql\nsrc/\nAGENTS.md\n/web\nscratch\n");
        write(&dir, ".git/info/exclude", "Cargo.toml\nmine.py\n");
        let worktree = machine.home().join(format!("{name}-worktree"));
        for version in ["2", "4"] {
            machine.git(&dir, &["update-index", "--index-version", version]);
            for (document, first) in DOCUMENTS.into_iter().zip(&first) {
                assert_eq!(&generated(&machine, document, &dir), first, "{name}, index of version {version}");
                assert_eq!(&generated(&machine, document, &worktree), first, "{name}, in a worktree");
            }
        }
        let route = format!("app.get('/{CANARY}', h);\n");
        for path in ["mine.js", "web/n1/mine.js", "src/mine.rs", "scratch/a.ts"] {
            write(&dir, path, &route);
        }
        write(&dir, "mine.py", format!("@app.get(\"/{CANARY}\")\ndef f(): ...\n"));
        write(&dir, "migrations/0003_mine.sql", format!("create table \"{CANARY}\" (id int);\n"));
        for (document, first) in DOCUMENTS.into_iter().zip(&first) {
            assert_eq!(&generated(&machine, document, &dir), first, "what is the user's own stays unread");
        }
        std::fs::write(dir.join(".git/index"), b"DIRC\0\0\0\x04\xff\xff\xff\xffnonsense").unwrap();
        assert!(!generated(&machine, "api", &dir).contains(CANARY), "an index that can't be read tracks nothing");
        std::fs::remove_file(machine.home().join(".config/git/ignore")).unwrap();
    }
}

#[test]
fn ignored_and_secret_files_are_not_read() {
    let machine = Machine::new();
    let dir = repository(&machine, "repo");
    fill(&dir, false);
    write(&dir, ".gitignore", "/ignored/\n*.local.ts\n");
    write(&dir, "sub/.gitignore", "deep.sql\n");
    write(&dir, ".git/info/exclude", "mine.py\n");
    let route = format!("app.get('/{CANARY}', h);\n");
    let table = format!("create table \"{CANARY}\" (id int);\n");
    for path in ["ignored/a.js", "b.local.ts", "node_modules/x/a.js", "vendor/a.js", ".ssh/a.js", ".env.ts"] {
        write(&dir, path, &route);
    }
    for path in ["ignored/a.sql", "sub/deep.sql", "secrets/openapi.json", "credentials.json", ".env", ".env.sql"] {
        write(&dir, path, &table);
    }
    write(&dir, "mine.py", format!("@app.get(\"/{CANARY}\")\ndef f(): ...\n"));
    write(&dir, "id_rsa_openapi.json", format!("{{\"openapi\":\"3\",\"paths\":{{\"/{CANARY}\":{{\"get\":{{}}}}}}}}"));
    write(&dir, "secrets.openapi.yaml", format!("openapi: 3\npaths:\n  /{CANARY}:\n    get:\n"));
    write(&dir, "server.key", CANARY);
    for document in DOCUMENTS {
        let output = run(&machine, &[document], &dir);
        let output = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.contains(CANARY), "{output}");
        assert!(output.contains("named like a secret: `.env`, `.env.sql`, `.env.ts`, `.ssh`"), "{output}");
        assert!(output.contains("2 folders of dependencies: `node_modules`, `vendor`"), "{output}");
    }
}

#[test]
fn a_document_has_a_size_limit_and_reports_omissions() {
    let machine = Machine::new();
    let dir = repository(&machine, "repo");
    let routes: Vec<String> =
        (0..6_000).map(|n| format!("app.get('/a-rather-long-path-of-a-route/{n:04}', handler);\n")).collect();
    write(&dir, "server.js", routes.concat());
    let tables: Vec<String> =
        (0..6_000).map(|n| format!("create table table_{n:04} (id int primary key, x text);\n")).collect();
    write(&dir, "schema.sql", tables.concat());
    write(&dir, "AGENTS.md", "# One\n\nsome words\n\n".repeat(20_000));
    for document in DOCUMENTS {
        let text = generated(&machine, document, &dir);
        assert!(text.len() <= 256 * 1024, "{document}: {}", text.len());
        assert!(text.contains("left out") || text.contains("## Left out for length"), "{text}");
    }
    assert!(generated(&machine, "api", &dir).contains("of 6000 rows)"));
    assert!(
        generated(&machine, "schema", &dir).contains("- table table\\_1")
            || generated(&machine, "schema", &dir).contains("- table table_")
    );
}

#[test]
fn invalid_arguments_are_refused_with_help() {
    let machine = Machine::new();
    let dir = repository(&machine, "repo");
    let run_with = |arguments: &[&str]| {
        let output = run(&machine, arguments, &dir);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    };
    for arguments in [&[][..], &["routes"], &["api", "schema"], &["api", "--repo"], &["--all"]] {
        let (code, text) = run_with(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(text.contains("deckwatch-mcp generate <document>"), "{text}");
    }
    let (code, text) = run_with(&["--help"]);
    assert!(code == 0 && text.contains("project-instructions"), "{text}");
    let (code, text) = run_with(&["api", "--repo", "not-there"]);
    assert!(code == 1 && text.contains("not-there is not a directory"), "{text}");
}

/// 50,000 files, half of them code, with a route in every tenth. The time limit is the guaranteed one in a release
/// build, and longer in a debug build.
#[test]
fn fifty_thousand_files_are_fast() {
    let machine = Machine::new();
    let dir = repository(&machine, "large");
    let filler = "export function something(value: string): string { return value.trim(); }\n".repeat(8);
    for folder in 0..500 {
        let parent = dir.join(format!("packages/p{folder:03}/src"));
        std::fs::create_dir_all(&parent).unwrap();
        for file in 0..100 {
            let ending = ["ts", "md", "py", "css", "go", "json"][file % 6];
            let route = if file % 10 == 0 { "app.get('/x', handler);\n" } else { "" };
            std::fs::write(parent.join(format!("f{file}.{ending}")), format!("{filler}{route}")).unwrap();
        }
    }
    let bound = if cfg!(debug_assertions) { Duration::from_mins(1) } else { Duration::from_secs(2) };
    for document in DOCUMENTS {
        let started = Instant::now();
        let text = generated(&machine, document, &dir);
        let took = started.elapsed();
        println!("{document}: {} bytes in {took:?}", text.len());
        assert!(took < bound, "{document} took {took:?}");
    }
}
