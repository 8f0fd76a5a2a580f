//! SIP passwords at rest: H(user:realm:password) by MD5 and by SHA-256, sealed as one secret. The
//! password itself is kept nowhere.

import { hash } from 'node:crypto'
import type { Vault } from './vault.ts'

/** Lower-case hex, as digests are computed from it (RFC 7616 §3.4.2). */
export type OpenedCredentials = { readonly md5: string; readonly sha256: string }

export type Owner = { readonly tenant: string; readonly user: string }

const MD5_LENGTH = 16
const SHA256_LENGTH = 32

export function sealPassword(
  vault: Vault,
  owner: Owner,
  realm: string,
  password: string,
): Uint8Array {
  const text = `${owner.user}:${realm}:${password}`
  const plain = new Uint8Array(MD5_LENGTH + SHA256_LENGTH)
  plain.set(hash('md5', text, 'buffer'))
  plain.set(hash('sha256', text, 'buffer'), MD5_LENGTH)
  return vault.seal(contextOf(owner), plain)
}

/** Undefined when the secret is not this owner's, or was sealed with another key. */
export function openCredentials(
  vault: Vault,
  owner: Owner,
  sealed: Uint8Array,
): OpenedCredentials | undefined {
  const plain = vault.open(contextOf(owner), sealed)
  if (plain === undefined || plain.length !== MD5_LENGTH + SHA256_LENGTH) return undefined
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length)
  return { md5: bytes.toString('hex', 0, MD5_LENGTH), sha256: bytes.toString('hex', MD5_LENGTH) }
}

/** The same under another key; undefined when it cannot be opened with `from`. */
export function reseal(
  { from, to }: { readonly from: Vault; readonly to: Vault },
  owner: Owner,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const plain = from.open(contextOf(owner), sealed)
  return plain && to.seal(contextOf(owner), plain)
}

function contextOf({ tenant, user }: Owner): string {
  return `credentials ${tenant} ${user}`
}
