//! The file a backup is: what is whole is read, and what is not is refused, wherever it is broken.

import { expect, test } from 'vitest'
import {
  archiveSize,
  type FileName,
  type Manifest,
  readArchive,
  verifyArchive,
  writeArchive,
} from '../../src/backup/archive.ts'
import { isSealed, openStream, sealStream } from '../../src/backup/envelope.ts'
import { Source } from '../../src/backup/source.ts'

const DATABASE = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 251))
const FILES = new Map<FileName, Buffer>([
  ['secret.key', Buffer.alloc(32, 7)],
  ['tls/certificate.pem', Buffer.from('certificate')],
  ['tls/key.pem', Buffer.from('key')],
  ['pbx.db', DATABASE],
])
const MANIFEST: Manifest = {
  product: '1.2.3',
  schema: 5,
  name: 'pbx-1',
  made: '2026-11-21T08:00:00.000Z',
  rows: { extensions: 3 },
  files: [...FILES].map(([name, { length: size }]) => ({ name, size })),
}
const PASSPHRASE = 'correct horse battery staple'

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

function archive(manifest = MANIFEST): Promise<Buffer> {
  return all(writeArchive(manifest, (name) => [FILES.get(name) ?? Buffer.alloc(0)]))
}

/** In pieces of odd lengths, as a network would. */
async function* inPieces(bytes: Buffer, length = 4_099): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/** `whole`, or why not. */
function read(bytes: Buffer, length?: number): Promise<string> {
  return verifyArchive(new Source(inPieces(bytes, length))).then(
    () => 'whole',
    (error: Error) => error.message,
  )
}

function open(bytes: Buffer, passphrase = PASSPHRASE): Promise<string> {
  return verifyArchive(new Source(openStream(new Source(inPieces(bytes)), passphrase))).then(
    () => 'whole',
    (error: Error) => error.message,
  )
}

test('what was written is read, in pieces of any length', async () => {
  const bytes = await archive()
  expect(bytes.length).toBe(archiveSize(MANIFEST))
  for (const length of [1 << 20, 4_099, 97]) expect(await read(bytes, length)).toBe('whole')
  const found = new Map<string, Buffer>()
  for await (const item of readArchive(new Source(inPieces(bytes))))
    if (item.kind === 'data')
      found.set(item.name, Buffer.concat([found.get(item.name) ?? Buffer.alloc(0), item.data]))
  expect(found).toEqual(FILES)
})

test('a byte that is another is found, wherever it is', async () => {
  const bytes = await archive()
  for (let at = 3; at < bytes.length; at += 9_973) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 0x10
    expect(await read(changed), `byte ${at}`).toMatch(/damaged|no backup|of pbx|cut off/)
  }
})

test('what is cut off, or goes on, is refused', async () => {
  const bytes = await archive()
  for (const kept of [0, 10, 400, 1_000, bytes.length - 73, bytes.length - 1])
    expect(await read(bytes.subarray(0, kept)), `${kept} bytes`).toMatch(/cut off|no backup/)
  expect(await read(Buffer.concat([bytes, Buffer.from('x')]))).toContain('something follows')
})

test('what is not ours, or of a newer release, is told as such', async () => {
  expect(await read(Buffer.from('PK\u0003\u0004\n'))).toBe('this is no backup of pbx')
  expect(await read(Buffer.alloc(100_000, 'x'))).toBe('this is no backup of pbx')
  const newer = Buffer.from('{"format":"pbx-backup","version":2,"product":"9.0.0"}\n')
  expect(await read(newer)).toMatch(/^the backup is of pbx 9\.0\.0: update pbx here/)
})

test.each([
  ['a file that is not known', [{ name: '../etc/passwd', size: 1 }]],
  ['a file that is too large', [{ name: 'secret.key', size: 33 }]],
  ['no key', [{ name: 'pbx.db', size: 10 }]],
  [
    'another order',
    [
      { name: 'pbx.db', size: 10 },
      { name: 'secret.key', size: 32 },
    ],
  ],
  [
    'a size that is none',
    [
      { name: 'secret.key', size: -1 },
      { name: 'pbx.db', size: 10 },
    ],
  ],
])('a first line with %s makes no sense', async (_, files) => {
  const head = { format: 'pbx-backup', version: 1, ...MANIFEST, files }
  expect(await read(Buffer.from(`${JSON.stringify(head)}\n`))).toContain('makes no sense')
})

test('an envelope opens with its passphrase, and with no other', async () => {
  const bytes = await archive()
  const sealed = await all(sealStream(inPieces(bytes), PASSPHRASE))
  expect(isSealed(sealed)).toBe(true)
  expect(sealed.includes(DATABASE.subarray(0, 64))).toBe(false)
  expect(await open(sealed)).toBe('whole')
  expect(await open(sealed, 'correct horse battery stable')).toContain('the passphrase is not')
})

test('an envelope whose bytes are changed, cut, moved or left out is refused', async () => {
  const sealed = await all(sealStream(inPieces(await archive()), PASSPHRASE))
  const begin = sealed.indexOf('\n', sealed.indexOf('\n') + 1) + 1
  const piece = 4 + 65_536 + 16
  const changed = Buffer.from(sealed)
  changed[begin + 100] = (changed[begin + 100] ?? 0) ^ 1
  expect(await open(changed)).toContain('damaged')
  const head = sealed.subarray(0, begin)
  const second = sealed.subarray(begin + piece, begin + 2 * piece)
  expect(await open(Buffer.concat([head, second, sealed.subarray(begin + 2 * piece)]))).toContain(
    'damaged',
  )
  // At the border of a piece, where nothing but the missing last one tells.
  expect(await open(sealed.subarray(0, begin + piece))).toContain('cut off')
  expect(await open(sealed.subarray(0, begin + piece + 77))).toContain('cut off')
  expect(await open(Buffer.concat([sealed, Buffer.from('x')]))).toContain('damaged')
})

test('an envelope cannot ask for more memory than it may', async () => {
  const line =
    '{"format":"pbx-sealed-backup","version":1,"n":1073741824,"r":8,"p":1,"salt":"AAAA"}\n'
  expect(await open(Buffer.from(line))).toBe('the backup is damaged')
})
