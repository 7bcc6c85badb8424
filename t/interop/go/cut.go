// SPDX-License-Identifier: ISC

package main

import (
	"io"
	"net"
)

// cut listens, passes one connection on to target, and hangs up once n bytes
// have come back from it, wherever in a frame that is.
func cut(target string, n int64) (net.Addr, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		defer ln.Close()
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer server.Close()
		go io.Copy(server, client)
		io.CopyN(client, server, n)
	}()
	return ln.Addr(), nil
}
