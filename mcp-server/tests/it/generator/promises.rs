//! What the documents promise whatever the repository.
