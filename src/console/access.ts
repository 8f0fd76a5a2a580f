//! Who asks: a program with a bearer token, or a person with a session. Tries are counted by
//! source, so that neither a token nor a password can be guessed.

import { randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Host } from '../base/host.ts'
import { after, type Millis, millis } from '../base/time.ts'
import { cookie, requireSameOrigin } from '../http/form.ts'
import { RateLimit } from '../base/rate-limit.ts'
import { sameSecret } from '../http/secrets.ts'
import { HttpRefusal } from '../http/server.ts'
import { hashToken, verifyPassword } from '../store/password.ts'
import { accountByName, apiTokenByHash } from '../store/schema/account.ts'
import type { Store } from '../store/store.ts'

export type Principal = { readonly name: string }

export const SESSION_COOKIE = 'pbx_session'
const SESSION_IDLE = millis(30 * 60_000)
const SESSION_MAX = millis(12 * 3_600_000)
const SESSIONS_MAX = 1_000
/** Verifies against it when the name is unknown, so that both cases take the same time. */
const NOBODY = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

type Session = { readonly name: string; readonly endsAt: Millis; idleAt: Millis }

export class Access {
  readonly #host: Host
  readonly #store: Store
  readonly #localToken: string
  /** Ten wrong tries at once, then six a minute. */
  readonly #failures = new RateLimit(10, 6)
  readonly #sessions = new Map<string, Session>()

  constructor(host: Host, store: Store, localToken: string) {
    this.#host = host
    this.#store = store
    this.#localToken = localToken
  }

  /** Who may do everything there is in this version: a system administrator, or the local CLI. */
  requireAdministrator(request: FastifyRequest): Principal {
    // Tokens and session ids are random enough not to be guessed, so a right one always gets in,
    // whatever others at the same address try.
    const { authorization } = request.headers
    const principal =
      authorization === undefined ? this.session(request) : this.#bearer(authorization)
    if (principal !== undefined) {
      const reads = request.method === 'GET' || request.method === 'HEAD'
      if (authorization === undefined && !reads) requireSameOrigin(request)
      return principal
    }
    this.refuseFlood(request)
    if (authorization !== undefined) this.countFailure(request, 'token')
    throw new HttpRefusal(401, 'sign in, or send a valid API token as Authorization: Bearer')
  }

  /** The person whose browser this is. */
  session(request: FastifyRequest): Principal | undefined {
    const id = cookie(request, SESSION_COOKIE)
    const session = id === undefined ? undefined : this.#sessions.get(id)
    if (id === undefined || session === undefined) return undefined
    const now = this.#host.now()
    if (now >= session.idleAt || now >= session.endsAt) {
      this.#sessions.delete(id)
      return undefined
    }
    session.idleAt = after(now, SESSION_IDLE)
    return { name: session.name }
  }

  /** A new session's id, or undefined when name and password do not fit. */
  async signIn(
    request: FastifyRequest,
    name: string,
    password: string,
  ): Promise<string | undefined> {
    this.refuseFlood(request)
    // Counted before it is judged: as many as came meanwhile would be judged otherwise.
    this.#failures.take(request.ip, this.#host.now())
    const account = this.#store.read((db) => accountByName(db, name))
    const fits = await verifyPassword(password, account?.passwordHash ?? NOBODY)
    // It may be another's name by now: a restore, or a new password.
    const since = this.#store.read((db) => accountByName(db, name))
    const isSame = since?.passwordHash === account?.passwordHash
    if (account?.role !== 'system-administrator' || !fits || !isSame) {
      this.#logRefusal(request, 'password')
      return undefined
    }
    this.#failures.giveBack(request.ip, this.#host.now())
    return this.openSession(name)
  }

  openSession(name: string): string {
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest)
    const now = this.#host.now()
    const id = randomBytes(24).toString('base64url')
    const session = { name, endsAt: after(now, SESSION_MAX), idleAt: after(now, SESSION_IDLE) }
    this.#sessions.set(id, session)
    return id
  }

  signOut(request: FastifyRequest): void {
    this.#sessions.delete(cookie(request, SESSION_COOKIE) ?? '')
  }

  /** The accounts are others now. */
  signEverybodyOut(): void {
    this.#sessions.clear()
  }

  refuseFlood(request: FastifyRequest): void {
    const wait = this.#failures.wait(request.ip, this.#host.now())
    if (wait === 0) return
    throw new HttpRefusal(429, `too many wrong tries; wait ${wait} seconds`, wait)
  }

  countFailure(request: FastifyRequest, what: 'token' | 'claim'): void {
    this.#failures.take(request.ip, this.#host.now())
    this.#logRefusal(request, what)
  }

  #logRefusal(request: FastifyRequest, what: 'token' | 'password' | 'claim'): void {
    this.#host.log('warn', 'access.refused', { source: request.ip, what })
  }

  #bearer(authorization: string): Principal | undefined {
    const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization)?.[1]
    if (token === undefined) return undefined
    if (sameSecret(token, this.#localToken)) return { name: 'local' }
    const found = this.#store.read((db) => apiTokenByHash(db, hashToken(token)))
    if (found?.role !== 'system-administrator') return undefined
    const expired = found.expiresAt !== undefined && found.expiresAt <= this.#host.wall()
    return expired ? undefined : { name: found.label }
  }
}
