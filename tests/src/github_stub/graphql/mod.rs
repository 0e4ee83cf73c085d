//! The GraphQL API, as far as the queue of work needs it: `viewer`, `repository`, `search` for issues, `rateLimit`.
//!
//! A query that the published schema would refuse is refused here: unknown fields, missing selections, variables that are
//! not declared or not used, pages over 100. A field of the schema that the stub lacks counts as unknown.

mod node;
mod parse;
mod search;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Handled};
use super::caller::Caller;
use super::rate::Resource;
use super::world::World;
use node::{Field, Node};
use parse::Selection;

/// The most nodes that a query may ask for.
const MOST_NODES: u64 = 500_000;

/// An error in the answer.
pub(super) enum Refusal {
    /// The query is not valid: there is no data.
    Query(Value),
    /// One field failed: it is null.
    Field(Value),
}

/// What a query reads.
pub(super) struct Scope<'a> {
    pub(super) world: &'a World,
    pub(super) caller: &'a Caller,
    pub(super) cost: u64,
    pub(super) nodes: u64,
}

/// Answers the body of `POST /graphql`.
pub(super) fn answer(world: &mut World, caller: &Caller, body: &Value) -> Handled {
    if matches!(caller, Caller::Nobody) {
        return Err(Answer::error(401, "This endpoint requires you to be authenticated."));
    }
    let text = body["query"]
        .as_str()
        .ok_or_else(|| Answer::error(400, "A query attribute must be specified and must be a string."))?;
    let whole = |error: Value| Ok(Answer::ok(json!({ "errors": [error] })));
    let selections = match parse::query(text, &body["variables"]) {
        Ok(selections) => selections,
        Err(message) => return whole(json!({ "message": message, "locations": [{ "line": 1, "column": 1 }] })),
    };
    let nodes = count(&selections, 1);
    if nodes > MOST_NODES {
        let message =
            format!("This query requests up to {nodes} possible nodes which exceeds the maximum limit of 500,000.");
        return whole(json!({ "type": "MAX_NODE_LIMIT_EXCEEDED", "message": message }));
    }
    let cost = cost(&selections);
    let (counted_as, now) = (caller.counted_as(), world.seconds());
    if world.rates.window(&counted_as, Resource::GraphQl, now).remaining() < cost {
        return whole(json!({ "type": "RATE_LIMITED", "message": "API rate limit exceeded for this caller." }));
    }
    world.rates.count(&counted_as, Resource::GraphQl, cost, now);
    let scope = Scope { world, caller, cost, nodes };
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for (alias, field) in top_level(&selections) {
        match resolve(&scope, &Node::Query, field) {
            Ok(value) => drop(data.insert(alias.to_owned(), value)),
            Err(Refusal::Query(error)) => return whole(error),
            Err(Refusal::Field(mut error)) => {
                error["path"] = json!([alias]);
                errors.push(error);
                data.insert(alias.to_owned(), Value::Null);
            }
        }
    }
    let mut answer = json!({ "data": data });
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    Ok(Answer::ok(answer))
}

fn top_level(selections: &[Selection]) -> impl Iterator<Item = (&str, &parse::FieldOf)> {
    selections.iter().filter_map(|selection| match selection {
        Selection::Field(field) => Some((field.alias.as_str(), field)),
        Selection::On(..) => None,
    })
}

fn resolve(scope: &Scope, node: &Node, field: &parse::FieldOf) -> Result<Value, Refusal> {
    let found = node.field(scope, &field.name, &field.arguments)?;
    match found {
        Field::Null => Ok(Value::Null),
        Field::Leaf(value) if field.selections.is_empty() => Ok(value),
        Field::Leaf(_) => Err(invalid(&format!("Selections can't be made on scalars (field '{}')", field.name))),
        Field::One(_) | Field::Many(_) if field.selections.is_empty() => {
            Err(invalid(&format!("Field must have selections (field '{}')", field.name)))
        }
        Field::One(node) => object(scope, &node, &field.selections),
        Field::Many(nodes) => nodes.iter().map(|node| object(scope, node, &field.selections)).collect(),
    }
}

fn object(scope: &Scope, node: &Node, selections: &[Selection]) -> Result<Value, Refusal> {
    let mut object = Map::new();
    for selection in selections {
        match selection {
            Selection::Field(field) => drop(object.insert(field.alias.clone(), resolve(scope, node, field)?)),
            Selection::On(kind, inner) if *kind == node.kind() => {
                if let Value::Object(inner) = self::object(scope, node, inner)? {
                    object.extend(inner);
                }
            }
            Selection::On(..) => {}
        }
    }
    Ok(Value::Object(object))
}

fn invalid(message: &str) -> Refusal {
    Refusal::Query(json!({ "message": message, "locations": [{ "line": 1, "column": 1 }] }))
}

/// How many nodes the query may return.
fn count(selections: &[Selection], parents: u64) -> u64 {
    let of = |selection: &Selection| match selection {
        Selection::On(_, inner) => count(inner, parents),
        Selection::Field(field) => match field.first() {
            Some(first) => first * parents + count(&field.selections, first * parents),
            None => count(&field.selections, parents),
        },
    };
    selections.iter().map(of).sum()
}

/// The points: the requests that the connections need, divided by 100, at least 1.
fn cost(selections: &[Selection]) -> u64 {
    (connections(selections, 1) / 100).max(1)
}

fn connections(selections: &[Selection], parents: u64) -> u64 {
    let of = |selection: &Selection| match selection {
        Selection::On(_, inner) => connections(inner, parents),
        Selection::Field(field) => match field.first() {
            Some(first) => parents + connections(&field.selections, parents * first),
            None => connections(&field.selections, parents),
        },
    };
    selections.iter().map(of).sum()
}
