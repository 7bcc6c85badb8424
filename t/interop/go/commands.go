// SPDX-License-Identifier: ISC

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	patience = 60 * time.Second
	stalled  = time.Second
	kib      = 1024
)

type answer map[string]any

type client struct {
	host       host.Host
	identified <-chan any
	known      map[peer.ID]event.EvtPeerIdentificationCompleted
}

var commands = map[string]func(*client, []string) (answer, error){
	"id":      (*client).id,
	"ping":    (*client).ping,
	"echo":    (*client).echo,
	"send":    (*client).send,
	"recv":    (*client).recv,
	"streams": (*client).streams,
	"reset":   (*client).reset,
	"abort":   (*client).abort,
	"stall":   (*client).stall,
	"pause":   (*client).pause,
	"wrong":   (*client).wrong,
	"perf":    (*client).perf,
	"seen":    func(_ *client, a []string) (answer, error) { return tallied(seen(a[0])) },
	"hangup":  (*client).hangup,
	"cut":     (*client).cut,
}

func tallied(c counts) (answer, error) {
	return answer{"open": c.Open, "eof": c.EOF, "reset": c.Reset}, nil
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func since(t time.Time) float64 {
	return float64(time.Since(t).Microseconds()) / 1000
}

// ended tells the end that a peer announced from every other one.
func ended(err error) string {
	if err == nil || errors.Is(err, io.EOF) {
		return "eof"
	}
	return "reset"
}

func (c *client) dial(addr string) (peer.ID, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return "", err
	}
	// only here, and not where else this peer was ever seen
	c.host.Peerstore().ClearAddrs(info.ID)
	return info.ID, c.host.Connect(ctx, *info)
}

func (c *client) open(addr, proto string) (network.Stream, error) {
	id, err := c.dial(addr)
	if err != nil {
		return nil, err
	}
	s, err := c.host.NewStream(context.Background(), id, protocol.ID(proto))
	if err != nil {
		return nil, err
	}
	s.SetDeadline(time.Now().Add(5 * patience))
	return s, nil
}

func (c *client) id(a []string) (answer, error) {
	id, err := c.dial(a[0])
	if err != nil {
		return nil, err
	}
	late := time.After(patience)
	for c.known[id].Peer != id {
		select {
		case e := <-c.identified:
			known := e.(event.EvtPeerIdentificationCompleted)
			c.known[known.Peer] = known
		case <-late:
			return nil, errors.New("no identify within a minute")
		}
	}
	known := c.known[id]
	protos := protocol.ConvertToStrings(known.Protocols)
	var rec any
	if known.SignedPeerRecord != nil {
		r, err := known.SignedPeerRecord.Record()
		if err != nil {
			return nil, err
		}
		rec = answer{"seq": r.(*peer.PeerRecord).Seq, "addrs": texts(r.(*peer.PeerRecord).Addrs)}
	}
	return answer{"peer": id.String(), "agent": known.AgentVersion, "version": known.ProtocolVersion,
		"protocols": protos, "addrs": texts(known.ListenAddrs),
		"observed": text(known.ObservedAddr), "record": rec}, nil
}

func text(a ma.Multiaddr) any {
	if a == nil {
		return nil
	}
	return a.String()
}

