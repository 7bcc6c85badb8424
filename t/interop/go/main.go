// SPDX-License-Identifier: ISC

// A libp2p peer led by lines on stdin: see ../README.md, for `peer dht`
// ../DHT.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

func die(err error) {
	fmt.Fprintln(os.Stderr, "peer:", err)
	os.Exit(111)
}

func newHost() (host.Host, error) {
	return libp2p.New(
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.NonPublicAddrPublishing(true),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
	)
}

func newClient() (*client, error) {
	h, err := newHost()
	if err != nil {
		return nil, err
	}
	sub, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return nil, err
	}
	return &client{h, sub.Out(), map[peer.ID]event.EvtPeerIdentificationCompleted{}}, nil
}

// do runs one line of words and describes what came of it.
func do[C any](c C, commands map[string]func(C, []string) (answer, error), words []string) (out answer) {
	defer func() {
		if r := recover(); r != nil {
			out = answer{"ok": false, "error": fmt.Sprint(r)}
		}
		out["cmd"] = words[0]
	}()
	run, ok := commands[words[0]]
	if !ok {
		return answer{"ok": false, "error": "no such command"}
	}
	out, err := run(c, words[1:])
	if err != nil {
		return answer{"ok": false, "error": err.Error()}
	}
	out["ok"] = true
	return out
}

// lead says who we are and answers one line after the other.
func lead[C any](h host.Host, c C, commands map[string]func(C, []string) (answer, error)) {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	self, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()})
	if err != nil {
		die(err)
	}
	out.Encode(answer{"peer": h.ID().String(), "addrs": texts(self)})
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			break
		}
		out.Encode(do(c, commands, words))
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: peer listen | dht server|client PROTO [ADDR...]")
	os.Exit(100)
}

func listen() {
	c, err := newClient()
	if err != nil {
		die(err)
	}
	serve(c.host)
	lead(c.host, c, commands)
}

func takePart(mode, proto string, bootstrap []string) {
	opt, ok := dhtModes[mode]
	if !ok {
		usage()
	}
	n, err := newNode(opt, proto, bootstrap)
	if err != nil {
		die(err)
	}
	lead(n.host, n, dhtCommands)
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "listen":
		listen()
	case len(os.Args) >= 4 && os.Args[1] == "dht":
		takePart(os.Args[2], os.Args[3], os.Args[4:])
	default:
		usage()
	}
}
