//! Passwords of people and tokens of programs, as hashes. Argon2id with OWASP's smallest
//! recommended cost, in PHC string form; tokens are random already, so one SHA-256 will do.

import { argon2, hash, randomBytes, timingSafeEqual } from 'node:crypto'

const MEMORY_KIB = 19_456
const PASSES = 2
const TAG_LENGTH = 32

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const cost = { memory: MEMORY_KIB, passes: PASSES, parallelism: 1 }
  const tag = await derive(password, salt, cost, TAG_LENGTH)
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${base64(salt)}$${base64(tag)}`
}

/** False for a malformed hash. For unknown names verify against a dummy, to take as long. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(stored)
  if (match === null) return false
  const [, memory, passes, parallelism, salt = '', tag = ''] = match
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  const wanted = Buffer.from(tag, 'base64')
  const got = await derive(password, Buffer.from(salt, 'base64'), cost, wanted.length)
  return timingSafeEqual(got, wanted)
}

/** A bearer or claim token of 192 random bits. */
export function newToken(): string {
  return randomBytes(24).toString('base64url')
}

export function hashToken(token: string): Uint8Array {
  return new Uint8Array(hash('sha256', token, 'buffer'))
}

type Cost = { readonly memory: number; readonly passes: number; readonly parallelism: number }

function derive(password: string, salt: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
  const parameters = { message: password, nonce: salt, tagLength, ...cost }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, tag) => {
      if (error === null) resolve(tag)
      else reject(error)
    })
  })
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
