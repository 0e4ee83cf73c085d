//! The mailboxes of the model: send, take, report, and the end of what was not delivered.

use std::collections::BTreeSet;

use super::model::{AGENTS, Delivery, Draft, GROUPS, Life, Message, Mode, Model, Place, Refused, Status, To, name};

impl Model {
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
        // What was taken before comes first, and of it what is urgent. If an answer was lost, it had the newest.
        held.sort_unstable();
        if again {
            held.reverse();
        }
        held.sort_by_key(|(m, _)| !self.messages[*m].is_urgent);
        let mut taken: Vec<Place> = held.into_iter().take(limit).collect();
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
            // Only a refusal makes the next sweep tell the sender. A clock that goes back shows the difference.
            if (*status, delivery.status) == (Status::Refused, Status::Refused) {
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
}
