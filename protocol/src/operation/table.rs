//! The table of operations. A row is everything that the other crates know about an operation.

/// Passes the table of operations to the macro `$callback`, which generates code from it. A row has this form:
///
/// ```text
/// /// What the operation does. The documents and the client show this text.
/// Name = function(path_parameter: Type) query(Type) body(Type) -> Answer {
///     METHOD "/path/{path_parameter}", Tier, Effect, [success statuses];
///     example: "a body as JSON";
///     missing: Code;
///     naming: "path_parameter";
///     refusals: Code, Code;
///     scopes: Scope;
///     events: Kind, Kind;
///     etag: strong;
///     conditional: "record" Condition, Condition;
///     max_body: bytes;
///     links: "/pointer" => [Name, Name];
/// }
/// ```
///
/// `query`, `body` and the lines after the first may be left out. The lines that are given have this order.
///
/// | line | what it says |
/// |---|---|
/// | `example` | A valid body that refers to no record. The tests send it. |
/// | `missing` | The path names an existing record. If there is none, the request is refused with this code. |
/// | `naming` | This path parameter names a new record. It must not be a word of another path, and must not hold a secret. |
/// | `refusals` | The other error codes of this operation, in addition to those that every operation can give. |
/// | `scopes` | A token with one of these scopes may call the operation, although the tier alone does not allow it. |
/// | `events` | The kinds of the events that the operation may append. A test compares them with those that it appends. |
/// | `etag` | The answer has an `ETag`. |
/// | `conditional` | The record that the conditional headers refer to, and the headers that the operation accepts. |
/// | `max_body` | The maximum size of the body, if it is not [`MAX_BODY_BYTES`](crate::operation::MAX_BODY_BYTES). |
/// | `links` | The operations that take the path parameters of the record at this pointer in the answer. |
#[macro_export]
macro_rules! operation_table {
    ($callback:ident) => { $callback! {
        /// Creates or resumes the session of an agent and returns what the agent needs to know.
        StartDay = start_day() body(StartDay) -> DayStarted {
            POST "/v1/sod", Context, Write, [200, 201];
            refusals: VentureNotRegistered, AgentNameTaken;
            events: SessionStarted, SessionMoved, SessionLost, ClaimReleased;
            links: "/session" => [GetSession, UpdateSession, Heartbeat, LeaveSession];
        }
        /// Records the handoff and ends the session in one atomic step.
        EndDay = end_day() body(EndDay) -> DayEnded {
            POST "/v1/eod", Context, Write, [200];
            refusals: SessionNotFound;
            events: HandoffRecorded, WorkDone, AgentBlocked, SessionEnded, ClaimReleased;
            links: "/session" => [GetSession], "/handoff" => [GetHandoff];
        }
        /// Lists sessions, newest first.
        ListSessions = list_sessions() query(SessionFilter) -> Page<Session> {
            GET "/v1/sessions", Context, Read, [200];
            links: "/items/0" => [GetSession, UpdateSession, Heartbeat, LeaveSession];
        }
        /// Reads one session.
        GetSession = get_session(id: SessionId) -> Session {
            GET "/v1/sessions/{id}", Context, Read, [200];
            missing: SessionNotFound;
        }
        /// Changes the branch, commit, issue, track, `meta`, presence, groups or mode of a session.
        UpdateSession = update_session(id: SessionId) body(UpdateSession) -> Session {
            PATCH "/v1/sessions/{id}", Context, Write, [200];
            example: r#"{ "branch": "dev/fix" }"#;
            missing: SessionNotFound;
            refusals: SessionEnded, SessionConflict, Superseded;
            events: SessionStarted, SessionMoved, AgentWorking, AgentIdle, AgentWaiting, AgentBlocked;
        }
        /// Reports that the agent is alive. An abandoned session becomes active again.
        Heartbeat = heartbeat(id: SessionId) -> Heartbeat {
            POST "/v1/sessions/{id}/heartbeat", Context, Touch, [200];
            missing: SessionNotFound;
            refusals: SessionEnded, SessionConflict;
            events: SessionStarted;
        }
        /// Reports that the agent has left without ending its day. The session is no longer active.
        LeaveSession = leave_session(id: SessionId) body(LeaveSession) -> Session {
            POST "/v1/sessions/{id}/leave", Context, Touch, [200];
            example: r#"{ "last_heartbeat_at": "2020-01-01T00:00:00Z" }"#;
            missing: SessionNotFound;
            events: SessionLost;
        }
        /// Records a handoff without ending the session.
        CreateHandoff = create_handoff() body(CreateHandoff) -> Handoff {
            POST "/v1/handoffs", Context, Write, [201];
            refusals: SessionNotFound;
            events: HandoffRecorded, WorkDone, AgentBlocked;
            links: "" => [GetHandoff];
        }
        /// Lists handoffs, newest first.
        ListHandoffs = list_handoffs() query(HandoffFilter) -> Page<Handoff> {
            GET "/v1/handoffs", Context, Read, [200];
            links: "/items/0" => [GetHandoff];
        }
        /// Reads the newest handoff that matches the filter.
        LatestHandoff = latest_handoff() query(LatestHandoffFilter) -> Handoff {
            GET "/v1/handoffs/latest", Context, Read, [200];
            refusals: HandoffNotFound;
        }
        /// Reads one handoff.
        GetHandoff = get_handoff(id: HandoffId) -> Handoff {
            GET "/v1/handoffs/{id}", Context, Read, [200];
            missing: HandoffNotFound;
        }
        /// Takes claims on issues and paths, so that other agents don't work on them: all subjects, or none.
        PutClaims = put_claims() body(PutClaims) -> ClaimsTaken {
            PUT "/v1/claims", Context, Write, [200];
            refusals: SessionNotFound, SessionEnded, SessionNotActive, Superseded, ClaimHeld, ClaimTooWide, TooManyClaims;
            events: ClaimTaken, ClaimReleased;
        }
        /// Lists claims, newest first.
        ListClaims = list_claims() query(ClaimFilter) -> Page<Claim> {
            GET "/v1/claims", Context, Read, [200];
        }
        /// Releases a claim of the session.
        ReleaseClaim = release_claim(id: ClaimId) query(FenceQuery) -> ClaimReleased {
            DELETE "/v1/claims/{id}", Context, Write, [200];
            missing: ClaimNotFound;
            refusals: SessionNotFound, SessionEnded, SessionNotActive, Superseded, ClaimHeld;
            events: ClaimReleased;
        }
        /// Lists the keys of the shared state of a venture by name, without their values.
        ListState = list_state(venture: VentureCode) query(ListState) -> Page<StateEntry> {
            GET "/v1/state/{venture}", Context, Read, [200];
            links: "/items/0" => [GetState];
        }
        /// Reads a key of the shared state, or one of its kept versions.
        GetState = get_state(venture: VentureCode, key: StateKey) query(GetState) -> StateRead {
            GET "/v1/state/{venture}/{key}", Context, Read, [200];
            missing: StateNotFound;
            etag: strong;
            conditional: "key" UnlessKnown;
        }
        /// Writes a key of the shared state, if it still has the version that the request names.
        PutState = put_state(venture: VentureCode, key: StateKey) body(PutState) -> StateEntry {
            PUT "/v1/state/{venture}/{key}", Context, Write, [200, 201];
            naming: "key";
            refusals: Forbidden, PreconditionRequired, StateChanged, StateFull, SessionNotFound, SessionEnded, SessionNotActive, Superseded;
            events: StateChanged;
            etag: strong;
            conditional: "key" IfUnchanged, IfAbsent;
        }
        /// Deletes a key of the shared state, if it still has the version that the request names.
        DeleteState = delete_state(venture: VentureCode, key: StateKey) query(FenceQuery) -> StateEntry {
            DELETE "/v1/state/{venture}/{key}", Context, Write, [200];
            missing: StateNotFound;
            refusals: Forbidden, PreconditionRequired, StateChanged, SessionNotFound, SessionEnded, SessionNotActive, Superseded;
            events: StateChanged;
            conditional: "key" IfUnchanged;
        }
        /// Saves a note. Call it only if a human asked for it.
        CreateNote = create_note() body(CreateNote) -> Note {
            POST "/v1/notes", Context, Write, [201];
            refusals: VentureNotRegistered;
            events: NoteSaved;
            etag: strong;
            links: "" => [GetNote, UpdateNote, ArchiveNote, RestoreNote];
        }
        /// Lists notes, newest first, or the results of a search, best match first.
        ListNotes = list_notes() query(NoteFilter) -> Page<FoundNote> {
            GET "/v1/notes", Context, Read, [200];
            links: "/items/0" => [GetNote, UpdateNote, ArchiveNote, RestoreNote];
        }
        /// Reads one note.
        GetNote = get_note(id: NoteId) -> Note {
            GET "/v1/notes/{id}", Context, Read, [200];
            missing: NoteNotFound;
            etag: strong;
            conditional: "note" UnlessKnown;
        }
        /// Changes the title, content, tags or venture of a note.
        UpdateNote = update_note(id: NoteId) body(UpdateNote) -> Note {
            PATCH "/v1/notes/{id}", Context, Write, [200];
            example: r#"{ "title": "Changed" }"#;
            missing: NoteNotFound;
            refusals: NoteChanged, VentureNotRegistered;
            events: NoteSaved;
            etag: strong;
            conditional: "note" IfUnchanged;
        }
        /// Archives a note: lists, searches and `start_day` no longer show it.
        ArchiveNote = archive_note(id: NoteId) -> Note {
            POST "/v1/notes/{id}/archive", Context, Write, [200];
            missing: NoteNotFound;
            refusals: NoteChanged;
            events: NoteSaved;
            etag: strong;
            conditional: "note" IfUnchanged;
        }
        /// Restores an archived note.
        RestoreNote = restore_note(id: NoteId) -> Note {
            POST "/v1/notes/{id}/restore", Context, Write, [200];
            missing: NoteNotFound;
            refusals: NoteChanged;
            events: NoteSaved;
            etag: strong;
            conditional: "note" IfUnchanged;
        }
        /// Lists documents by scope and name, without their content.
        ListDocs = list_docs() query(DocFilter) -> Page<Doc> {
            GET "/v1/docs", Context, Read, [200];
            links: "/items/0" => [GetDoc, ListDocVersions, PutDoc, DeleteDoc];
        }
        /// Reads one document with its content, or one of its kept versions.
        GetDoc = get_doc(scope: DocScope, name: DocName) query(GetDoc) -> DocText {
            GET "/v1/docs/{scope}/{name}", Context, Read, [200];
            missing: DocNotFound;
            etag: strong;
            conditional: "document" UnlessKnown;
        }
        /// Lists the kept versions of a document, newest first, without their content.
        ListDocVersions = list_doc_versions(scope: DocScope, name: DocName) query(ListDocVersions) -> Page<DocVersion> {
            GET "/v1/docs/{scope}/{name}/versions", Context, Read, [200];
            missing: DocNotFound;
        }
        /// Creates or replaces a document. The version stays the same if the content does not change.
        PutDoc = put_doc(scope: DocScope, name: DocName) body(PutDoc) -> DocPut {
            PUT "/v1/docs/{scope}/{name}", Admin, Write, [200, 201];
            example: r##"{ "content": "# Passing" }"##;
            naming: "name";
            refusals: DocChanged, VentureNotRegistered;
            // The batch then checks that a requirement allows the document to be generated.
            scopes: Context, DocsWrite;
            events: DocChanged;
            etag: strong;
            conditional: "document" IfUnchanged, IfAbsent;
            max_body: MAX_DOC_BODY_BYTES;
            links: "" => [GetDoc, ListDocVersions, PutDoc, DeleteDoc];
        }
        /// Deletes a document. The versions that are kept stay readable.
        DeleteDoc = delete_doc(scope: DocScope, name: DocName) -> DocVersion {
            DELETE "/v1/docs/{scope}/{name}", Admin, Write, [200];
            missing: DocNotFound;
            refusals: DocChanged;
            scopes: DocsWrite;
            events: DocChanged;
            conditional: "document" IfUnchanged;
        }
        /// Sends a message to agents of the venture, as an agent in its session or as a person. Its recipients are resolved once,
        /// when it is recorded.
        SendMessage = send_message() body(SendMessage) -> SentMessage {
            POST "/v1/messages", Context, Write, [201];
            refusals: Forbidden, VentureNotRegistered, SessionNotFound, MessageNotFound, RecipientUnknown, NoRecipient, TooManyRecipients, RecipientsChanged, MessageRateLimited;
            events: MessageSent;
            links: "" => [GetMessage];
        }
        /// Reads a message with the state of its deliveries, as its sender, as one of its recipients or as an admin.
        GetMessage = get_message(id: MessageId) -> MessageRecord {
            GET "/v1/messages/{id}", Context, Read, [200];
            missing: MessageNotFound;
        }
        /// Lists the agents that a message would reach now.
        ListRecipients = list_recipients() query(RecipientFilter) -> ReachedAgents {
            GET "/v1/recipients", Context, Read, [200];
            refusals: Forbidden, VentureNotRegistered, SessionNotFound, RecipientUnknown, TooManyRecipients;
        }
        /// Lists the messages that wait for an agent, oldest first, without taking them.
        ListInbox = list_inbox() query(InboxFilter) -> Page<InboxItem> {
            GET "/v1/inbox", Context, Read, [200];
        }
        /// Takes the messages that wait for the agent of the session. Its process then shows them, and reports that.
        TakeInbox = take_inbox() body(TakeInbox) -> TakenInbox {
            POST "/v1/inbox/take", Context, Touch, [200];
            refusals: SessionNotFound, SessionEnded;
        }
        /// Reports that messages were shown to the model or read by a person, acknowledged, or can't be shown.
        ReportInbox = report_inbox() body(ReportInbox) -> ReportedInbox {
            POST "/v1/inbox/report", Context, Touch, [200];
            refusals: Forbidden, VentureNotRegistered, SessionNotFound, SessionEnded;
        }
        /// Lists events, oldest first.
        ListEvents = list_events() query(EventFilter) -> EventPage {
            GET "/v1/events", Context, Read, [200];
            refusals: EventsGone;
        }
        /// Lists ventures by code.
        ListVentures = list_ventures() query(ListVentures) -> Page<Venture> {
            GET "/v1/ventures", Context, Read, [200];
        }
        /// Registers or replaces a venture.
        PutVenture = put_venture(code: VentureCode) body(PutVenture) -> Venture {
            PUT "/v1/ventures/{code}", Admin, Write, [200, 201];
            example: r#"{ "name": "Put" }"#;
            links: "" => [PutVenture, DeleteVenture];
        }
        /// Deletes a venture: lists no longer show it, and it accepts no new records. Existing records stay.
        DeleteVenture = delete_venture(code: VentureCode) -> VentureDeleted {
            DELETE "/v1/ventures/{code}", Admin, Write, [200];
            refusals: VentureNotFound;
        }
        /// Moves the sessions and handoffs of a repository to another name, some of one kind at a time. With the last
        /// repository, moves the notes and documents of its venture too.
        MoveRecords = move_records(code: VentureCode) body(MoveRecords) -> RecordsMoved {
            POST "/v1/ventures/{code}/move-records", Admin, Touch, [200];
            refusals: VentureNotRegistered;
            events: SessionMoved, SessionLost;
        }
        /// Registers a machine or updates its data. A new user, address, key or host key waits for approval.
        RegisterMachine = register_machine(hostname: Host) body(RegisterMachine) -> Machine {
            PUT "/v1/machines/{hostname}", Context, Write, [200, 201];
            naming: "hostname";
            events: MachineRegistered;
            links: "" => [RegisterMachine, MachineHeartbeat, RetireMachine];
        }
        /// Lists machines, newest first.
        ListMachines = list_machines() query(MachineFilter) -> Page<Machine> {
            GET "/v1/machines", Context, Read, [200];
            links: "/items/0" => [RegisterMachine, MachineHeartbeat, RetireMachine];
        }
        /// Reports that the machine is alive.
        MachineHeartbeat = machine_heartbeat(hostname: Host) -> MachineHeartbeat {
            POST "/v1/machines/{hostname}/heartbeat", Context, Touch, [200];
            missing: MachineNotFound;
            refusals: MachineRetired;
        }
        /// Approves the user, address, key and host key of a machine, if the request names those that wait for approval.
        ApproveMachine = approve_machine(hostname: Host) body(ApproveMachine) -> Machine {
            POST "/v1/machines/{hostname}/approve", Admin, Write, [200];
            missing: MachineNotFound;
            refusals: MachineRetired, MachineChanged;
        }
        /// Retires a machine: lists and SSH configurations no longer show it.
        RetireMachine = retire_machine(hostname: Host) -> Machine {
            DELETE "/v1/machines/{hostname}", Admin, Write, [200];
            missing: MachineNotFound;
        }
        /// Returns the approved machines as SSH configuration and as lines for `authorized_keys` and `known_hosts`.
        SshConfig = ssh_config() query(SshConfigFilter) -> SshConfig {
            GET "/v1/machines/ssh-config", Context, Read, [200];
        }
        /// Compares the documents of one venture, or of all ventures, with their requirements.
        AuditDocs = audit_docs() query(AuditFilter) -> Page<VentureAudit> {
            GET "/v1/docs/audit", Context, Read, [200];
            refusals: VentureNotRegistered;
        }
        /// Lists requirements, newest first.
        ListRequirements = list_requirements() query(RequirementFilter) -> Page<Requirement> {
            GET "/v1/doc-requirements", Context, Read, [200];
        }
        /// Creates or replaces the requirement with this pattern, scope type, venture and capability.
        PutRequirement = put_requirement() body(PutRequirement) -> Requirement {
            PUT "/v1/doc-requirements", Admin, Write, [200, 201];
            refusals: RequirementsFull, VentureNotRegistered;
            scopes: DocsWrite;
            links: "" => [DeleteRequirement];
        }
        /// Deletes a requirement. The documents stay.
        DeleteRequirement = delete_requirement(id: RequirementId) -> RequirementDeleted {
            DELETE "/v1/doc-requirements/{id}", Admin, Write, [200];
            missing: RequirementNotFound;
            scopes: DocsWrite;
        }
        /// Counts the sessions and handoffs of a time window: in total, by venture, by agent and by day.
        SessionAnalytics = session_analytics() query(AnalyticsFilter) -> Analytics {
            GET "/v1/analytics", Context, Read, [200];
        }
        /// Creates a token. Only this response contains the secret.
        CreateToken = create_token() body(CreateToken) -> MintedToken {
            POST "/v1/tokens", Admin, Write, [201];
            example: r#"{ "name": "a token", "scopes": ["context"] }"#;
            refusals: VentureNotRegistered;
            links: "" => [RevokeToken];
        }
        /// Exchanges the caller's key for the token of one agent, which is valid for 7 days, or renews that token.
        CreateAgentToken = create_agent_token() body(CreateAgentToken) -> MintedToken {
            POST "/v1/agent-tokens", Context, Write, [200, 201];
            refusals: VentureNotRegistered;
        }
        /// Lists tokens, newest first, without their secrets.
        ListTokens = list_tokens() query(ListTokens) -> Page<Token> {
            GET "/v1/tokens", Admin, Read, [200];
            links: "/items/0" => [RevokeToken];
        }
        /// Revokes a token. The token stops working immediately.
        RevokeToken = revoke_token(id: TokenId) -> Token {
            POST "/v1/tokens/{id}/revoke", Admin, Write, [200];
            missing: TokenNotFound;
        }
        /// Lists the requests of the last 7 days, newest first.
        ListRequests = list_requests() query(RequestFilter) -> Page<LoggedRequest> {
            GET "/v1/requests", Admin, Read, [200];
        }
        /// Lists what the GitHub classifier has decided about issues and pull requests, and why, newest first.
        ListClassifications = list_classifications() query(ClassificationFilter) -> Page<Classification> {
            GET "/v1/classifications", Context, Read, [200];
        }
        /// Returns 200 if the service and its database work.
        Health = health() -> Health {
            GET "/health", Public, Read, [200];
        }
        /// Returns the version of the service and the migrations of its database.
        Version = version() -> Version {
            GET "/version", Public, Read, [200];
        }
        /// Returns this OpenAPI document.
        Openapi = openapi() -> OpenapiDocument {
            GET "/openapi.json", Public, Read, [200];
        }
    } };
}
