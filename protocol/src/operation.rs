//! The table of operations: one row each, one name everywhere.
//!
//! The router, the OpenAPI document, the client and the tests all walk this table, so an operation
//! can't be forgotten in one of them.

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Anybody, without a key.
    Public,
    /// Holders of a context key (and of an admin key).
    Context,
    /// Holders of an admin key.
    Admin,
}

/// What an operation does to the records, and so what a retry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads.
    Read,
    /// Changes something that may happen twice without harm; takes no `Idempotency-Key`.
    Touch,
    /// Changes something that must happen once; requires an `Idempotency-Key`.
    Write,
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident $id:literal $method:literal $path:literal $tier:ident $effect:ident,)*) => {
        /// Everything that can be asked of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Operation {
            /// Every operation, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its one name: handler, client method, OpenAPI operation id, log field.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// Its HTTP method.
            pub const fn method(self) -> &'static str {
                match self { $(Self::$name => $method,)* }
            }

            /// Its path, with `{parameter}` where a value stands.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// Who may call it.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$name => Tier::$tier,)* }
            }

            /// What it does to the records.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)* }
            }

            /// What it is for, as documented.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)* }
            }
        }
    };
}

impl Operation {
    /// Whether a context key may ask for it: what is of its tier, and `put_doc`, whose batch then looks for a
    /// requirement that says the document may be generated.
    pub const fn admits_context(self) -> bool {
        !matches!(self.tier(), Tier::Admin) || matches!(self, Self::PutDoc)
    }
}

