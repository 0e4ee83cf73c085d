//! Agents that send each other messages while the Worker is killed. The same test of the server is in `engine`.

use deckwatch_tests::{Api, MailLoad};

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_once_and_in_order_while_the_worker_is_killed() {
    let api = Api::start_limited(1_000_000).await;
    if !api.is_worker() {
        return println!("skipped: the server under test runs in this process");
    }
    let load = MailLoad::start(api, 30, 100).await;
    let process = |api: &Api| api.process_of_worker().unwrap();
    load.run(4, process, async |api| api.restarted_worker().await.unwrap()).await;
}
