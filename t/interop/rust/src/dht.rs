// SPDX-License-Identifier: ISC

//! A node of a Kademlia DHT led by lines on stdin: see ../DHT.md.

use std::{
    collections::{BTreeSet, HashSet},
    error::Error,
    time::Duration,
};

use cid::Cid;
use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, identify,
    identity::Keypair,
    kad::{
        self, GetClosestPeersError, GetProvidersOk, GetRecordOk, Mode, PeerInfo, QueryId,
        QueryResult, QueryStats, Quorum, Record, store::MemoryStore,
    },
    multiaddr::Protocol,
    ping,
    swarm::{NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    time::timeout,
};

use crate::{
    answer, hello, node,
    own::{self, hex, unhex},
};

type Answer = Result<Value, Box<dyn Error>>;

const DIAL: Duration = Duration::from_secs(60);

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
}

/// The swarm moves while a command waits for it or for the next line, and so
/// needs no task of its own.
struct Node {
    swarm: Swarm<Behaviour>,
    key: Keypair,
    proto: StreamProtocol,
    identified: HashSet<PeerId>,
}

fn multihash(cid: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(cid.parse::<Cid>()?.hash().to_bytes())
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|one| one.to_string()).collect()
}

impl Node {
    fn new(server: bool, proto: &str) -> Result<Self, Box<dyn Error>> {
        let key = Keypair::generate_ed25519();
        let proto = StreamProtocol::try_from_owned(proto.to_owned())?;
        let swarm = node::build(key.clone(), |key| {
            let peer = key.public().to_peer_id();
            let config = kad::Config::new(proto.clone());
            let mut kad = kad::Behaviour::with_config(peer, MemoryStore::new(peer), config);
            kad.set_mode(Some(if server { Mode::Server } else { Mode::Client }));
            let config = identify::Config::new(node::VERSION.to_owned(), key.public());
            Behaviour {
                identify: identify::Behaviour::new(config),
                ping: ping::Behaviour::default(),
                kad,
            }
        })?;
        Ok(Self { swarm, key, proto, identified: HashSet::new() })
    }

    fn kad(&mut self) -> &mut kad::Behaviour<MemoryStore> {
        &mut self.swarm.behaviour_mut().kad
    }

