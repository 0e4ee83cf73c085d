//! The table of operations: one row for each operation, with the name that is used everywhere.
//!
//! The router, the OpenAPI document, the client and the tests all iterate over this table, so that none of them can
//! miss an operation.

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Every caller, without an API key.
    Public,
    /// Callers with a context key or an admin key.
    Context,
    /// Callers with an admin key.
    Admin,
}

/// How an operation affects the records. This determines what a retry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Makes a change that may happen twice without harm. It takes no `Idempotency-Key`.
    Touch,
    /// Makes a change that must happen only once. It requires an `Idempotency-Key`.
    Write,
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident $id:literal $method:literal $path:literal $tier:ident $effect:ident,)*) => {
        /// The operations of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Operation {
            /// Every operation, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name: of the handler, the client method, the OpenAPI operation and the log field.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The HTTP method.
            pub const fn method(self) -> &'static str {
                match self { $(Self::$name => $method,)* }
            }

            /// The path, with each parameter as `{name}`.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// Who may call the operation.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$name => Tier::$tier,)* }
            }

            /// How the operation affects the records.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)* }
            }

            /// The description, as in the documentation.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)* }
            }
        }
    };
}

impl Operation {
    /// Whether a context key may call the operation. This includes `put_doc`: its batch then checks that a requirement
    /// allows the document to be generated.
    pub const fn admits_context(self) -> bool {
        !matches!(self.tier(), Tier::Admin) || matches!(self, Self::PutDoc)
    }
}

impl Operation {
    /// The words that stand in other paths where this one has its last parameter. No name may be one of them, because the
    /// path of that name is another operation's.
    pub fn reserved_names(self) -> impl Iterator<Item = &'static str> {
        let own: Vec<&str> = self.path().split('/').collect();
        let place = own.iter().rposition(|segment| segment.starts_with('{'));
        Self::ALL.iter().filter_map(move |other| {
            let others: Vec<&'static str> = other.path().split('/').collect();
            let word = *others.get(place?)?;
            let same_place = others.len() == own.len() && others.get(..place?) == own.get(..place?);
            (same_place && !word.starts_with('{')).then_some(word)
        })
    }
}

