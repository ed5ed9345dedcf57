//! Connections from an address of one's own.

use std::{io, net::Ipv4Addr};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects from one of the addresses of 127.0.0.0/8, where the target is one of them, too.
///
/// A vault bounds what comes from one source. A suite is more than one app on one computer would
/// ever be, so each of its tests is a source of its own; where a system has only 127.0.0.1, all are
/// one.
pub(super) async fn connect(address: &str, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let targets: Vec<_> = lookup_host(address).await?.collect();
    if let Some(from) = from
        && let Some(target) = targets.iter().find(|target| target.is_ipv4())
        && target.ip().is_loopback()
    {
        let socket = TcpSocket::new_v4()?;
        if socket.bind((from, 0).into()).is_ok() {
            return socket.connect(*target).await;
        }
    }
    TcpStream::connect(address).await
}
