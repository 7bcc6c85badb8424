// SPDX-License-Identifier: ISC

//! The swarm: one task that owns it, and the questions others may ask it.

use std::{collections::HashMap, error::Error, time::Duration};

use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder, identify,
    identity::Keypair,
    multiaddr::Protocol,
    noise, ping,
    swarm::{ConnectionId, NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};

use crate::streams::{self, Opened};

pub const VERSION: &str = "kn-interop/1";
const MAX_STREAMS: usize = 4096;
const AN_HOUR: Duration = Duration::from_secs(3600);

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    streams: streams::Behaviour,
}

pub enum Ask {
    Dial(Multiaddr, oneshot::Sender<Result<PeerId, String>>),
    Open(PeerId, StreamProtocol, oneshot::Sender<Opened>),
    Identify(PeerId, oneshot::Sender<identify::Info>),
    Hangup(PeerId, oneshot::Sender<()>),
}

pub type Inbound = mpsc::UnboundedReceiver<(StreamProtocol, Stream)>;

pub fn swarm(
    protocols: &[&'static str],
    legacy_record: bool,
) -> Result<(Swarm<Behaviour>, Inbound), Box<dyn Error>> {
    let (sender, inbound) = mpsc::unbounded();
    let names = protocols.iter().map(|p| StreamProtocol::new(p)).collect();
    let swarm = build(Keypair::generate_ed25519(), |key| {
        let version = VERSION.to_owned();
        let config = match legacy_record {
            true => identify::Config::new_with_signed_peer_record(version, key),
            false => identify::Config::new(version, key.public()),
        };
        Behaviour {
            identify: identify::Behaviour::new(config),
            ping: ping::Behaviour::default(),
            streams: streams::Behaviour::new(names, sender),
        }
    })?;
    Ok((swarm, inbound))
}

/// Any swarm that listens on 127.0.0.1.
pub fn build<B: NetworkBehaviour>(
    key: Keypair,
    behaviour: impl FnOnce(&Keypair) -> B,
) -> Result<Swarm<B>, Box<dyn Error>> {
    let muxer = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MAX_STREAMS);
        config
    };
    let mut swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, muxer)?
        .with_behaviour(behaviour)?
        .with_swarm_config(|c| {
            c.with_idle_connection_timeout(AN_HOUR)
                .with_max_negotiating_inbound_streams(MAX_STREAMS)
        })
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    Ok(swarm)
}

/// Where it listens, as soon as it does.
pub async fn listening<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> Multiaddr {
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

#[derive(Default)]
struct Waiting {
    dials: HashMap<ConnectionId, oneshot::Sender<Result<PeerId, String>>>,
    known: HashMap<PeerId, identify::Info>,
    curious: Vec<(PeerId, oneshot::Sender<identify::Info>)>,
    leaving: Vec<(PeerId, oneshot::Sender<()>)>,
}

impl Waiting {
    fn answer(&mut self, swarm: &mut Swarm<Behaviour>, ask: Ask) {
        match ask {
            Ask::Dial(addr, reply) => self.dial(swarm, addr, reply),
            Ask::Open(peer, name, reply) => {
                swarm.behaviour_mut().streams.open(peer, name, reply);
            }
            Ask::Identify(peer, reply) => {
                self.curious.push((peer, reply));
                self.tell();
            }
            Ask::Hangup(peer, reply) => {
                self.known.remove(&peer);
                match swarm.disconnect_peer_id(peer) {
                    Ok(()) => self.leaving.push((peer, reply)),
                    Err(()) => drop(reply.send(())),
                }
            }
        }
    }

    fn dial(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        addr: Multiaddr,
        reply: oneshot::Sender<Result<PeerId, String>>,
    ) {
        let Some(Protocol::P2p(peer)) = addr.iter().last() else {
            let _ = reply.send(Err("the address wants a /p2p".to_owned()));
            return;
        };
        if swarm.is_connected(&peer) {
            let _ = reply.send(Ok(peer));
            return;
        }
        let opts = DialOpts::peer_id(peer).addresses(vec![addr]).build();
        let id = opts.connection_id();
        match swarm.dial(opts) {
            Ok(()) => {
                self.dials.insert(id, reply);
            }
            Err(e) => {
                let _ = reply.send(Err(e.to_string()));
            }
        }
    }

    fn tell(&mut self) {
        for (peer, reply) in std::mem::take(&mut self.curious) {
            match self.known.get(&peer) {
                None => self.curious.push((peer, reply)),
                Some(info) => {
                    let _ = reply.send(info.clone());
                }
            }
        }
    }

    fn note(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                if let Some(reply) = self.dials.remove(&connection_id) {
                    let _ = reply.send(Ok(peer_id));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.known.remove(&peer_id);
                for (_, reply) in self.leaving.extract_if(.., |(peer, _)| *peer == peer_id) {
                    let _ = reply.send(());
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(reply) = self.dials.remove(&connection_id) {
                    let _ = reply.send(Err(error.to_string()));
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                self.known.insert(peer_id, info);
                self.tell();
            }
            _ => {}
        }
    }
}

pub async fn run(mut swarm: Swarm<Behaviour>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut waiting = Waiting::default();
    loop {
        tokio::select! {
            ask = asks.next() => match ask {
                Some(ask) => waiting.answer(&mut swarm, ask),
                None => return,
            },
            event = swarm.select_next_some() => waiting.note(event),
        }
    }
}