func texts(addrs []ma.Multiaddr) []string {
	out := []string{}
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

func (c *client) ping(a []string) (answer, error) {
	id, err := c.dial(a[0])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var times []float64
	pongs := ping.Ping(ctx, c.host, id)
	for range number(a[1]) {
		pong, ok := <-pongs
		if !ok {
			return nil, fmt.Errorf("pings ended after %d", len(times))
		}
		if pong.Error != nil {
			return nil, pong.Error
		}
		times = append(times, float64(pong.RTT.Microseconds())/1000)
	}
	slices.Sort(times)
	n := len(times)
	return answer{"n": n, "min": times[0], "median": times[n/2], "max": times[n-1]}, nil
}

type echoed struct {
	sent, received int64
	ended          string
	same           bool
}

func (e echoed) good() bool {
	return e.same && e.ended == "eof"
}

// exchange sends n bytes, waits for them to come back, calls hold, and only
// then says that it has no more.
func exchange(s network.Stream, n int64, hold func()) echoed {
	h := sha256.New()
	full := make(chan error, 1)
	rest := make(chan echoed, 1)
	go func() {
		got, err := io.CopyN(h, s, n)
		full <- err
		if err == nil {
			var more int64
			more, err = io.Copy(h, s)
			got += more
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		rest <- echoed{n, got, ended(err), hex.EncodeToString(h.Sum(nil)) == patternSum(n)}
	}()
	pattern(s, n)
	if hold != nil {
		<-full
		hold()
	}
	s.CloseWrite()
	e := <-rest
	s.Close()
	return e
}

func (c *client) echo(a []string) (answer, error) {
	s, err := c.open(a[0], a[1])
	if err != nil {
		return nil, err
	}
	e := exchange(s, number(a[2]), nil)
	return answer{"sent": e.sent, "received": e.received, "ended": e.ended, "same": e.same}, nil
}

// other shows that a second stream of the same connection still works.
func (c *client) other(addr string) bool {
	s, err := c.open(addr, "/kn/echo/1")
	return err == nil && exchange(s, 64*kib, nil).good()
}

func (c *client) send(a []string) (answer, error) {
	s, err := c.open(a[0], a[1])
	if err != nil {
		return nil, err
	}
	defer s.Close()
	start := time.Now()
	sent, err := pattern(s, number(a[2]))
	if err != nil {
		return nil, err
	}
	s.CloseWrite()
	reply, err := io.ReadAll(io.LimitReader(s, kib))
	return answer{"sent": sent, "ms": since(start), "ended": ended(err),
		"same": len(reply) >= 64 && string(reply[:64]) == patternSum(sent)}, nil
}

func (c *client) recv(a []string) (answer, error) {
	s, err := c.open(a[0], a[1])
	if err != nil {
		return nil, err
	}
	defer s.Close()
	start, n := time.Now(), number(a[2])
	if err := binary.Write(s, binary.BigEndian, n); err != nil {
		return nil, err
	}
	h := sha256.New()
	got, err := io.Copy(h, s)
	return answer{"received": got, "ms": since(start), "ended": ended(err),
		"same": hex.EncodeToString(h.Sum(nil)) == patternSum(n)}, nil
}

func (c *client) streams(a []string) (answer, error) {
	// Each writes as soon as it is open: a stream here says nothing before,
	// and a peer that acknowledges with its first answer would never do so.
	n := int(number(a[2]))
	full, gate, done := make(chan bool, n), make(chan bool), make(chan bool, n)
	for i := range n {
		s, err := c.open(a[0], a[1])
		if err != nil {
			return nil, fmt.Errorf("stream %d: %w", i, err)
		}
		go func() {
			done <- exchange(s, kib, func() { full <- true; <-gate }).good()
		}()
	}
	for range n {
		<-full
	}
	close(gate)
	good := 0
	for range n {
		if <-done {
			good++
		}
	}
	return answer{"opened": n, "good": good}, nil
}

func (c *client) reset(a []string) (answer, error) {
	s, err := c.open(a[0], a[1])
	if err != nil {
		return nil, err
	}
	defer s.Close()
	s.Write(make([]byte, kib))
	_, err = io.Copy(io.Discard, s)
	return answer{"ended": ended(err)}, nil
}

func (c *client) abort(a []string) (answer, error) {
	s, err := c.open(a[0], a[1])
	if err != nil {
		return nil, err
	}
	if _, err := s.Write(make([]byte, kib)); err != nil {
		return nil, err
	}
	if _, err := s.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	return answer{}, s.Reset()
}

func (c *client) stall(a []string) (answer, error) {
	const limit = 64 * kib * kib

	s, err := c.open(a[0], "/kn/stall/1")
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	written := int64(0)
	for written < limit && err == nil {
		var n int
		s.SetWriteDeadline(time.Now().Add(stalled))
		n, err = s.Write(block[:chunk])
		written += int64(n)
	}
	return answer{"written": written, "stalled": written < limit, "other": c.other(a[0])}, nil
}

func (c *client) pause(a []string) (answer, error) {
	s, err := c.open(a[0], "/kn/source/1")
	if err != nil {
		return nil, err
	}
	defer s.Close()
	n := number(a[1])
	if err := binary.Write(s, binary.BigEndian, n); err != nil {
		return nil, err
	}
	h := sha256.New()
	early, err := io.CopyN(h, s, 1)
	if err != nil {
		return nil, err
	}
	other := c.other(a[0])
	got, err := io.Copy(h, s)
	return answer{"early": early, "received": early + got, "ended": ended(err), "other": other,
		"same": hex.EncodeToString(h.Sum(nil)) == patternSum(n)}, nil
}

var (
	idPart   = regexp.MustCompile(`/p2p/.*`)
	portPart = regexp.MustCompile(`/tcp/(\d+)`)
)

func (c *client) wrong(a []string) (answer, error) {
	_, pub, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	stranger, err := peer.IDFromPublicKey(pub)
	if err != nil {
		return nil, err
	}
	_, err = c.dial(idPart.ReplaceAllString(a[0], "/p2p/"+stranger.String()))
	return answer{"refused": err != nil, "why": fmt.Sprint(err)}, nil
}

func (c *client) perf(a []string) (answer, error) {
	s, err := c.open(a[0], "/perf/1.0.0")
	if err != nil {
		return nil, err
	}
	defer s.Close()
	start := time.Now()
	if err := binary.Write(s, binary.BigEndian, number(a[2])); err != nil {
		return nil, err
	}
	up, err := pattern(s, number(a[1]))
	if err != nil {
		return nil, err
	}
	s.CloseWrite()
	got, err := io.Copy(io.Discard, s)
	return answer{"up": up, "received": got, "ended": ended(err), "ms": since(start)}, nil
}

func (c *client) hangup(a []string) (answer, error) {
	info, err := peer.AddrInfoFromString(a[0])
	if err != nil {
		return nil, err
	}
	delete(c.known, info.ID)
	return answer{}, c.host.Network().ClosePeer(info.ID)
}

func (c *client) cut(a []string) (answer, error) {
	port := portPart.FindStringSubmatch(a[0])
	if port == nil {
		return nil, errors.New("no /tcp in the address")
	}
	at, err := cut("127.0.0.1:"+port[1], number(a[1]))
	if err != nil {
		return nil, err
	}
	_, mine, err := net.SplitHostPort(at.String())
	if err != nil {
		return nil, err
	}
	return answer{"addr": portPart.ReplaceAllString(a[0], "/tcp/"+mine)}, nil
}
