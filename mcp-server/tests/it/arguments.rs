//! The forms in which agents' CLIs send arguments, tested for every argument of every tool.

use serde_json::{Value, json};

use crate::harness::{Machine, Mcp};

const REFUSED: &str = "the arguments are not valid: /";

/// The server of an agent in a repository.
fn agent(machine: &Machine) -> Mcp {
    machine.agent("mac1-claude-1", &machine.repository("https://github.com/example-org/alpha.git"))
}

/// An argument of a tool, with the other arguments that a call needs.
struct Argument {
    tool: String,
    name: String,
    schema: Value,
    others: Value,
}

impl Argument {
    fn all(agent: &mut Mcp) -> Vec<Self> {
        let list = agent.request("tools/list", &json!({}));
        let mut all = Vec::new();
        for tool in list["result"]["tools"].as_array().unwrap() {
            let name = tool["name"].as_str().unwrap();
            for (argument, schema) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
                let others = match name {
                    "handoff" => json!({"summary": "s", "status": "done", "keep_open": true}),
                    "note" => json!({"action": "create", "title": "t", "content": "c"}),
                    "doc" => json!({"name": "api.md"}),
                    "claim" | "state" => json!({"action": "list"}),
                    "memory" => json!({"action": "recall"}),
                    _ => json!({}),
                };
                all.push(Self { tool: name.to_owned(), name: argument.clone(), schema: schema.clone(), others });
            }
        }
        all
    }

    /// The answer of the tool when the argument has this form.
    fn sent(&self, agent: &mut Mcp, value: &Value) -> String {
        let mut arguments = self.others.clone();
        arguments[&self.name] = value.clone();
        agent.call(&self.tool, &arguments).text
    }

    /// Whether the tool refused the form of this argument, and not another argument.
    fn is_refused(&self, text: &str) -> bool {
        text.contains(REFUSED) && text.contains(&format!("/{}: must", self.name))
    }

    /// Whether any JSON is a value of this argument.
    fn takes_any_json(&self) -> bool {
        self.tool == "state" && self.name == "value"
    }

    /// The forms with one meaning, and the forms that are refused.
    fn forms(&self) -> (Vec<Value>, Vec<Value>) {
        if self.takes_any_json() {
            return (vec![json!(3), json!("3"), json!(["a"]), json!("{\"a\": 1}")], vec![json!("no JSON"), json!("{")]);
        }
        let words = self.schema["enum"].as_array();
        match (self.schema["type"].as_str().unwrap(), words) {
            ("integer", _) => (
                vec![
                    json!(1),
                    json!("1"),
                    json!(1.0),
                    json!("1.0"),
                    json!(" 1 "),
                    json!("null"),
                    json!(""),
                    json!(null),
                ],
                vec![json!("one"), json!("#1"), json!(1.5), json!("1.5"), json!(true), json!([1]), json!({"a": 1})],
            ),
            ("boolean", _) => (
                vec![json!(true), json!("true"), json!("True"), json!("false"), json!(""), json!(null)],
                vec![json!("yes"), json!(1), json!("1"), json!([true]), json!({"a": 1})],
            ),
            ("array", _) => (
                vec![json!([]), json!("[]"), json!([""]), json!(""), json!(null)],
                vec![json!(3), json!(true), json!("['a']"), json!("{\"a\": 1}"), json!({"a": 1})],
            ),
            ("string", Some(words)) => {
                let mut taken = words.clone();
                taken.extend(words.iter().map(|word| json!(word.as_str().unwrap().to_uppercase())));
                (taken, vec![json!("nonsense"), json!(3), json!(true), json!(["a"]), json!({"a": 1})])
            }
            _ => (vec![], vec![json!(3), json!(true), json!(["a"]), json!({"a": 1})]),
        }
    }
}

#[test]
fn a_form_with_one_meaning_is_accepted_and_others_are_refused_with_the_value_and_an_example() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    let all = Argument::all(&mut agent);
    assert!(all.len() > 30, "{}", all.len());
    for argument in all {
        let at = format!("{}.{}", argument.tool, argument.name);
        let (taken, refused) = argument.forms();
        for value in taken {
            let text = argument.sent(&mut agent, &value);
            assert!(!argument.is_refused(&text), "{at} = {value}: {text}");
        }
        for value in refused {
            let text = argument.sent(&mut agent, &value);
            assert!(argument.is_refused(&text), "{at} = {value}: {text}");
            let own = text.split(&format!("/{}: must", argument.name)).nth(1).unwrap();
            assert!(own.contains("(it was ") && own.contains("; for example {"), "{at} = {value}: {text}");
        }
    }
}