operations! {
    /// Creates or resumes the session of an agent and returns what the agent needs to know.
    StartDay "start_day" "POST" "/v1/sod" Context Write,
    /// Records the handoff and ends the session in one atomic step.
    EndDay "end_day" "POST" "/v1/eod" Context Write,
    /// Lists sessions, newest first.
    ListSessions "list_sessions" "GET" "/v1/sessions" Context Read,
    /// Reads one session.
    GetSession "get_session" "GET" "/v1/sessions/{id}" Context Read,
    /// Changes the branch, commit, issue, track or `meta` of a session.
    UpdateSession "update_session" "PATCH" "/v1/sessions/{id}" Context Write,
    /// Reports that the agent is alive. An abandoned session becomes active again.
    Heartbeat "heartbeat" "POST" "/v1/sessions/{id}/heartbeat" Context Touch,
    /// Reports that the agent has left without ending its day. The session is no longer active.
    LeaveSession "leave_session" "POST" "/v1/sessions/{id}/leave" Context Touch,
    /// Records a handoff without ending the session.
    CreateHandoff "create_handoff" "POST" "/v1/handoffs" Context Write,
    /// Lists handoffs, newest first.
    ListHandoffs "list_handoffs" "GET" "/v1/handoffs" Context Read,
    /// Reads the newest handoff that matches the filter.
    LatestHandoff "latest_handoff" "GET" "/v1/handoffs/latest" Context Read,
    /// Reads one handoff.
    GetHandoff "get_handoff" "GET" "/v1/handoffs/{id}" Context Read,
    /// Saves a note. Call it only if a human asked for it.
    CreateNote "create_note" "POST" "/v1/notes" Context Write,
    /// Lists notes, newest first, or the results of a search, best match first.
    ListNotes "list_notes" "GET" "/v1/notes" Context Read,
    /// Reads one note.
    GetNote "get_note" "GET" "/v1/notes/{id}" Context Read,
    /// Changes the title, content, tags or venture of a note.
    UpdateNote "update_note" "PATCH" "/v1/notes/{id}" Context Write,
    /// Archives a note: lists, searches and `start_day` no longer show it.
    ArchiveNote "archive_note" "POST" "/v1/notes/{id}/archive" Context Write,
    /// Restores an archived note.
    RestoreNote "restore_note" "POST" "/v1/notes/{id}/restore" Context Write,
    /// Lists documents by scope and name, without their content.
    ListDocs "list_docs" "GET" "/v1/docs" Context Read,
    /// Reads one document with its content, or one of its kept versions.
    GetDoc "get_doc" "GET" "/v1/docs/{scope}/{name}" Context Read,
    /// Lists the kept versions of a document, newest first, without their content.
    ListDocVersions "list_doc_versions" "GET" "/v1/docs/{scope}/{name}/versions" Context Read,
    /// Creates or replaces a document. The version stays the same if the content does not change.
    PutDoc "put_doc" "PUT" "/v1/docs/{scope}/{name}" Admin Write,
    /// Deletes a document. The versions that are kept stay readable.
    DeleteDoc "delete_doc" "DELETE" "/v1/docs/{scope}/{name}" Admin Write,
    /// Lists ventures by code.
    ListVentures "list_ventures" "GET" "/v1/ventures" Context Read,
    /// Registers or replaces a venture.
    PutVenture "put_venture" "PUT" "/v1/ventures/{code}" Admin Write,
    /// Deletes a venture: lists no longer show it, and it accepts no new records. Existing records stay.
    DeleteVenture "delete_venture" "DELETE" "/v1/ventures/{code}" Admin Write,
    /// Moves the sessions and handoffs of a repository to another name, at most 500 of each. With the last repository,
    /// moves the notes and documents of its venture too.
    MoveRecords "move_records" "POST" "/v1/ventures/{code}/move-records" Admin Touch,
    /// Registers a machine or updates its data. A new user, address or key waits for approval.
    RegisterMachine "register_machine" "PUT" "/v1/machines/{hostname}" Context Write,
    /// Lists machines, newest first.
    ListMachines "list_machines" "GET" "/v1/machines" Context Read,
    /// Reports that the machine is alive.
    MachineHeartbeat "machine_heartbeat" "POST" "/v1/machines/{hostname}/heartbeat" Context Touch,
    /// Approves the user, address and key of a machine, if the request names those that wait for approval.
    ApproveMachine "approve_machine" "POST" "/v1/machines/{hostname}/approve" Admin Write,
    /// Retires a machine: lists and SSH configurations no longer show it.
    RetireMachine "retire_machine" "DELETE" "/v1/machines/{hostname}" Admin Write,
    /// Returns the approved machines as SSH configuration and as lines for `authorized_keys`.
    SshConfig "ssh_config" "GET" "/v1/machines/ssh-config" Context Read,
    /// Compares the documents of one venture, or of all ventures, with their requirements.
    AuditDocs "audit_docs" "GET" "/v1/docs/audit" Context Read,
    /// Lists requirements, newest first.
    ListRequirements "list_requirements" "GET" "/v1/doc-requirements" Context Read,
    /// Creates or replaces the requirement with this pattern, scope type, venture and capability.
    PutRequirement "put_requirement" "PUT" "/v1/doc-requirements" Admin Write,
    /// Deletes a requirement. The documents stay.
    DeleteRequirement "delete_requirement" "DELETE" "/v1/doc-requirements/{id}" Admin Write,
    /// Counts the sessions and handoffs of a time window: in total, by venture, by agent and by day.
    SessionAnalytics "session_analytics" "GET" "/v1/analytics" Context Read,
    /// Creates a token. Only this response contains the secret.
    CreateToken "create_token" "POST" "/v1/tokens" Admin Write,
    /// Lists tokens, newest first, without their secrets.
    ListTokens "list_tokens" "GET" "/v1/tokens" Admin Read,
    /// Revokes a token. The token stops working immediately.
    RevokeToken "revoke_token" "POST" "/v1/tokens/{id}/revoke" Admin Write,
    /// Lists the requests of the last 7 days, newest first.
    ListRequests "list_requests" "GET" "/v1/requests" Admin Read,
    /// Returns 200 if the service and its database work.
    Health "health" "GET" "/health" Public Read,
    /// Returns the version of the service and the migrations of its database.
    Version "version" "GET" "/version" Public Read,
    /// Returns this OpenAPI document.
    Openapi "openapi" "GET" "/openapi.json" Public Read,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_no_name_may_be_are_known() {
        let reserved = |operation: &Operation| -> Vec<_> {
            let path = operation.path();
            operation.reserved_names().map(|word| (path, word)).collect()
        };
        let mut all: Vec<_> = Operation::ALL.iter().flat_map(reserved).collect();
        all.sort_unstable();
        all.dedup();
        // An id of a handoff begins with its prefix, so only a hostname can be one of these words.
        assert_eq!(all, [("/v1/handoffs/{id}", "latest"), ("/v1/machines/{hostname}", "ssh-config")]);
        assert!("latest".parse::<crate::HandoffId>().is_err());
    }

    #[test]
    fn ids_and_routes_are_unique() {
        for (n, a) in Operation::ALL.iter().enumerate() {
            for b in &Operation::ALL[n + 1..] {
                assert_ne!(a.id(), b.id());
                assert_ne!((a.method(), a.path()), (b.method(), b.path()));
            }
        }
    }
}
