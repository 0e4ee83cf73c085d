//! The steps of .github/workflows/release.yml: the check of the tag, the archives, the formula, the image.

use std::process::{Command, Output};

use crate::tree::{PLATFORMS, Tree};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_tag_is_released_only_if_cargo_and_the_changelog_have_its_version() {
    let tree = Tree::new();
    tree.write("Cargo.toml", "[workspace.package]\nversion = \"1.2.3\"\n\n[workspace.dependencies]\nversion = \"9\"\n");
    tree.write("Cargo.lock", "[[package]]\nname = \"deckwatch-launcher\"\nversion = \"1.2.2\"\n");
    tree.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n- New.\n\n## 1.2.2 - 2026-11-01\n\n- Old.\n");
    let check = |tag: &str| tree.script("scripts/release/check", &[tag]);
    assert_eq!(check("1.2.3").status.code(), Some(2));
    let refused = check("v1.2.4");
    assert!(said(&refused).contains("the tag is v1.2.4, but Cargo.toml has the version 1.2.3"), "{}", said(&refused));
    let refused = check("v1.2.3");
    assert!(said(&refused).contains("Cargo.lock does not have the version 1.2.3"), "{}", said(&refused));
    tree.write("Cargo.lock", "[[package]]\nname = \"deckwatch-launcher\"\nversion = \"1.2.3\"\n");
    let refused = check("v1.2.3");
    assert!(said(&refused).contains("CHANGELOG.md has no section for 1.2.3\nfix: "), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(1));

    tree.write("CHANGELOG.md", "# Changelog\n\n## 1.2.3 - 2026-12-01\n\n### Added\n\n- New.\n\n## 1.2.2\n\n- Old.\n");
    let released = check("v1.2.3");
    assert_eq!(String::from_utf8_lossy(&released.stdout), "1.2.3\n", "{}", said(&released));
    let section = tree.script("scripts/release/changelog", &["1.2.3"]);
    assert_eq!(String::from_utf8(section.stdout).unwrap(), "### Added\n\n- New.\n");
}

#[test]
fn the_same_programs_give_the_same_bytes() {
    let tree = Tree::new();
    tree.programs("1.2.3");
    tree.package("1.2.3", "first");
    // Written again, later and with other permissions, as the artifacts of a workflow are.
    let touch = "sleep 1; find programs -type f -exec touch {} + -exec chmod 600 {} +";
    assert!(Command::new("sh").current_dir(tree.path("")).args(["-c", touch]).status().unwrap().success());
    tree.package("1.2.3", "second");
    let files = |folder: &str| {
        let mut files: Vec<_> =
            std::fs::read_dir(tree.path(folder)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (file.file_name().unwrap().to_owned(), std::fs::read(&file).unwrap())).collect()
    };
    let (first, second): (Vec<_>, Vec<_>) = (files("first"), files("second"));
    assert_eq!(
        first.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        second.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    assert!(first == second, "the bytes differ");
    assert_eq!(first.len(), PLATFORMS.len() + 3, "archives, SHA256SUMS, install.sh and the formula");

    let listed = Command::new("tar")
        .current_dir(tree.path("first"))
        .args(["-tvf", "deckwatch-x86_64-unknown-linux-musl.tar.gz"])
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let rows: Vec<_> = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let names: Vec<_> = rows.iter().map(|row| *row.last().unwrap()).collect();
    assert_eq!(names, ["deckwatch-mcp", "deckwatch-server", "launcher", "dev-session", "LICENSE"]);
    assert!(rows.iter().all(|row| row[1] == "0/0") && rows[0][0] == "-rwxr-xr-x", "{listed}");

    std::fs::remove_file(tree.path("programs/aarch64-apple-darwin/launcher")).unwrap();
    let refused = tree.script("scripts/release/package", &["1.2.3", "programs", "third"]);
    assert!(!refused.status.success() && said(&refused).contains("aarch64-apple-darwin/launcher is missing"));
}

#[test]
fn the_formula_has_the_address_and_the_checksum_of_each_platform() {
    let tree = Tree::new();
    tree.programs("1.2.3");
    tree.package("1.2.3", "release");
    let formula = tree.read("release/deckwatch.rb");
    let sums = tree.read("release/SHA256SUMS");
    for platform in PLATFORMS {
        let sum = sums.lines().find(|line| line.contains(platform)).unwrap().split(' ').next().unwrap();
        let archive = format!("releases/download/v1.2.3/deckwatch-{platform}.tar.gz\"\n      sha256 \"{sum}\"");
        assert!(formula.contains(&archive), "{formula}");
    }
    match Command::new("ruby").arg("-c").arg(tree.path("release/deckwatch.rb")).output() {
        Ok(checked) => assert!(checked.status.success(), "{}", said(&checked)),
        Err(_) => println!("the syntax is not checked: ruby is not installed"),
    }
    let cut: String = sums.lines().skip(1).collect();
    tree.write("cut", &cut);
    let refused = tree.script("scripts/release/formula", &["1.2.3", "cut"]);
    assert!(!refused.status.success() && said(&refused).contains("has no checksum of"), "{}", said(&refused));
}

#[test]
fn the_image_gets_every_file_that_its_recipe_copies() {
    let tree = Tree::new();
    tree.programs("1.2.3");
    let prepared = tree.script("scripts/release/image", &["programs", "image"]);
    if !std::path::Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        println!("skipped: this machine has no certificates at the place of Debian");
        return;
    }
    assert!(prepared.status.success(), "{}", said(&prepared));
    let recipe = tree.read("image/Containerfile");
    let copied = recipe.lines().filter_map(|line| line.strip_prefix("COPY ")).flat_map(|line| {
        let source = line.split(' ').find(|word| !word.starts_with("--")).unwrap();
        ["amd64", "arm64"].map(|arch| source.replace("${TARGETARCH}", arch))
    });
    let copied: Vec<_> = copied.collect();
    assert_eq!(copied.len(), 6);
    for file in copied {
        assert!(tree.path("image").join(&file).exists(), "{file}");
    }
}