#[test]
fn the_example_in_an_error_is_accepted() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    for argument in Argument::all(&mut agent) {
        let refused = if argument.takes_any_json() { json!("{") } else { json!({"a": 1}) };
        let text = argument.sent(&mut agent, &refused);
        let own = text.split(&format!("/{}: must", argument.name)).nth(1).unwrap();
        let example = own.split("for example ").nth(1).unwrap().split("})").next().unwrap().to_owned() + "}";
        let example: Value = serde_json::from_str(&example).unwrap();
        let text = argument.sent(&mut agent, &example[&argument.name]);
        assert!(!argument.is_refused(&text), "{}: {example}: {text}", argument.tool);
    }
}

#[test]
fn null_or_an_empty_string_for_every_argument_is_an_omission() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    let all = Argument::all(&mut agent);
    for nothing in [json!(null), json!("")] {
        for tool in ["sod", "status", "plan", "notes", "doc", "handoffs", "doc_audit"] {
            let names = all.iter().filter(|argument| argument.tool == tool).map(|argument| argument.name.clone());
            let arguments: Value = names.map(|name| (name, nothing.clone())).collect::<serde_json::Map<_, _>>().into();
            let text = agent.call(tool, &arguments).text;
            assert!(!text.contains(REFUSED), "{tool} {arguments}: {text}");
        }
        let text = agent.call("handoff", &json!({"summary": nothing, "status": "done"})).trouble();
        assert!(text.contains("/summary: is required (it was left out or empty; for example {\"summary\":"), "{text}");
    }
}

#[test]
fn a_string_that_looks_like_json_is_unchanged_and_a_list_as_json_text_becomes_a_list() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    let note = json!({"action": "create", "title": "[x]", "content": "[\"a\"]", "tags": "[\"decision\", \"legal\"]"});
    let saved = agent.call("note", &note).good();
    let read = agent.call("notes", &json!({"id": saved.facts["note_id"]})).good().text;
    for words in ["[x]", "[\"a\"]", "decision", "legal"] {
        assert!(read.contains(words), "{words} is not in {read}");
    }
    let work = json!({"summary": "true", "status": "done", "accomplished": "[\"one\", \"two\"]",
        "nextSteps": "only this", "keep_open": "false"});
    let ended = agent.call("handoff", &work).good();
    assert_eq!(ended.facts["session_status"], "ended");
    let day = agent.call("sod", &json!({"detail": "full"})).good().text;
    for words in ["true", "- one", "- two", "- only this"] {
        assert!(day.contains(words), "{words} is not in {day}");
    }
}

#[test]
fn arguments_that_a_cli_adds_are_ignored_and_other_unknown_names_are_refused() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    for tool in ["context", "ventures", "preflight", "sod"] {
        let _ = agent.call(tool, &json!({"wait_for_previous": true, "unheard_of": null})).good();
    }
    let text = agent.call("sod", &json!({"isue_number": 3})).trouble();
    assert!(
        text.contains("/isue_number: is not a field of this request; the fields are track, issue_number"),
        "{text}"
    );
    assert!(text.contains("(it was the number 3)"), "{text}");
    let text = agent.call("context", &json!({"venture": "beta"})).trouble();
    assert!(text.contains("/venture: is not a field of this request; its only field is cursor"), "{text}");
}

#[test]
fn arguments_that_are_not_an_object_are_converted_or_refused_with_an_example() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    for arguments in [json!("{\"track\": \"3\"}"), json!(""), json!([]), json!(null)] {
        let _ = agent.call("sod", &arguments).good();
    }
    assert!(agent.call("sod", &json!("{\"track\": 3}")).good().text.contains("track 3"));
    for arguments in [json!([1]), json!("track 3"), json!(3), json!("[]")] {
        let answer = agent.request("tools/call", &json!({"name": "sod", "arguments": arguments}));
        let error = &answer["error"];
        assert_eq!(error["code"], -32602, "{answer}");
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("arguments must be a JSON object") && text.contains("{\"track\":1}"), "{text}");
    }
    let answer = agent.request("no/such", &json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

#[test]
fn an_error_contains_no_secret_and_no_long_text() {
    let machine = Machine::new();
    let mut agent = agent(&machine);
    let token = format!("ghp_{}", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
    let long = "x".repeat(500);
    let text = agent.call("sod", &json!({"track": token, "issue_number": long})).trouble();
    assert!(text.contains("it was a text that holds a secret") && text.contains("it was a text of 500 characters"));
    assert!(!text.contains("ghp_") && !text.contains("xxxx"), "{text}");
}
