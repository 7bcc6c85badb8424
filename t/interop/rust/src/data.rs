// SPDX-License-Identifier: ISC

//! The bytes every peer sends: the lines 100000 to 199999, again and again.

use std::sync::LazyLock;

use futures::{AsyncWrite, AsyncWriteExt};
use sha2::{Digest, Sha256};

const PERIOD: usize = 700_000;
pub const CHUNK: usize = 65_536;

static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut block: Vec<u8> = (100_000..200_000)
        .flat_map(|i| format!("{i}\n").into_bytes())
        .collect();
    block.extend_from_within(..CHUNK);
    block
});

/// The first `bytes` bytes, in slices of at most a chunk.
pub fn pattern(bytes: u64) -> impl Iterator<Item = &'static [u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let n = (bytes - at).min(CHUNK as u64) as usize;
        let off = (at % PERIOD as u64) as usize;
        at += n as u64;
        (n > 0).then(|| &BLOCK[off..off + n])
    })
}

pub async fn write_pattern(
    to: &mut (impl AsyncWrite + Unpin),
    bytes: u64,
) -> std::io::Result<()> {
    for part in pattern(bytes) {
        to.write_all(part).await?;
    }
    to.flush().await
}

pub fn pattern_sum(bytes: u64) -> String {
    let mut sum = Sha256::new();
    pattern(bytes).for_each(|part| sum.update(part));
    hex(sum)
}

pub fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
