// SPDX-License-Identifier: ISC
// A node of a Kademlia DHT led by lines on stdin: see ../DHT.md.
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { createIPNSRecord, marshalIPNSRecord, multihashToIPNSRoutingKey } from 'ipns'
import { ipnsSelector } from 'ipns/selector'
import { ipnsValidator } from 'ipns/validator'
import { CID } from 'multiformats/cid'
import { PATIENCE, dial, identified, lead, newNode, waitKnown } from './node.js'

const A_DAY = 24 * 60 * 60 * 1000
const VALUE = '/ipfs/bafkqaaa'

const [mode, protocol, ...bootstrap] = process.argv.slice(2)
if (!['server', 'client'].includes(mode) || protocol == null) {
	process.stderr.write('usage: peer dht server|client PROTO [ADDR...]\n')
	process.exit(100)
}

const key = await generateKeyPair('Ed25519')
const node = await newNode({
	dht: kadDHT({
		protocol,
		clientMode: mode === 'client',
		peerInfoMapper: passthroughMapper,
		validators: { ipns: ipnsValidator },
		selectors: { ipns: ipnsSelector },
		// every query waits for the first look for ourselves, and that for a
		// peer in the table
		initialQuerySelfInterval: 0
	})
}, { privateKey: key })
const known = identified(node)
const dht = node.services.dht

const hex = bytes => Buffer.from(bytes).toString('hex')
const unhex = text => Buffer.from(text, 'hex')
const mine = event => event.from.equals(node.peerId)

// A query against an empty table would wait until one of us loses patience.
function query (start) {
	if (dht.routingTable.size === 0) throw new Error('nobody in the routing table')
	return start({ signal: AbortSignal.timeout(PATIENCE) })
}

// How many answered, or at the least took, messages of this kind; an answer
// that is not as it should be is followed by an error of the same peer.
async function told (kind, events) {
	const took = new Set()
	let why = 'nobody was found to tell'
	for await (const event of events) {
		const from = event.from?.toString()
		if (event.name === 'PEER_RESPONSE' && event.messageName === kind) took.add(from)
		if (event.name !== 'QUERY_ERROR') continue
		took.delete(from)
		why = `${from}: ${event.error.message}`
	}
	if (took.size === 0) throw new Error(why)
	return { told: took.size }
}

const commands = {
	async connect (addr) {
		const conn = await dial(node, addr)
		await waitKnown(known, conn.remotePeer.toString())
		return {}
	},

	table () {
		return { peers: [...dht.routingTable.kb.toIterable()].map(peer => peer.peerId.toString()) }
	},

	async find (text) {
		const peer = peerIdFromString(text)
		for await (const event of query(o => dht.findPeer(peer, { ...o, useCache: false }))) {
			if (event.name === 'FINAL_PEER') return { addrs: event.peer.multiaddrs.map(String) }
		}
		throw new Error('not found')
	},

	async closest (cid) {
		const peers = []
		for await (const event of query(o => dht.getClosestPeers(CID.parse(cid).multihash.bytes, o))) {
			if (event.name === 'FINAL_PEER') peers.push(event.peer.id.toString())
		}
		return { peers }
	},

	provide (cid) {
		return told('ADD_PROVIDER', query(o => dht.provide(CID.parse(cid), o)))
	},

	async providers (cid) {
		const peers = new Set()
		for await (const event of query(o => dht.findProviders(CID.parse(cid), o))) {
			if (event.name !== 'PEER_RESPONSE' || mine(event)) continue
			for (const peer of event.providers) peers.add(peer.id.toString())
		}
		return { peers: [...peers] }
	},

	put (name, value) {
		return told('PUT_VALUE', query(o => dht.put(unhex(name), unhex(value), o)))
	},

	// The best of all values, our own too, but only if anybody had one.
	async get (name) {
		let best
		let found = false
		for await (const event of query(o => dht.get(unhex(name), o))) {
			if (event.name === 'PEER_RESPONSE' && event.record != null) found = true
			if (event.name === 'VALUE') best = event.value
		}
		if (!found || best == null) throw new Error('not found')
		return { value: hex(best) }
	},

	pk () {
		const id = node.peerId.toMultihash().bytes
		return { key: hex(Buffer.concat([Buffer.from('/pk/'), id])), value: hex(publicKeyToProtobuf(key.publicKey)) }
	},

	async ipns (seq) {
		const record = await createIPNSRecord(key, VALUE, BigInt(seq), A_DAY)
		return { key: hex(multihashToIPNSRoutingKey(node.peerId.toMultihash())), value: hex(marshalIPNSRecord(record)) }
	}
}

try {
	for (const addr of bootstrap) await commands.connect(addr)
} catch (err) {
	process.stderr.write(`peer: ${err.message}\n`)
	process.exit(111)
}
await lead(node, commands)
