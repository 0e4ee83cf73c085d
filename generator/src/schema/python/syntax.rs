//! What a Python file declares at its top level: classes with their members, assignments and functions.

use tree_sitter::Node;

use crate::code::{Grammar, children, line, source, syntax_tree};

/// A file.
#[derive(Debug, Default)]
pub(in crate::schema) struct Module {
    pub(in crate::schema) classes: Vec<Class>,
    pub(in crate::schema) assignments: Vec<Member>,
    pub(in crate::schema) functions: Vec<Function>,
    /// Whether the file names Django.
    pub(in crate::schema) uses_django: bool,
}

/// A class.
#[derive(Debug, Default)]
pub(in crate::schema) struct Class {
    pub(in crate::schema) name: String,
    pub(in crate::schema) line: usize,
    /// The bases, each as it is written: `models.Model`.
    pub(in crate::schema) bases: Vec<String>,
    /// Named arguments of the class: `table=True`.
    pub(in crate::schema) named: Vec<(String, Value)>,
    pub(in crate::schema) members: Vec<Member>,
    pub(in crate::schema) methods: Vec<Function>,
    /// Classes inside the class, such as `Meta`.
    pub(in crate::schema) inner: Vec<Self>,
}

/// An assignment: `name: annotation = value`.
#[derive(Debug)]
pub(in crate::schema) struct Member {
    pub(in crate::schema) name: String,
    pub(in crate::schema) annotation: Option<String>,
    pub(in crate::schema) value: Option<Value>,
}

/// A function, with the calls in its body in their order.
#[derive(Debug)]
pub(in crate::schema) struct Function {
    pub(in crate::schema) name: String,
    pub(in crate::schema) decorators: Vec<String>,
    pub(in crate::schema) body: String,
    pub(in crate::schema) calls: Vec<Call>,
}

/// A value.
#[derive(Debug, Clone)]
pub(in crate::schema) enum Value {
    Text(String),
    Call(Box<Call>),
    /// A list or a tuple.
    List(Vec<Self>),
    Dictionary(Vec<(Self, Self)>),
    /// Anything else, as it is written.
    Source(String),
}

/// A call.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Call {
    /// The function as it is written: `models.CharField`.
    pub(in crate::schema) function: String,
    pub(in crate::schema) arguments: Vec<Value>,
    pub(in crate::schema) named: Vec<(String, Value)>,
    pub(in crate::schema) line: usize,
    /// The arguments as they are written.
    pub(in crate::schema) text: String,
    /// The name in `with call as name`.
    pub(in crate::schema) alias: Option<String>,
}

impl Value {
    pub(in crate::schema) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(in crate::schema) fn call(&self) -> Option<&Call> {
        if let Self::Call(call) = self { Some(call) } else { None }
    }

    /// Whether this is the word `word`, such as `True`.
    pub(in crate::schema) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Source(source) if source == word)
    }

    pub(in crate::schema) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The value of a key in a dictionary, or in a dictionary in a tuple.
    pub(in crate::schema) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dictionary(entries) => {
                entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
            }
            Self::List(items) => items.iter().find_map(|item| item.get(key)),
            _ => None,
        }
    }
}

impl Call {
    /// The name of the function without its module.
    pub(in crate::schema) fn name(&self) -> &str {
        last_name(&self.function)
    }

    pub(in crate::schema) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// The argument with this name or at this position.
    pub(in crate::schema) fn argument(&self, at: usize, name: &str) -> Option<&Value> {
        self.named(name).or_else(|| self.arguments.get(at))
    }

    /// The text of the argument with this name or at this position.
    pub(in crate::schema) fn text(&self, at: usize, name: &str) -> Option<&str> {
        self.argument(at, name)?.text()
    }
}

impl Class {
    pub(in crate::schema) fn member(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|member| member.name == name)?.value.as_ref()
    }

    /// The value of an option in the class `Meta`.
    pub(in crate::schema) fn meta(&self, name: &str) -> Option<&Value> {
        self.inner.iter().find(|inner| inner.name == "Meta")?.member(name)
    }
}

/// The last name of `a.b.c[d]`: `c`.
pub(in crate::schema) fn last_name(name: &str) -> &str {
    let name = name.split(['[', '(']).next().unwrap_or(name);
    name.rsplit('.').next().unwrap_or(name).trim()
}

