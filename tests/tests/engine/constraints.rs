//! Every constraint of the migrated schema: either a request can violate it, and `deckwatch_api::constraints` has its
//! error, or this file says why no request can violate it.

use std::collections::{BTreeMap, BTreeSet};

use deckwatch_api::constraints::CONSTRAINTS;
use deckwatch_api::fault::Violated;
use deckwatch_api::{Database, DatabaseError, Statement, store};
use deckwatch_server::Sqlite;
use rusqlite::Connection;

use crate::schema::{migrated, texts};

/// Why no request can violate these constraints. A new constraint needs a row in `deckwatch_api::constraints`, or a
/// reason here.
const UNREACHABLE: &[(&str, &[&str])] = &[
    (
        "The API writes a JSON value of this type.",
        &[
            "check ventures_repos_json",
            "check ventures_capabilities_json",
            "check sessions_meta_json",
            "check handoffs_payload_json",
            "check notes_tags_json",
            "check doc_requirements_sources_json",
            "check tokens_scopes_json",
            "check machines_meta_json",
            "check events_data_json",
            "check messages_to_json",
            "check messages_sealed_json",
            "check sessions_groups_json",
            "check sessions_presence_json",
        ],
    ),
    (
        "The type in `protocol` has only these values.",
        &[
            "check sessions_status",
            "check sessions_end_reason",
            "check sessions_mode",
            "check handoffs_status_label",
            "check messages_kind",
            "check messages_priority",
            "check deliveries_status",
            "check deliveries_flags",
            "check notes_indexed_in_part",
            "check context_docs_type",
            "check doc_versions_type",
            "check doc_requirements_scope_type",
            "check doc_requirements_staleness",
            "check doc_requirements_flags",
            "check tokens_rate_limit",
            "check sweep_runs_more",
        ],
    ),
    (
        "One statement sets all of these columns.",
        &[
            "check sessions_ended_at",
            "check sessions_final_handoff",
            "check doc_versions_text",
            "check machines_approved",
            "check machines_pending",
            "check machines_accessible",
            "check machines_approved_host_key",
            "check machines_pending_host_key",
            "check idempotency_keys_expiry",
            "check idempotency_keys_payload",
            "check sweep_runs_last",
            "check github_deliveries_state",
            "check record_moves_one",
            "check notes_author",
        ],
    ),
    (
        "The handler refuses a payload of more than 800 KiB, and SQL computes its size.",
        &["check handoffs_payload_size"],
    ),
    (
        "A message that is not sealed has a text, and a sealed one has none: the type refuses others.",
        &["check messages_text"],
    ),
    ("The API computes the hash and the id of the actor.", &["check tokens_hash"]),
    (
        "Every statement inserts a reason that has a check of its own: the test \
         `every_reason_that_a_statement_inserts_has_its_own_error`.",
        &[
            "check refused_reason",
            "check token_refused",
            "check agent_refused",
            "check message_refused",
            "check claim_refused",
            "check person_refused",
            "check memory_refused",
        ],
    ),
    (
        "The id has 80 random bits.",
        &[
            "unique sessions.id",
            "unique handoffs.id",
            "unique messages.id",
            "unique deliveries.id",
            "unique notes.id",
            "unique doc_requirements.id",
            "unique tokens.id",
            "unique machines.id",
            "unique classifications.id",
            "unique claims.id",
        ],
    ),
    (
        "The insert updates the row that is there.",
        &[
            "unique ventures.code",
            "unique context_docs.scope, context_docs.name",
            "unique doc_confirmations.scope, doc_confirmations.name",
            "unique doc_requirements_one_rule",
            "unique github_deliveries.id",
            "unique doc_versions.scope, doc_versions.name, doc_versions.version",
            "unique machines.hostname",
            "unique rate_limits.actor_key_id",
            "unique sweep_runs.id",
            "unique record_moves.id",
            "unique message_rates.venture, message_rates.agent",
            "unique state_entries.venture, state_entries.key",
            "unique state_counts.venture",
            "unique agents.venture, agents.agent",
            "unique tokens.venture, tokens.agent, tokens.machine_id, tokens.created_by",
        ],
    ),
    (
        "The statement inserts only a claim that is not there, and the batches of writers follow each other. A move of records \
         deletes a claim on the same subject first.",
        &["unique claims.venture, claims.repo, claims.place, claims.subject"],
    ),
    (
        "The same batch has given the key the next version. A move of records moves only keys that the new venture never had.",
        &["unique state_versions.venture, state_versions.key, state_versions.version"],
    ),
    (
        "The tags of a note are distinct, and the batch deletes the earlier rows of the note first.",
        &[
            "unique note_tags.tag, note_tags.scope, note_tags.note_id",
            "unique archived_note_tags.tag, archived_note_tags.scope, archived_note_tags.note_id",
        ],
    ),
    ("The batch that creates the note inserts the row.", &["unique note_ranks.number", "unique note_terms.id"]),
    ("Only a migration inserts rows.", &["unique notes_to_index.note_id"]),
    ("SQLite assigns the number.", &["unique notes.number", "unique events.seq", "unique messages.seq"]),
    ("The data of an event has a few names and numbers, each with a limit.", &["check events_data_size"]),
    (
        "An earlier statement of the batch fails if the key is taken.",
        &["unique idempotency_keys.expires_on, idempotency_keys.actor_key_id, idempotency_keys.idempotency_key"],
    ),
    (
        "SQL computes the key: the next number in its millisecond.",
        &["unique request_log.moment", "check request_log_moment"],
    ),
    (
        "An earlier statement of the batch refuses a venture that does not exist, and a venture's row is never deleted.",
        &[
            "foreign key sessions.venture",
            "foreign key handoffs.venture",
            "foreign key notes.venture",
            "foreign key messages.venture",
            "foreign key doc_requirements.venture",
            "foreign key tokens.venture",
            "foreign key agents.venture",
            "foreign key claims.venture",
            "foreign key state_entries.venture",
            "foreign key state_counts.venture",
        ],
    ),
    (
        "The statement reads the key from the row that it refers to, and no request deletes that row.",
        &[
            "foreign key sessions.final_handoff_id",
            "foreign key handoffs.session_id",
            "foreign key claims.session_id",
            "foreign key state_entries.session_id",
            "foreign key state_versions.session_id",
            "foreign key idempotency_keys.payload_handoff_id",
            "foreign key note_tags.note_id",
            "foreign key archived_note_tags.note_id",
            "foreign key note_ranks.number",
            "foreign key note_terms.id",
            "foreign key notes_to_index.note_id",
            "foreign key doc_versions.scope, name",
        ],
    ),
    ("The same batch puts the document.", &["foreign key doc_confirmations.scope, name"]),
];

