//! The one door to cryptography in this room.

import { hash } from 'node:crypto'
import { binary, isAscii } from '../message/text.ts'

/** RFC 8760 §2.1. MD5 is for phones that know nothing else. */
export type HashName = 'MD5' | 'SHA-256' | 'SHA-512-256'

const NODE_NAMES: Readonly<Record<HashName, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
}

/** Lower-case hex of a string of bytes, or of bytes. */
export function hexHash(name: HashName, data: string | Uint8Array): string {
  // `hash` would encode a string as UTF-8, which is only the same for ASCII.
  const bytes = typeof data === 'string' && !isAscii(data) ? binary(data) : data
  return hash(NODE_NAMES[name], bytes)
}

/** `hexHash` that remembers its last text: devices of a domain all register at the same URI. */
export class LastHash {
  #name: HashName = 'MD5'
  #text: string | undefined
  #hash = ''

  of(name: HashName, text: string): string {
    if (text === this.#text && name === this.#name) return this.#hash
    this.#name = name
    this.#text = text
    this.#hash = hexHash(name, text)
    return this.#hash
  }
}

/** Equality whose duration does not tell how much of the two agrees. */
export function sameSecret(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let index = 0; index < a.length; index++)
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index)
  return difference === 0
}
