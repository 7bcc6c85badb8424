// SPDX-License-Identifier: ISC
// What the clients share.  Each is run as CLIENT ENDPOINT KEY-FILE FOLDER [cap]:
// the key file has the id and the secret, the folder a small and a big file.
// With cap the key's tenant cannot hold the big one: the upload is tried, and
// what the client throws ends the program.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'

export const [endpoint, keyFile, folder, cap] = process.argv.slice(2)
export const [accessKeyId, secretAccessKey] = readFileSync(keyFile, 'utf8').split('\n')
export const smallFile = `${folder}/small`
export const bigFile = `${folder}/big`
export const small = readFileSync(smallFile)
export const big = statSync(bigFile).size
export const odd = 'a/ü b+%&'

export function ok (good, name) {
  console.log((good ? 'ok - ' : 'not ok - ') + name)
}

export async function codeOf (promise) {
  try {
    await promise
    return 'none'
  } catch (e) {
    return e.Code ?? e.code ?? e.name
  }
}

export async function bytes (stream) {
  const list = []
  for await (const piece of stream) list.push(piece)
  return Buffer.concat(list)
}

async function sum (stream) {
  const sha = createHash('sha256')
  for await (const piece of stream) sha.update(piece)
  return sha.digest('hex')
}

export async function isBig (stream) {
  return await sum(stream) === await sum(createReadStream(bigFile))
}

export function curl (...given) {
  return execFileSync('curl', ['-sSf', ...given])
}
