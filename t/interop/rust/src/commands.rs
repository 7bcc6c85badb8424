// SPDX-License-Identifier: ISC

use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

use futures::{
    AsyncReadExt, AsyncWriteExt,
    channel::{mpsc, oneshot},
    future::{join, join_all, try_join_all},
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, identity::Keypair, multiaddr::Protocol};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{sync::Barrier, time::timeout};

use crate::{
    cut::cut,
    data::{CHUNK, hex, pattern, pattern_sum, write_pattern},
    node::Ask,
    record,
    serve::{drain, seen},
};

type Answer = Result<Value, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(60);
const STALLED: Duration = Duration::from_secs(1);
const KIB: u64 = 1024;

/// How an exchange of bytes went.
struct Echoed {
    received: u64,
    ended: &'static str,
    same: bool,
}

impl Echoed {
    fn good(&self) -> bool {
        self.same && self.ended == "eof"
    }
}

fn ended<T>(result: &io::Result<T>) -> &'static str {
    if result.is_ok() { "eof" } else { "reset" }
}

fn since(start: Instant) -> f64 {
    start.elapsed().as_micros() as f64 / 1000.0
}

/// Sends so many bytes, waits for them to come back, then at the gate, and
/// only then says that it has no more.
async fn exchange(stream: Stream, bytes: u64, gate: Option<&Barrier>) -> Echoed {
    let (mut from, mut to) = stream.split();
    let (full, all_back) = oneshot::channel();
    let reading = async move {
        let mut sum = Sha256::new();
        let mut full = Some(full);
        let mut buf = vec![0; CHUNK];
        let mut received = 0;
        let end = loop {
            match from.read(&mut buf).await {
                Ok(0) if received < bytes => break Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => break Ok(()),
                Ok(n) => {
                    sum.update(&buf[..n]);
                    received += n as u64;
                }
                Err(e) => break Err(e),
            }
            if received >= bytes {
                full.take().map(|full| full.send(()));
            }
        };
        Echoed { received, ended: ended(&end), same: hex(sum) == pattern_sum(bytes) }
    };
    let writing = async move {
        write_pattern(&mut to, bytes).await?;
        if let Some(gate) = gate {
            let _ = all_back.await;
            gate.wait().await;
        }
        to.close().await
    };
    let (echoed, _) = join(reading, writing).await;
    echoed
}

pub struct Client {
    asks: mpsc::UnboundedSender<Ask>,
}

