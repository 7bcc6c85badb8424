// SPDX-License-Identifier: ISC

//! A TCP proxy for one connection that passes so many bytes from the server
//! and then hangs up, wherever in a frame that is.

use std::io;

use tokio::{
    io::{AsyncReadExt, copy},
    net::{TcpListener, TcpStream},
};

pub async fn cut(port: u16, bytes: u64) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mine = listener.local_addr()?.port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await?;
        let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
        let (mut from_client, mut to_client) = client.split();
        let (from_server, mut to_server) = server.split();
        let mut first = from_server.take(bytes);
        tokio::select! {
            done = copy(&mut first, &mut to_client) => done,
            Err(e) = copy(&mut from_client, &mut to_server) => Err(e),
        }
    });
    Ok(mine)
}