/// Reads a file.
pub(in crate::schema) fn module(text: &str) -> Module {
    let mut module = Module::default();
    let Some(tree) = syntax_tree(Grammar::Python, text) else { return module };
    let reader = Reader { text };
    for (node, decorators) in reader.definitions(tree.root_node()) {
        match node.kind() {
            "class_definition" => module.classes.extend(reader.class(node)),
            "function_definition" => module.functions.extend(reader.function(node, decorators)),
            _ => module.assignments.extend(reader.member(node)),
        }
    }
    module
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn source(&self, node: Node<'_>) -> String {
        source(self.text, node).to_owned()
    }

    fn field(&self, node: Node<'_>, name: &str) -> Option<String> {
        node.child_by_field_name(name).map(|child| self.source(child))
    }

    /// The statements of a block, with the decorators of each. Both branches of a condition count.
    fn definitions<'t>(&self, block: Node<'t>) -> Vec<(Node<'t>, Vec<String>)> {
        let mut found = Vec::new();
        for node in children(block) {
            match node.kind() {
                "decorated_definition" => {
                    let decorators = children(node).into_iter().filter(|child| child.kind() == "decorator");
                    let decorators = decorators.map(|decorator| self.source(decorator)).collect();
                    found.extend(node.child_by_field_name("definition").map(|definition| (definition, decorators)));
                }
                "if_statement" | "try_statement" | "else_clause" | "elif_clause" | "except_clause" | "block" => {
                    found.extend(self.definitions(node));
                }
                _ => found.push((node, Vec::new())),
            }
        }
        found
    }

    fn class(&self, node: Node<'_>) -> Option<Class> {
        let mut class = Class { name: self.field(node, "name")?, line: line(node), ..Class::default() };
        for argument in node.child_by_field_name("superclasses").map(children).unwrap_or_default() {
            match self.named_argument(argument) {
                Some(named) => class.named.push(named),
                None => class.bases.push(self.source(argument)),
            }
        }
        for (node, decorators) in self.definitions(node.child_by_field_name("body")?) {
            match node.kind() {
                "class_definition" => class.inner.extend(self.class(node)),
                "function_definition" => class.methods.extend(self.function(node, decorators)),
                _ => class.members.extend(self.member(node)),
            }
        }
        Some(class)
    }

    fn named_argument(&self, node: Node<'_>) -> Option<(String, Value)> {
        let value = node.child_by_field_name("value").filter(|_| node.kind() == "keyword_argument")?;
        Some((self.field(node, "name")?, self.value(value)))
    }

    /// The assignment in an expression statement.
    fn member(&self, node: Node<'_>) -> Option<Member> {
        let node = if node.kind() == "expression_statement" { *children(node).first()? } else { node };
        let left = node.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
        Some(Member {
            name: self.source(left),
            annotation: self.field(node, "type"),
            value: node.child_by_field_name("right").map(|right| self.value(right)),
        })
    }

    fn function(&self, node: Node<'_>, decorators: Vec<String>) -> Option<Function> {
        let body = node.child_by_field_name("body")?;
        let mut calls = Vec::new();
        self.calls(body, &mut calls);
        Some(Function { name: self.field(node, "name")?, decorators, body: self.source(body), calls })
    }

    /// The calls that are statements, or the values of `with`, in their order.
    fn calls(&self, block: Node<'_>, found: &mut Vec<Call>) {
        for node in children(block) {
            match node.kind() {
                "expression_statement" => {
                    let calls = children(node).into_iter().filter(|child| child.kind() == "call");
                    found.extend(calls.filter_map(|call| self.call(call)));
                }
                "as_pattern" => {
                    let call = children(node).first().and_then(|call| self.call(*call));
                    let alias = self.field(node, "alias");
                    found.extend(call.map(|call| Call { alias, ..call }));
                }
                "function_definition" | "class_definition" => {}
                _ => self.calls(node, found),
            }
        }
    }

    fn call(&self, node: Node<'_>) -> Option<Call> {
        let arguments = node.child_by_field_name("arguments").filter(|_| node.kind() == "call")?;
        let text = self.source(arguments);
        let mut call = Call {
            function: self.field(node, "function")?,
            arguments: Vec::new(),
            named: Vec::new(),
            line: line(node),
            text: text.trim_start_matches('(').trim_end_matches(')').to_owned(),
            alias: None,
        };
        for argument in children(arguments) {
            match self.named_argument(argument) {
                Some(named) => call.named.push(named),
                None => call.arguments.push(self.value(argument)),
            }
        }
        Some(call)
    }

    fn value(&self, node: Node<'_>) -> Value {
        let other = || Value::Source(self.source(node));
        match node.kind() {
            "string" | "concatenated_string" => self.string(node).map_or_else(other, Value::Text),
            "call" => self.call(node).map_or_else(other, |call| Value::Call(Box::new(call))),
            "list" | "tuple" => Value::List(children(node).into_iter().map(|child| self.value(child)).collect()),
            "parenthesized_expression" => children(node).first().map_or_else(other, |inner| self.value(*inner)),
            "dictionary" => {
                let pair = |node: Node<'_>| {
                    let part = |name| node.child_by_field_name(name).map(|part| self.value(part));
                    Some((part("key")?, part("value")?))
                };
                Value::Dictionary(children(node).into_iter().filter_map(pair).collect())
            }
            _ => other(),
        }
    }

    /// The text of a string without variables.
    fn string(&self, node: Node<'_>) -> Option<String> {
        if node.kind() == "concatenated_string" {
            return children(node).into_iter().map(|part| self.string(part)).collect();
        }
        let mut text = String::new();
        for part in children(node) {
            match part.kind() {
                "string_content" => text.push_str(source(self.text, part)),
                "interpolation" => return None,
                _ => {}
            }
        }
        Some(text)
    }
}