impl Client {
    pub fn new(asks: mpsc::UnboundedSender<Ask>) -> Self {
        Self { asks }
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Box<dyn Error>> {
        let (reply, answer) = oneshot::channel();
        self.asks.unbounded_send(ask(reply))?;
        Ok(timeout(PATIENCE, answer).await??)
    }

    async fn dial(&self, addr: &str) -> Result<PeerId, Box<dyn Error>> {
        let addr: Multiaddr = addr.parse()?;
        Ok(self.ask(|reply| Ask::Dial(addr, reply)).await??)
    }

    async fn open(&self, addr: &str, name: &str) -> Result<Stream, Box<dyn Error>> {
        let peer = self.dial(addr).await?;
        let name = StreamProtocol::try_from_owned(name.to_owned())?;
        Ok(self.ask(|reply| Ask::Open(peer, name, reply)).await??)
    }

    async fn id(&self, addr: &str) -> Answer {
        let peer = self.dial(addr).await?;
        let info = self.ask(|reply| Ask::Identify(peer, reply)).await?;
        let record = record::read(self.open(addr, "/ipfs/id/1.0.0").await?).await?;
        let protocols: Vec<_> = info.protocols.iter().map(ToString::to_string).collect();
        let addrs: Vec<_> = info.listen_addrs.iter().map(ToString::to_string).collect();
        Ok(json!({
            "peer": info.public_key.to_peer_id().to_string(),
            "agent": info.agent_version,
            "version": info.protocol_version,
            "protocols": protocols,
            "addrs": addrs,
            "observed": info.observed_addr.to_string(),
            "record": record,
        }))
    }

    async fn ping(&self, addr: &str, n: u64) -> Answer {
        let mut stream = self.open(addr, "/ipfs/ping/1.0.0").await?;
        let mut times = Vec::new();
        for block in pattern(32 * n).flat_map(|part| part.chunks(32)) {
            let start = Instant::now();
            let mut pong = [0; 32];
            stream.write_all(block).await?;
            stream.flush().await?;
            stream.read_exact(&mut pong).await?;
            if pong != block {
                return Err("pong differs".into());
            }
            times.push(since(start));
        }
        stream.close().await?;
        times.sort_by(f64::total_cmp);
        Ok(json!({
            "n": times.len(),
            "min": times.first(),
            "median": times.get(times.len() / 2),
            "max": times.last(),
        }))
    }

    async fn echo(&self, addr: &str, name: &str, bytes: u64) -> Answer {
        let e = exchange(self.open(addr, name).await?, bytes, None).await;
        Ok(json!({ "sent": bytes, "received": e.received, "ended": e.ended, "same": e.same }))
    }

    /// Shows that a second stream of the same connection still works.
    async fn other(&self, addr: &str) -> Result<bool, Box<dyn Error>> {
        let stream = self.open(addr, "/kn/echo/1").await?;
        Ok(exchange(stream, 64 * KIB, None).await.good())
    }

    async fn send(&self, addr: &str, name: &str, bytes: u64) -> Answer {
        let mut stream = self.open(addr, name).await?;
        let start = Instant::now();
        write_pattern(&mut stream, bytes).await?;
        stream.close().await?;
        let mut reply = String::new();
        let end = stream.take(KIB).read_to_string(&mut reply).await;
        Ok(json!({
            "sent": bytes,
            "ms": since(start),
            "ended": ended(&end),
            "same": reply.trim_end().starts_with(&pattern_sum(bytes)),
        }))
    }

    async fn recv(&self, addr: &str, name: &str, bytes: u64) -> Answer {
        let mut stream = self.open(addr, name).await?;
        let start = Instant::now();
        stream.write_all(&bytes.to_be_bytes()).await?;
        stream.flush().await?;
        let mut sum = Sha256::new();
        let mut received = 0;
        let end = drain(&mut stream, |part| {
            sum.update(part);
            received += part.len();
        })
        .await;
        let ms = since(start);
        let _ = stream.close().await;
        Ok(json!({
            "received": received,
            "ms": ms,
            "ended": ended(&end),
            "same": hex(sum) == pattern_sum(bytes),
        }))
    }

    async fn streams(&self, addr: &str, name: &str, n: usize) -> Answer {
        self.dial(addr).await?;
        let all = try_join_all((0..n).map(|_| self.open(addr, name))).await?;
        let gate = Barrier::new(n);
        let done = join_all(all.into_iter().map(|s| exchange(s, KIB, Some(&gate)))).await;
        let good = done.iter().filter(|e| e.good()).count();
        Ok(json!({ "opened": n, "good": good }))
    }

    async fn reset(&self, addr: &str, name: &str) -> Answer {
        let mut stream = self.open(addr, name).await?;
        stream.write_all(&[0; KIB as usize]).await?;
        stream.flush().await?;
        let end = drain(&mut stream, |_| ()).await;
        Ok(json!({ "ended": ended(&end) }))
    }

    async fn abort(&self, addr: &str, name: &str) -> Answer {
        let mut stream = self.open(addr, name).await?;
        stream.write_all(&[0; KIB as usize]).await?;
        stream.flush().await?;
        stream.read_exact(&mut [0]).await?;
        Ok(json!({}))
    }

    async fn stall(&self, addr: &str) -> Answer {
        const LIMIT: usize = 64 << 20;

        let mut stream = self.open(addr, "/kn/stall/1").await?;
        let mut written = 0;
        while written < LIMIT {
            match timeout(STALLED, stream.write(&[0; CHUNK])).await {
                Ok(n) => written += n?,
                Err(_) => break,
            }
        }
        let other = self.other(addr).await?;
        Ok(json!({ "written": written, "stalled": written < LIMIT, "other": other }))
    }

    async fn pause(&self, addr: &str, bytes: u64) -> Answer {
        let mut stream = self.open(addr, "/kn/source/1").await?;
        stream.write_all(&bytes.to_be_bytes()).await?;
        stream.flush().await?;
        let mut early = [0];
        stream.read_exact(&mut early).await?;
        let other = self.other(addr).await?;
        let mut sum = Sha256::new();
        sum.update(early);
        let mut received = early.len();
        let end = drain(&mut stream, |part| {
            sum.update(part);
            received += part.len();
        })
        .await;
        let _ = stream.close().await;
        Ok(json!({
            "early": early.len(),
            "received": received,
            "ended": ended(&end),
            "same": hex(sum) == pattern_sum(bytes),
            "other": other,
        }))
    }

    async fn wrong(&self, addr: &str) -> Answer {
        let stranger = Keypair::generate_ed25519().public().to_peer_id();
        let host = addr.split("/p2p/").next().unwrap_or(addr);
        let dialled = self.dial(&format!("{host}/p2p/{stranger}")).await;
        Ok(json!({ "refused": dialled.is_err(), "why": dialled.err().map(|e| e.to_string()) }))
    }

    async fn perf(&self, addr: &str, up: u64, down: u64) -> Answer {
        let mut stream = self.open(addr, "/perf/1.0.0").await?;
        let start = Instant::now();
        stream.write_all(&down.to_be_bytes()).await?;
        write_pattern(&mut stream, up).await?;
        stream.close().await?;
        let mut buf = vec![0; CHUNK];
        let mut received = 0;
        let end = loop {
            match stream.read(&mut buf).await {
                Ok(0) => break Ok(()),
                Ok(n) => received += n as u64,
                Err(e) => break Err(e),
            }
        };
        Ok(json!({ "up": up, "received": received, "ended": ended(&end), "ms": since(start) }))
    }

    async fn hangup(&self, addr: &str) -> Answer {
        let peer = addr.rsplit('/').next().unwrap_or(addr).parse()?;
        self.ask(|reply| Ask::Hangup(peer, reply)).await?;
        Ok(json!({}))
    }

    async fn cut(&self, addr: &str, bytes: u64) -> Answer {
        let addr: Multiaddr = addr.parse()?;
        let port = addr.iter().find_map(|p| match p {
            Protocol::Tcp(port) => Some(port),
            _ => None,
        });
        let mine = cut(port.ok_or("no /tcp in the address")?, bytes).await?;
        let moved: Multiaddr = addr
            .iter()
            .map(|p| if matches!(p, Protocol::Tcp(_)) { Protocol::Tcp(mine) } else { p })
            .collect();
        Ok(json!({ "addr": moved.to_string() }))
    }

    pub async fn run(&self, words: &[&str]) -> Answer {
        match *words {
            ["id", addr] => self.id(addr).await,
            ["ping", addr, n] => self.ping(addr, n.parse()?).await,
            ["echo", addr, name, bytes] => self.echo(addr, name, bytes.parse()?).await,
            ["send", addr, name, bytes] => self.send(addr, name, bytes.parse()?).await,
            ["recv", addr, name, bytes] => self.recv(addr, name, bytes.parse()?).await,
            ["streams", addr, name, n] => self.streams(addr, name, n.parse()?).await,
            ["reset", addr, name] => self.reset(addr, name).await,
            ["abort", addr, name] => self.abort(addr, name).await,
            ["stall", addr] => self.stall(addr).await,
            ["pause", addr, bytes] => self.pause(addr, bytes.parse()?).await,
            ["wrong", addr] => self.wrong(addr).await,
            ["perf", addr, up, down] => self.perf(addr, up.parse()?, down.parse()?).await,
            ["seen", name] => Ok(seen(name).await),
            ["hangup", addr] => self.hangup(addr).await,
            ["cut", addr, bytes] => self.cut(addr, bytes.parse()?).await,
            _ => Err("no such command".into()),
        }
    }
}
