// SPDX-License-Identifier: ISC
// Reading and writing of streams with back-pressure: a js stream that is not
// paused buffers all that arrives, and onDrain() waits only the first time.

const once = (stream, type) => new Promise((resolve, reject) => {
	const done = fn => ev => {
		stream.removeEventListener(type, good)
		stream.removeEventListener('close', bad)
		fn(ev)
	}
	const good = done(resolve)
	const bad = done(ev => reject(ev.error ?? new Error('stream closed')))
	stream.addEventListener(type, good)
	stream.addEventListener('close', bad)
})

// Calls take(bytes) for all that comes.  Resolves to how it ended: 'eof' when
// the other side said it had no more, 'reset' for everything else.
export const drain = (stream, take) => new Promise((resolve, reject) => {
	let fin = stream.remoteWriteStatus === 'closed' && stream.status === 'open'
	const end = () => resolve(fin ? 'eof' : 'reset')
	stream.addEventListener('remoteCloseWrite', () => { fin = true })
	stream.addEventListener('end', end)
	stream.addEventListener('close', ev => {
		if (ev.error != null) fin = false
		if (ev.error != null || stream.readBufferLength === 0) end()
	})
	stream.addEventListener('message', ev => {
		try {
			take(ev.data)
		} catch (err) {
			stream.abort(err)
			reject(err)
		}
	})
	if (stream.readableEnded || stream.status === 'reset') end()
})

export async function write (stream, parts) {
	for (const part of parts) {
		if (!stream.send(part)) await once(stream, 'drain')
	}
}

// Sends back what comes, no faster than the other side takes it.
export async function echo (stream) {
	const ended = await drain(stream, data => {
		if (stream.send(data)) return
		stream.pause()
		// by then all may have come and the reading half be closed
		once(stream, 'drain').then(() => stream.resume()).catch(() => {})
	})
	if (ended === 'eof') await stream.close()
	return ended
}

// Like drain, but resolves as soon as n bytes were seen.
export const first = (stream, n) => new Promise((resolve, reject) => {
	let seen = 0
	drain(stream, data => {
		seen += data.byteLength
		if (seen >= n) resolve()
	}).then(ended => reject(new Error(`${ended} after ${seen} of ${n} bytes`)), reject)
})
