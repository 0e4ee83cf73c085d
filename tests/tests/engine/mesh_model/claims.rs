//! The claims of the model.

use super::model::{Claim, Model, Refused, SUBJECTS};

impl Model {
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
