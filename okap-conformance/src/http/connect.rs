//! A connection to where an address says, over TLS where it says so.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::Trust;

/// A connection, be it TLS or not.
pub(crate) type Stream = Box<dyn Duplex>;

/// What can be read and written.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Connects to the host of an address, as `https` by whom is trusted. Not every system has more
/// loopback addresses than one; there all calls come from that.
pub(crate) async fn connect(
    url: &Url,
    source: Option<Ipv4Addr>,
    trust: &Trust,
) -> io::Result<Stream> {
    let host = url.host_str().unwrap_or_default();
    let tcp = tcp(&address(url), source).await?;
    if url.scheme() != "https" {
        return Ok(Box::new(tcp));
    }
    // an address of version 6 has brackets in a URL, and none in a certificate
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(io::Error::other)?;
    let client = trust.client().map_err(io::Error::other)?;
    match TlsConnector::from(Arc::new(client)).connect(name, tcp).await {
        Ok(tls) => Ok(Box::new(tls)),
        Err(error) => Err(told(error)),
    }
}

/// A certificate that is not believed is most often one of an authority of the vault's own.
fn told(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => io::Error::other(format!(
            "its certificate is not trusted ({why}); name its authority in target.ca"
        )),
        _ => error,
    }
}

/// Host and port.
fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or(80))
}

async fn tcp(address: &str, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    if let (Some(source), Ok(to @ SocketAddr::V4(v4))) = (source, address.parse())
        && v4.ip().is_loopback()
    {
        let socket = TcpSocket::new_v4()?;
        if socket.bind(SocketAddr::from((source, 0))).is_ok() {
            return socket.connect(to).await;
        }
    }
    TcpStream::connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_where_none_is_written() {
        for (url, wanted) in [
            ("http://127.0.0.1:8787/okap", "127.0.0.1:8787"),
            ("http://vault.example", "vault.example:80"),
            ("https://vault.example", "vault.example:443"),
            ("http://[::1]:1/", "[::1]:1"),
        ] {
            assert_eq!(address(&url.parse().unwrap()), wanted);
        }
    }
}
