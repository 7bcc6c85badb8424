// SPDX-License-Identifier: ISC
// A libp2p node on 127.0.0.1, and how it is led by lines on stdin.
import { createInterface } from 'node:readline'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

export const PATIENCE = 60_000

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

const say = obj => process.stdout.write(JSON.stringify(obj) + '\n')

export const newNode = (services, init) => createLibp2p({
	addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
	transports: [tcp()],
	connectionEncrypters: [noise()],
	streamMuxers: [yamux({ maxInboundStreams: 4096, maxOutboundStreams: 4096 })],
	connectionManager: {
		dialTimeout: PATIENCE,
		addressDialTimeout: PATIENCE,
		inboundUpgradeTimeout: PATIENCE,
		inboundStreamProtocolNegotiationTimeout: PATIENCE,
		outboundStreamProtocolNegotiationTimeout: PATIENCE
	},
	connectionMonitor: { enabled: false },
	services: { identify: identify({ timeout: PATIENCE }), ping: ping({ timeout: PATIENCE }), ...services },
	...init
})

export const dial = (node, addr) => node.dial(multiaddr(addr), { signal: AbortSignal.timeout(PATIENCE) })

// What identify found out, which js-libp2p runs on every new connection.
export function identified (node) {
	const known = new Map()
	node.addEventListener('peer:identify', ev => known.set(ev.detail.peerId.toString(), ev.detail))
	return known
}

export async function waitKnown (known, peer) {
	for (const late = Date.now() + PATIENCE; !known.has(peer);) {
		if (Date.now() > late) throw new Error('no identify within a minute')
		await sleep(10)
	}
	return known.get(peer)
}

export async function lead (node, commands, word = w => w) {
	say({ peer: node.peerId.toString(), addrs: node.getMultiaddrs().map(String) })
	for await (const line of createInterface({ input: process.stdin })) {
		const [cmd, ...words] = line.split(' ')
		if (cmd === 'quit') break
		try {
			say({ cmd, ok: true, ...await commands[cmd](...words.map(word)) })
		} catch (err) {
			say({ cmd, ok: false, error: String(err?.message ?? err) })
		}
	}
	process.exit(0)
}
