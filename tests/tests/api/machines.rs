//! Machines: registration by agents, approval by an admin, retirement.

use deckwatch_protocol::{ErrorCode, Machine, MachineHeartbeat, MachineStatus, Operation, Page, SshConfig};
use deckwatch_tests::{Api, Caller, TestRequest, a_moment_later, ask_approve, ask_register, fresh, fresh_public_key};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The machines of a team, with its agent and its admin.
pub(crate) struct Fleet {
    pub(crate) api: Api,
    agent: deckwatch_tests::Agent,
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        let api = Api::start().await;
        let agent = api.agent().await;
        Self { api, agent }
    }

    pub(crate) async fn register(&self, hostname: &str, fields: Value) -> Machine {
        let response = self.agent.send(ask_register(hostname, fields)).await;
        response.of(response.status)
    }

    pub(crate) async fn approve(&self, machine: &Machine) -> Machine {
        self.api.admin().send(ask_approve(machine)).await.of(200)
    }

    pub(crate) async fn approved(&self, hostname: &str, fields: Value) -> Machine {
        self.approve(&self.register(hostname, fields).await).await
    }

    pub(crate) async fn retire(&self, hostname: &str) -> Machine {
        self.api.admin().send(TestRequest::of(Operation::RetireMachine).with(hostname)).await.of(200)
    }

    /// The machine in the list for a query.
    async fn find(&self, query: &str, hostname: &str) -> Option<Machine> {
        let mut cursor = String::new();
        loop {
            let ask = TestRequest::of(Operation::ListMachines).query(format!("limit=100&{query}{cursor}"));
            let page: Page<Machine> = self.agent.send(ask).await.of(200);
            let found = page.items.into_iter().find(|machine| machine.hostname.as_str() == hostname);
            match (found, page.next_cursor) {
                (Some(machine), _) => return Some(machine),
                (None, Some(next)) => cursor = format!("&cursor={next}"),
                (None, None) => return None,
            }
        }
    }

    /// All pages of the SSH configuration, joined.
    pub(crate) async fn ssh_config(&self, host: &str) -> SshConfig {
        let mut whole: Option<SshConfig> = None;
        let mut query = format!("for={host}");
        loop {
            let page: SshConfig = self.agent.send(TestRequest::of(Operation::SshConfig).query(&query)).await.of(200);
            assert_eq!(page.authorized_keys.len(), usize::try_from(page.shown).unwrap());
            let next = page.next_cursor.clone();
            whole = Some(match whole {
                None => page,
                Some(before) => SshConfig {
                    ssh_config: before.ssh_config + &page.ssh_config,
                    authorized_keys: [before.authorized_keys, page.authorized_keys].concat(),
                    known_hosts: [before.known_hosts, page.known_hosts].concat(),
                    ..page
                },
            });
            let Some(next) = next else { return whole.unwrap() };
            query = format!("for={host}&cursor={next}");
        }
    }

    /// The line of `hostname` in the known hosts of other machines, if any.
    async fn known_host(&self, hostname: &str) -> Option<String> {
        let lines = self.ssh_config("nobody").await.known_hosts;
        lines.into_iter().find(|line| line.starts_with(&format!("{hostname},")))
    }

    /// The key of `hostname` in the SSH configuration of other machines, if any.
    async fn distributed(&self, hostname: &str) -> Option<String> {
        let config = self.ssh_config("nobody").await;
        let line = config.authorized_keys.iter().find_map(|line| line.strip_suffix(&format!(" {hostname}")));
        let block = config.ssh_config.contains(&format!("Host {hostname}\n"));
        assert_eq!(line.is_some(), block, "the configuration and the keys must list the same machines");
        line.map(str::to_owned)
    }
}

