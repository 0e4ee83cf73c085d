//! A plain model of the mesh: sessions with epochs, mailboxes and claims in vectors. It decides what each request does and
//! answers. Times are milliseconds.

use std::collections::BTreeSet;

/// The number of agents. Each has one session at a time.
pub(super) const AGENTS: usize = 5;
/// A session that was silent for longer is stale.
pub(super) const STALE_MS: i64 = 45 * 60 * 1000;
/// A heartbeat that is further in the future is corrected.
const AHEAD_MS: i64 = 5 * 60 * 1000;
/// The groups of each agent, with its role.
pub(super) const GROUPS: [&[(&str, &str)]; AGENTS] = [
    &[("front", "lead")],
    &[("front/css", "member")],
    &[("back", "lead")],
    &[],
    &[("front", "member"), ("back", "member")],
];
/// What agents claim. Some overlap.
pub(super) const SUBJECTS: [&str; 8] = [
    "issue:8",
    "issue:87",
    "path:src/**",
    "path:src/api/**",
    "path:src/api/a.rs",
    "path:src-gen/x",
    "path:docs/*.md",
    "path:docs/api.md",
];

/// The code of a refusal.
pub(super) type Refused = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Active,
    Abandoned,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Push,
    Inbox,
    Off,
}

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) agent: usize,
    pub(super) epoch: u32,
    process: u32,
    machine: u8,
    pub(super) life: Life,
    pub(super) heartbeat: i64,
    pub(super) mode: Mode,
    dnd_until: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    Offered,
    Surfaced,
    Acknowledged,
    Refused,
    Expired,
}

#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) id: String,
    /// The name of the recipient.
    pub(super) to: String,
    pub(super) status: Status,
    pub(super) redelivered: bool,
    /// The session and the epoch that took it last, and their machine.
    holder: Option<(usize, u32, u8)>,
    offered_at: Option<i64>,
    is_told: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    /// The sender. The engine sends messages too.
    pub(super) from: Option<usize>,
    is_urgent: bool,
    sent_at: i64,
    expires_at: i64,
    due_at: i64,
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) id: String,
    pub(super) subject: usize,
    pub(super) session: usize,
    pub(super) fence: u64,
}

/// Where a delivery is: the number of its message and its own number.
pub(super) type Place = (usize, usize);

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) sessions: Vec<Session>,
    pub(super) messages: Vec<Message>,
    pub(super) claims: Vec<Claim>,
    /// The machine that each agent's name belongs to.
    machines: [Option<u8>; AGENTS],
    /// The minute of each agent's last message, and how many messages it has sent in this minute: in all, and to all.
    rates: [(i64, u32, u32); AGENTS],
    pub(super) last_fence: u64,
    /// The events that the last request must have appended: their kinds and agents.
    pub(super) events: Vec<(&'static str, String)>,
}

pub(super) fn name(agent: usize) -> String {
    format!("agent-{agent}")
}

/// Who a message is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Agent(usize),
    /// A name that no agent has.
    Unknown,
    Group(&'static str),
    Role(&'static str, &'static str),
    All,
    Session(usize),
    Human,
}

/// What a message asks for.
pub(super) struct Draft {
    pub(super) to: Vec<To>,
    pub(super) is_urgent: bool,
    pub(super) expires_in: i64,
}

impl Model {
    fn live(&self, agent: usize) -> Option<usize> {
        self.sessions.iter().rposition(|session| session.agent == agent && session.life == Life::Active)
    }

    fn is_stale(&self, session: usize, now: i64) -> bool {
        self.sessions[session].heartbeat < now - STALE_MS
    }

    /// Refuses what is fenced.
    fn fence(&self, session: usize, epoch: u32, now: i64) -> Result<(), Refused> {
        let found = &self.sessions[session];
        match found.life {
            _ if found.epoch != epoch => Err("superseded"),
            Life::Ended => Err("session_ended"),
            Life::Active if !self.is_stale(session, now) => Ok(()),
            _ => Err("session_not_active"),
        }
    }

