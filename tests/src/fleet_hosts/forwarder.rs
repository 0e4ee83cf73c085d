//! Ways between the test and another network namespace.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Listens on loopback and forwards each connection into a network namespace, until it is dropped.
pub(super) struct Forwarder {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Forwarder {
    /// Forwards to `target` in the network namespace in the file `network`.
    pub(super) fn start(network: &Path, target: SocketAddr) -> Self {
        // The listener is made here: a socket stays in the namespace in which it was made.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let network = File::open(network).unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = stopped.clone();
        thread::spawn(move || {
            // Moves only this thread.
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            for near in listener.incoming() {
                if seen.load(Ordering::Acquire) {
                    return;
                }
                if let (Ok(near), Ok(far)) = (near, TcpStream::connect(target)) {
                    forward(near, far);
                }
            }
        });
        Self { address, stopped }
    }

    /// Listens at `address` in the network namespace in the file `network`, and forwards each connection to `target` outside. It
    /// ends with the process of the test.
    pub(super) fn serve(network: &Path, address: SocketAddr, target: SocketAddr) {
        let network = File::open(network).unwrap();
        let listening = thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            // The socket stays in the namespace in which it was made.
            TcpListener::bind(address).unwrap()
        });
        let listener = listening.join().unwrap();
        thread::spawn(move || {
            for near in listener.incoming() {
                if let (Ok(near), Ok(far)) = (near, TcpStream::connect(target)) {
                    forward(near, far);
                }
            }
        });
    }

    /// The URL of the server, for the test.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the thread, so that it ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn forward(near: TcpStream, far: TcpStream) {
    let (near_copy, far_copy) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || copy(&near, &far));
    thread::spawn(move || copy(&far_copy, &near_copy));
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
