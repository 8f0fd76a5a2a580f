//! An envelope for a backup: a passphrase by scrypt (RFC 7914) gives the keys, AES-256-GCM seals
//! 64 KiB at a time. The nonce is the piece's number and whether it is the last one, so that none
//! can be left out, moved, or cut off; the first line is bound to each.
//!
//!     {"format":"pbx-sealed-backup","version":1,"n":131072,"r":8,"p":1,"salt":"…"}
//!     <hex HMAC-SHA256 of that line: tells a wrong passphrase from a damaged file>
//!     <4 bytes of length, that many sealed bytes> …

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { BackupFault } from './errors.ts'
import { Source } from './source.ts'

const FORMAT = 'pbx-sealed-backup'
const VERSION = 1
const PIECE = 64 * 1024
const TAG = 16
const LINE_MAX = 1024
/** 128 MiB and some 0.4 s. */
const COST = { n: 2 ** 17, r: 8, p: 1 }
/** What somebody else's file may ask of this machine. */
const COST_MAX = { n: 2 ** 20, r: 8, p: 4 }

/** Whether the first line of a file is that of an envelope. */
export function isSealed(line: Uint8Array): boolean {
  return Buffer.from(line).toString('latin1').startsWith(`{"format":"${FORMAT}"`)
}

export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  passphrase: string,
): AsyncGenerator<Uint8Array, void> {
  const salt = randomBytes(16)
  const settings = { format: FORMAT, version: VERSION, ...COST, salt: salt.toString('base64') }
  const line = Buffer.from(`${JSON.stringify(settings)}\n`)
  const keys = await keysOf(passphrase, salt, COST)
  yield line
  yield Buffer.from(`${checkOf(keys, line).toString('hex')}\n`)
  const source = new Source(plain)
  let piece = await source.exactly(PIECE)
  for (let number = 0; ; number++) {
    const next = piece.length < PIECE ? NOTHING : await source.exactly(PIECE)
    const isLast = next.length === 0
    yield sealPiece(keys, line, nonceOf(number, isLast), piece)
    if (isLast) return
    piece = next
  }
}

/** Throws `BackupFault`. `source` is at the first line. */
export async function* openStream(
  source: Source,
  passphrase: string,
): AsyncGenerator<Uint8Array, void> {
  const line = await source.line(LINE_MAX)
  const { salt, ...cost } = settingsOf(line)
  const keys = await keysOf(passphrase, salt, cost)
  const check = Buffer.from(await source.exactly(65)).toString('latin1')
  const wanted = Buffer.from(`${checkOf(keys, line ?? NOTHING).toString('hex')}\n`)
  const given = Buffer.from(check.padEnd(wanted.length), 'latin1')
  if (!timingSafeEqual(wanted, given))
    throw new BackupFault('locked', 'the passphrase is not the one that the backup was made with')
  for (let number = 0; ; number++) {
    const head = Buffer.from(await source.exactly(4))
    if (head.length < 4) throw cutOff()
    const length = head.readUInt32BE()
    if (length < TAG || length > PIECE + TAG) throw damaged()
    const sealed = await source.exactly(length)
    if (sealed.length < length) throw cutOff()
    const middle = openPiece(keys, line ?? NOTHING, nonceOf(number, false), sealed)
    const plain = middle ?? openPiece(keys, line ?? NOTHING, nonceOf(number, true), sealed)
    if (plain === undefined) throw damaged()
    if (plain.length > 0) yield plain
    if (middle !== undefined) continue
    if ((await source.some(1)).length > 0) throw damaged()
    return
  }
}

const NOTHING = new Uint8Array(0)

type Cost = typeof COST
type Keys = { readonly seal: Buffer; readonly check: Buffer }

function keysOf(passphrase: string, salt: Uint8Array, { n, r, p }: Cost): Promise<Keys> {
  const options = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 64, options, (error, key) => {
      if (error === null) resolve({ seal: key.subarray(0, 32), check: key.subarray(32) })
      else reject(error)
    })
  })
}

function checkOf({ check }: Keys, line: Uint8Array): Buffer {
  return createHmac('sha256', check).update(line).digest()
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(number, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

function sealPiece(keys: Keys, line: Uint8Array, nonce: Buffer, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', keys.seal, nonce).setAAD(line)
  const body = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

function openPiece(
  keys: Keys,
  line: Uint8Array,
  nonce: Buffer,
  sealed: Uint8Array,
): Buffer | undefined {
  const end = sealed.length - TAG
  const cipher = createDecipheriv('aes-256-gcm', keys.seal, nonce, { authTagLength: TAG })
  cipher.setAAD(line)
  cipher.setAuthTag(sealed.subarray(end))
  const plain = cipher.update(sealed.subarray(0, end))
  try {
    cipher.final()
  } catch {
    return undefined // the tag does not fit: all that `final` can complain of here
  }
  return plain
}

function settingsOf(line: Uint8Array | undefined): Cost & { readonly salt: Buffer } {
  if (line === undefined || !isSealed(line)) throw damaged()
  const { version, n, r, p, salt } = parse(Buffer.from(line).toString('utf8'))
  if (version !== VERSION) {
    const mend = `update pbx here (envelope ${String(version)}, known ${VERSION})`
    throw new BackupFault('not-known', `the backup was encrypted by a newer release: ${mend}`)
  }
  const within = (value: unknown, most: number): value is number =>
    Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most
  const isPower = within(n, COST_MAX.n) && n > 1 && Number.isInteger(Math.log2(n))
  if (!isPower || !within(r, COST_MAX.r) || !within(p, COST_MAX.p)) throw damaged()
  if (typeof salt !== 'string') throw damaged()
  return { n, r, p, salt: Buffer.from(salt, 'base64') }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    throw damaged()
  }
}

function damaged(): BackupFault {
  return new BackupFault('damaged', 'the backup is damaged')
}

function cutOff(): BackupFault {
  return new BackupFault('damaged', 'the backup is cut off: its end is missing')
}
