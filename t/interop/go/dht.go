// SPDX-License-Identifier: ISC

// A node of a Kademlia DHT led by lines on stdin: see ../DHT.md.

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/routing"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
)

const (
	aDay      = 24 * time.Hour
	anHour    = time.Hour
	ipnsValue = "/ipfs/bafkqaaa"
)

type node struct {
	host host.Host
	dht  *dht.IpfsDHT
}

var dhtCommands = map[string]func(*node, []string) (answer, error){
	"connect":   (*node).connect,
	"table":     (*node).table,
	"find":      (*node).find,
	"closest":   (*node).closest,
	"provide":   (*node).provide,
	"providers": (*node).providers,
	"put":       (*node).put,
	"get":       (*node).get,
	"pk":        (*node).pk,
	"ipns":      (*node).ipns,
}

var dhtModes = map[string]dht.ModeOpt{"server": dht.ModeServer, "client": dht.ModeClient}

// newNode uses the library's own validators, /pk and /ipns, and none of its
// filters for addresses.
func newNode(mode dht.ModeOpt, proto string, bootstrap []string) (*node, error) {
	h, err := newHost()
	if err != nil {
		return nil, err
	}
	d, err := dht.New(h, dht.Mode(mode), dht.V1ProtocolOverride(protocol.ID(proto)))
	if err != nil {
		return nil, err
	}
	n := &node{h, d}
	for _, addr := range bootstrap {
		if _, err := n.connect([]string{addr}); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// query begins one, unless there is nobody to ask.
func (n *node) query() (context.Context, context.CancelFunc, error) {
	if n.dht.RoutingTable().Size() == 0 {
		return nil, nil, errors.New("nobody in the routing table")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	return ctx, cancel, nil
}

func ids(peers []peer.ID) answer {
	out := []string{}
	for _, p := range peers {
		out = append(out, p.String())
	}
	return answer{"peers": out}
}

func record(key, value []byte) answer {
	return answer{"key": hex.EncodeToString(key), "value": hex.EncodeToString(value)}
}

func (n *node) connect(a []string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	info, err := peer.AddrInfoFromString(a[0])
	if err != nil {
		return nil, err
	}
	if err := n.host.Connect(ctx, *info); err != nil {
		return nil, err
	}
	ids := n.host.(interface{ IDService() identify.IDService }).IDService()
	for _, conn := range n.host.Network().ConnsToPeer(info.ID) {
		select {
		case <-ids.IdentifyWait(conn):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return answer{}, nil
}

func (n *node) table([]string) (answer, error) {
	return ids(n.dht.RoutingTable().ListPeers()), nil
}

func (n *node) find(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	id, err := peer.Decode(a[0])
	if err != nil {
		return nil, err
	}
	info, err := n.dht.FindPeer(ctx, id)
	if err != nil {
		return nil, err
	}
	return answer{"addrs": texts(info.Addrs)}, nil
}

func (n *node) closest(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	c, err := cid.Decode(a[0])
	if err != nil {
		return nil, err
	}
	peers, err := n.dht.GetClosestPeers(ctx, string(c.Hash()))
	if err != nil {
		return nil, err
	}
	return ids(peers), nil
}

func (n *node) provide(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	c, err := cid.Decode(a[0])
	if err != nil {
		return nil, err
	}
	return answer{}, n.dht.Provide(ctx, c, true)
}

func (n *node) providers(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	c, err := cid.Decode(a[0])
	if err != nil {
		return nil, err
	}
	found, err := n.dht.FindProviders(ctx, c)
	if err != nil {
		return nil, err
	}
	peers := []peer.ID{}
	for _, info := range found {
		peers = append(peers, info.ID)
	}
	return ids(peers), nil
}

func (n *node) put(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	key, err := hex.DecodeString(a[0])
	if err != nil {
		return nil, err
	}
	value, err := hex.DecodeString(a[1])
	if err != nil {
		return nil, err
	}
	return answer{}, n.dht.PutValue(ctx, string(key), value)
}

func (n *node) get(a []string) (answer, error) {
	ctx, cancel, err := n.query()
	if err != nil {
		return nil, err
	}
	defer cancel()
	key, err := hex.DecodeString(a[0])
	if err != nil {
		return nil, err
	}
	value, err := n.dht.GetValue(ctx, string(key))
	if err != nil {
		return nil, err
	}
	return answer{"value": hex.EncodeToString(value)}, nil
}

func (n *node) pk([]string) (answer, error) {
	id := n.host.ID()
	value, err := crypto.MarshalPublicKey(n.host.Peerstore().PubKey(id))
	if err != nil {
		return nil, err
	}
	return record([]byte(routing.KeyForPublicKey(id)), value), nil
}

func (n *node) ipns(a []string) (answer, error) {
	seq, err := strconv.ParseUint(a[0], 10, 64)
	if err != nil {
		return nil, err
	}
	value, err := path.NewPath(ipnsValue)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ipnsValue, err)
	}
	id := n.host.ID()
	rec, err := ipns.NewRecord(n.host.Peerstore().PrivKey(id), value, seq, time.Now().Add(aDay), anHour)
	if err != nil {
		return nil, err
	}
	out, err := ipns.MarshalRecord(rec)
	if err != nil {
		return nil, err
	}
	return record(ipns.NameFromPeer(id).RoutingKey(), out), nil
}
