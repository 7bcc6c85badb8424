// SPDX-License-Identifier: ISC
// The protocols a peer serves, and the tally of how their streams ended.
import { pattern, sha256 } from './data.js'
import { drain, echo, first, write } from './stream.js'

const LIMIT = 4096
const tally = new Map()

const handlers = {
	'/kn/echo/1': echo,
	'/kn/watch/1': echo,

	async '/kn/sink/1' (stream) {
		const sum = sha256()
		const ended = await drain(stream, data => { for (const part of data) sum.update(part) })
		if (ended === 'eof') {
			stream.send(Buffer.from(sum.digest('hex') + '\n'))
			await stream.close()
		}
		return ended
	},

	async '/kn/source/1' (stream) {
		const bytes = await count(stream)
		await write(stream, pattern(bytes))
		await stream.close()
		return 'eof'
	},

	async '/kn/reset/1' (stream) {
		await first(stream, 1)
		stream.abort(new Error('as asked'))
		return 'eof'
	},

	'/kn/stall/1' (stream) {
		stream.pause()
		return new Promise(resolve => stream.addEventListener('close', () => resolve('reset')))
	},

	async '/perf/1.0.0' (stream) {
		let head = Buffer.alloc(0)
		const ended = await drain(stream, data => {
			if (head.length < 8) head = Buffer.concat([head, data.subarray()])
		})
		if (ended !== 'eof' || head.length < 8) throw new Error('no count')
		await write(stream, pattern(Number(head.readBigUInt64BE())))
		await stream.close()
		return ended
	}
}

async function count (stream) {
	const head = []
	await new Promise((resolve, reject) => drain(stream, data => {
		head.push(data.subarray())
		if (Buffer.concat(head).length >= 8) resolve()
	}).then(() => reject(new Error('no count')), reject))
	return Number(Buffer.concat(head).readBigUInt64BE())
}

export async function serve (node) {
	for (const [proto, handler] of Object.entries(handlers)) {
		const seen = { open: 0, eof: 0, reset: 0 }
		tally.set(proto, seen)
		await node.handle(proto, async stream => {
			seen.open++
			const ended = await Promise.resolve(handler(stream)).catch(err => {
				stream.abort(err)
				return 'reset'
			})
			seen.open--
			seen[ended]++
		}, { maxInboundStreams: LIMIT, maxOutboundStreams: LIMIT })
	}
}

export const seen = proto => tally.get(proto)
