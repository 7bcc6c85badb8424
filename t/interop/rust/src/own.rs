// SPDX-License-Identifier: ISC

//! The value records a node signs or makes of its own key, and hex.

use std::{error::Error, time::Duration};

use chrono::{TimeDelta, Utc};
use libp2p::identity::Keypair;
use serde_json::{Value, json};

const AN_HOUR: Duration = Duration::from_secs(3600);
const VALUE: &str = "/ipfs/bafkqaaa";

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    if !text.is_ascii() || text.len() % 2 != 0 {
        return Err("not hex".into());
    }
    Ok((0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
        .collect::<Result<_, _>>()?)
}

fn record(space: &str, key: &Keypair, value: &[u8]) -> Value {
    let name = [space.as_bytes(), &key.public().to_peer_id().to_bytes()].concat();
    json!({ "key": hex(&name), "value": hex(value) })
}

pub fn pk(key: &Keypair) -> Result<Value, Box<dyn Error>> {
    Ok(record("/pk/", key, &key.public().encode_protobuf()))
}

/// rust-ipns has its own, older libp2p-identity.
pub fn ipns(key: &Keypair, seq: u64) -> Result<Value, Box<dyn Error>> {
    let same = ipns_identity::Keypair::from_protobuf_encoding(&key.to_protobuf_encoding()?)?;
    let until = Utc::now() + TimeDelta::days(1);
    let entry = rust_ipns::Record::new(&same, VALUE, until, seq, AN_HOUR)?;
    Ok(record("/ipns/", key, &entry.encode()?))
}
