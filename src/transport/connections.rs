//! Connections as the listener hands them over: bounded in number, and never ended by one that fails to be accepted. At a
//! stop those that have said nothing yet end in a moment: the library would wait for their first word.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Connections open at once; more wait in the listener's backlog.
pub const MAX_CONNECTIONS: usize = 1_024;
/// Wait after an accept that failed, such as for want of file descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// A connection that counts as open until it is dropped.
pub struct Counted {
    stream: TcpStream,
    /// Until the client has said who it is: how much of that came, and what ends the wait for the rest.
    greeting: Option<(usize, Patience)>,
    _room: OwnedSemaphorePermit,
}

/// Resolves when a client's greeting is not waited for any longer.
type Patience = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bytes with which every HTTP/2 client begins.
const GREETING: usize = 24;

/// How long a client has for it at a stop: what has come and was not read yet is read first.
const GREETED_WITHIN: Duration = Duration::from_millis(100);

/// The connections of a listener. A moment after `stop` is cancelled, those that have not greeted yet are at their end.
pub fn accept(listener: TcpListener, stop: CancellationToken) -> impl Stream<Item = io::Result<Counted>> {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    futures::stream::unfold((listener, room, stop), |(listener, room, stop)| async move {
        // The semaphore is never closed: an error here could only end the listener, which is right then.
        let permit = Arc::clone(&room).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection keeps its delay");
                    }
                    let stopped = stop.clone();
                    let patience: Patience = Box::pin(async move {
                        stopped.cancelled().await;
                        tokio::time::sleep(GREETED_WITHIN).await;
                    });
                    let greeting = Some((0, patience));
                    return Some((Ok(Counted { stream, greeting, _room: permit }), (listener, room, stop)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    })
}

impl Connected for Counted {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some((greeted, stop)) = &mut self.greeting else { return read };
        *greeted += buffer.filled().len() - before;
        if *greeted >= GREETING {
            self.greeting = None;
        } else if read.is_pending() && stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
