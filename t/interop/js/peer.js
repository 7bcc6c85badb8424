// SPDX-License-Identifier: ISC
// A libp2p peer led by lines on stdin: see ../README.md.
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { cut } from './cut.js'
import { pattern, patternSum, sha256 } from './data.js'
import { PATIENCE, dial as dialFrom, identified, lead, newNode, sleep, waitKnown } from './node.js'
import { seen, serve } from './serve.js'
import { drain, first, write } from './stream.js'

const STALLED = 1_000
const KIB = 1024
const BACKLOG = 256

const since = t => Math.round((performance.now() - t) * 1000) / 1000

const node = await newNode()
const known = identified(node)
const dial = addr => dialFrom(node, addr)

async function open (addr, proto) {
	const conn = await dial(addr)
	return conn.newStream(proto, { maxOutboundStreams: 4096, signal: AbortSignal.timeout(PATIENCE) })
}

async function echoed (stream, bytes, hold = async () => {}) {
	const sum = sha256()
	let received = 0
	const all = Promise.withResolvers()
	const ended = drain(stream, data => {
		for (const part of data) sum.update(part)
		received += data.byteLength
		if (received >= bytes) all.resolve()
	})
	ended.finally(all.resolve)
	await write(stream, pattern(bytes))
	await hold(all.promise)
	await stream.close()
	return { sent: bytes, received, ended: await ended, same: sum.digest('hex') === patternSum(bytes) }
}

const count = n => {
	const b = Buffer.alloc(8)
	b.writeBigUInt64BE(BigInt(n))
	return b
}

const checks = (stream, sum, got) => drain(stream, data => {
	for (const part of data) sum.update(part)
	got.received += data.byteLength
	got.progress?.()
})

