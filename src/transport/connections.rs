//! Connections as the listener hands them over: bounded in number, and never ended by one that fails to be accepted. At a
//! stop those that have said nothing yet end in a moment: the library would wait for their first word. What has grown too old
//! ends as well: the library asks the client to move on, or ends the connection without a word, and cannot do both.
//!
//! Anybody may open connections and anybody's program may forget to close them. Where all places are taken, a new connection
//! is not kept waiting for one that nobody needs: it takes its place.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

pub use places::{Call, Opened};
use places::{Place, Places};

mod places;

/// Wait after an accept that failed, such as for want of file descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// A connection that counts as open until it is dropped.
pub struct Counted {
    stream: TcpStream,
    place: Place,
    /// Until the client has said who it is: how much of that came, and what ends the wait for the rest.
    greeting: Option<(usize, Wait)>,
    /// The end of the connection, whatever is in work on it; `None` once it has come.
    end: Option<Wait>,
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Bytes with which every HTTP/2 client begins.
const GREETING: usize = 24;

/// How long a client has for it at a stop: what has come and was not read yet is read first.
const GREETED_WITHIN: Duration = Duration::from_millis(100);

/// The connections of a listener, `most` at once and each for at most `life`. A moment after `stop` is cancelled, those that
/// have not greeted yet are at their end.
pub fn accept(
    listener: TcpListener,
    most: usize,
    life: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Counted>> {
    let places = Places::new(most);
    futures::stream::unfold((listener, places, stop), move |(listener, places, stop)| async move {
        let (stream, peer) = accepted(&listener).await;
        let place = places.take(peer.ip()).await;
        let stopped = stop.clone();
        let patience: Wait = Box::pin(async move {
            stopped.cancelled().await;
            tokio::time::sleep(GREETED_WITHIN).await;
        });
        let given = place.given();
        let end: Wait = Box::pin(async move {
            // Either way it has come.
            let _ = tokio::time::timeout(life, given).await;
        });
        let counted = Counted { stream, place, greeting: Some((0, patience)), end: Some(end) };
        Some((Ok(counted), (listener, places, stop)))
    })
}

async fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

impl Counted {
    /// Whether the connection is at its end.
    fn over(&mut self, context: &mut Context<'_>) -> bool {
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            self.end = None;
        }
        self.end.is_none()
    }

    /// What comes of writing: a client that does not read holds no connection that is at its end.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() && self.over(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        written
    }
}

impl Connected for Counted {
    type ConnectInfo = Opened;

    fn connect_info(&self) -> Opened {
        self.place.opened()
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
        if read.is_pending() && self.over(context) {
            return Poll::Ready(Ok(()));
        }
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
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

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::StreamExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_connection_ends_with_its_life_although_the_client_holds_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut accepted = pin!(accept(listener, 1, Duration::from_millis(200), CancellationToken::new()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[b'x'; GREETING + 1]).await.unwrap();
        let (mut connection, mut read) = (accepted.next().await.unwrap().unwrap(), Vec::new());
        let ended = tokio::time::timeout(Duration::from_secs(10), connection.read_to_end(&mut read)).await;
        assert_eq!(ended.expect("it ends").unwrap(), GREETING + 1);
        drop(client);
    }
}