    fn tell(&mut self, kind: &'static str, agent: usize) {
        self.events.push((kind, name(agent)));
    }

    fn lose(&mut self, session: usize) {
        self.sessions[session].life = Life::Abandoned;
        self.tell("session_lost", self.sessions[session].agent);
        self.release_all(session);
    }

    fn release_all(&mut self, session: usize) {
        let released = self.claims.iter().filter(|claim| claim.session == session).count();
        self.claims.retain(|claim| claim.session != session);
        for _ in 0..released {
            self.tell("claim_released", self.sessions[session].agent);
        }
    }

    fn lose_stale(&mut self, now: i64) {
        for session in 0..self.sessions.len() {
            if self.sessions[session].life == Life::Active && self.is_stale(session, now) {
                self.lose(session);
            }
        }
    }

    fn correct_ahead(&mut self, now: i64) {
        for session in &mut self.sessions {
            if session.life == Life::Active && session.heartbeat > now + AHEAD_MS {
                session.heartbeat = now;
            }
        }
    }

    /// Starts the day of an agent's process. Returns its session, and whether it is new.
    pub(super) fn start(
        &mut self,
        agent: usize,
        (process, machine): (u32, u8),
        takes_over: bool,
        now: i64,
    ) -> Result<(usize, bool), Refused> {
        let is_taken_over = self.machines[agent].is_some_and(|owner| owner != machine);
        if is_taken_over && !takes_over {
            return Err("agent_name_taken");
        }
        self.machines[agent] = Some(machine);
        if let Some(stale) = self.live(agent).filter(|session| self.is_stale(*session, now)) {
            self.lose(stale);
        }
        if let Some(live) = self.live(agent) {
            let session = &mut self.sessions[live];
            session.epoch += u32::from(session.process != process);
            (session.process, session.machine, session.heartbeat) = (process, machine, now);
            if is_taken_over {
                self.tell("session_started", agent);
            }
            return Ok((live, false));
        }
        self.sessions.push(Session {
            id: String::new(),
            agent,
            epoch: 1,
            process,
            machine,
            life: Life::Active,
            heartbeat: now,
            mode: Mode::Push,
            dnd_until: None,
        });
        self.tell("session_started", agent);
        Ok((self.sessions.len() - 1, true))
    }

    /// What a start of day does after its answer.
    pub(super) fn after_start(&mut self, now: i64) {
        self.lose_stale(now);
        self.correct_ahead(now);
    }

    /// Records that a session is alive. An abandoned one becomes active again.
    pub(super) fn beat(&mut self, session: usize, now: i64) -> Result<(), Refused> {
        match self.sessions[session].life {
            Life::Ended => return Err("session_ended"),
            Life::Abandoned if self.live(self.sessions[session].agent).is_some() => return Err("session_conflict"),
            Life::Abandoned => self.tell("session_started", self.sessions[session].agent),
            Life::Active => {}
        }
        let found = &mut self.sessions[session];
        (found.life, found.heartbeat) = (Life::Active, now);
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        (session, epoch): (usize, u32),
        mode: Mode,
        dnd_until: Option<i64>,
        now: i64,
    ) -> Result<(), Refused> {
        if self.sessions[session].life == Life::Ended {
            return Err("session_ended");
        }
        if self.sessions[session].epoch != epoch {
            return Err("superseded");
        }
        self.beat(session, now)?;
        (self.sessions[session].mode, self.sessions[session].dnd_until) = (mode, dnd_until);
        Ok(())
    }

    /// Ends a day. An older process ends nothing. Returns whether the session has ended now.
    pub(super) fn end(&mut self, session: usize, epoch: u32) {
        let found = &mut self.sessions[session];
        if found.life != Life::Ended && found.epoch == epoch {
            found.life = Life::Ended;
            self.tell("session_ended", self.sessions[session].agent);
            self.release_all(session);
        }
    }

