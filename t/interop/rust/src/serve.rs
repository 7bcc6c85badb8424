// SPDX-License-Identifier: ISC

//! The protocols a peer serves, and the tally of how their streams ended.

use std::{
    collections::HashMap,
    io,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, channel::mpsc};
use libp2p::{Stream, StreamProtocol};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use crate::data::{CHUNK, hex, write_pattern};

pub const PROTOCOLS: [&str; 7] = [
    "/kn/echo/1",
    "/kn/watch/1",
    "/kn/sink/1",
    "/kn/source/1",
    "/kn/reset/1",
    "/kn/stall/1",
    "/perf/1.0.0",
];

#[derive(Clone, Copy, Default)]
struct Counts {
    open: i64,
    eof: i64,
    reset: i64,
}

static TALLY: LazyLock<Mutex<HashMap<String, Counts>>> = LazyLock::new(Mutex::default);

/// Reads to the end.  Yamux here reads a reset as the end of the stream too,
/// and only writing tells the two apart, so this wants our half still open.
pub async fn drain(stream: &mut Stream, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buf = vec![0; CHUNK];
    let mut total = 0;
    loop {
        match stream.read(&mut buf).await? {
            0 => break,
            n => {
                take(&buf[..n]);
                total += n as u64;
            }
        }
    }
    stream.write(&[]).await?;
    Ok(total)
}

async fn echo(stream: &mut Stream) -> io::Result<()> {
    let mut buf = vec![0; CHUNK];
    loop {
        match stream.read(&mut buf).await? {
            0 => break,
            n => stream.write_all(&buf[..n]).await?,
        }
        stream.flush().await?;
    }
    stream.write(&[]).await?;
    stream.close().await
}

async fn sink(stream: &mut Stream) -> io::Result<()> {
    let mut sum = Sha256::new();
    drain(stream, |part| sum.update(part)).await?;
    stream.write_all(format!("{}\n", hex(sum)).as_bytes()).await?;
    stream.close().await
}

async fn count(stream: &mut Stream) -> io::Result<u64> {
    let mut count = [0; 8];
    stream.read_exact(&mut count).await?;
    Ok(u64::from_be_bytes(count))
}

async fn source(stream: &mut Stream) -> io::Result<()> {
    let bytes = count(stream).await?;
    write_pattern(stream, bytes).await?;
    stream.close().await
}

async fn perf(stream: &mut Stream) -> io::Result<()> {
    let bytes = count(stream).await?;
    drain(stream, |_| ()).await?;
    write_pattern(stream, bytes).await?;
    stream.close().await
}

/// A stream dropped before it is closed is reset.
async fn reset(stream: &mut Stream) -> io::Result<()> {
    stream.read_exact(&mut [0]).await
}

async fn handle(name: &str, stream: &mut Stream) -> io::Result<()> {
    match name {
        "/kn/echo/1" | "/kn/watch/1" => echo(stream).await,
        "/kn/sink/1" => sink(stream).await,
        "/kn/source/1" => source(stream).await,
        "/kn/reset/1" => reset(stream).await,
        "/perf/1.0.0" => perf(stream).await,
        _ => std::future::pending().await,
    }
}

fn tally(name: &str, change: impl FnOnce(&mut Counts)) -> Counts {
    let mut all = TALLY.lock().unwrap();
    let counts = all.entry(name.to_owned()).or_default();
    change(counts);
    *counts
}

pub async fn serve(mut inbound: mpsc::UnboundedReceiver<(StreamProtocol, Stream)>) {
    while let Some((name, mut stream)) = inbound.next().await {
        tokio::spawn(async move {
            tally(name.as_ref(), |c| c.open += 1);
            let done = handle(name.as_ref(), &mut stream).await;
            tally(name.as_ref(), |c| {
                c.open -= 1;
                *(if done.is_ok() { &mut c.eof } else { &mut c.reset }) += 1;
            });
        });
    }
}

/// Waits until no stream of this protocol is open and says how they ended.
pub async fn seen(name: &str) -> Value {
    let late = Instant::now() + Duration::from_secs(60);
    loop {
        let c = tally(name, |_| ());
        if c.open == 0 || Instant::now() > late {
            return json!({ "open": c.open, "eof": c.eof, "reset": c.reset });
        }
        sleep(Duration::from_millis(10)).await;
    }
}
