// SPDX-License-Identifier: ISC
// A DHT of N nodes in one process, and what L lookups of random keys cost
// there, C at a time.  Every key comes from a number, so that all runs, and
// ../rust/src/dhtnet.rs too, look for the same in the same network.
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { sha256 } from './data.js'
import { PATIENCE, newNode, sleep } from './node.js'

const PROTOCOL = '/kontinuum/kad/1.0.0'
const K = 20
const ENOUGH = 16 // of the true K, for a lookup to be ok
const JOINING = 4 // at a time: all of them have one thread
const QUIET = 3_000
const SETTLING = 90_000
const LIMIT = 300_000
const MANY = 100_000

const SHA2_256 = Buffer.from([0x12, 0x20])

function end (code, why) {
	process.stderr.write(`${why}\n`)
	process.exit(code)
}

const words = process.argv.slice(2)
const [count, lookups, concurrency] = words.map(Number)
if (words.length !== 3 || !words.every(word => /^[1-9]\d*$/.test(word)) || count <= K) {
	end(100, 'usage: dhtnet NODES LOOKUPS CONCURRENCY (more than 20 nodes)')
}
setTimeout(end, LIMIT, 111, 'dhtnet: out of time')

const digest = bytes => sha256().update(bytes).digest()
const key = i => Buffer.concat([SHA2_256, digest(`lookup ${i}`)])

// Where a key or the multihash of a peer is in the space of the DHT.
const place = bytes => BigInt(`0x${digest(bytes).toString('hex')}`)

// The results of work(0) ... work(n - 1), so many at a time.
async function each (n, atOnce, work) {
	const results = []
	let next = 0
	await Promise.all(Array.from({ length: atOnce }, async () => {
		while (next < n) {
			const i = next++
			results[i] = await work(i)
		}
	}))
	return results
}

// All come from one host, which js-libp2p allows 5 connections a second, and
// all have to wait for one another.
const start = async i => newNode({
	dht: kadDHT({
		protocol: PROTOCOL,
		clientMode: false,
		kBucketSize: K,
		peerInfoMapper: passthroughMapper,
		networkDialTimeout: { minTimeout: PATIENCE },
		// look for itself as soon as there is somebody to ask
		initialQuerySelfInterval: 0
	})
}, {
	privateKey: await generateKeyPairFromSeed('Ed25519', digest(`node ${i}`)),
	connectionManager: {
		maxConnections: MANY,
		maxIncomingPendingConnections: MANY,
		inboundConnectionThreshold: MANY,
		dialTimeout: PATIENCE,
		addressDialTimeout: PATIENCE,
		inboundUpgradeTimeout: PATIENCE,
		inboundStreamProtocolNegotiationTimeout: PATIENCE,
		outboundStreamProtocolNegotiationTimeout: PATIENCE
	}
})

const nodes = await each(count, 1, start)
const places = new Map(nodes.map(node => [node.peerId.toString(), place(node.peerId.toMultihash().bytes)]))

// Connected, a node looks for itself.
async function join (node, addrs) {
	const looked = new Promise(resolve => node.addEventListener('kad-dht:query:self', resolve, { once: true }))
	await node.dial(addrs, { signal: AbortSignal.timeout(PATIENCE) })
	await Promise.race([looked, sleep(PATIENCE)])
}

// A table has its own node in it.
function tables () {
	const sizes = nodes.map(({ services: { dht }, peerId }) =>
		[...dht.routingTable.kb.toIterable()].filter(peer => !peer.peerId.equals(peerId)).length)
	sizes.sort((a, b) => a - b)
	return { median: sizes[count >> 1], all: sizes.reduce((a, b) => a + b) }
}

async function settled () {
	let most = 0
	let grew = Date.now()
	for (const late = grew + SETTLING; Date.now() < late; await sleep(100)) {
		const { median, all } = tables()
		if (all > most) {
			most = all
			grew = Date.now()
		}
		if (median >= K && Date.now() - grew >= QUIET) return
	}
	process.stderr.write('dhtnet: the tables have not settled\n')
}

async function closest (i) {
	const found = []
	try {
		const signal = AbortSignal.timeout(PATIENCE)
		for await (const event of nodes[i % count].services.dht.getClosestPeers(key(i), { signal })) {
			if (event.name === 'FINAL_PEER') found.push(event.peer.id.toString())
		}
	} catch (err) {
		process.stderr.write(`dhtnet: lookup ${i}: ${err.message}\n`)
	}
	return found
}

function nearest (i) {
	const target = place(key(i))
	const far = peer => places.get(peer) ^ target
	return [...places.keys()].sort((a, b) => far(a) < far(b) ? -1 : 1).slice(0, K)
}

const right = (found, i) => nearest(i).filter(peer => found.includes(peer)).length >= ENOUGH

await each(count - 1, JOINING, i => join(nodes[i + 1], nodes[0].getMultiaddrs()))
await settled()

const began = performance.now()
const before = process.cpuUsage()
const found = await each(lookups, concurrency, closest)
const { user, system } = process.cpuUsage(before)
const wall = performance.now() - began

process.stdout.write(JSON.stringify({
	nodes: count,
	lookups,
	concurrency,
	ok: found.filter(right).length,
	wall_ms: Math.round(wall),
	cpu_ms: Math.round((user + system) / 1000),
	rss_mb: Math.round(process.memoryUsage.rss() / 1e6),
	table_median: tables().median
}) + '\n', () => process.exit(0))