#[tokio::test]
async fn a_new_machine_has_the_registered_fields_and_waits_for_approval() {
    let fleet = Fleet::new().await;
    let hostname = format!("{}.local", fresh("Toms-MacBook"));
    let key = fresh_public_key();
    let fields = json!({
        "os": "linux", "arch": "x86_64", "tailscale_ip": "FD7A:115C:A1E0::0:17", "user": "_build.er",
        "ssh_public_key": format!("{key} tom@MacBook of $(id) 😀"), "role": "build", "meta": { "rack": [1, "a"] },
    });
    let response = fleet.agent.send(ask_register(&hostname, fields)).await;
    let machine: Machine = response.of(201);
    let pending = machine.pending.as_ref().unwrap();
    assert!(machine.id.as_str().starts_with("mach_"));
    assert_eq!((machine.hostname.as_str(), machine.status), (hostname.as_str(), MachineStatus::Pending));
    assert_eq!((pending.tailscale_ip.as_str(), pending.user.as_str()), ("fd7a:115c:a1e0::17", "_build.er"));
    assert_eq!(
        (pending.ssh_public_key.as_str(), &pending.fingerprint),
        (key.as_str(), &pending.ssh_public_key.fingerprint())
    );
    assert_eq!((machine.approved.as_ref(), machine.retired_at), (None, None));
    assert_eq!(
        (response.json()["role"].clone(), response.json()["meta"].clone()),
        (json!("build"), json!({ "rack": [1, "a"] }))
    );
    assert_eq!(machine.created_at, machine.last_seen_at);
    assert_eq!(fleet.distributed(&hostname).await, None, "a key must not be distributed before its approval");

    let approved = fleet.approve(&machine).await;
    let access = approved.approved.as_ref().unwrap();
    assert_eq!((approved.status, approved.pending.as_ref()), (MachineStatus::Approved, None));
    assert_eq!(access.ssh_public_key, pending.ssh_public_key);
    assert_ne!(access.approved_by.as_deref(), Some(pending.registered_by.as_str()), "the admin must be the approver");
    assert_eq!(fleet.distributed(&hostname).await, Some(key));
    assert_eq!(fleet.find("", &hostname).await, Some(approved));
}

#[tokio::test]
async fn an_equal_registration_changes_only_the_time_it_was_last_seen() {
    let fleet = Fleet::new().await;
    let hostname = fresh("same");
    let fields = json!({ "ssh_public_key": fresh_public_key(), "role": "build", "meta": { "a": 1 } });
    let first = fleet.register(&hostname, fields.clone()).await;
    a_moment_later().await;
    let again = fleet.agent.send(ask_register(&hostname.to_uppercase(), fields.clone())).await;
    let again: Machine = again.of(200);
    assert!(again.last_seen_at > first.last_seen_at);
    assert_eq!(Machine { last_seen_at: first.last_seen_at, ..again }, first, "hostnames must not be case-sensitive");
    let approved = fleet.approve(&first).await;
    a_moment_later().await;
    let again = fleet.register(&hostname, fields).await;
    assert_eq!(Machine { last_seen_at: approved.last_seen_at, ..again }, approved);
}

#[tokio::test]
async fn a_new_user_address_key_or_host_key_waits_while_the_approved_values_stay_in_use() {
    let fleet = Fleet::new().await;
    let (key, host_key) = (fresh_public_key(), fresh_public_key());
    let base = json!({ "ssh_public_key": key, "ssh_host_key": host_key });
    for change in [
        json!({ "ssh_public_key": fresh_public_key() }),
        json!({ "user": "mallory" }),
        json!({ "tailscale_ip": "100.64.6.6" }),
        json!({ "ssh_host_key": fresh_public_key() }),
        json!({ "ssh_host_key": null }),
    ] {
        let change = deckwatch_tests::overlay(base.clone(), change);
        let hostname = fresh("changing");
        let approved = fleet.approved(&hostname, base.clone()).await;
        let block = fleet.ssh_config("nobody").await.ssh_config;
        let changed = fleet.register(&hostname, change.clone()).await;
        assert_eq!((changed.status, &changed.approved), (MachineStatus::Pending, &approved.approved), "{change}");
        assert!(changed.pending.is_some());
        assert_eq!(fleet.distributed(&hostname).await, Some(key.clone()));
        assert_eq!(fleet.known_host(&hostname).await, Some(format!("{hostname},100.64.0.7 {host_key}")), "{change}");
        let after = fleet.ssh_config("nobody").await.ssh_config;
        let own = |text: &str| text.split("Host ").find(|b| b.starts_with(&hostname)).map(str::to_owned);
        assert_eq!(own(&after), own(&block), "{change}");

        let back = fleet.register(&hostname, base.clone()).await;
        assert_eq!((back.status, &back.approved, back.pending), (MachineStatus::Approved, &approved.approved, None));
    }
}

