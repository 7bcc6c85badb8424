// SPDX-License-Identifier: ISC
// The bytes every peer sends: the lines 100000 to 199999, again and again.
import { createHash } from 'node:crypto'

const PERIOD = 700000
const CHUNK = 65536
const lines = Array.from({ length: PERIOD / 7 }, (_, i) => `${100000 + i}\n`).join('')
const block = Buffer.from(lines + lines.slice(0, CHUNK))

export const sha256 = () => createHash('sha256')

export function* pattern (bytes) {
	for (let at = 0; at < bytes;) {
		const n = Math.min(CHUNK, bytes - at)
		yield block.subarray(at % PERIOD, at % PERIOD + n)
		at += n
	}
}

export function patternSum (bytes) {
	const sum = sha256()
	for (const part of pattern(bytes)) sum.update(part)
	return sum.digest('hex')
}