    fn reached(&self, from: usize, to: &[To], now: i64) -> Result<BTreeSet<String>, Refused> {
        let mut reached = BTreeSet::new();
        let fresh = |agent: usize| self.live(agent).is_some_and(|session| !self.is_stale(session, now));
        let others = |is_meant: &dyn Fn(usize) -> bool| {
            (0..AGENTS)
                .filter(|agent| *agent != from && fresh(*agent) && is_meant(*agent))
                .map(name)
                .collect::<Vec<_>>()
        };
        let in_group = |agent: usize, group: &str| {
            let is_part = |of: &str| of == group || of.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'));
            GROUPS[agent].iter().any(|(of, _)| is_part(of))
        };
        for one in to {
            match *one {
                To::Agent(agent) if self.machines[agent].is_none() => return Err("recipient_unknown"),
                To::Unknown => return Err("recipient_unknown"),
                To::Agent(agent) => reached.extend([name(agent)]),
                To::Session(session) => reached.extend([name(self.sessions[session].agent)]),
                To::Human => reached.extend(["human".to_owned()]),
                To::All => reached.extend(others(&|_| true)),
                To::Group(group) => reached.extend(others(&|agent| in_group(agent, group))),
                To::Role(group, role) => reached.extend(others(&|agent| GROUPS[agent].contains(&(group, role)))),
            }
        }
        if reached.is_empty() { Err("no_recipient") } else { Ok(reached) }
    }

    /// Sends a message. Returns its number.
    pub(super) fn send(&mut self, session: usize, draft: &Draft, now: i64) -> Result<usize, Refused> {
        let from = self.sessions[session].agent;
        let (minute, sent, to_all) = self.rates[from];
        let (sent, to_all) = if minute >= now / 60_000 { (sent, to_all) } else { (0, 0) };
        let (sent, to_all) = (sent + 1, to_all + u32::from(draft.to.contains(&To::All)));
        if sent > 60 || to_all > 6 {
            return Err("message_rate_limited");
        }
        let reached = self.reached(from, &draft.to, now)?;
        self.rates[from] = (minute.max(now / 60_000), sent, to_all);
        self.tell("message_sent", from);
        Ok(self.post(Some(from), reached, (draft.is_urgent, draft.expires_in), now))
    }

    /// Adds a message of an agent or of the engine.
    pub(super) fn post(
        &mut self,
        from: Option<usize>,
        to: BTreeSet<String>,
        (is_urgent, expires_in): (bool, i64),
        now: i64,
    ) -> usize {
        let waiting = |to| Delivery {
            id: String::new(),
            to,
            status: Status::Queued,
            redelivered: false,
            holder: None,
            offered_at: None,
            is_told: false,
        };
        let expires_at = now + expires_in;
        self.messages.push(Message {
            id: String::new(),
            from,
            is_urgent,
            sent_at: now,
            expires_at,
            due_at: expires_at,
            deliveries: to.into_iter().map(waiting).collect(),
        });
        self.messages.len() - 1
    }

    /// The open deliveries of a mailbox, those that are due first, then in the order of their messages.
    fn mailbox(&self, agent: usize) -> Vec<Place> {
        let name = name(agent);
        let places = self.messages.iter().enumerate().flat_map(|(m, message)| {
            let open = |d: &Delivery| d.to == name && matches!(d.status, Status::Queued | Status::Offered);
            message.deliveries.iter().enumerate().filter(move |(_, delivery)| open(delivery)).map(move |(d, _)| (m, d))
        });
        let mut places: Vec<Place> = places.collect();
        places.sort_by_key(|(m, d)| (!self.messages[*m].is_urgent, *m, *d));
        places
    }

    /// How many open deliveries an agent has.
    pub(super) fn waiting_for(&self, agent: usize) -> usize {
        self.mailbox(agent).len()
    }

    /// Whether the process that has taken a delivery is still there.
    fn is_held(&self, delivery: &Delivery, now: i64) -> bool {
        delivery.holder.is_some_and(|(session, epoch, _)| {
            let found = &self.sessions[session];
            found.epoch == epoch && found.life == Life::Active && !self.is_stale(session, now)
        })
    }

