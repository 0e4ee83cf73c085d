//! Time, randomness and hints, supplied by the host program.

use deckwatch_protocol::{CorrelationId, Timestamp};

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time, to the millisecond.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes, for ids and jitter.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The host program's receiver of hints: batches have appended events.
pub trait Hint: Send + Sync {
    /// There are events up to the number `seq`. It is called after the batch and before the response is sent, so it must not
    /// wait.
    fn poke(&self, seq: u64);
}

/// 128 random bits.
pub(crate) fn random_bits(entropy: &dyn Entropy) -> u128 {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    u128::from_le_bytes(bytes)
}

/// Creates the correlation id of a request that has none.
pub(crate) fn mint_correlation_id(entropy: &dyn Entropy) -> CorrelationId {
    let uuid = uuid::Builder::from_random_bytes(random_bits(entropy).to_le_bytes()).into_uuid();
    CorrelationId::from(uuid)
}
