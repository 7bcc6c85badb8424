// SPDX-License-Identifier: ISC

//! A libp2p peer led by lines on stdin: see ../README.md, for `peer dht`
//! ../DHT.md.

mod commands;
mod cut;
mod data;
mod dht;
mod dhtnet;
mod node;
mod own;
mod record;
mod serve;
mod streams;

use std::error::Error;

use commands::Client;
use futures::channel::mpsc;
use libp2p::{Multiaddr, PeerId};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

fn answer(cmd: &str, result: Result<Value, Box<dyn Error>>) -> Value {
    match result {
        Err(e) => json!({ "cmd": cmd, "ok": false, "error": e.to_string() }),
        Ok(mut said) => {
            said["cmd"] = cmd.into();
            said["ok"] = true.into();
            said
        }
    }
}

fn hello(peer: PeerId, addr: &Multiaddr) {
    println!("{}", json!({ "peer": peer.to_string(), "addrs": [format!("{addr}/p2p/{peer}")] }));
}

async fn listen(legacy_record: bool) -> Result<(), Box<dyn Error>> {
    let (mut swarm, inbound) = node::swarm(&serve::PROTOCOLS, legacy_record)?;
    let addr = node::listening(&mut swarm).await;
    let peer = *swarm.local_peer_id();
    let (asks, questions) = mpsc::unbounded();
    tokio::spawn(node::run(swarm, questions));
    tokio::spawn(serve::serve(inbound));
    hello(peer, &addr);

    let client = Client::new(asks);
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.first() {
            None => continue,
            Some(&"quit") => break,
            Some(cmd) => println!("{}", answer(cmd, client.run(&words).await)),
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["listen"] => listen(false).await?,
        ["listen", "legacy-record"] => listen(true).await?,
        ["dht", "server", proto, ref bootstrap @ ..] => dht::run(true, proto, bootstrap).await?,
        ["dht", "client", proto, ref bootstrap @ ..] => dht::run(false, proto, bootstrap).await?,
        ["dhtnet", nodes, lookups, concurrency] => {
            dhtnet::run([nodes, lookups, concurrency]).await?
        }
        _ => {
            eprintln!(
                "usage: peer listen [legacy-record] | dht server|client PROTO [ADDR...] | \
                 dhtnet NODES LOOKUPS CONCURRENCY"
            );
            std::process::exit(100);
        }
    }
    std::process::exit(0);
}
