//! Where calls come from.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::{TcpSocket, TcpStream};

use crate::seed::Seed;

/// An address of this computer, `127.x.y.z`.
pub(super) fn own(seed: Seed) -> Ipv4Addr {
    let part = |name: &str| u8::try_from(seed.of(name).below(253)).unwrap_or_default();
    Ipv4Addr::new(127, part("x") + 1, part("y") + 1, part("z") + 1)
}

/// Connects from an address where the system lets us and the other side is this computer; some
/// systems know `127.0.0.1` alone.
pub(super) async fn connect(address: &str, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    if let (Some(from), Ok(SocketAddr::V4(to))) = (from, address.parse())
        && to.ip().is_loopback()
    {
        let socket = TcpSocket::new_v4()?;
        if socket.bind((from, 0).into()).is_ok() {
            return socket.connect(to.into()).await;
        }
    }
    TcpStream::connect(address).await
}
