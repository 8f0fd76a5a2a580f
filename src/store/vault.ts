//! The data key of this installation, and what is encrypted with it. AES-256-GCM; the key lives
//! in `DATA/secret.key`, readable by its owner only, and is made at the first start.

import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  randomFillSync,
} from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { faultOf, StoreFault } from './errors.ts'

const FILE = 'secret.key'
const KEY_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
const FORMAT = 1

export class Vault {
  readonly #key: Uint8Array
  readonly #nonces = new Nonces()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** Encrypts; `context` says whose secret it is, and must be the same to open it. */
  seal(context: string, plain: Uint8Array): Uint8Array {
    const nonce = this.#nonces.next()
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(Buffer.from(context))
    const body = cipher.update(plain)
    cipher.final()
    const sealed = new Uint8Array(1 + NONCE_LENGTH + body.length + TAG_LENGTH)
    sealed[0] = FORMAT
    sealed.set(nonce, 1)
    sealed.set(body, 1 + NONCE_LENGTH)
    sealed.set(cipher.getAuthTag(), 1 + NONCE_LENGTH + body.length)
    return sealed
  }

  /** Undefined when it was sealed with another key, for another context, or is damaged. */
  open(context: string, sealed: Uint8Array): Uint8Array | undefined {
    const bodyEnd = sealed.length - TAG_LENGTH
    if (sealed[0] !== FORMAT || bodyEnd < 1 + NONCE_LENGTH) return undefined
    const nonce = sealed.subarray(1, 1 + NONCE_LENGTH)
    const cipher = createDecipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(Buffer.from(context))
    cipher.setAuthTag(sealed.subarray(bodyEnd))
    const plain = cipher.update(sealed.subarray(1 + NONCE_LENGTH, bodyEnd))
    try {
      cipher.final()
    } catch {
      // The tag does not match: the only thing `final` can complain of here.
      return undefined
    }
    return plain
  }

  /** A key for one purpose, 32 bytes; the same at every start, useless for any other purpose. */
  derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#key, '', `pbx ${purpose}`, KEY_LENGTH))
  }
}

/** Random values by the thousand: a call of the generator costs more than the cipher. */
class Nonces {
  readonly #pool = new Uint8Array(NONCE_LENGTH * 1024)
  #at = this.#pool.length

  next(): Uint8Array {
    if (this.#at === this.#pool.length) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    this.#at += NONCE_LENGTH
    return this.#pool.slice(this.#at - NONCE_LENGTH, this.#at)
  }
}

/** Opens the installation's vault; makes its key when there is none. Under the directory's lock. */
export function openVault(directory: string): Vault {
  const file = join(directory, FILE)
  try {
    return new Vault(readKey(file) ?? makeKey(directory, file))
  } catch (error) {
    throw faultOf(error, file)
  }
}

/** That of an installation that runs: a key that is gone is not made anew. */
export function readVault(directory: string): Vault {
  const file = join(directory, FILE)
  try {
    const key = readKey(file)
    if (key !== undefined) return new Vault(key)
    throw new StoreFault('key-unusable', `${file} is missing: restore it from a backup`)
  } catch (error) {
    throw faultOf(error, file)
  }
}

function readKey(file: string): Uint8Array | undefined {
  const descriptor = openIfThere(file)
  if (descriptor === undefined) return undefined
  try {
    if ((fstatSync(descriptor).mode & 0o077) !== 0)
      throw new StoreFault('key-unusable', `others may read ${file}: run chmod 600 ${file}`)
    const key = readFileSync(descriptor)
    if (key.length === KEY_LENGTH) return new Uint8Array(key)
    const mend = 'restore it from a backup, or, where there is no database yet, remove it'
    const message = `${file} holds ${key.length} bytes, not ${KEY_LENGTH}: ${mend}`
    throw new StoreFault('key-unusable', message)
  } finally {
    closeSync(descriptor)
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Under its name only when it is whole and on disk: an empty one would be taken for a lost one. */
function makeKey(directory: string, file: string): Uint8Array {
  const key = new Uint8Array(randomBytes(KEY_LENGTH))
  const fresh = `${file}.new`
  // Of a start that was broken off.
  rmSync(fresh, { force: true })
  writeFileSync(fresh, key, { flag: 'wx', mode: 0o600, flush: true })
  renameSync(fresh, file)
  const folder = openSync(directory, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
  return key
}
