//! Bodies in pieces of any size, with room and without.

use std::convert::Infallible;

use tonic::Code;

use super::*;

const MIB: usize = 1 << 20;

fn room(calls: usize) -> Room {
    let piece = Duration::from_millis(100);
    Room::new(Most { calls, bytes: 4 * MIB, message: 2 * MIB, piece })
}

fn tenant(id: &str) -> TenantId {
    TenantId::trusted(id)
}

/// A message as it is on the wire.
fn message(compressed: bool, length: usize) -> Vec<u8> {
    let mut bytes = vec![u8::from(compressed)];
    bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
    bytes.extend((0..length).map(|at| at.to_le_bytes()[0]));
    bytes
}

/// A body that comes in pieces of that size, and never ends if it is `open`.
fn body(bytes: &[u8], size: usize, open: bool) -> Body {
    let pieces: Vec<_> =
        bytes.chunks(size).map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let pieces = futures::stream::iter(pieces);
    if open {
        Body::new(StreamBody::new(futures::StreamExt::chain(pieces, futures::stream::pending())))
    } else {
        Body::new(StreamBody::new(pieces))
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Status> {
    body.collect().await.map(|all| all.to_bytes().to_vec())
}

#[tokio::test]
async fn bytes_pass_as_they_come_and_each_message_has_its_room() {
    let room = room(2);
    let lengths = [0, 3, SMALL, SMALL + 1, 0, 300_000, 17];
    let sent: Vec<u8> = lengths.iter().flat_map(|length| message(false, *length)).collect();
    for size in [1, 4, 7, 16_384, sent.len()] {
        let place = room.enter(&tenant("t")).unwrap();
        let (body, received) = place.measure(body(&sent, size, false), true);
        assert_eq!(read(body).await.unwrap(), sent, "pieces of {size}");
        for length in lengths {
            assert_eq!(received.next().is_some(), length > SMALL, "{length}, pieces of {size}");
        }
        assert!(received.next().is_none());
        assert_eq!(place.kib.left(&place.tenant), [2048, 4096]);
    }
}

#[tokio::test]
async fn one_tenant_has_half_of_the_calls() {
    let room = room(4);
    let mine: Vec<_> = (0..3).map(|_| room.enter(&tenant("mine"))).collect();
    assert_eq!(mine.iter().flatten().count(), 2);
    let theirs: Vec<_> = (0..3).map(|_| room.enter(&tenant("theirs"))).collect();
    assert_eq!(theirs.iter().flatten().count(), 2);
    assert!(room.enter(&tenant("third")).is_none(), "there is no place left");
    drop(mine);
    assert!(room.enter(&tenant("third")).is_some());
}

#[tokio::test]
async fn a_unary_request_without_room_is_refused_and_what_is_done_gives_its_room_back() {
    let room = room(8);
    let place = room.enter(&tenant("t")).unwrap();
    let large = message(false, 3 * MIB / 2);
    let (first, held) = place.measure(body(&large, 16_384, false), false);
    assert_eq!(read(first).await.unwrap().len(), large.len());
    // What was compressed counts as much as it may hold, and never more than may be held at all.
    for compressed in [message(true, 16_384), message(true, 200_000), large.clone()] {
        let (second, _) = place.measure(body(&compressed, 16_384, false), false);
        assert_eq!(read(second).await.unwrap_err().code(), Code::Unavailable);
    }
    let others = room.enter(&tenant("other")).unwrap();
    assert!(
        read(others.measure(body(&large, 16_384, false), false).0).await.is_ok(),
        "another tenant has its own half"
    );
    drop(held);
    assert!(read(place.measure(body(&large, 16_384, false), false).0).await.is_ok());
}

#[tokio::test]
async fn a_message_of_a_stream_waits_for_room_behind_the_ones_before() {
    let room = room(8);
    let place = room.enter(&tenant("t")).unwrap();
    let sent: Vec<u8> = (0..3).flat_map(|_| message(false, 3 * MIB / 2)).collect();
    let (stream, received) = place.measure(body(&sent, MIB, false), true);
    let reading = tokio::spawn(read(stream));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let waiting = received.0.lock().unwrap().len();
        assert_eq!(waiting, 1, "the next one has room only when this one is done");
        drop(received.next());
    }
    assert_eq!(reading.await.unwrap().unwrap(), sent);
}

#[tokio::test]
async fn a_message_that_does_not_come_whole_ends_its_stream() {
    let place = room(8).enter(&tenant("t")).unwrap();
    let sent = message(false, 100_000);
    let (stream, _received) = place.measure(body(&sent[..50_000], 16_384, true), true);
    assert_eq!(read(stream).await.unwrap_err().code(), Code::Unavailable);
    // Between messages nothing is waited for here.
    let (stream, _received) = place.measure(body(&sent, 16_384, true), true);
    assert!(tokio::time::timeout(Duration::from_millis(400), read(stream)).await.is_err());
}
