//! Trees that would harm a reader who trusts them.