/// The columns that are never null, by table. A statement gives each a constant, a field that is required, or the
/// column of another row that is not null. A reason stands where this is not obvious.
const NEVER_NULL: &[(&str, &str)] = &[
    ("agent_refusals", "reason"),
    ("agents", "venture agent owner taken_at last_seen_at"),
    ("archived_note_tags", "tag scope note_id"),
    ("claim_refusals", "reason"),
    ("claims", "id venture repo subject place session_id fence taken_at"),
    ("classifications", "id repo number body_json state_json"),
    (
        "context_docs",
        "scope name title doc_type content_hash size_bytes version created_at updated_at actor_key_id content",
    ),
    ("deliveries", "id message_id agent later expires_at status redelivered partial queued_at told"),
    ("doc_confirmations", "scope name confirmed_at"),
    (
        "doc_requirements",
        "id name_pattern scope_type staleness_days required auto_generate sources_json created_at updated_at",
    ),
    (
        "doc_versions",
        "scope name version title doc_type size_bytes created_at actor_key_id creation_correlation_id change_id",
    ),
    ("events", "kind subject at data_json"),
    ("github_deliveries", "id repo number facts_json state due_at attempts planned_json received_at"),
    (
        "handoffs",
        "id session_id venture repo from_agent status_label summary payload_hash payload_size_bytes schema_version \
         created_at actor_key_id creation_correlation_id payload_json",
    ),
    // If no response is selected, its status is null: then the batch fails, which is a bug.
    (
        "idempotency_keys",
        "expires_on actor_key_id idempotency_key operation request_hash created_at expires_at response_status response_json",
    ),
    // SQLite computes `status`.
    ("machines", "id hostname os arch meta_json created_at updated_at last_seen_at creation_correlation_id status"),
    ("memory_refusals", "reason"),
    ("message_rates", "venture agent window_start sent sent_to_all"),
    ("message_refusals", "reason"),
    (
        "messages",
        "id venture from_agent kind to_json priority ack_required sent_at expires_at due_at actor_key_id \
         creation_correlation_id",
    ),
    // The batch inserts the note first, so there is a newest note.
    ("note_ranks", "head often"),
    ("note_tags", "tag scope note_id"),
    ("note_terms", "filters title content"),
    (
        "notes",
        "id title tags_json created_at updated_at actor_key_id creation_correlation_id content version indexed_in_part",
    ),
    ("notes_to_index", "note_id"),
    ("person_refusals", "reason"),
    // The limit of a token is that of its row. Without the row, nothing is inserted.
    ("rate_limits", "actor_key_id window_start request_count request_limit"),
    ("record_moves", "stage"),
    ("refusals", "reason"),
    // SQLite computes `moment`.
    ("request_log", "correlation_id method status created_at moment"),
    // A merge patch of two objects is an object.
    (
        "sessions",
        "id agent client host venture repo status created_at last_heartbeat_at actor_key_id creation_correlation_id \
         meta_json epoch groups_json mode",
    ),
    ("state_counts", "venture keys"),
    ("state_entries", "venture key version size_bytes updated_at session_id"),
    ("state_versions", "venture key version updated_at session_id"),
    ("sweep_runs", "started_at more sessions keys rates log events messages"),
    ("token_refusals", "reason"),
    (
        "tokens",
        "id token_hash actor_key_id name scopes_json rate_limit_per_minute created_at created_by \
         creation_correlation_id",
    ),
    ("ventures", "code name repos_json capabilities_json created_at updated_at"),
];

