//! Says when the response to a request was written.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::RequestId;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// The requests whose response a task waits for. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<Awaited>>>);

/// A request, and what to call when its response was written.
type Awaited = (RequestId, Sender<()>);

impl Written {
    /// Gets a value when the response to this request was written, and an error if it can't be written.
    pub(crate) fn response_to(&self, id: RequestId) -> Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((id, sender));
        receiver
    }

    /// What to call with the result of the write of a response to this request.
    pub(super) fn on_result(&self, id: &RequestId) -> Option<Sender<()>> {
        let mut awaited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = awaited.iter().position(|(other, _)| other == id)?;
        Some(awaited.swap_remove(place).1)
    }
}
