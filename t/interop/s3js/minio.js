// SPDX-License-Identifier: ISC
// The minio client.
import * as minio from 'minio'
import {
  accessKeyId, big, bigFile, bytes, cap, codeOf, curl, endpoint, isBig, odd, ok,
  secretAccessKey, small, smallFile
} from './common.js'

const bucket = 'minio'
const at = new URL(endpoint)
const c = new minio.Client({
  endPoint: at.hostname,
  port: Number(at.port),
  useSSL: false,
  accessKey: accessKeyId,
  secretKey: secretAccessKey
})

async function all (stream) {
  const list = []
  for await (const one of stream) list.push(one)
  return list
}

async function objects () {
  ok(await c.bucketExists(bucket), 'a bucket')
  await c.putObject(bucket, odd, small, small.length, { 'x-amz-meta-colour': 'blue' })
  ok(small.equals(await bytes(await c.getObject(bucket, odd))), 'an object')
  const stat = await c.statObject(bucket, odd)
  ok(stat.size === small.length && stat.metaData.colour === 'blue', 'its metadata')
  ok(small.subarray(10, 20).equals(
    await bytes(await c.getPartialObject(bucket, odd, 10, 10))), 'a range')
  await c.setObjectTagging(bucket, odd, { one: 'blue' })
  ok((await c.getObjectTagging(bucket, odd))[0]?.Value === 'blue', 'tags')
  ok(await codeOf(c.getObject(bucket, 'none')) === 'NoSuchKey', 'no such key')
}

async function parts () {
  await c.fPutObject(bucket, 'big', bigFile)
  ok(await isBig(await c.getObject(bucket, 'big')), 'a big file in parts')
  await c.copyObject(bucket, 'copy', `/${bucket}/big`)
  ok((await c.statObject(bucket, 'copy')).size === big, 'a copy')
  // it does not encode the names of sources, and numbers the parts of one of
  // more than half a GiB wrongly
  await c.putObject(bucket, 'plain', small)
  await c.composeObject(
    new minio.CopyDestinationOptions({ Bucket: bucket, Object: 'both' }),
    [{ Object: 'big', MatchRange: true, Start: 1, End: 7000000 }, { Object: 'plain' }]
      .map(from => new minio.CopySourceOptions({ Bucket: bucket, ...from })))
  ok((await c.statObject(bucket, 'both')).size === 7000000 + small.length, 'one of two')
}

async function lists () {
  const names = (await all(c.listObjectsV2(bucket, '', true))).map(o => o.name)
  ok(names.join() === [odd, 'big', 'both', 'copy', 'plain'].join(), 'a list')
  const top = (await all(c.listObjects(bucket))).map(o => o.prefix ?? o.name)
  ok(top.sort().join() === 'a/,big,both,copy,plain', 'of version 1, with a delimiter')
}

async function signed () {
  ok(small.equals(curl(await c.presignedGetObject(bucket, odd, 60))),
    'a presigned download, by curl')
  curl('-T', smallFile, await c.presignedPutObject(bucket, 'pre', 60))
  ok(small.equals(await bytes(await c.getObject(bucket, 'pre'))),
    'a presigned upload, by curl')
  const policy = c.newPostPolicy()
  policy.setBucket(bucket)
  policy.setKey('form')
  policy.setExpires(new Date(Date.now() + 60000))
  policy.setContentLengthRange(1, 1 << 20)
  const { postURL, formData } = await c.presignedPostPolicy(policy)
  const fields = Object.entries(formData).flatMap(([k, v]) => ['-F', `${k}=${v}`])
  curl(...fields, '-F', `file=@${smallFile}`, postURL)
  ok(small.equals(await bytes(await c.getObject(bucket, 'form'))), 'a form, by curl')
}

async function versions () {
  await c.setBucketVersioning(bucket, { Status: 'Enabled' })
  const { versionId } = await c.putObject(bucket, 'v', 'one')
  await c.putObject(bucket, 'v', 'two')
  await c.removeObject(bucket, 'v')
  const old = await bytes(await c.getObject(bucket, 'v', { versionId }))
  ok(old.toString() === 'one', 'a version')
  const list = await all(c.listObjects(bucket, 'v', true, { IncludeVersion: true }))
  ok(list.length === 3 && list.filter(o => o.isDeleteMarker).length === 1,
    'and its marker')
  ok((await c.getBucketVersioning(bucket)).Status === 'Enabled', 'they are kept')
}

async function clean () {
  const list = await all(c.listObjects(bucket, '', true, { IncludeVersion: true }))
  await c.removeObjects(bucket, list.map(o => ({ name: o.name, versionId: o.versionId })))
  await c.removeBucket(bucket)
  ok(!(await c.bucketExists(bucket)), 'all removed')
}

await c.makeBucket(bucket)
if (cap) await c.fPutObject(bucket, 'big', bigFile)
for (const step of [objects, parts, lists, signed, versions, clean]) await step()
