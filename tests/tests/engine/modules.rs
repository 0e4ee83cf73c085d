//! Reads which top-level module of a crate uses which other one, from the tokens of its source files.
//!
//! A path that starts with `crate`, `self` or `super` is a use, also inside a macro. Comments and strings are not, and
//! code that only tests compile is not read.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The path of a module below the root of its crate.
type ModulePath = Vec<String>;

/// The top-level modules of one crate, each with the modules that it uses.
pub(crate) type Uses = BTreeMap<String, BTreeSet<String>>;

/// What one source file contains, as far as other modules are concerned.
#[derive(Default)]
struct Contents {
    /// The first two segments of each path, from the root of the crate.
    paths: BTreeSet<ModulePath>,
    /// The modules that only tests compile.
    test_modules: BTreeSet<ModulePath>,
}

/// Reads the source files of one crate: their paths below `src/`, and their texts.
pub(crate) fn uses(files: &[(&str, &str)]) -> Uses {
    let modules: BTreeSet<String> = files.iter().filter_map(|(path, _)| module_of(path).into_iter().next()).collect();
    let read = |(path, text): &(&str, &str)| (module_of(path), contents(&module_of(path), text));
    let all: Vec<(ModulePath, Contents)> = files.iter().map(read).collect();
    let of_tests: BTreeSet<&[String]> =
        all.iter().flat_map(|(_, contents)| &contents.test_modules).map(Vec::as_slice).collect();
    let is_test = |module: &ModulePath| (1..=module.len()).any(|length| of_tests.contains(&module[..length]));
    let roots = files.iter().filter(|(path, _)| module_of(path).is_empty());
    let exported: BTreeMap<String, String> = roots.flat_map(|(_, text)| exports(&tokens(text))).collect();

    let mut uses = Uses::new();
    for (module, contents) in all.iter().filter(|(module, _)| !is_test(module)) {
        let Some(from) = module.first() else { continue };
        for path in &contents.paths {
            let Some(first) = path.first() else { continue };
            let to = if modules.contains(first) { Some(first) } else { exported.get(first) };
            if let Some(to) = to.filter(|to| *to != from && modules.contains(*to)) {
                uses.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    uses
}

/// A loop of modules, each of which uses the next one. `None` if there is no loop.
pub(crate) fn find_loop(uses: &Uses) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    uses.keys().find_map(|start| visit(start, uses, &mut Vec::new(), &mut done))
}

fn visit(module: &str, uses: &Uses, open: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(begin) = open.iter().position(|one| one == module) {
        return Some(open[begin..].iter().cloned().chain([module.to_owned()]).collect());
    }
    if !done.insert(module.to_owned()) {
        return None;
    }
    open.push(module.to_owned());
    let found = uses.get(module).into_iter().flatten().find_map(|next| visit(next, uses, open, done));
    open.pop();
    found
}

/// The module of a source file. Empty for the root of a library or a program.
fn module_of(path: &str) -> ModulePath {
    let mut module: ModulePath = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

fn tokens(text: &str) -> Vec<TokenTree> {
    text.parse::<TokenStream>().unwrap().into_iter().collect()
}

fn contents(module: &[String], text: &str) -> Contents {
    let mut contents = Contents::default();
    contents.read(module, &tokens(text));
    contents
}

impl Contents {
    fn read(&mut self, here: &[String], tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if is_for_tests(&tokens[at..]) {
                at = self.skip_item(here, tokens, at + 2);
                continue;
            }
            match token {
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        let inner: ModulePath = here.iter().cloned().chain([name.to_string()]).collect();
                        self.read(&inner, &body.stream().into_iter().collect::<Vec<_>>());
                        at += 2;
                    }
                }
                TokenTree::Ident(word) if (word == "crate" || word == "self" || word == "super") => {
                    at = self.read_path(here, tokens, at);
                    continue;
                }
                TokenTree::Group(group) => self.read(here, &group.stream().into_iter().collect::<Vec<_>>()),
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads a path that starts at `at`. Returns the position after it.
    fn read_path(&mut self, here: &[String], tokens: &[TokenTree], mut at: usize) -> usize {
        let mut base = if matches!(&tokens[at], TokenTree::Ident(word) if word == "crate") { &[] } else { here };
        loop {
            if matches!(&tokens[at], TokenTree::Ident(word) if word == "super") {
                base = &base[..base.len().saturating_sub(1)];
            }
            if !is_colons(tokens, at + 1) {
                return at + 1;
            }
            at += 3;
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) if word == "super" => {}
                Some(TokenTree::Ident(name)) => {
                    self.add(base, &name.to_string());
                    return at + 1;
                }
                Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
                    for name in first_names(&list.stream().into_iter().collect::<Vec<_>>()) {
                        self.add(base, &name);
                    }
                    return at + 1;
                }
                _ => return at,
            }
        }
    }

    fn add(&mut self, base: &[String], name: &str) {
        self.paths.insert(base.iter().cloned().chain([name.to_owned()]).take(2).collect());
    }

    /// The position after the item that starts at `at`. Records the item if it is a module in a file of its own.
    fn skip_item(&mut self, here: &[String], tokens: &[TokenTree], mut at: usize) -> usize {
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(word) if word == "mod" => {
                    if let Some(TokenTree::Ident(name)) = tokens.get(at) {
                        self.test_modules.insert(here.iter().cloned().chain([name.to_string()]).collect());
                    }
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                TokenTree::Punct(mark) if mark.as_char() == ';' => break,
                _ => {}
            }
        }
        at
    }
}