#[tokio::test]
async fn a_machine_without_a_host_key_gets_one_by_another_approval() {
    let fleet = Fleet::new().await;
    let (hostname, host_key) = (fresh("older"), fresh_public_key());
    let fields = json!({ "ssh_public_key": fresh_public_key() });
    let older = fleet.approved(&hostname, fields.clone()).await;
    let access = older.approved.as_ref().unwrap();
    assert_eq!((&access.ssh_host_key, &access.host_key_fingerprint), (&None, &None));
    assert_eq!(fleet.known_host(&hostname).await, None);

    let commented = json!({ "ssh_host_key": format!("{host_key} root@older") });
    let waiting = fleet.register(&hostname, deckwatch_tests::overlay(fields, commented)).await;
    let pending = waiting.pending.as_ref().unwrap();
    let key = pending.ssh_host_key.as_ref().unwrap();
    assert_eq!((key.as_str(), &pending.host_key_fingerprint), (host_key.as_str(), &Some(key.fingerprint())));
    assert_eq!((waiting.status, &waiting.approved), (MachineStatus::Pending, &older.approved));
    assert_eq!(fleet.known_host(&hostname).await, None, "a host key must not be distributed before its approval");

    let approved = fleet.approve(&waiting).await;
    assert_eq!(approved.approved.unwrap().ssh_host_key, pending.ssh_host_key);
    assert_eq!(fleet.known_host(&hostname).await, Some(format!("{hostname},100.64.0.7 {host_key}")));
}

#[tokio::test]
async fn fields_that_are_not_in_the_ssh_configuration_change_at_once() {
    let fleet = Fleet::new().await;
    let (hostname, key) = (fresh("renamed"), fresh_public_key());
    let approved = fleet.approved(&hostname, json!({ "ssh_public_key": key, "role": "old" })).await;
    a_moment_later().await;
    let changed = fleet.register(&hostname, json!({ "ssh_public_key": key, "os": "linux", "meta": { "a": 1 } })).await;
    assert_eq!((changed.status, &changed.approved), (MachineStatus::Approved, &approved.approved));
    assert_eq!((changed.os.as_str(), changed.role, changed.id), ("linux", None, approved.id));
    assert!(changed.updated_at > approved.updated_at);
}

