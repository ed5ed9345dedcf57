//! The bytes that come in, below HTTP.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// A listener whose connections may be read otherwise than they were written.
pub(super) struct Wire {
    pub(super) listener: TcpListener,
    pub(super) lie: Option<fn(&mut [u8])>,
}

/// Where a connection comes from.
#[derive(Clone)]
pub(super) struct From(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Wire>> for From {
    fn connect_info(stream: IncomingStream<'_, Wire>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Listener for Wire {
    type Io = Heard;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Heard, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.listener).await;
        (Heard(stream, self.lie), from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

pub(super) struct Heard(TcpStream, Option<fn(&mut [u8])>);

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(context, into))?;
        if let Some(lie) = self.1 {
            lie(&mut into.filled_mut()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
