// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

const (
	period = 700000
	chunk  = 65536
)

// block holds the bytes every peer sends, the lines 100000 to 199999, with
// its beginning again at the end so that a chunk can start anywhere.
var block = func() []byte {
	var b bytes.Buffer
	for i := 100000; i < 200000; i++ {
		fmt.Fprintf(&b, "%d\n", i)
	}
	b.Write(b.Bytes()[:chunk])
	return b.Bytes()
}()

// pattern writes the first n bytes of the endless repetition of block.
func pattern(w io.Writer, n int64) (int64, error) {
	at := int64(0)
	for at < n {
		off := at % period
		k, err := w.Write(block[off : off+min(chunk, n-at)])
		at += int64(k)
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

func patternSum(n int64) string {
	h := sha256.New()
	pattern(h, n)
	return hex.EncodeToString(h.Sum(nil))
}
