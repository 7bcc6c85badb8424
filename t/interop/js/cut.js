// SPDX-License-Identifier: ISC
// A TCP proxy that passes so many bytes from the server and then hangs up,
// wherever in a frame that is.
import { createServer, connect } from 'node:net'

export function cut (port, bytes) {
	const server = createServer(client => {
		const up = connect(port, '127.0.0.1')
		const close = () => { client.destroy(); up.destroy(); server.close() }
		let left = bytes
		client.pipe(up)
		up.on('data', data => {
			const part = data.subarray(0, left)
			left -= part.length
			if (left > 0) return client.write(part)
			up.pause()
			client.write(part, close)
		})
		for (const s of [client, up]) s.on('error', close).on('close', close)
	})
	return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}
