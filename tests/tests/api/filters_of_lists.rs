//! The filters of each operation with a query, with values for the tests that count rows.

use std::collections::BTreeSet;

use deckwatch_protocol::Operation;
use serde_json::Value;

/// A filter of a list by name, with a value that every fifth record has, and another value that other records have.
pub(crate) type Filter = (&'static str, [&'static str; 2]);
type Filters = &'static [Filter];

const OF_SESSIONS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("agent", ["many-0", "many-1"]),
    ("track", ["0", "1"]),
    ("status", ["ended", "abandoned"]),
    ("status", ["active", "active"]),
    ("active_since", ["2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]),
];

const OF_HANDOFFS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("track", ["0", "1"]),
    ("issue_number", ["1", "2"]),
    ("from_agent", ["many-0", "many-1"]),
    ("to_agent", ["many-0", "many-1"]),
    ("status", ["done", "blocked"]),
    ("session_id", ["sess_01000000000000000000000000", "sess_01000000000000000000000001"]),
];

const OF_NOTES: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("scope", ["global", "global"]),
    ("tag", ["many-0", "many-1"]),
    ("q", ["plan", "word"]),
    ("archived", ["false", "true"]),
    ("kind", ["note", "memory"]),
];

const OF_REQUESTS: Filters = &[
    ("correlation_id", ["corr_many-0", "corr_many-1"]),
    ("actor", ["many-0", "many-1"]),
    ("operation", ["start_day", "end_day"]),
    ("status", ["200", "201"]),
    ("since", ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    ("until", ["2026-01-02T00:00:00Z", "2027-01-01T00:00:00Z"]),
];

const OF_EVENTS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("kinds", ["note_saved", "work_done,agent_blocked"]),
    ("after", ["0", "18000"]),
];

const OF_CLASSIFICATIONS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("number", ["1", "2"]),
    ("grade", ["1", "2"]),
];

const OF_ANALYTICS: Filters = &[("venture", ["many-0", "many-1"]), ("agent", ["many-0", "many-1"])];

/// All filters alone, and all pairs, with values that occur together and with values that do not.
pub(crate) fn queries(filters: &[Filter]) -> Vec<String> {
    let mut queries = vec![String::new()];
    for (n, (name, [one, other])) in filters.iter().enumerate() {
        queries.extend([one, other].map(|value| format!("{name}={value}")));
        for (second, [same, different]) in filters.iter().skip(n + 1).filter(|(second, _)| second != name) {
            // A request can't name both a venture and the global scope.
            if (*name, *second) != ("venture", "scope") {
                queries.extend([same, different].map(|value| format!("{name}={one}&{second}={value}")));
            }
        }
    }
    queries
}

const OF_DOCS: Filters = &[("venture", ["many-0", "many-1"]), ("scope", ["global", "many-0"])];

const OF_MACHINES: Filters =
    &[("status", ["approved", "pending"]), ("status", ["retired", "retired"]), ("role", ["many", "few"])];

/// The filters of a list that has no row in `LISTS`.
const OF_ANY: Filters = &[("venture", ["many-0", "many-1"]), ("repo", ["example-org/many-0", "example-org/many-1"])];

const OF_HOST: Filters = &[("for", ["machine-1", "none"])];

/// The filters of each operation with a query that has others than [`OF_ANY`], without the cursor and the limit.
const LISTS: &[(Operation, Filters)] = &[
    (Operation::ListSessions, OF_SESSIONS),
    (Operation::ListHandoffs, OF_HANDOFFS),
    (Operation::LatestHandoff, OF_HANDOFFS),
    (Operation::ListNotes, OF_NOTES),
    (Operation::ListRequests, OF_REQUESTS),
    (Operation::ListEvents, OF_EVENTS),
    (Operation::ListClassifications, OF_CLASSIFICATIONS),
    (Operation::SessionAnalytics, OF_ANALYTICS),
    (Operation::ListDocs, OF_DOCS),
    (Operation::ListMachines, OF_MACHINES),
    (Operation::SshConfig, OF_HOST),
];

/// Operations about the parts of one record. Other tests count the keys of a venture and the messages of a mailbox.
const OF_ONE_RECORD: &[&str] = &[
    "get_doc",
    "list_doc_versions",
    "get_state",
    "list_state",
    "delete_state",
    "release_claim",
    "list_inbox",
    "list_recipients",
];

/// Each operation with a query, its filters, and the other parameters of its query.
pub(crate) fn lists() -> Vec<(Operation, Vec<Filter>, BTreeSet<String>)> {
    let document: Value = serde_json::from_str(include_str!("../../../api/openapi.json")).unwrap();
    let mut lists = Vec::new();
    for operation in Operation::ALL.iter().filter(|operation| !OF_ONE_RECORD.contains(&operation.id())) {
        let described = &document["paths"][operation.path()][operation.method().to_ascii_lowercase()];
        let parameters = described["parameters"].as_array().into_iter().flatten();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query");
        let mut names: BTreeSet<String> = in_query.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        if names.is_empty() {
            continue;
        }
        let row = LISTS.iter().find(|(list, _)| list == operation).map(|(_, filters)| filters.to_vec());
        let filters = row.unwrap_or_else(|| {
            OF_ANY.iter().filter(|(name, _)| names.contains(*name)).copied().collect::<Vec<Filter>>()
        });
        names.retain(|name| !filters.iter().any(|(filter, _)| filter == name));
        lists.push((*operation, filters, names));
    }
    lists
}

#[test]
fn every_filter_of_every_list_is_counted() {
    for (operation, _, others) in lists() {
        let window = ["since", "until"].into_iter().filter(|_| operation == Operation::SessionAnalytics);
        let known: Vec<&str> = window.chain(["cursor", "limit"]).collect();
        let missed: Vec<&String> = others.iter().filter(|name| !known.contains(&name.as_str())).collect();
        assert!(missed.is_empty(), "{}: add a row to LISTS, with two values of {missed:?}", operation.id());
    }
}
