// SPDX-License-Identifier: ISC

//! A DHT of N nodes in one process, and what L lookups of random keys cost
//! there, C at a time. Every key comes from a number, so that all runs, and
//! ../../js/dhtnet.js too, look for the same in the same network.

use std::time::{Duration, Instant};
use std::{collections::HashMap, error::Error, fs};

use futures::{StreamExt, TryStreamExt, stream};
use libp2p::kad::{self, KBucketKey, Mode, QueryId, QueryResult, store::MemoryStore};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, identify, identity::Keypair};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::node;

const PROTO: StreamProtocol = StreamProtocol::new("/kontinuum/kad/1.0.0");
const K: usize = kad::K_VALUE.get();
const ENOUGH: usize = 16; // of the true K, for a lookup to be ok
const JOINING: usize = 8; // at a time
const QUIET: Duration = Duration::from_secs(3);
const SETTLING: Duration = Duration::from_secs(90);
const LIMIT: Duration = Duration::from_secs(300);

type Kad = kad::Behaviour<MemoryStore>;

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    kad: Kad,
}

type Queries = HashMap<QueryId, oneshot::Sender<QueryResult>>;
type Ask = Box<dyn FnOnce(&mut Kad, &mut Queries) + Send>;

/// A task with a swarm of its own, as in a program with one node.
struct Node {
    peer: PeerId,
    addr: Multiaddr,
    asks: mpsc::UnboundedSender<Ask>,
}

fn digest(text: String) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn key(i: usize) -> Vec<u8> {
    const SHA2_256: [u8; 2] = [0x12, 0x20];
    [&SHA2_256[..], &digest(format!("lookup {i}"))].concat()
}

fn behaviour(key: &Keypair) -> Behaviour {
    let peer = key.public().to_peer_id();
    let mut kad = Kad::with_config(peer, MemoryStore::new(peer), kad::Config::new(PROTO));
    kad.set_mode(Some(Mode::Server));
    let config = identify::Config::new(node::VERSION.to_owned(), key.public());
    Behaviour { identify: identify::Behaviour::new(config), kad }
}

fn note(kad: &mut Kad, queries: &mut Queries, event: BehaviourEvent) {
    match event {
        // kad learns no address of those who dialled us by itself
        BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
            for addr in info.listen_addrs {
                kad.add_address(&peer_id, addr);
            }
        }
        BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed { id, result, .. }) => {
            // kad has queries of its own, and those of a bootstrap share an id
            if let Some(reply) = queries.remove(&id) {
                let _ = reply.send(result);
            }
        }
        _ => {}
    }
}

async fn live(mut swarm: Swarm<Behaviour>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut queries = Queries::new();
    loop {
        tokio::select! {
            Some(ask) = asks.recv() => ask(&mut swarm.behaviour_mut().kad, &mut queries),
            event = swarm.select_next_some() => if let SwarmEvent::Behaviour(event) = event {
                note(&mut swarm.behaviour_mut().kad, &mut queries, event);
            }
        }
    }
}

impl Node {
    async fn start(i: usize) -> Result<Self, Box<dyn Error>> {
        let key = Keypair::ed25519_from_bytes(digest(format!("node {i}")))?;
        let peer = key.public().to_peer_id();
        let mut swarm = node::build(key, behaviour)?;
        let addr = node::listening(&mut swarm).await;
        let (asks, asked) = mpsc::unbounded_channel();
        tokio::spawn(live(swarm, asked));
        Ok(Self { peer, addr, asks })
    }

    async fn query(&self, start: impl FnOnce(&mut Kad) -> QueryId + Send + 'static) -> QueryResult {
        let (reply, result) = oneshot::channel();
        let _ = self.asks.send(Box::new(|kad, queries| drop(queries.insert(start(kad), reply))));
        result.await.expect("a node has no end")
    }

    async fn table(&self) -> usize {
        let (reply, size) = oneshot::channel();
        let _ = self.asks.send(Box::new(|kad, _| {
            let _ = reply.send(kad.kbuckets().map(|bucket| bucket.num_entries()).sum());
        }));
        size.await.expect("a node has no end")
    }
}

/// The median size of all tables, and the sum.
async fn tables(nodes: &[Node]) -> (usize, usize) {
    let mut sizes: Vec<_> = stream::iter(nodes).then(Node::table).collect().await;
    sizes.sort_unstable();
    (sizes[sizes.len() / 2], sizes.iter().sum())
}

async fn settled(nodes: &[Node]) {
    let began = Instant::now();
    let (mut most, mut grew) = (0, began);
    while began.elapsed() < SETTLING {
        let (median, all) = tables(nodes).await;
        if all > most {
            (most, grew) = (all, Instant::now());
        }
        if median >= K && grew.elapsed() >= QUIET {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    eprintln!("dhtnet: the tables have not settled");
}

fn right(nodes: &[Node], i: usize, result: &QueryResult) -> bool {
    let QueryResult::GetClosestPeers(Ok(found)) = result else { return false };
    let target = KBucketKey::from(key(i));
    let mut nearest: Vec<_> = nodes.iter().map(|node| node.peer).collect();
    nearest.sort_by_cached_key(|peer| KBucketKey::from(*peer).distance(&target));
    nearest.truncate(K);
    found.peers.iter().filter(|info| nearest.contains(&info.peer_id)).count() >= ENOUGH
}

/// Processor time so far in ms, memory in MB (proc(5)): ticks of 10 ms, pages of 4 KiB.
fn used() -> Result<(u64, u64), Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |n: usize| fields[n - 3].parse::<u64>();
    Ok((10 * (field(14)? + field(15)?), field(24)? * 4096 / 1_000_000))
}

async fn measure(count: usize, lookups: usize, at_once: usize) -> Result<(), Box<dyn Error>> {
    let nodes: Vec<_> = stream::iter(0..count).then(Node::start).try_collect().await?;
    let join = |i: usize| {
        let (first, addr) = (nodes[0].peer, nodes[0].addr.clone());
        nodes[i].query(move |kad| {
            kad.add_address(&first, addr);
            kad.bootstrap().expect("there is one to ask")
        })
    };
    stream::iter(1..count).map(join).buffer_unordered(JOINING).collect::<Vec<_>>().await;
    settled(&nodes).await;

    let closest = async |i: usize| {
        (i, nodes[i % count].query(move |kad| kad.get_closest_peers(key(i))).await)
    };
    let (began, (before, _)) = (Instant::now(), used()?);
    let all = stream::iter(0..lookups).map(closest);
    let results: Vec<_> = all.buffer_unordered(at_once).collect().await;
    let (wall, (after, memory)) = (began.elapsed(), used()?);

    let said = json!({
        "nodes": count, "lookups": lookups, "concurrency": at_once,
        "ok": results.iter().filter(|(i, result)| right(&nodes, *i, result)).count(),
        "wall_ms": wall.as_millis() as u64,
        "cpu_ms": after - before,
        "rss_mb": memory,
        "table_median": tables(&nodes).await.0,
    });
    println!("{said}");
    Ok(())
}

pub async fn run(numbers: [&str; 3]) -> Result<(), Box<dyn Error>> {
    let [Ok(count @ 21..), Ok(lookups @ 1..), Ok(at_once @ 1..)] = numbers.map(str::parse) else {
        eprintln!("usage: peer dhtnet NODES LOOKUPS CONCURRENCY (more than 20 nodes)");
        std::process::exit(100);
    };
    timeout(LIMIT, measure(count, lookups, at_once)).await?
}
