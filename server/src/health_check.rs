//! Asks a running server whether it is healthy. A container has no other program that could.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long each step may take: to connect, to send and to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The answer of `/health` is shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Sends `GET /health` to the server that listens on this address. The error says how it answered, if it is not healthy.
pub fn check(ip: IpAddr, port: u16) -> Result<()> {
    let address = SocketAddr::new(reachable(ip), port);
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    write!(connection, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    connection.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Err(Error::other(format!("http://{address}/health answered {status:?}: {body}")))
}

/// A server that listens on all addresses is asked on loopback.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_an_answer_with_status_200_is_healthy() {
        for (answer, healthy) in [
            ("HTTP/1.1 200 OK\r\n\r\n{}", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\nthe disk is full", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut connection, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let read = connection.read(&mut request).unwrap();
                connection.write_all(answer.as_bytes()).unwrap();
                String::from_utf8(request[..read].to_vec()).unwrap()
            });
            let checked = check(Ipv4Addr::UNSPECIFIED.into(), port);
            assert!(server.join().unwrap().starts_with("GET /health HTTP/1.1\r\n"));
            assert_eq!(checked.is_ok(), healthy, "{checked:?}");
            assert!(healthy || checked.unwrap_err().to_string().contains(answer.rsplit("\r\n").next().unwrap()));
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(check(Ipv4Addr::LOCALHOST.into(), free).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
