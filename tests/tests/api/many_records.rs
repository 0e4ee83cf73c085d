//! Many records for the tests that count the rows of a request. Every fifth record has the same values.

use deckwatch_tests::Api;
use serde_json::json;

/// Inserts 20,000 claims.
pub(crate) async fn db_fill_claims(fill: &impl AsyncFn(&str, u32)) {
    fill(
        "insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at)
         select printf('clm_01%024d', i), 'many-' || (i % 5), 'example-org/many-' || (i % 10), 'issue:' || (i + 1),
           'issue:' || (i + 1) || ';', printf('sess_01%024d', i % 2000), i, '2026-01-01T00:00:00.000Z' from n",
        20_000,
    )
    .await;
}

/// Inserts 10,000 notes, every third of which is a memory.
pub(crate) async fn db_fill_notes(api: &Api, fill: &impl AsyncFn(&str, u32)) {
    fill(
        "insert into notes (id, venture, title, content, tags_json, created_at, updated_at, archived_at, actor_key_id,
           creation_correlation_id, agent, session_id)
         select iif(i % 3, 'note', 'mem') || printf('_00%024d', i), nullif('many-' || (i % 5), 'many-4'), 'plan', 'some words',
           json_array('many-' || (i % 5)), '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z',
           iif(i % 2, '2026-01-01T00:00:00.000Z', null), 'a', 'c', iif(i % 3, null, 'a'), iif(i % 3, null, 's') from n",
        10_000,
    )
    .await;
    for sql in [
        "insert into note_tags (tag, scope, note_id) select j.value, ifnull(n.venture, 'global'), n.id
         from notes n, json_each(n.tags_json) j where n.archived_at is null",
        "insert into archived_note_tags (tag, scope, note_id) select j.value, ifnull(n.venture, 'global'), n.id
         from notes n, json_each(n.tags_json) j where n.archived_at is not null",
        "insert into note_ranks (number, head, often) select number, ' plan ', '' from notes",
        "insert into note_terms (id, filters, title, content)
         select n.number, iif(n.id < 'note_', iif(n.archived_at is null, '+memory +memory:', '+forgotten +forgotten:'),
               iif(n.archived_at is null, '+live +live:', '+archived +archived:')) || ifnull(n.venture, '')
             || ' #' || hex('many-' || ((n.number - 1) % 5)), 'plan', 'some words' from notes n",
        "insert into note_search (note_search) values ('rebuild')",
    ] {
        api.db_execute(sql, json!([])).await;
    }
}
