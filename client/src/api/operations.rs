//! One method per operation, generated from the table of operations. Some operations have methods of their own.

use deckwatch_protocol::endpoint::{Empty, marker};
#[cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "the table of operations can name any type of the protocol")
)]
use deckwatch_protocol::*;

use super::retry::ANY_TAG;
use super::{Api, ApiRequest, ClientError, understand};

macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $id:ident($($param:ident: $param_type:ident),*) $(query($query:ident))? $(body($body:ident))? -> $answer:ty {
            $method:ident $path:literal, $tier:ident, $($facts:tt)*
        }
    )*) => {
        $(method! { $name
            $(#[doc = $doc])+
            #[doc = ""]
            #[doc = concat!("Tier: ", stringify!($tier), ".")]
            pub async fn $id(
                &self $(, $param: &$param_type)* $(, query: &$query)? $(, body: &$body)?
            ) -> Result<$answer, ClientError> {
                let (query, body) = (or_empty!($($query query)?), or_empty!($($body body)?));
                self.call::<marker::$name>(ApiRequest::of::<marker::$name>(&[$($param.as_ref()),*], query, body)).await
            }
        })*
    };
}

macro_rules! method {
    // The OpenAPI document is for other programs.
    (Openapi $($method:tt)*) => {};
    // These have methods of their own below.
    (LatestHandoff $($method:tt)*) => {};
    (UpdateNote $($method:tt)*) => {};
    (GetDoc $($method:tt)*) => {};
    (PutState $($method:tt)*) => {};
    (DeleteState $($method:tt)*) => {};
    ($name:ident $($method:tt)*) => { impl Api { $($method)* } };
}

/// The query or body, if the row has one.
macro_rules! or_empty {
    () => {
        &Empty {}
    };
    ($given:ident $value:ident) => {
        $value
    };
}

operation_table!(methods);

impl Api {
    /// Reads the newest handoff that matches the filter, if any.
    pub async fn latest_handoff(&self, filter: &LatestHandoffFilter) -> Result<Option<Handoff>, ClientError> {
        let ask = ApiRequest::of::<marker::LatestHandoff>(&[], filter, &Empty {});
        match self.call::<marker::LatestHandoff>(ask).await {
            Ok(handoff) => Ok(Some(handoff)),
            Err(error) if error.code() == Some(ErrorCode::HandoffNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes a note. Refused with `note_changed` if the note no longer has this version.
    pub async fn update_note(&self, id: &NoteId, version: u32, patch: &UpdateNote) -> Result<Note, ClientError> {
        let ask = ApiRequest::of::<marker::UpdateNote>(&[id.as_str()], &Empty {}, patch);
        self.call::<marker::UpdateNote>(ask.map(|ask| ask.if_match(Some(version.to_string())))).await
    }

    /// Writes a key of the shared state. `known` is the version that the caller read; `None` if there is to be no such key yet.
    /// Refused with `state_changed` if the key has another version.
    pub async fn put_state(
        &self,
        venture: &VentureCode,
        key: &StateKey,
        known: Option<u32>,
        state: &PutState,
    ) -> Result<StateEntry, ClientError> {
        let ask = ApiRequest::of::<marker::PutState>(&[venture.as_str(), key.as_str()], &Empty {}, state)?;
        let is_new = known.is_none().then(|| ANY_TAG.to_owned());
        let ask = ApiRequest { if_none_match: is_new, if_match: known.map(|version| version.to_string()), ..ask };
        self.call::<marker::PutState>(Ok(ask)).await
    }

    /// Deletes a key of the shared state. `known` is the version that the caller read. Refused with `state_changed` if the
    /// key has another version.
    pub async fn delete_state(
        &self,
        venture: &VentureCode,
        key: &StateKey,
        known: u32,
        fence: &FenceQuery,
    ) -> Result<StateEntry, ClientError> {
        let ask = ApiRequest::of::<marker::DeleteState>(&[venture.as_str(), key.as_str()], fence, &Empty {});
        self.call::<marker::DeleteState>(ask.map(|ask| ask.if_match(Some(known.to_string())))).await
    }

    /// Reads one document. `known` is the `content_hash` of the caller's copy, which is not sent again.
    pub async fn get_doc(&self, scope: &DocScope, name: &DocName, known: Option<&str>) -> Result<DocRead, ClientError> {
        let ask = ApiRequest::of::<marker::GetDoc>(&[scope.as_str(), name.as_str()], &GetDoc::default(), &Empty {})?;
        let ask = ApiRequest { if_none_match: known.map(str::to_owned), ..ask };
        let response = self.exchange(&ask).await?;
        if known.is_some() && response.status() == http::StatusCode::NOT_MODIFIED {
            return Ok(DocRead::NotModified);
        }
        understand(response).map(|doc| DocRead::Read(Box::new(doc)))
    }

    /// Reads one stored version of a document, even if the document was deleted.
    pub async fn get_doc_version(
        &self,
        scope: &DocScope,
        name: &DocName,
        version: DocVersionNumber,
    ) -> Result<DocText, ClientError> {
        let query = GetDoc { version: Some(version) };
        let ask = ApiRequest::of::<marker::GetDoc>(&[scope.as_str(), name.as_str()], &query, &Empty {});
        self.call::<marker::GetDoc>(ask).await
    }

    /// Replaces a document. `known` is the `content_hash` that the caller read. Refused with `doc_changed` if the content
    /// has changed since.
    pub async fn replace_doc(
        &self,
        scope: &DocScope,
        name: &DocName,
        known: &str,
        doc: &PutDoc,
    ) -> Result<DocPut, ClientError> {
        let ask = ApiRequest::of::<marker::PutDoc>(&[scope.as_str(), name.as_str()], &Empty {}, doc);
        self.call::<marker::PutDoc>(ask.map(|ask| ask.if_match(Some(known.to_owned())))).await
    }

    /// Deletes a document. `known` is the `content_hash` that the caller read. Refused with `doc_changed` if the content
    /// has changed since.
    pub async fn delete_known_doc(
        &self,
        scope: &DocScope,
        name: &DocName,
        known: &str,
    ) -> Result<DocVersion, ClientError> {
        let ask = ApiRequest::of::<marker::DeleteDoc>(&[scope.as_str(), name.as_str()], &Empty {}, &Empty {});
        self.call::<marker::DeleteDoc>(ask.map(|ask| ask.if_match(Some(known.to_owned())))).await
    }
}

/// The result of reading a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocRead {
    /// The document.
    Read(Box<DocText>),
    /// The caller's copy is up to date.
    NotModified,
}