/// Every constraint of the schema, in the text form of [`Violated`]. A foreign key also has its columns.
fn constraints(connection: &Connection) -> BTreeSet<String> {
    let tables = "select name from pragma_table_list where schema = 'main' and type = 'table'
                    and name not like 'sqlite%' and name <> 'd1_migrations'";
    let mut all = BTreeSet::new();
    for table in texts(connection, tables) {
        all.extend(checks(connection, &table).into_iter().map(|name| format!("check {name}")));
        all.extend(unique_keys(connection, &table).into_iter().map(|key| format!("unique {key}")));
        let columns = format!("select name from pragma_table_xinfo('{table}') where \"notnull\"");
        all.extend(texts(connection, &columns).iter().map(|column| format!("not null {table}.{column}")));
        let keys = format!(
            "select group_concat(\"from\", ', ' order by seq) from pragma_foreign_key_list('{table}') group by id"
        );
        all.extend(texts(connection, &keys).iter().map(|columns| format!("foreign key {table}.{columns}")));
    }
    for trigger in texts(connection, "select sql from sqlite_schema where type = 'trigger'") {
        all.extend(raised(&trigger).into_iter().map(|text| format!("raised {text}")));
    }
    all
}

/// The names of the `check` constraints of a table.
fn checks(connection: &Connection, table: &str) -> Vec<String> {
    let sql = texts(connection, &format!("select sql from sqlite_schema where name = '{table}'")).concat();
    let code: Vec<&str> = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    let code = code.join(" ").replace('(', " ( ");
    let words: Vec<&str> = code.split_whitespace().collect();
    let named = words.windows(4).filter(|four| four[2].eq_ignore_ascii_case("check") && four[3] == "(");
    named
        .map(|four| {
            assert!(four[0].eq_ignore_ascii_case("constraint"), "a check of {table} has no name: {four:?}");
            four[1].to_owned()
        })
        .collect()
}

/// The unique keys of a table, in the form in which SQLite reports them.
fn unique_keys(connection: &Connection, table: &str) -> Vec<String> {
    let indexes = texts(connection, &format!("select name from pragma_index_list('{table}') where \"unique\""));
    let keys = indexes.into_iter().map(|index| {
        let columns = format!("select ifnull(name, '') from pragma_index_info('{index}') order by seqno");
        let columns = texts(connection, &columns);
        if columns.contains(&String::new()) {
            return index;
        }
        columns.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
    });
    // An integer primary key is the rowid and has no index.
    let rowid = format!(
        "select '{table}.' || name from pragma_table_info('{table}') where pk = 1 and type = 'INTEGER'
                           and not exists (select 1 from pragma_index_list('{table}') where origin = 'pk')"
    );
    keys.chain(texts(connection, &rowid)).collect()
}

/// The texts that a trigger raises.
fn raised(trigger: &str) -> Vec<String> {
    let calls = trigger.split("raise").skip(1).filter_map(|rest| rest.split('\'').nth(1));
    calls.map(str::to_owned).collect()
}

/// The constraints with a reason, and the reason.
fn unreachable() -> BTreeMap<String, &'static str> {
    let named = UNREACHABLE.iter().flat_map(|(reason, names)| names.iter().map(|name| ((*name).to_owned(), *reason)));
    let columns = NEVER_NULL.iter().flat_map(|(table, columns)| {
        columns.split_whitespace().map(move |column| (format!("not null {table}.{column}"), "is never null"))
    });
    named.chain(columns).collect()
}

#[test]
fn every_constraint_has_an_error_or_a_reason_why_no_request_can_violate_it() {
    let connection = migrated();
    let refused: BTreeSet<String> = CONSTRAINTS.iter().map(|row| row.violated.to_string()).collect();
    let unreachable: BTreeSet<String> = unreachable().into_keys().collect();
    assert!(refused.is_disjoint(&unreachable), "{:?}", refused.intersection(&unreachable));
    let known: BTreeSet<String> = refused.union(&unreachable).cloned().collect();
    let all = constraints(&connection);
    assert!(all.len() > 200, "{} constraints", all.len());
    let missing: Vec<_> = all.difference(&known).collect();
    assert!(missing.is_empty(), "add an error to api/src/constraints.rs, or a reason to this file, for {missing:#?}");
    let gone: Vec<_> = known.difference(&all).collect();
    assert!(gone.is_empty(), "the schema does not have {gone:#?}");
}

