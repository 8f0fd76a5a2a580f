//! Short tokens that only we can make, read or link to each other: 96 bits of content and 32 that
//! must be zero, as one AES block. Used for the user part of temporary GRUUs.

import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Three unsigned 32-bit numbers. */
export type TokenContent = readonly [number, number, number]

/** 128 bits in base64url. */
const TOKEN_LENGTH = 22

export class BlockTokens {
  // Kept for ever: one block in, one block out. Equal contents would give equal tokens, so callers
  // put a counter in.
  readonly #cipher
  readonly #decipher
  readonly #block = Buffer.alloc(16)

  /** A key of 16 bytes, used for nothing else. */
  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    this.#decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  }

  encode([a, b, c]: TokenContent): string {
    this.#block.writeUInt32BE(a, 0)
    this.#block.writeUInt32BE(b, 4)
    this.#block.writeUInt32BE(c, 8)
    this.#block.writeUInt32BE(0, 12)
    return this.#cipher.update(this.#block).toString('base64url')
  }

  /** Undefined for what is not a token of ours. */
  decode(token: string): TokenContent | undefined {
    if (token.length !== TOKEN_LENGTH) return undefined
    const block = Buffer.from(token, 'base64url')
    if (block.length !== 16) return undefined
    const plain = this.#decipher.update(block)
    if (plain.readUInt32BE(12) !== 0) return undefined
    return [plain.readUInt32BE(0), plain.readUInt32BE(4), plain.readUInt32BE(8)]
  }
}
