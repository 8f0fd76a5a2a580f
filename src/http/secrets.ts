//! The token in DATA/api.token that lets the CLI on this machine in, and comparing secrets.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const TOKEN_FILE = 'api.token'

/** Reads the token, or makes one that only its owner can read. */
export function localToken(data: string): string {
  const file = join(data, TOKEN_FILE)
  if (existsSync(file)) {
    const kept = readFileSync(file, 'utf8').trim()
    chmodSync(file, 0o600)
    if (kept.length >= 32) return kept
  }
  // Not base64url: who types it after --token would now and then type an option.
  const token = randomBytes(24).toString('hex')
  writeFileSync(file, `${token}\n`, { mode: 0o600 })
  return token
}

/** In time that tells nothing of where they differ, or of their lengths. */
export function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'))
}
