//! A plain model of the mesh: sessions with epochs, mailboxes and claims in vectors. It decides what each request does and
//! answers. Times are milliseconds.

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
    pub(super) machine: u8,
    pub(super) life: Life,
    pub(super) heartbeat: i64,
    pub(super) mode: Mode,
    pub(super) dnd_until: Option<i64>,
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
    pub(super) holder: Option<(usize, u32, u8)>,
    pub(super) offered_at: Option<i64>,
    pub(super) is_told: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    /// The sender. The engine sends messages too.
    pub(super) from: Option<usize>,
    pub(super) is_urgent: bool,
    pub(super) sent_at: i64,
    pub(super) expires_at: i64,
    pub(super) due_at: i64,
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
    pub(super) machines: [Option<u8>; AGENTS],
    /// The minute of each agent's last message, and how many messages it has sent in this minute: in all, and to all.
    pub(super) rates: [(i64, u32, u32); AGENTS],
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
    pub(super) fn live(&self, agent: usize) -> Option<usize> {
        self.sessions.iter().rposition(|session| session.agent == agent && session.life == Life::Active)
    }

    pub(super) fn is_stale(&self, session: usize, now: i64) -> bool {
        self.sessions[session].heartbeat < now - STALE_MS
    }

    /// Refuses what is fenced.
    pub(super) fn fence(&self, session: usize, epoch: u32, now: i64) -> Result<(), Refused> {
        let found = &self.sessions[session];
        match found.life {
            _ if found.epoch != epoch => Err("superseded"),
            Life::Ended => Err("session_ended"),
            Life::Active if !self.is_stale(session, now) => Ok(()),
            _ => Err("session_not_active"),
        }
    }

    pub(super) fn tell(&mut self, kind: &'static str, agent: usize) {
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

    pub(super) fn lose_stale(&mut self, now: i64) {
        for session in 0..self.sessions.len() {
            if self.sessions[session].life == Life::Active && self.is_stale(session, now) {
                self.lose(session);
            }
        }
    }

    pub(super) fn correct_ahead(&mut self, now: i64) {
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
}