#[test]
fn the_name_of_a_check_names_one_constraint() {
    let connection = migrated();
    let mut seen = BTreeSet::new();
    for table in texts(&connection, "select name from sqlite_schema where type = 'table'") {
        for name in checks(&connection, &table) {
            assert!(seen.insert(name.clone()), "two constraints have the name {name}");
        }
    }
}

/// The tables that accept no row.
const REFUSALS: &[&str] = &[
    "refusals",
    "token_refusals",
    "agent_refusals",
    "message_refusals",
    "claim_refusals",
    "person_refusals",
    "memory_refusals",
];

/// The reasons that a statement can insert into a table of refusals: the texts that it selects.
fn inserted_reasons(sql: &str) -> Vec<String> {
    let starts = ["select '", "then '", "else '"];
    let texts = starts.iter().flat_map(|start| sql.split(start).skip(1));
    texts.filter_map(|rest| rest.split_once('\'')).map(|(reason, _)| reason.to_owned()).collect()
}

#[tokio::test]
async fn every_reason_that_a_statement_inserts_has_its_own_error() {
    let database = Sqlite::in_memory().unwrap();
    let mut inserted = BTreeSet::new();
    for (name, sql) in store::every_statement() {
        let table = REFUSALS.iter().find(|table| sql.contains(&format!("into {table} (")));
        let Some(table) = table else { continue };
        let reasons = inserted_reasons(&sql);
        assert!(!reasons.is_empty(), "{name}");
        inserted.extend(reasons.into_iter().map(|reason| (table, reason)));
    }
    let mut violated = BTreeSet::new();
    for (table, reason) in &inserted {
        let sql = format!("insert into {table} (reason) values ('{reason}')");
        let error = database.batch(&[Statement::new(sql)]).await.unwrap_err();
        let DatabaseError::Constraint(constraint) = error else { panic!("{reason}: {error}") };
        let row = CONSTRAINTS.iter().find(|row| row.violated == constraint);
        assert!(row.is_some(), "{table} has no row for {reason}");
        violated.insert(constraint.to_string());
    }
    assert_eq!(violated.len(), inserted.len(), "two reasons have one error");
    let unused = REFUSALS.iter().flat_map(|table| checks(&migrated(), table));
    let unused: Vec<_> = unused.filter(|name| !violated.contains(&format!("check {name}"))).collect();
    // The last one of each table refuses all other reasons.
    let last = [
        "refused_reason",
        "token_refused",
        "agent_refused",
        "message_refused",
        "claim_refused",
        "person_refused",
        "memory_refused",
    ];
    assert_eq!(unused, last, "no statement inserts the other reasons");
}

#[tokio::test]
async fn sqlite_reports_each_kind_of_constraint_in_the_form_that_is_parsed() {
    let database = Sqlite::in_memory().unwrap();
    let run = async |sql: &str| database.batch(&[Statement::new(sql.to_owned())]).await;
    for sql in [
        "create table parent (id text not null primary key) strict",
        "create table child (
           n integer not null, m text, parent text references parent (id),
           constraint child_positive check (n > 0), constraint child_key unique (n, m)) strict",
        "create unique index child_one on child (ifnull(m, '')) where n > 10",
        "create unique index child_large on child (n) where n > 20",
        "create trigger child_closed before insert on child when new.n = 9
           begin select raise(abort, 'the child is closed'); end",
        "insert into child (n, m) values (1, 'a'), (11, null), (21, 'b')",
    ] {
        run(sql).await.unwrap();
    }
    for (values, violated) in [
        ("(0, 'a', null)", Violated::Check("child_positive".into())),
        ("(1, 'a', null)", Violated::Unique("child.n, child.m".into())),
        ("(12, null, null)", Violated::Unique("child_one".into())),
        ("(21, 'c', null)", Violated::Unique("child.n".into())),
        ("(null, 'a', null)", Violated::NotNull("child.n".into())),
        ("(2, 'a', 'none')", Violated::ForeignKey),
        ("(9, 'a', null)", Violated::Raised("the child is closed".into())),
        ("('x', 'a', null)", Violated::Raised("cannot store TEXT value in INTEGER column child.n".into())),
    ] {
        let error = run(&format!("insert into child (n, m, parent) values {values}")).await.unwrap_err();
        assert_eq!(error, DatabaseError::Constraint(violated), "{values}");
    }
}