    /// Whether the mode of a session lets the text of a message through, or its number.
    fn lets_through(&self, session: usize, is_urgent: bool, counts: bool, now: i64) -> bool {
        let found = &self.sessions[session];
        let is_undisturbed = found.dnd_until.is_some_and(|until| until > now);
        match found.mode {
            Mode::Off => false,
            Mode::Inbox if !counts => is_urgent,
            _ => is_urgent || !is_undisturbed,
        }
    }

    /// Takes messages. Returns them in the order of sending, and how many more wait.
    pub(super) fn take(
        &mut self,
        (session, epoch): (usize, u32),
        limit: usize,
        again: bool,
        now: i64,
    ) -> Result<(Vec<Place>, usize), Refused> {
        self.fence(session, epoch, now)?;
        let (agent, machine) = (self.sessions[session].agent, self.sessions[session].machine);
        let (mut late, mut held, mut queued) = (Vec::new(), Vec::new(), Vec::new());
        for place in self.mailbox(agent) {
            let (message, delivery) = (&self.messages[place.0], &self.messages[place.0].deliveries[place.1]);
            let is_late = message.expires_at <= now;
            let is_own = delivery.holder.is_some_and(|(by, of, _)| (by, of) == (session, epoch));
            let passes = self.lets_through(session, message.is_urgent, false, now);
            match delivery.status {
                Status::Offered if (again && is_own) || !self.is_held(delivery, now) => match (is_late, passes) {
                    (true, _) => late.push(place),
                    (false, true) => held.push(place),
                    (false, false) => {}
                },
                Status::Queued if passes && is_late => late.push(place),
                Status::Queued if passes => queued.push(place),
                _ => {}
            }
        }
        for (m, d) in late {
            self.messages[m].deliveries[d].status = Status::Expired;
        }
        // What was taken before comes first, the newest of it.
        held.sort_unstable();
        let mut taken: Vec<Place> = held.into_iter().rev().take(limit).collect();
        taken.extend(queued.into_iter().take(limit - taken.len().min(limit)).collect::<Vec<_>>());
        taken.sort_unstable();
        for (m, d) in &taken {
            let delivery = &mut self.messages[*m].deliveries[*d];
            delivery.redelivered |= delivery.holder.is_some_and(|(_, _, before)| before != machine);
            delivery.status = Status::Offered;
            (delivery.holder, delivery.offered_at) = (Some((session, epoch, machine)), Some(now));
        }
        let counts = |(m, d): &Place| {
            let message = &self.messages[*m];
            message.deliveries[*d].status == Status::Queued
                && message.expires_at > now
                && self.lets_through(session, message.is_urgent, true, now)
        };
        let waiting = self.mailbox(agent).iter().filter(|place| counts(place)).count();
        Ok((taken, waiting))
    }

    /// Records a report. Returns the status of each delivery after it; none if it is not the agent's.
    pub(super) fn report(
        &mut self,
        (session, epoch): (usize, u32),
        reports: &[(Place, Status, i64)],
        now: i64,
    ) -> Result<Vec<Option<Status>>, Refused> {
        self.fence(session, epoch, now)?;
        let own = name(self.sessions[session].agent);
        let mut statuses = Vec::new();
        for ((m, d), status, at) in reports {
            let message = &mut self.messages[*m];
            let (sent_at, expires_at) = (message.sent_at, message.expires_at);
            let delivery = &mut message.deliveries[*d];
            if delivery.to != own {
                statuses.push(None);
                continue;
            }
            let at = (*at).min(now).max(delivery.offered_at.unwrap_or(sent_at));
            let goes_forward = match delivery.status {
                Status::Queued | Status::Offered => true,
                Status::Expired => *status != Status::Refused && at < expires_at,
                Status::Surfaced => *status == Status::Acknowledged,
                Status::Acknowledged | Status::Refused => false,
            };
            if goes_forward {
                delivery.status = *status;
            }
            statuses.push(Some(delivery.status));
            if delivery.status == Status::Refused {
                message.due_at = message.due_at.min(now);
            }
        }
        Ok(statuses)
    }

