//! Parses the head of a request before hyper sees it: whether it is complete, how long its body is, and whether it
//! is valid. It uses the same parser as hyper, so that both read the same request.

use bytes::Bytes;
use deckwatch_api::{MAX_HEADER_BYTES, MAX_HEADERS, refuse};
use deckwatch_protocol::ErrorCode;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri};

use crate::platform::SystemEntropy;

/// Maximum size of a head in bytes.
pub(super) const MAX_BYTES: usize = MAX_HEADER_BYTES;
/// Maximum number of header lines, the same as hyper's.
const MAX_LINES: usize = MAX_HEADERS;
/// The longest body that hyper can count.
const MAX_LENGTH: u64 = 1 << 53;

/// The result of parsing the first bytes of a request.
pub(super) enum Head {
    /// The head is not complete yet.
    Partial,
    /// A valid head with its size in bytes.
    Good { bytes: usize, body: Length },
    /// An invalid head.
    Bad(Refusal),
}

/// How the end of a body is found.
#[derive(Clone, Copy)]
pub(super) enum Length {
    /// After this number of bytes.
    Known(u64),
    /// After the last chunk.
    Chunked,
}

/// Why a request is refused.
pub(super) struct Refusal {
    code: ErrorCode,
    detail: &'static str,
    correlation_id: Option<HeaderValue>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, detail: &'static str) -> Self {
        Self { code, detail, correlation_id: None }
    }

    /// The head can't be parsed.
    pub(super) fn unreadable(detail: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, detail)
    }

    /// The head did not arrive in time.
    pub(super) fn too_slow() -> Self {
        Self::new(ErrorCode::RequestTimeout, "The request did not arrive in time. Send it again.")
    }

    /// The response as bytes. The connection closes after it.
    pub(super) fn answer(self) -> Vec<u8> {
        let given = self.correlation_id.map(|id| (HeaderName::from_static("x-correlation-id"), id));
        let headers: HeaderMap = given.into_iter().collect();
        encode(&refuse(self.code, self.detail, &headers, &SystemEntropy))
    }
}

/// Parses the first bytes of a request.
pub(super) fn parse(bytes: &[u8]) -> Head {
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length > MAX_BYTES => Head::Bad(too_large(bytes)),
        Ok(httparse::Status::Complete(length)) => match body_of(&request) {
            Ok(body) => Head::Good { bytes: length, body },
            Err(mut refusal) => {
                refusal.correlation_id =
                    values(&request, "x-correlation-id").next().and_then(|id| HeaderValue::from_bytes(id).ok());
                Head::Bad(refusal)
            }
        },
        Ok(httparse::Status::Partial) if bytes.len() > MAX_BYTES => Head::Bad(too_large(bytes)),
        Ok(httparse::Status::Partial) => Head::Partial,
        Err(httparse::Error::TooManyHeaders) => {
            Head::Bad(Refusal::new(ErrorCode::HeadersTooLarge, "The request has more than 100 headers. Send fewer."))
        }
        Err(_) => Head::Bad(Refusal::unreadable("The request is not HTTP/1.1.")),
    }
}

/// The length of the body. Refuses a request that two programs could read differently (RFC 9112, 6.3).
fn body_of(request: &httparse::Request) -> Result<Length, Refusal> {
    // `Uri` also accepts UTF-8, which includes control characters that a terminal executes when it shows a log.
    if request.path.is_none_or(|path| !path.is_ascii() || path.parse::<Uri>().is_err()) {
        return Err(Refusal::unreadable(
            "The address contains a character that must be percent-encoded. Encode it as %XX.",
        ));
    }
    let is_newest = request.version == Some(1);
    let hosts = values(request, "host").count();
    if hosts > 1 || (hosts == 0 && is_newest) {
        return Err(Refusal::unreadable("The request must have exactly one Host header."));
    }
    let mut lengths = values(request, "content-length");
    let mut codings = values(request, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Length::Known(0)),
        (Some(_), Some(_)) => Err(Refusal::unreadable("Send Content-Length or Transfer-Encoding, not both.")),
        (Some(length), None) => {
            let text = std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let text = text.filter(|text| !text.is_empty() && lengths.next().is_none());
            let text = text.ok_or(Refusal::unreadable("Content-Length must be one integer."))?;
            match text.parse() {
                Ok(length) if length <= MAX_LENGTH => Ok(Length::Known(length)),
                _ => Err(Refusal::new(
                    ErrorCode::PayloadTooLarge,
                    "The body is larger than the API accepts. Send \
                                                                   less.",
                )),
            }
        }
        (None, Some(coding)) => {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
            if is_chunked && is_newest {
                Ok(Length::Chunked)
            } else {
                Err(Refusal::unreadable("The only supported Transfer-Encoding is chunked."))
            }
        }
    }
}

/// The values of a header, one per line.
fn values<'a>(request: &'a httparse::Request, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let lines = request.headers.iter().filter(move |line| line.name.eq_ignore_ascii_case(name));
    lines.map(|line| line.value.trim_ascii())
}

/// Even the request line is not complete: the address is too long. Otherwise the headers are too large.
fn too_large(bytes: &[u8]) -> Refusal {
    if bytes.iter().take(MAX_BYTES).any(|byte| *byte == b'\n') {
        Refusal::new(ErrorCode::HeadersTooLarge, "The headers are larger than 64 KiB. Send less.")
    } else {
        Refusal::new(ErrorCode::UriTooLong, "The address is larger than 64 KiB. Shorten it.")
    }
}

/// The bytes of an HTTP/1.1 response, the last one of its connection.
fn encode(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let line = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    let headers = response.headers().iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat()).collect();
    let end = format!("content-length: {}\r\nconnection: close\r\n\r\n", response.body().len());
    [line.as_bytes(), &headers.concat(), end.as_bytes(), response.body()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(request: &str) -> u16 {
        match parse(request.as_bytes()) {
            Head::Partial => 0,
            Head::Good { .. } => 200,
            Head::Bad(refusal) => refusal.code.status(),
        }
    }

    #[test]
    fn an_ambiguous_request_is_refused() {
        for (status, request) in [
            (200, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
            (200, "GET / HTTP/1.0\r\n\r\n"),
            (200, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"),
            (200, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\n\r\n"),
            (0, "GET / HTTP/1.1\r\nhost: x\r\n"),
            (400, "GET / HTTP/1.1\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nhost: x\r\nHost: x\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5, 5\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity\r\n\r\n"),
            (400, "POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"),
            (413, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n"),
            (400, "GET /<x> HTTP/1.1\r\nhost: x\r\n\r\n"),
            (400, "GET /\u{9b}31m HTTP/1.1\r\nhost: x\r\n\r\n"),
            (400, "GET /health?q=\u{202e} HTTP/1.1\r\nhost: x\r\n\r\n"),
            (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nhost : x\r\n\r\n"),
        ] {
            assert_eq!(status_of(request), status, "{request}");
        }
    }

    #[test]
    fn a_head_has_a_limit() {
        let many: Vec<String> = (0..MAX_LINES).map(|n| format!("x-{n}: x\r\n")).collect();
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", many.concat())), 431);
        let long = "x".repeat(MAX_BYTES);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}")), 431);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n")), 431);
        assert_eq!(status_of(&format!("GET /{long}")), 414);
    }
}