operations! {
    /// Creates or resumes the agent's session and answers with everything it needs.
    StartDay "start_day" "POST" "/v1/sod" Context Write,
    /// Records the handoff and ends the session, atomically.
    EndDay "end_day" "POST" "/v1/eod" Context Write,
    /// Lists sessions, newest first.
    ListSessions "list_sessions" "GET" "/v1/sessions" Context Read,
    /// Reads one session.
    GetSession "get_session" "GET" "/v1/sessions/{id}" Context Read,
    /// Changes where a session stands: branch, commit, issue, track, meta.
    UpdateSession "update_session" "PATCH" "/v1/sessions/{id}" Context Write,
    /// Says that the agent is alive; revives an abandoned session.
    Heartbeat "heartbeat" "POST" "/v1/sessions/{id}/heartbeat" Context Touch,
    /// Says that the agent has left without ending its day: the session is no longer active.
    LeaveSession "leave_session" "POST" "/v1/sessions/{id}/leave" Context Touch,
    /// Records a handoff while the session goes on.
    CreateHandoff "create_handoff" "POST" "/v1/handoffs" Context Write,
    /// Lists handoffs, newest first.
    ListHandoffs "list_handoffs" "GET" "/v1/handoffs" Context Read,
    /// Reads the newest handoff that fits.
    LatestHandoff "latest_handoff" "GET" "/v1/handoffs/latest" Context Read,
    /// Reads one handoff.
    GetHandoff "get_handoff" "GET" "/v1/handoffs/{id}" Context Read,
    /// Saves a note, because a human asked for it.
    CreateNote "create_note" "POST" "/v1/notes" Context Write,
    /// Lists notes, newest first, or those that match a search, best first.
    ListNotes "list_notes" "GET" "/v1/notes" Context Read,
    /// Reads one note.
    GetNote "get_note" "GET" "/v1/notes/{id}" Context Read,
    /// Changes a note: title, content, tags, venture.
    UpdateNote "update_note" "PATCH" "/v1/notes/{id}" Context Write,
    /// Takes a note out of lists, searches and days.
    ArchiveNote "archive_note" "POST" "/v1/notes/{id}/archive" Context Write,
    /// Brings an archived note back.
    RestoreNote "restore_note" "POST" "/v1/notes/{id}/restore" Context Write,
    /// Lists documents by scope and name, without their content.
    ListDocs "list_docs" "GET" "/v1/docs" Context Read,
    /// Reads one document with its content, or one of its kept versions.
    GetDoc "get_doc" "GET" "/v1/docs/{scope}/{name}" Context Read,
    /// Lists the kept versions of a document, newest first, without their content.
    ListDocVersions "list_doc_versions" "GET" "/v1/docs/{scope}/{name}/versions" Context Read,
    /// Makes or replaces a document; unchanged content keeps its version.
    PutDoc "put_doc" "PUT" "/v1/docs/{scope}/{name}" Admin Write,
    /// Deletes a document; its kept versions stay.
    DeleteDoc "delete_doc" "DELETE" "/v1/docs/{scope}/{name}" Admin Write,
    /// Lists ventures by code.
    ListVentures "list_ventures" "GET" "/v1/ventures" Context Read,
    /// Registers or replaces a venture.
    PutVenture "put_venture" "PUT" "/v1/ventures/{code}" Admin Write,
    /// Deletes a venture: out of lists, and nothing new begins in it. Its records stay.
    DeleteVenture "delete_venture" "DELETE" "/v1/ventures/{code}" Admin Write,
    /// Moves the sessions and handoffs of a repository to another name, at most 500 of each.
    MoveRecords "move_records" "POST" "/v1/ventures/{code}/move-records" Admin Touch,
    /// Registers a machine or says what has changed; another user, address or key waits for approval.
    RegisterMachine "register_machine" "PUT" "/v1/machines/{hostname}" Context Write,
    /// Lists machines, newest first.
    ListMachines "list_machines" "GET" "/v1/machines" Context Read,
    /// Says that the machine is alive.
    MachineHeartbeat "machine_heartbeat" "POST" "/v1/machines/{hostname}/heartbeat" Context Touch,
    /// Approves the user, address and key that the request names, if they are what waits.
    ApproveMachine "approve_machine" "POST" "/v1/machines/{hostname}/approve" Admin Write,
    /// Takes a machine out of the fleet: out of lists and of every machine's SSH configuration.
    RetireMachine "retire_machine" "DELETE" "/v1/machines/{hostname}" Admin Write,
    /// Renders the approved machines as an SSH configuration and as lines of `authorized_keys`.
    SshConfig "ssh_config" "GET" "/v1/machines/ssh-config" Context Read,
    /// Says how the documents of a venture, or of all, stand against their requirements.
    AuditDocs "audit_docs" "GET" "/v1/docs/audit" Context Read,
    /// Lists requirements, newest first.
    ListRequirements "list_requirements" "GET" "/v1/doc-requirements" Context Read,
    /// Makes or replaces the requirement with this pattern, scope type, venture and capability.
    PutRequirement "put_requirement" "PUT" "/v1/doc-requirements" Admin Write,
    /// Deletes a requirement; documents stay.
    DeleteRequirement "delete_requirement" "DELETE" "/v1/doc-requirements/{id}" Admin Write,
    /// Counts the sessions and handoffs of a window, in all and by venture, agent and day.
    SessionAnalytics "session_analytics" "GET" "/v1/analytics" Context Read,
    /// Mints a token; its secret is in this answer and nowhere else.
    CreateToken "create_token" "POST" "/v1/tokens" Admin Write,
    /// Lists tokens, newest first, without their secrets.
    ListTokens "list_tokens" "GET" "/v1/tokens" Admin Read,
    /// Revokes a token, effective at once.
    RevokeToken "revoke_token" "POST" "/v1/tokens/{id}/revoke" Admin Write,
    /// Lists the requests of the last 7 days, newest first.
    ListRequests "list_requests" "GET" "/v1/requests" Admin Read,
    /// Answers when the service and its database are well.
    Health "health" "GET" "/health" Public Read,
    /// Names the build and the migrations of its database.
    Version "version" "GET" "/version" Public Read,
    /// This document.
    Openapi "openapi" "GET" "/openapi.json" Public Read,
}

#[cfg(test)]
mod tests {
    use super::*;

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