    /// Runs the sweep. Returns the messages whose senders are told that they were not delivered.
    pub(super) fn sweep(&mut self, now: i64) -> Vec<usize> {
        self.lose_stale(now);
        let mut told = Vec::new();
        for m in 0..self.messages.len() {
            if self.messages[m].due_at > now {
                continue;
            }
            for d in 0..self.messages[m].deliveries.len() {
                let (message, delivery) = (&self.messages[m], &self.messages[m].deliveries[d]);
                let is_open = delivery.status == Status::Queued
                    || delivery.status == Status::Offered && !self.is_held(delivery, now);
                if is_open && message.expires_at <= now {
                    self.messages[m].deliveries[d].status = Status::Expired;
                }
            }
            let message = &mut self.messages[m];
            let failed = |d: &Delivery| matches!(d.status, Status::Refused | Status::Expired) && !d.is_told;
            if message.from.is_some() && message.deliveries.iter().any(failed) {
                told.push(m);
            }
            for delivery in &mut message.deliveries {
                delivery.is_told |= matches!(delivery.status, Status::Refused | Status::Expired);
            }
            let open = |d: &Delivery| matches!(d.status, Status::Queued | Status::Offered);
            message.due_at = match message.deliveries.iter().any(open) {
                true if message.expires_at > now => message.expires_at,
                true => now + 10 * 60 * 1000,
                // Later than any model lives.
                false => i64::MAX,
            };
        }
        self.correct_ahead(now);
        told
    }

    /// Takes claims: all subjects or none. Returns the claims of the subjects; new ones have no id and no fence yet.
    pub(super) fn claim(
        &mut self,
        (session, epoch): (usize, u32),
        subjects: &[usize],
        takes: bool,
        now: i64,
    ) -> Result<Vec<usize>, Refused> {
        self.fence(session, epoch, now)?;
        let is_in_the_way = |claim: &&Claim| {
            claim.session != session && subjects.iter().any(|subject| overlap(*subject, claim.subject))
        };
        let holders: Vec<usize> = self.claims.iter().filter(is_in_the_way).map(|claim| claim.session).collect();
        if holders.iter().any(|holder| !takes || !self.is_stale(*holder, now)) {
            return Err("claim_held");
        }
        for holder in &holders {
            self.tell("claim_released", self.sessions[*holder].agent);
        }
        self.claims.retain(|claim| !is_in_the_way(&claim));
        let mut places = Vec::new();
        for subject in subjects {
            let own = |claim: &Claim| (claim.session, claim.subject) == (session, *subject);
            let place = self.claims.iter().position(own).unwrap_or_else(|| {
                self.claims.push(Claim { id: String::new(), subject: *subject, session, fence: 0 });
                self.tell("claim_taken", self.sessions[session].agent);
                self.claims.len() - 1
            });
            places.push(place);
        }
        Ok(places)
    }

    pub(super) fn release(&mut self, (session, epoch): (usize, u32), id: &str, now: i64) -> Result<(), Refused> {
        self.fence(session, epoch, now)?;
        let place = self.claims.iter().position(|claim| claim.id == id).ok_or("claim_not_found")?;
        if self.claims[place].session != session {
            return Err("claim_held");
        }
        self.claims.remove(place);
        self.tell("claim_released", self.sessions[session].agent);
        Ok(())
    }
}

/// The part of a subject that others are compared with.
fn place(subject: &str) -> String {
    match subject.strip_prefix("path:") {
        Some(path) => format!("path:{}", path.split(['*', '?', '[', '{']).next().unwrap_or_default()),
        None => format!("{subject};"),
    }
}

pub(super) fn overlap(one: usize, other: usize) -> bool {
    let (one, other) = (place(SUBJECTS[one]), place(SUBJECTS[other]));
    one.starts_with(&other) || other.starts_with(&one)
}
