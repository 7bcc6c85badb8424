// SPDX-License-Identifier: ISC

//! The signed peer record of a peer, read off the wire: rust's identify
//! checks only its own older form of it and drops all others.

use futures::AsyncReadExt;
use libp2p::{
    Stream,
    core::{PeerRecord, SignedEnvelope},
};
use serde_json::{Value, json};

const FIELD: u64 = 8;
const LIMIT: u64 = 64 * 1024;

fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let n = usize::try_from(varint(from)?).ok()?;
    let (head, rest) = from.split_at_checked(n)?;
    *from = rest;
    Some(head)
}

/// Identify holds nothing but fields with a length.
fn find(mut message: &[u8]) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = bytes(&mut message)?;
        if key == FIELD << 3 | 2 {
            return Some(value);
        }
    }
    None
}

pub async fn read(stream: Stream) -> Result<Value, String> {
    let mut all = Vec::new();
    stream.take(LIMIT).read_to_end(&mut all).await.map_err(|e| e.to_string())?;
    let mut rest = &all[..];
    let mut record = None;
    while !rest.is_empty() {
        let message = bytes(&mut rest).ok_or("identify ends in mid-message")?;
        record = find(message).or(record);
    }
    let Some(record) = record else {
        return Ok(Value::Null);
    };
    let envelope = SignedEnvelope::from_protobuf_encoding(record).map_err(|e| e.to_string())?;
    let record = PeerRecord::from_signed_envelope_interop(envelope.clone())
        .or_else(|_| PeerRecord::from_signed_envelope(envelope))
        .map_err(|e| e.to_string())?;
    let addrs: Vec<_> = record.addresses().iter().map(ToString::to_string).collect();
    Ok(json!({ "seq": record.seq(), "addrs": addrs }))
}
