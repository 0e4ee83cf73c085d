//! Writes the log rows of several requests in one batch. A batch for each row would double the number of batches that
//! wait for the writer thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deckwatch_api::{App, DeferredStatements};

/// How long a log row waits for others after its request was answered.
const DELAY: Duration = Duration::from_millis(100);
/// The rows of so many requests do not wait. They take the writer thread about 2 ms.
const MAX_REQUESTS: usize = 100;

/// The log rows that wait.
#[derive(Clone, Default)]
pub(crate) struct LogRows(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    rows: DeferredStatements,
    requests: usize,
}

impl LogRows {
    /// Writes the row of a request soon.
    pub(crate) fn add(&self, app: &Arc<App>, row: DeferredStatements) {
        let requests = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.rows.append(row);
            waiting.requests += 1;
            waiting.requests
        };
        let delay = match requests {
            1 => DELAY,
            MAX_REQUESTS.. => Duration::ZERO,
            _ => return,
        };
        let (rows, app) = (self.clone(), Arc::clone(app));
        tokio::spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            rows.write(&app).await;
        });
    }

    /// Writes the rows that wait.
    pub(crate) async fn write(&self, app: &App) {
        let Waiting { rows, .. } = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !rows.is_empty() {
            app.finish(rows).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use deckwatch_api::{CompleteBody, Engine, Settings, Statement};
    use http::Request;

    use crate::{Embedded, Sqlite};

    #[tokio::test]
    async fn no_log_row_is_lost_when_the_server_ends() {
        let key = "the-context-key-of-a-test";
        let database = Sqlite::in_memory().unwrap();
        let settings =
            Settings::from_vars(Engine::Embedded, |name| (name == "CONTEXT_API_KEY").then(|| key.to_owned()));
        let engine = Embedded::on(database.clone(), settings.unwrap());
        for _ in 0..20 {
            let request = Request::get("/v1/ventures").header("authorization", format!("Bearer {key}"));
            assert_eq!(engine.handle(request.body(CompleteBody::default()).unwrap()).await.status(), 200);
        }
        engine.finish().await;
        let logged = database.run(&[Statement::new("select count(*) as n from request_log")]).unwrap();
        assert_eq!(logged[0][0]["n"], 20);
    }
}