/// Whether the tokens start with an attribute such as `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(attribute))) = (tokens.first(), tokens.get(1)) else {
        return false;
    };
    let text: String = attribute.to_string().split_whitespace().collect();
    mark.as_char() == '#' && (text.starts_with("[cfg(test") || text.starts_with("[cfg(all(test"))
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

/// The first name of each path in a list of a `use` item.
fn first_names(list: &[TokenTree]) -> Vec<String> {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    list.split(is_comma).filter_map(|path| path.first().map(ToString::to_string)).collect()
}

/// The names that the root of a crate takes from its modules, each with its module.
fn exports(tokens: &[TokenTree]) -> Vec<(String, String)> {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';');
    let mut exported = Vec::new();
    for item in tokens.split(is_end) {
        let begin = item.iter().position(|token| matches!(token, TokenTree::Ident(word) if word == "use"));
        let Some(path) = begin.map(|begin| &item[begin + 1..]) else { continue };
        let names: Vec<String> = words(path).into_iter().filter(|word| word != "self" && word != "crate").collect();
        if let Some((module, names)) = names.split_first() {
            exported.extend(names.iter().map(|name| (name.clone(), module.clone())));
        }
    }
    exported
}

fn words(tokens: &[TokenTree]) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Group(group) => words.extend(self::words(&group.stream().into_iter().collect::<Vec<_>>())),
            _ => {}
        }
    }
    words
}

#[test]
fn uses_are_found_in_lists_macros_and_inline_modules_but_not_in_tests() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f; mod g; pub use e::{Thing, deep::Other};"),
        ("a/mod.rs", "use crate::{b::X, c}; fn f() { assert!(super::d::is()) } #[cfg(test)] mod tests;"),
        ("a/inner.rs", "mod deep { use super::super::super::g; } fn f(self) { self::x(); crate::Thing::new() }"),
        ("a/tests.rs", "use crate::f::hidden;"),
        ("b.rs", "// crate::a\nconst A: &str = \"crate::a\"; #[cfg(test)] mod tests { use crate::a; }"),
        ("c.rs", ""),
        ("d.rs", ""),
        ("e.rs", ""),
        ("f.rs", "pub(crate) fn f() {} pub(in crate::f) fn g() {} use crate::Other;"),
        ("g.rs", "/// [`crate::a`]\nfn f() {}"),
    ];
    let all = uses(&files);
    let used = |module: &str| all.get(module).into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    assert_eq!(["a", "b", "f", "g"].map(used), ["b c d e g", "", "e", ""]);
}

#[test]
fn a_loop_is_found_through_several_modules() {
    let of = |uses: &[(&str, &str)]| {
        let mut all = Uses::new();
        for (from, to) in uses {
            all.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        find_loop(&all).map(|modules| modules.join(" "))
    };
    assert_eq!(of(&[("a", "b"), ("a", "c"), ("b", "c"), ("c", "d")]), None);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]), Some("b c d b".to_owned()));
}
