// SPDX-License-Identifier: ISC

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// counts says how the streams of one protocol ended.
type counts struct {
	Open  int `json:"open"`
	EOF   int `json:"eof"`
	Reset int `json:"reset"`
}

var (
	tallyLock sync.Mutex
	tally     = map[string]*counts{}
)

var handlers = map[string]func(network.Stream) error{
	"/kn/echo/1":  echo,
	"/kn/watch/1": echo,
	"/kn/sink/1": func(s network.Stream) error {
		h := sha256.New()
		if _, err := io.Copy(h, s); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s, "%x\n", h.Sum(nil))
		return err
	},
	"/kn/source/1": func(s network.Stream) error {
		var n int64
		if err := binary.Read(s, binary.BigEndian, &n); err != nil {
			return err
		}
		_, err := pattern(s, n)
		return err
	},
	"/kn/reset/1": func(s network.Stream) error {
		_, err := s.Read(make([]byte, 1))
		s.Reset()
		return err
	},
	"/kn/stall/1": func(network.Stream) error {
		select {}
	},
	"/perf/1.0.0": func(s network.Stream) error {
		var n int64
		if err := binary.Read(s, binary.BigEndian, &n); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, s); err != nil {
			return err
		}
		_, err := pattern(s, n)
		return err
	},
}

func echo(s network.Stream) error {
	_, err := io.Copy(s, s)
	return err
}

func serve(h host.Host) {
	for proto, handler := range handlers {
		c := &counts{}
		tally[proto] = c
		h.SetStreamHandler(protocol.ID(proto), func(s network.Stream) {
			count(&c.Open, 1)
			err := handler(s)
			if err != nil {
				s.Reset()
				count(&c.Reset, 1)
			} else {
				s.Close()
				count(&c.EOF, 1)
			}
			count(&c.Open, -1)
		})
	}
}

func count(n *int, by int) {
	tallyLock.Lock()
	defer tallyLock.Unlock()
	*n += by
}

// seen waits until no stream of proto is open and says how they ended.
func seen(proto string) counts {
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		tallyLock.Lock()
		var c counts
		if known := tally[proto]; known != nil {
			c = *known
		}
		tallyLock.Unlock()
		if c.Open == 0 || time.Now().After(until) {
			return c
		}
	}
}