#[tokio::test]
async fn an_approval_applies_only_to_the_values_that_it_names() {
    let fleet = Fleet::new().await;
    let admin = fleet.api.admin();
    let hostname = fresh("swapped");
    let seen = fleet.register(&hostname, json!({ "ssh_host_key": fresh_public_key() })).await;
    let named = ask_approve(&seen);
    for change in [
        json!({ "user": "mallory" }),
        json!({ "tailscale_ip": "100.64.6.6" }),
        json!({ "fingerprint": format!("SHA256:{}", "A".repeat(43)) }),
        json!({ "host_key_fingerprint": format!("SHA256:{}", "A".repeat(43)) }),
        json!({ "host_key_fingerprint": null }),
    ] {
        let other = named.clone().json(&deckwatch_tests::overlay(named.body(), change)).key(&fresh("other-approval"));
        admin.send(other).await.problem(ErrorCode::MachineChanged);
    }
    let swapped = fleet.register(&hostname, json!({})).await;
    admin.send(named.clone()).await.problem(ErrorCode::MachineChanged);
    assert_eq!(fleet.distributed(&hostname).await, None);
    let approved = fleet.approve(&swapped).await;
    assert_eq!(approved.approved.as_ref().unwrap().ssh_public_key, swapped.pending.unwrap().ssh_public_key);
    a_moment_later().await;
    assert_eq!(fleet.approve(&approved).await, approved, "a second approval must change nothing");
    admin.send(named).await.problem(ErrorCode::MachineChanged);
    // An approval must name the pending values, also if other values are approved already.
    fleet.register(&hostname, json!({})).await;
    admin.send(ask_approve(&approved).key(&fresh("approving-the-old"))).await.problem(ErrorCode::MachineChanged);
}

#[tokio::test]
async fn only_an_admin_may_approve_and_retire() {
    let fleet = Fleet::new().await;
    let machine = fleet.register(&fresh("mine"), json!({})).await;
    fleet.agent.send(ask_approve(&machine)).await.problem(ErrorCode::Forbidden);
    let retire = TestRequest::of(Operation::RetireMachine).with(&machine.hostname);
    fleet.agent.send(retire).await.problem(ErrorCode::Forbidden);
    assert_eq!(fleet.find("status=pending", machine.hostname.as_str()).await, Some(machine));
}

#[tokio::test]
async fn a_retired_machine_is_not_listed_until_it_is_registered_and_approved_again() {
    let fleet = Fleet::new().await;
    let (hostname, key) = (fresh("leaving"), fresh_public_key());
    let fields = json!({ "ssh_public_key": key, "ssh_host_key": fresh_public_key() });
    let approved = fleet.approved(&hostname, fields.clone()).await;
    let retired = fleet.retire(&hostname).await;
    assert_eq!((retired.status, retired.pending.as_ref()), (MachineStatus::Retired, None));
    a_moment_later().await;
    assert_eq!(fleet.retire(&hostname).await, retired, "a second retirement must change nothing");
    assert_eq!((fleet.distributed(&hostname).await, fleet.known_host(&hostname).await), (None, None));
    assert_eq!(fleet.find("", &hostname).await, None);
    assert_eq!(fleet.find("status=retired", &hostname).await, Some(retired));
    let beat = TestRequest::of(Operation::MachineHeartbeat).with(&hostname);
    fleet.agent.send(beat).await.problem(ErrorCode::MachineRetired);
    fleet.api.admin().send(ask_approve(&approved)).await.problem(ErrorCode::MachineRetired);

    let back = fleet.register(&hostname, fields).await;
    assert_eq!((back.status, back.approved.as_ref(), back.retired_at), (MachineStatus::Pending, None, None));
    assert_eq!(fleet.distributed(&hostname).await, None, "the earlier approval must not count");
    assert_eq!(fleet.known_host(&hostname).await, None, "the earlier approval of the host key must not count");
    fleet.approve(&back).await;
    assert_eq!(fleet.distributed(&hostname).await, Some(key));
}

#[tokio::test]
async fn a_heartbeat_returns_the_time_of_the_next_one() {
    let fleet = Fleet::new().await;
    let hostname = fresh("beating");
    let machine = fleet.register(&hostname, json!({})).await;
    a_moment_later().await;
    let beat: MachineHeartbeat =
        fleet.agent.send(TestRequest::of(Operation::MachineHeartbeat).with(&hostname)).await.of(200);
    assert!(beat.last_seen_at > machine.last_seen_at);
    assert!((480..=720).contains(&beat.heartbeat_interval_seconds));
    let due = beat.next_heartbeat_at.seconds_since(beat.last_seen_at);
    assert_eq!(due, u64::from(beat.heartbeat_interval_seconds));
    let listed = fleet.find("", &hostname).await.unwrap();
    assert_eq!(listed, Machine { last_seen_at: beat.last_seen_at, ..machine });
}

