//! Claims and shared state: a request does as much work with 1,000,000 stored rows as with 2,000.

use deckwatch_protocol::Operation;
use serde_json::json;

use super::history::Size;
use super::{HistoryLab, TestRequest, day_of, handoff_of};

/// Claims of one repository on folders beside each other, 40 for each session, and keys of the venture.
const FILL: [&str; 2] = [
    "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
     insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at)
     select printf('clm_01%024d', i), 'alpha', 'example-org/alpha', printf('path:src/%07d/**', i), printf('path:src/%07d/', i),
       printf('sess_00%024d', 1 + i / 40 % 100), i, '2026-01-01T00:00:00.000Z' from n",
    "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
     insert into state_entries (venture, key, version, size_bytes, updated_at, session_id)
     select 'alpha', printf('key-%07d', i), 1, 2, '2026-01-01T00:00:00.000Z', printf('sess_00%024d', 1) from n",
];

#[tokio::test]
async fn the_cost_of_a_request_does_not_depend_on_the_number_of_claims_and_keys() {
    let put = |name, subject: &str| {
        let body = json!({ "session_id": "", "epoch": 1, "subjects": [subject] });
        TestRequest::of(name, Operation::PutClaims, Some(body))
    };
    let costs = async |rows: u32| {
        let lab = HistoryLab::of(Size { sessions: 200, handoffs: 100, notes: 100, docs: 100 }).await;
        for fill in FILL {
            lab.measured.0.lock().unwrap().0.execute(fill, [rows]).unwrap();
        }
        let mut costs = lab
            .costs(&[
                TestRequest::of("created", Operation::StartDay, Some(day_of("agent-new"))),
                TestRequest::of("resumed", Operation::StartDay, Some(day_of("agent-0"))),
                put("an issue", "issue:87"),
                put("a path beside those of others", "path:src/0001000x"),
                put("again", "path:src/0001000x"),
                TestRequest::list(Operation::ListClaims, "limit=100"),
                TestRequest::list(Operation::ListClaims, "venture=alpha&limit=100"),
                TestRequest::list(Operation::ListClaims, "venture=alpha&repo=example-org/alpha&limit=100"),
                TestRequest::of("", Operation::EndDay, Some(handoff_of(""))),
            ])
            .await;
        costs.push(lab.cost(Operation::ListState, ("alpha", "limit=100"), None).await);
        costs
    };
    let (few, many) = (costs(2_000).await, costs(1_000_000).await);
    println!("steps: {few:?} with 2,000 rows, {many:?} with 1,000,000");
    for (few, many) in few.iter().zip(&many) {
        assert!(few.abs_diff(*many) * 10 <= *few, "{few} became {many} steps");
    }
}
