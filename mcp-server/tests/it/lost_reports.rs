//! A message that was shown, and whose report was lost with the server that should have sent it: the next server reports it, and
//! no hook shows it again.

use serde_json::json;

use crate::between::{Between, Fate};
use crate::harness::Machine;
use crate::hook_program::{AGENT, Hooked, Sender, until};
use crate::server::Server;

#[test]
fn a_message_whose_report_was_lost_is_reported_again_and_not_shown_again() {
    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    let hooked = Hooked::new(&machine, &server).by_way_of(&between.url);
    hooked.opened().kill();
    let sender = Sender::new(&server, "mac2-codex-1");
    let sent = sender.send(AGENT, "note", "Only once.");

    let second = hooked.opened();
    between.decides(|request| if request.path == "/v1/inbox/report" { Fate::Breaks } else { Fate::Passes });
    let mut shown = String::new();
    until("the message", || {
        shown += &hooked.text("prompt", &json!({}));
        shown.contains("| Only once.")
    });
    // The server has put the report into its outbox, and so believes that it is reported. The outbox is lost with it.
    let reported = hooked.folder().path().join("reported");
    until("the report", || std::fs::read_dir(&reported).unwrap().count() == 1);
    second.kill();
    std::fs::remove_dir_all(machine.home().join(".local/share/deckwatch/outbox")).unwrap();
    between.decides(|_| Fate::Passes);
    assert_eq!(sender.delivery(&sent)["status"], "offered", "the report is lost");

    let _third = hooked.mcp();
    shown += &hooked.text("session-start", &json!({}));
    let delivery = sender.wait_for_status(&sent, "surfaced");
    assert_eq!(delivery["redelivered"], false, "{delivery}");
    for event in ["prompt", "after-tool", "turn-end"] {
        shown += &hooked.text(event, &json!({}));
    }
    assert_eq!(shown.matches("| Only once.").count(), 1, "{shown}");
}