    /// What has to be done for every event, whoever waits for what.
    fn note(&mut self, event: &SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                // kad learns no address of those who dialled us by itself
                if info.protocols.contains(&self.proto) {
                    for addr in &info.listen_addrs {
                        self.kad().add_address(peer_id, addr.clone());
                    }
                }
                self.identified.insert(*peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.identified.remove(peer_id);
            }
            _ => {}
        }
    }

    async fn event(&mut self) -> SwarmEvent<BehaviourEvent> {
        let event = self.swarm.select_next_some().await;
        self.note(&event);
        event
    }

    /// All that a query finds out; the library ends it after a minute.
    async fn results(&mut self, query: QueryId) -> Vec<(QueryResult, QueryStats)> {
        let mut all = Vec::new();
        loop {
            if let SwarmEvent::Behaviour(BehaviourEvent::Kad(
                kad::Event::OutboundQueryProgressed { id, result, stats, step },
            )) = self.event().await
                && id == query
            {
                all.push((result, stats));
                if step.last {
                    return all;
                }
            }
        }
    }

    async fn connect(&mut self, addr: &str) -> Answer {
        timeout(DIAL, self.dial(addr.parse()?)).await?
    }

    async fn dial(&mut self, addr: Multiaddr) -> Answer {
        let Some(Protocol::P2p(peer)) = addr.iter().last() else {
            return Err("the address wants a /p2p".into());
        };
        if !self.swarm.is_connected(&peer) {
            self.swarm.dial(DialOpts::peer_id(peer).addresses(vec![addr]).build())?;
        }
        while !self.identified.contains(&peer) {
            if let SwarmEvent::OutgoingConnectionError { peer_id, error, .. } = self.event().await
                && peer_id == Some(peer)
            {
                return Err(error.into());
            }
        }
        Ok(json!({}))
    }

    fn peers(&mut self) -> Vec<PeerId> {
        let kad = self.kad();
        kad.kbuckets()
            .flat_map(|bucket| bucket.iter().map(|e| *e.node.key.preimage()).collect::<Vec<_>>())
            .collect()
    }

    fn table(&mut self) -> Answer {
        Ok(json!({ "peers": texts(self.peers()) }))
    }

    async fn lookup(&mut self, key: Vec<u8>) -> Vec<PeerInfo> {
        let query = self.kad().get_closest_peers(key);
        let mut found = Vec::new();
        for (result, _) in self.results(query).await {
            if let QueryResult::GetClosestPeers(result) = result {
                found.extend(match result {
                    Ok(ok) => ok.peers,
                    Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
                });
            }
        }
        found
    }

    /// A lookup names those that answered it; of those that were in the table
    /// before, it does not tell the addresses.
    async fn find(&mut self, peer: &str) -> Answer {
        let peer: PeerId = peer.parse()?;
        let found = self.lookup(peer.to_bytes()).await;
        let info = found.into_iter().find(|info| info.peer_id == peer).ok_or("not found")?;
        let mut addrs = info.addrs;
        if let Some(bucket) = self.kad().kbucket(peer) {
            let known = bucket.iter().filter(|e| *e.node.key.preimage() == peer);
            addrs.extend(known.flat_map(|e| e.node.value.iter().cloned().collect::<Vec<_>>()));
        }
        Ok(json!({ "addrs": texts(addrs.into_iter().collect::<BTreeSet<_>>()) }))
    }

    async fn closest(&mut self, cid: &str) -> Answer {
        let found = self.lookup(multihash(cid)?).await;
        Ok(json!({ "peers": texts(found.iter().map(|info| info.peer_id)) }))
    }

    async fn provide(&mut self, cid: &str) -> Answer {
        let key = multihash(cid)?.into();
        let query = self.kad().start_providing(key)?;
        for (result, _) in self.results(query).await {
            if let QueryResult::StartProviding(result) = result {
                result?;
            }
        }
        Ok(json!({}))
    }

    async fn providers(&mut self, cid: &str) -> Answer {
        let key = multihash(cid)?.into();
        let query = self.kad().get_providers(key);
        let mut peers = BTreeSet::new();
        for (result, stats) in self.results(query).await {
            // what it knew before it asked anybody comes first
            if let QueryResult::GetProviders(result) = result
                && let GetProvidersOk::FoundProviders { providers, .. } = result?
                && stats.num_requests() > 0
            {
                peers.extend(providers);
            }
        }
        Ok(json!({ "peers": texts(peers) }))
    }

    async fn put(&mut self, key: &str, value: &str) -> Answer {
        let record = Record::new(unhex(key)?, unhex(value)?);
        let query = self.kad().put_record(record, Quorum::One)?;
        for (result, _) in self.results(query).await {
            if let QueryResult::PutRecord(result) = result {
                result?;
            }
        }
        Ok(json!({}))
    }

    async fn get(&mut self, key: &str) -> Answer {
        let key = unhex(key)?.into();
        let query = self.kad().get_record(key);
        for (result, _) in self.results(query).await {
            if let QueryResult::GetRecord(result) = result
                && let GetRecordOk::FoundRecord(found) = result?
                && found.peer.is_some()
            {
                return Ok(json!({ "value": hex(&found.record.value) }));
            }
        }
        Err("not found".into())
    }

    async fn run(&mut self, words: &[&str]) -> Answer {
        const QUERIES: [&str; 6] = ["find", "closest", "provide", "providers", "put", "get"];
        if QUERIES.contains(&words[0]) && self.peers().is_empty() {
            return Err("nobody in the routing table".into());
        }
        match *words {
            ["connect", addr] => self.connect(addr).await,
            ["table"] => self.table(),
            ["find", peer] => self.find(peer).await,
            ["closest", cid] => self.closest(cid).await,
            ["provide", cid] => self.provide(cid).await,
            ["providers", cid] => self.providers(cid).await,
            ["put", key, value] => self.put(key, value).await,
            ["get", key] => self.get(key).await,
            ["pk"] => own::pk(&self.key),
            ["ipns", seq] => own::ipns(&self.key, seq.parse()?),
            _ => Err("no such command".into()),
        }
    }
}

pub async fn run(server: bool, proto: &str, bootstrap: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut node = Node::new(server, proto)?;
    let addr = node::listening(&mut node.swarm).await;
    // kad announces external addresses only
    node.swarm.add_external_address(addr.clone());
    for addr in bootstrap {
        if let Err(e) = node.connect(addr).await {
            eprintln!("peer: {e}");
            std::process::exit(111);
        }
    }
    hello(*node.swarm.local_peer_id(), &addr);
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let words: Vec<_> = line.split_whitespace().collect();
                match words.first() {
                    None => continue,
                    Some(&"quit") => return Ok(()),
                    Some(cmd) => println!("{}", answer(cmd, node.run(&words).await)),
                }
            }
            _ = node.event() => {}
        }
    }
}