const commands = {
	async id (addr) {
		const peer = (await dial(addr)).remotePeer.toString()
		const got = await waitKnown(known, peer)
		const rec = got.signedPeerRecord
		return {
			peer: got.peerId.toString(),
			agent: got.agentVersion,
			version: got.protocolVersion,
			protocols: got.protocols,
			addrs: got.listenAddrs.map(String),
			observed: got.observedAddr?.toString() ?? null,
			record: rec == null ? null : { seq: Number(rec.seq), addrs: rec.addresses.map(String) }
		}
	},

	async ping (addr, n) {
		const stream = await open(addr, '/ipfs/ping/1.0.0')
		let wake
		let got = Buffer.alloc(0)
		const ended = drain(stream, data => {
			got = Buffer.concat([got, data.subarray()])
			if (got.length >= 32) wake()
		})
		ended.finally(() => wake?.())
		const times = []
		for (const block of pattern(32 * n)) {
			for (let at = 0; at < block.length; at += 32) {
				const t = performance.now()
				const back = new Promise(resolve => { wake = resolve })
				got = Buffer.alloc(0)
				stream.send(block.subarray(at, at + 32))
				await back
				if (!got.equals(block.subarray(at, at + 32))) throw new Error('pong differs')
				times.push(since(t))
			}
		}
		await stream.close()
		times.sort((a, b) => a - b)
		return { n: times.length, min: times[0], median: times[times.length >> 1], max: times.at(-1) }
	},

	async echo (addr, proto, bytes) {
		return echoed(await open(addr, proto), bytes)
	},

	async send (addr, proto, bytes) {
		const stream = await open(addr, proto)
		const t = performance.now()
		let reply = ''
		const ended = drain(stream, data => { reply += Buffer.from(data.subarray()).toString() })
		await write(stream, pattern(bytes))
		await stream.close()
		const how = await ended
		return { sent: bytes, ms: since(t), ended: how, same: reply.slice(0, 64) === patternSum(bytes) }
	},

	async recv (addr, proto, bytes) {
		const stream = await open(addr, proto)
		const t = performance.now()
		const sum = sha256()
		const got = { received: 0 }
		const ended = checks(stream, sum, got)
		stream.send(count(bytes))
		const how = await ended
		if (how === 'eof') await stream.close()
		return { received: got.received, ms: since(t), ended: how, same: sum.digest('hex') === patternSum(bytes) }
	},

	async streams (addr, proto, n) {
		const all = []
		while (all.length < n) {
			// no more at a time than go-yamux queues before it refuses
			const some = Array.from({ length: Math.min(BACKLOG, n - all.length) }, () => open(addr, proto))
			all.push(...await Promise.all(some))
		}
		let full = 0
		const gate = Promise.withResolvers()
		const done = await Promise.all(all.map(stream => echoed(stream, KIB, async echo => {
			await echo
			if (++full === n) gate.resolve()
			await gate.promise
		})))
		const good = done.filter(e => e.same && e.ended === 'eof').length
		return { opened: all.length, good }
	},

	async reset (addr, proto) {
		const stream = await open(addr, proto)
		const ended = drain(stream, () => {})
		stream.send(Buffer.alloc(KIB))
		return { ended: await ended }
	},

	async abort (addr, proto) {
		const stream = await open(addr, proto)
		const back = first(stream, 1)
		stream.send(Buffer.alloc(KIB))
		await back
		stream.abort(new Error('as asked'))
		return {}
	},

	async stall (addr) {
		const stream = await open(addr, '/kn/stall/1')
		const limit = 64 * KIB * KIB
		let written = 0
		let moved = performance.now()
		for (const part of pattern(limit)) {
			while (stream.writeBufferLength > 0 && since(moved) < STALLED) await sleep(10)
			if (stream.writeBufferLength > 0) break
			stream.send(part)
			written += part.length
			moved = performance.now()
		}
		written -= stream.writeBufferLength
		const other = await echoed(await open(addr, '/kn/echo/1'), 64 * KIB)
		stream.abort(new Error('enough'))
		return { written, stalled: written < limit, other: other.same && other.ended === 'eof' }
	},

	async pause (addr, bytes) {
		const stream = await open(addr, '/kn/source/1')
		const sum = sha256()
		const got = { received: 0 }
		const some = new Promise(resolve => {
			got.progress = () => {
				stream.pause()
				got.progress = null
				resolve()
			}
		})
		const ended = checks(stream, sum, got)
		stream.send(count(bytes))
		await some
		const early = got.received
		const other = await echoed(await open(addr, '/kn/echo/1'), 64 * KIB)
		stream.resume()
		const how = await ended
		if (how === 'eof') await stream.close()
		return {
			early,
			received: got.received,
			ended: how,
			same: sum.digest('hex') === patternSum(bytes),
			other: other.same && other.ended === 'eof'
		}
	},

	async wrong (addr) {
		const stranger = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
		const refused = await dial(addr.replace(/\/p2p\/.*/, `/p2p/${stranger}`)).then(() => null, err => err)
		return { refused: refused != null, why: refused?.message ?? null }
	},

	async perf (addr, up, down) {
		const stream = await open(addr, '/perf/1.0.0')
		const t = performance.now()
		let received = 0
		const ended = drain(stream, data => { received += data.byteLength })
		stream.send(count(down))
		await write(stream, pattern(up))
		await stream.close()
		const how = await ended
		return { up, received, ended: how, ms: since(t) }
	},

	async seen (proto) {
		const t = performance.now()
		while (seen(proto).open > 0 && since(t) < PATIENCE) await sleep(10)
		return seen(proto)
	},

	async hangup (addr) {
		const peer = peerIdFromString(addr.replace(/.*\/p2p\//, ''))
		known.delete(peer.toString())
		await Promise.all(node.getConnections(peer).map(conn => conn.close()))
		return {}
	},

	async cut (addr, bytes) {
		const port = await cut(/\/tcp\/(\d+)/.exec(addr)[1], bytes)
		return { addr: addr.replace(/\/tcp\/\d+/, `/tcp/${port}`) }
	}
}

if (process.argv[2] !== 'listen' || process.argv.length !== 3) {
	process.stderr.write('usage: peer listen\n')
	process.exit(100)
}
await serve(node)
await lead(node, commands, w => /^\d+$/.test(w) ? Number(w) : w)
