//! Events that concern the agent: one line each.

use std::io;

use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// How many events wait. Older ones are dropped.
const MAX_EVENTS: usize = 50;

#[derive(Serialize, Deserialize)]
struct Line {
    text: String,
}

/// Lines that this process shows. They stay in the folder until [`TakenEvents::confirm`].
#[derive(Debug)]
#[must_use]
pub struct TakenEvents {
    /// The lines, oldest first.
    pub lines: Vec<String>,
    /// How many more wait.
    pub left: usize,
    names: Vec<String>,
    folder: AgentFolder,
}

impl AgentFolder {
    /// Adds the line of an event. `seq` is the number of the event.
    pub fn put_event(&self, seq: u64, line: &str) -> io::Result<()> {
        files::replace_json(&self.file("events", &format!("{seq:020}.json")), &Line { text: line.to_owned() })?;
        let names = files::names(&self.path.join("events"))?;
        let old = names.len().saturating_sub(MAX_EVENTS);
        names.iter().take(old).try_for_each(|name| files::remove(&self.file("events", name)))
    }

    /// The oldest lines, at most `most`.
    pub fn take_events(&self, most: usize) -> io::Result<TakenEvents> {
        let all = files::names(&self.path.join("events"))?;
        let mut taken = TakenEvents { lines: Vec::new(), left: 0, names: Vec::new(), folder: self.clone() };
        for name in all {
            if taken.lines.len() >= most {
                taken.left += 1;
                continue;
            }
            if let Some(Line { text }) = files::read_json(&self.file("events", &name))? {
                taken.lines.push(text);
            }
            taken.names.push(name);
        }
        Ok(taken)
    }
}

impl TakenEvents {
    /// Removes the lines, because they were shown.
    pub fn confirm(self) -> io::Result<()> {
        self.names.iter().try_for_each(|name| files::remove(&self.folder.file("events", name)))
    }
}
