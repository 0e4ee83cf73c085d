//! Parses a file with the grammar of its language.

use std::cell::RefCell;

use tree_sitter::{Node, Parser, Tree};

use super::{Statement, compact, go, java, javascript, php, python, ruby, rust};

thread_local! {
    /// The parser of the thread. It keeps its memory from file to file.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// The maximum depth of nested brackets in a file.
const MAX_BRACKETS: usize = 1_000;

/// A grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    TypeScript,
    /// TypeScript and JavaScript with elements of JSX.
    Tsx,
    Python,
    Rust,
    Go,
    Ruby,
    Php,
    Java,
}

/// A language. Names of one language have no meaning in another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    #[default]
    JavaScript,
    Python,
    Rust,
    Go,
    Ruby,
    Php,
    Java,
}

impl Grammar {
    /// The grammar for a file's extension.
    pub(crate) fn of(extension: &str) -> Option<Self> {
        match extension {
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            "tsx" | "js" | "jsx" | "mjs" | "cjs" => Some(Self::Tsx),
            "py" => Some(Self::Python),
            "go" => Some(Self::Go),
            "rs" => Some(Self::Rust),
            "rb" => Some(Self::Ruby),
            "php" => Some(Self::Php),
            "java" => Some(Self::Java),
            _ => None,
        }
    }

    /// The language that the grammar describes.
    pub(crate) fn described(self) -> Language {
        match self {
            Self::TypeScript | Self::Tsx => Language::JavaScript,
            Self::Python => Language::Python,
            Self::Rust => Language::Rust,
            Self::Go => Language::Go,
            Self::Ruby => Language::Ruby,
            Self::Php => Language::Php,
            Self::Java => Language::Java,
        }
    }

    fn language(self) -> tree_sitter::Language {
        match self {
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Ruby => tree_sitter_ruby::LANGUAGE.into(),
            Self::Php => tree_sitter_php::LANGUAGE_PHP.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
        }
    }
}

/// The statements of a file. `None` if the grammar can't be loaded. A part that does not parse is left out.
pub(crate) fn parse(grammar: Grammar, text: &str) -> Option<Vec<Statement>> {
    if is_too_nested(grammar, text) {
        return None;
    }
    let tree = syntax_tree(grammar, text)?;
    let mut statements = match grammar.described() {
        Language::JavaScript => javascript::Lowering::new(text).program(tree.root_node()),
        Language::Python => python::Lowering::new(text).program(tree.root_node()),
        Language::Rust => rust::Lowering::new(text).program(tree.root_node()),
        Language::Go => go::Lowering::new(text).program(tree.root_node()),
        Language::Ruby => ruby::Lowering::new(text).program(tree.root_node()),
        Language::Php => php::Lowering::new(text).program(tree.root_node()),
        Language::Java => java::Lowering::new(text).program(tree.root_node()),
    };
    compact::statements(&mut statements);
    Some(statements)
}

/// Whether brackets are nested deeper than in any code that people write. The parser of Rust takes quadratic time for those.
pub(crate) fn is_too_nested(grammar: Grammar, text: &str) -> bool {
    if grammar != Grammar::Rust {
        return false;
    }
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_BRACKETS
    })
}

/// The syntax tree of a text. `None` if the grammar can't be loaded.
pub(crate) fn syntax_tree(grammar: Grammar, text: &str) -> Option<Tree> {
    parsed(&grammar.language(), text)
}

/// The syntax tree of a text in a language. `None` if its grammar can't be loaded.
pub(crate) fn parsed(language: &tree_sitter::Language, text: &str) -> Option<Tree> {
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(language).ok()?;
        parser.parse(text, None)
    })
}

/// The source text of a node.
pub(crate) fn source<'a>(text: &'a str, node: Node<'_>) -> &'a str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The line on which a node begins, counted from 1.
pub(crate) fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

/// The children that are no punctuation and no comments.
pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}
