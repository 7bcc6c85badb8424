// SPDX-License-Identifier: ISC
// The SDK of AWS for JavaScript.
import { createReadStream } from 'node:fs'
import * as aws from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import {
  accessKeyId, big, bigFile, bytes, cap, codeOf, curl, endpoint, isBig, odd, ok,
  secretAccessKey, small, smallFile
} from './common.js'

const Bucket = 'aws'
const s3 = new aws.S3Client({
  endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey }
})

// ask('PutObject', …): in the bucket
function ask (name, given = {}) {
  return s3.send(new aws[name + 'Command']({ Bucket, ...given }))
}

async function body (Key, given = {}) {
  return bytes((await ask('GetObject', { Key, ...given })).Body)
}

async function objects () {
  const put = await ask('PutObject', {
    Key: odd, Body: small, ContentType: 'text/x-test', Metadata: { colour: 'blue' }
  })
  const got = await ask('GetObject', { Key: odd, ChecksumMode: 'ENABLED' })
  ok(small.equals(await bytes(got.Body)) && got.ContentType === 'text/x-test' &&
    got.Metadata.colour === 'blue', 'an object with metadata')
  ok(put.ChecksumCRC32 != null && put.ChecksumCRC32 === got.ChecksumCRC32,
    'its checksum, sent without being asked')
  await ask('PutObject', {
    Key: 'stream', Body: createReadStream(smallFile), ContentLength: small.length
  })
  ok(small.equals(await body('stream')), 'a stream, its checksum in the trailer')
  ok(small.subarray(10, 20).equals(await body('stream', { Range: 'bytes=10-19' })), 'a range')
  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'SHA1', 'SHA256', 'CRC64NVME']) {
    const sum = await ask('PutObject', { Key: 'sum', Body: small, ChecksumAlgorithm })
    const head = await ask('HeadObject', { Key: 'sum', ChecksumMode: 'ENABLED' })
    const name = 'Checksum' + ChecksumAlgorithm
    ok(sum[name] != null && sum[name] === head[name], ChecksumAlgorithm)
  }
}

async function parts () {
  await new Upload({
    client: s3,
    params: { Bucket, Key: 'big', Body: createReadStream(bigFile) },
    partSize: 16 << 20,
    queueSize: 4
  }).done()
  const back = await ask('GetObject', { Key: 'big' })
  ok(back.ContentLength === big && await isBig(back.Body),
    'a big file in parts, there and back')
  await ask('CopyObject', { Key: 'copy', CopySource: `${Bucket}/big` })
  ok(await isBig((await ask('GetObject', { Key: 'copy' })).Body), 'a copy')
  const open = await ask('CreateMultipartUpload', { Key: 'open' })
  await ask('UploadPartCopy', {
    Key: 'open', UploadId: open.UploadId, PartNumber: 3, CopySource: `${Bucket}/big`,
    CopySourceRange: 'bytes=1-7000000'
  })
  const listed = await ask('ListParts', { Key: 'open', UploadId: open.UploadId })
  ok(listed.Parts.length === 1 && listed.Parts[0].Size === 7000000, 'a copied part')
  await ask('AbortMultipartUpload', { Key: 'open', UploadId: open.UploadId })
  ok(await codeOf(ask('ListParts', { Key: 'open', UploadId: open.UploadId })) ===
    'NoSuchUpload', 'an upload is given up')
}

async function lists () {
  const list = await ask('ListObjectsV2', { Delimiter: '/' })
  ok(list.CommonPrefixes?.[0]?.Prefix === 'a/' && list.KeyCount === 5, 'a list')
  const keys = []
  for await (const page of aws.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    keys.push(...page.Contents.map(o => o.Key))
  }
  ok(keys.join() === [odd, 'big', 'copy', 'stream', 'sum'].join(), 'in pages of two')
}

async function refusals () {
  ok(await codeOf(ask('PutObject', { Key: 'sum', Body: 'no', IfNoneMatch: '*' })) ===
    'PreconditionFailed', 'If-None-Match keeps what is there')
  ok(await codeOf(ask('GetObject', { Key: 'none' })) === 'NoSuchKey', 'no such key')
  ok(await codeOf(ask('HeadObject', { Key: 'none' })) === 'NotFound', 'nor by HEAD')
  ok(await codeOf(ask('ListObjectsV2', { Bucket: 'none' })) === 'NoSuchBucket', 'no such bucket')
  ok(await codeOf(ask('GetBucketEncryption')) === 'NotImplemented', 'what there is not')
}

async function signed () {
  const get = await getSignedUrl(s3, new aws.GetObjectCommand({ Bucket, Key: odd }),
    { expiresIn: 60 })
  ok(small.equals(curl(get)), 'a presigned download, by curl')
  const put = await getSignedUrl(s3, new aws.PutObjectCommand({ Bucket, Key: 'pre' }),
    { expiresIn: 60 })
  curl('-T', smallFile, put)
  ok(small.equals(await body('pre')), 'a presigned upload, by curl')
}

async function clean () {
  const gone = await ask('DeleteObjects', {
    Delete: { Objects: [odd, 'stream', 'sum', 'big', 'copy', 'pre'].map(Key => ({ Key })) }
  })
  ok(gone.Deleted.length === 6, 'deleted together')
  await ask('DeleteBucket')
  ok(await codeOf(ask('HeadBucket')) === 'NotFound', 'the bucket is gone')
}

await ask('CreateBucket')
if (cap) {
  await ask('PutObject', {
    Key: 'big', Body: createReadStream(bigFile), ContentLength: big
  })
}
for (const step of [objects, parts, lists, refusals, signed, clean]) await step()
