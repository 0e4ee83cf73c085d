//! Parses a query: one operation with variables, fields with aliases and arguments, and inline fragments.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A part of a selection.
pub(super) enum Selection {
    Field(FieldOf),
    /// An inline fragment with its type.
    On(String, Vec<Selection>),
}

/// A field with its arguments, variables replaced by their values.
pub(super) struct FieldOf {
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) selections: Vec<Selection>,
}

impl FieldOf {
    /// The size of the page, if the field is a connection.
    pub(super) fn first(&self) -> Option<u64> {
        self.arguments.get("first").and_then(Value::as_u64)
    }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    values: &'a Value,
    declared: BTreeSet<String>,
    used: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Sign(char),
    /// `...`
    Spread,
    Name(String),
    Text(String),
    Number(i64),
}

type Parsed<T> = Result<T, String>;

/// Parses the query. The error is GitHub's message.
pub(super) fn query(text: &str, values: &Value) -> Parsed<Vec<Selection>> {
    let tokens = tokens(text)?.into_iter().peekable();
    let mut parser = Parser { tokens, values, declared: BTreeSet::new(), used: BTreeSet::new() };
    if parser.tokens.next_if(|token| *token == Token::Name("query".to_owned())).is_some() {
        parser.tokens.next_if(|token| matches!(token, Token::Name(_)));
        if parser.takes('(') {
            parser.declarations()?;
        }
    }
    let selections = parser.selections()?;
    if let Some(token) = parser.tokens.next() {
        return Err(format!("Parse error on {token:?}"));
    }
    if let Some(unused) = parser.declared.difference(&parser.used).next() {
        return Err(format!("Variable ${unused} is declared by anonymous query but not used"));
    }
    Ok(selections)
}

fn tokens(text: &str) -> Parsed<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if rest.starts_with("...") {
            tokens.push(Token::Spread);
            3
        } else if sign.is_whitespace() || sign == ',' {
            sign.len_utf8()
        } else if "{}()[]:!=$".contains(sign) {
            tokens.push(Token::Sign(sign));
            1
        } else if sign == '"' {
            let end = rest[1..].find('"').ok_or("Parse error: unterminated string")?;
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            end + 2
        } else if is_word(sign) || sign == '-' {
            let end = rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |end| end + 1);
            let word = &rest[..end];
            tokens.push(word.parse().map_or_else(|_| Token::Name(word.to_owned()), Token::Number));
            end
        } else {
            return Err(format!("Parse error on \"{sign}\""));
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

impl Parser<'_> {
    fn takes(&mut self, sign: char) -> bool {
        self.tokens.next_if(|token| *token == Token::Sign(sign)).is_some()
    }

    fn expect(&mut self, sign: char) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { Err(format!("Parse error on {:?}, expected {sign}", self.tokens.peek())) }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.tokens.next() {
            Some(Token::Name(name)) => Ok(name),
            other => Err(format!("Parse error on {other:?}, expected a name")),
        }
    }

    /// `$name: Type!` up to the closing parenthesis.
    fn declarations(&mut self) -> Parsed<()> {
        while !self.takes(')') {
            self.expect('$')?;
            let name = self.name()?;
            self.expect(':')?;
            let kind = self.name()?;
            let required = self.takes('!');
            let value = &self.values[&name];
            let fits = match kind.as_str() {
                "String" | "ID" => value.is_string(),
                "Int" => value.is_i64(),
                "Boolean" => value.is_boolean(),
                _ => return Err(format!("{kind} isn't a defined input type (on ${name})")),
            };
            if !fits && (required || !value.is_null()) {
                return Err(format!("Variable ${name} of type {kind} was provided invalid value"));
            }
            self.declared.insert(name);
        }
        Ok(())
    }

    fn selections(&mut self) -> Parsed<Vec<Selection>> {
        self.expect('{')?;
        let mut selections = Vec::new();
        while !self.takes('}') {
            if self.tokens.next_if(|token| *token == Token::Spread).is_some() {
                if self.name()? != "on" {
                    return Err("the stub knows inline fragments only".to_owned());
                }
                let kind = self.name()?;
                selections.push(Selection::On(kind, self.selections()?));
            } else {
                selections.push(Selection::Field(self.field()?));
            }
        }
        if selections.is_empty() { Err("Parse error on \"}\"".to_owned()) } else { Ok(selections) }
    }

    fn field(&mut self) -> Parsed<FieldOf> {
        let alias = self.name()?;
        let name = if self.takes(':') { self.name()? } else { alias.clone() };
        let mut arguments = Map::new();
        if self.takes('(') {
            while !self.takes(')') {
                let name = self.name()?;
                self.expect(':')?;
                let value = self.value()?;
                arguments.insert(name, value);
            }
        }
        let has_selections = self.tokens.peek() == Some(&Token::Sign('{'));
        let selections = if has_selections { self.selections()? } else { Vec::new() };
        Ok(FieldOf { alias, name, arguments, selections })
    }

    fn value(&mut self) -> Parsed<Value> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(json!(text)),
            Some(Token::Number(number)) => Ok(json!(number)),
            Some(Token::Name(name)) if name == "true" || name == "false" => Ok(json!(name == "true")),
            Some(Token::Name(name)) => Ok(json!(name)),
            Some(Token::Sign('[')) => {
                let mut items = Vec::new();
                while !self.takes(']') {
                    items.push(self.value()?);
                }
                Ok(Value::Array(items))
            }
            Some(Token::Sign('$')) => {
                let name = self.name()?;
                if !self.declared.contains(&name) {
                    return Err(format!("Variable ${name} is used by anonymous query but not declared"));
                }
                self.used.insert(name.clone());
                Ok(self.values[&name].clone())
            }
            other => Err(format!("Parse error on {other:?}, expected a value")),
        }
    }
}