#[tokio::test]
async fn machines_are_listed_newest_first_by_status_and_role_in_pages() {
    let fleet = Fleet::new().await;
    let role = fresh("role");
    let mut registered = Vec::new();
    for n in 0..5 {
        a_moment_later().await;
        let machine = fleet.register(&fresh("listed"), json!({ "role": role })).await;
        registered.push(if n == 0 { fleet.approve(&machine).await } else { machine });
    }
    registered.reverse();
    let mut seen: Vec<Machine> = Vec::new();
    let mut cursor = String::new();
    loop {
        let ask = TestRequest::of(Operation::ListMachines).query(format!("role={role}&limit=2{cursor}"));
        let page: Page<Machine> = fleet.agent.send(ask).await.of(200);
        assert_eq!(page.total, 5);
        seen.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, registered);
    let listed = async |status: &str| {
        let ask = TestRequest::of(Operation::ListMachines).query(format!("role={role}&status={status}"));
        fleet.agent.send(ask).await.of::<Page<Machine>>(200).total
    };
    assert_eq!((listed("pending").await, listed("approved").await, listed("retired").await), (4, 1, 0));
    for (query, pointer) in
        [("status=gone", "/status"), ("role=a+b", "/role"), ("limit=101", "/limit"), ("host=x", "/host")]
    {
        let ask = TestRequest::of(Operation::ListMachines).query(query);
        fleet.agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
}

#[tokio::test]
async fn all_invalid_fields_are_named_together_and_nothing_is_registered() {
    let fleet = Fleet::new().await;
    let hostname = fresh("bad");
    let refused = [
        (
            json!({ "os": "", "arch": "a b", "tailscale_ip": "127.0.0.1", "user": "-l", "ssh_public_key": "x" }),
            vec!["/os", "/arch", "/tailscale_ip", "/user", "/ssh_public_key"],
        ),
        (json!({ "role": "a/b", "meta": [], "hostname": "other" }), vec!["/role", "/meta", "/hostname"]),
        (json!({ "ssh_host_key": "ssh-ed25519 AAAA" }), vec!["/ssh_host_key"]),
        (json!({ "ssh_host_key": format!("@cert-authority * {}", fresh_public_key()) }), vec!["/ssh_host_key"]),
        (json!({ "ssh_host_key": format!("{}\nssh-ed25519 A", fresh_public_key()) }), vec!["/ssh_host_key"]),
        (json!({ "meta": { "k": "x".repeat(9000) }, "ssh_public_key": 7 }), vec!["/meta", "/ssh_public_key"]),
    ];
    for (fields, named) in refused {
        fleet.agent.send(ask_register(&hostname, fields)).await.problem_at(ErrorCode::InvalidRequest, &named);
    }
    let missing = TestRequest::of(Operation::RegisterMachine).with(&hostname).json(&json!({}));
    let named = ["/os", "/arch", "/tailscale_ip", "/user", "/ssh_public_key"];
    fleet.agent.send(missing).await.problem_at(ErrorCode::InvalidRequest, &named);
    for bad in ["-x", "a%20b", "%0aHost", "%2a", "!a", "%F0%9F%98%80", &"h".repeat(254)] {
        let ask = ask_register(bad, json!({}));
        fleet.agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/hostname"]);
        let beat = TestRequest::of(Operation::MachineHeartbeat).with(bad);
        fleet.agent.send(beat).await.problem(ErrorCode::MachineNotFound);
    }
    for operation in [Operation::ApproveMachine, Operation::RetireMachine] {
        let mut ask = TestRequest::of(operation).with(&hostname);
        if operation == Operation::ApproveMachine {
            ask = ask.json(&json!({ "user": "a", "tailscale_ip": "100.64.0.1", "fingerprint": format!("SHA256:{}", "A".repeat(43)) }));
        }
        fleet.api.admin().send(ask).await.problem(ErrorCode::MachineNotFound);
    }
    assert_eq!(fleet.find("", &hostname).await, None);
}

#[tokio::test]
async fn a_private_key_is_refused_not_stored_and_not_repeated() {
    let fleet = Fleet::new().await;
    let secret = format!("b3BlbnNzaC1rZXktdjEAAAAA{}", fresh("secret"));
    let pasted = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n-----END OPENSSH PRIVATE KEY-----\n");
    for field in ["ssh_public_key", "ssh_host_key"] {
        let response = fleet.agent.send(ask_register(&fresh("leaky"), json!({ field: pasted }))).await;
        let problem = response.problem_at(ErrorCode::InvalidRequest, &[&format!("/{field}")]);
        assert!(problem.errors[0].detail.contains("private key"), "{}", problem.errors[0].detail);
        assert!(!response.to_string().contains(&secret));
    }
    for table in ["machines", "idempotency_keys", "request_log"] {
        let rows = fleet.api.db_query(&format!("select * from {table}"), json!([])).await;
        assert!(!serde_json::to_string(&rows).unwrap().contains(&secret), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_registrations_make_one_machine() {
    let fleet = Fleet::new().await;
    let hostname = fresh("raced");
    let mut racers = JoinSet::new();
    for _ in 0..16 {
        let (agent, ask) = (fleet.agent.clone(), ask_register(&hostname, json!({})));
        racers.spawn(async move { agent.send(ask).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let machines: Vec<Machine> = answers.iter().map(|answer| answer.of(answer.status)).collect();
    assert!(machines.iter().all(|machine| machine.id == machines[0].id && machine.approved.is_none()));
    let stored = "select count(*) as n from machines where hostname = ?1";
    assert_eq!(fleet.api.db_count(stored, json!([hostname])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_during_a_change_of_the_key_never_approves_the_other_key() {
    let fleet = Fleet::new().await;
    for _ in 0..8 {
        let hostname = fresh("duel");
        let seen = fleet.register(&hostname, json!({})).await;
        let named = seen.pending.as_ref().unwrap().fingerprint.clone();
        let (admin, agent, swap) = (fleet.api.admin(), fleet.agent.clone(), ask_register(&hostname, json!({})));
        let (approval, swapped) = tokio::join!(admin.send(ask_approve(&seen)), agent.send(swap));
        let swapped: Machine = swapped.of(200);
        let now = fleet.find("", &hostname).await.unwrap();
        assert_eq!(now.pending.as_ref().map(|p| &p.fingerprint), swapped.pending.as_ref().map(|p| &p.fingerprint));
        if approval.status == 200 {
            assert_eq!(now.approved.unwrap().fingerprint, named);
        } else {
            approval.problem(ErrorCode::MachineChanged);
            assert_eq!(now.approved, None);
        }
    }
}

#[tokio::test]
async fn a_registration_replays_after_the_machine_has_changed() {
    let fleet = Fleet::new().await;
    let hostname = fresh("replayed");
    let ask = ask_register(&hostname, json!({}));
    let first = fleet.agent.send(ask.clone()).await;
    let machine: Machine = first.of(201);
    let approval = ask_approve(&machine);
    let approved = fleet.api.admin().send(approval.clone()).await;
    fleet.register(&hostname, json!({})).await;
    let again = fleet.agent.send(ask).await;
    assert_eq!((again.is_replay(), again.status, &again.body), (true, 201, &first.body));
    let again = fleet.api.admin().send(approval).await;
    assert_eq!((again.is_replay(), again.status, &again.body), (true, 200, &approved.body));
    assert_eq!(
        fleet.find("", &hostname).await.unwrap().status,
        MachineStatus::Pending,
        "the replay must not register the machine again"
    );
}
