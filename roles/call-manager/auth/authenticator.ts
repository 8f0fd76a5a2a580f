//! Who sent this request? What the call manager asks before it acts on one.
//!
//!     scanner? -> which tenant? -> banned? -> credentials? -> right password? -> new nonce? -> ok
//!       drop       drop           drop     challenge    challenge, strike  challenge, stale
//!
//! A user who does not exist goes the same way as one with a wrong password, with a secret that
//! nothing matches, and gets the same answers.

import { randomBytes } from 'node:crypto'
import type { Host } from '../../../src/base/host.ts'
import { hashOf } from '../../../src/sip/auth/challenge.ts'
import {
  nonceCount,
  parseCredentials,
  type Credentials,
} from '../../../src/sip/auth/credentials.ts'
import { hashBody, verify } from '../../../src/sip/auth/digest.ts'
import { LastHash } from '../../../src/sip/auth/hash.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import { aorOf, type Directory, type Extension, type Tenant } from '../directory.ts'
import { challenge, credentialsHeader } from './challenge.ts'
import { claimOf, claimOfAor, type Claim } from './claim.ts'
import { Offers, UserAgents } from './clients.ts'
import { LockOut, type Ban, type Claimant } from './lockout.ts'
import { isMeantFor } from './meant-for.ts'
import { Nonces } from './nonces.ts'

export type Verdict =
  | { readonly kind: 'ok'; readonly extension: Extension }
  /** 401 to REGISTER, 407 to all else: answer it, and forget the request. */
  | { readonly kind: 'challenge'; readonly response: SipResponse }
  /** Known, but not allowed: answer it. */
  | { readonly kind: 'refuse'; readonly response: SipResponse }
  /** A scanner or a locked-out guesser: no answer at all. The reason is for logs and metrics. */
  | { readonly kind: 'drop'; readonly reason: DropReason }

type DropReason = 'scanner' | 'unknown-domain' | 'malformed' | Ban

export interface Authenticator {
  /**
   * For every request but ACK and CANCEL. With an AOR: only its user will do, whatever From says,
   * for in a dialog From is whatever the dialog began with.
   */
  authenticate(request: SipRequest, source: Source, aor?: string): Verdict
  /**
   * Why a request that needs no authentication (an OPTIONS ping) gets no answer; undefined when
   * it may have one. `authenticate` has asked this itself.
   */
  screen(request: SipRequest, source: Source): DropReason | undefined
  /** It carries a nonce that this source had from us of late. Says nothing about the password. */
  hasChallenged(request: SipRequest, source: Source): boolean
}

export type AuthenticatorOptions = { readonly host: Host; readonly directory: Directory }

export function createAuthenticator({ host, directory }: AuthenticatorOptions): Authenticator {
  return new DigestAuthenticator(host, directory)
}

class DigestAuthenticator implements Authenticator {
  readonly #host: Host
  readonly #directory: Directory
  readonly #nonces = new Nonces(randomBytes(16))
  readonly #lockOut = new LockOut(randomBytes(16))
  readonly #userAgents = new UserAgents()
  readonly #offers = new Offers()
  readonly #targets = new LastHash()
  /** What the passwords of strangers are compared with. */
  readonly #nobody = {
    md5: randomBytes(16).toString('hex'),
    sha256: randomBytes(32).toString('hex'),
  }

  constructor(host: Host, directory: Directory) {
    this.#host = host
    this.#directory = directory
  }

  screen(request: SipRequest, source: Source): DropReason | undefined {
    if (this.#userAgents.isScanner(userAgentOf(request))) return 'scanner'
    const aor = claimOf(request, this.#directory)?.aor ?? ''
    return this.#lockOut.ban(claimantOf(source, aor), this.#host.now())
  }

  hasChallenged(request: SipRequest, { address }: Source): boolean {
    const [text] = request.headers.all(credentialsHeader(request.method))
    const nonce = text === undefined ? undefined : parseCredentials(text)?.nonce
    return nonce !== undefined && this.#nonces.isFresh(nonce, address, this.#host.now())
  }

  authenticate(request: SipRequest, source: Source, expected?: string): Verdict {
    if (this.#userAgents.isScanner(userAgentOf(request))) return drop('scanner')
    const claim =
      expected === undefined
        ? claimOf(request, this.#directory)
        : claimOfAor(expected, this.#directory)
    if (claim === undefined) return drop('unknown-domain')
    const { tenant } = claim
    const credentials = credentialsFor(request, tenant.primaryDomain)
    // Whose password is being tried counts, not whose name stands in From.
    const aor = credentials === undefined ? claim.aor : aorFor(credentials, tenant)
    const claimant = claimantOf(source, aor)
    const ban = this.#lockOut.ban(claimant, this.#host.now())
    if (ban !== undefined) return drop(ban)
    if (credentials === undefined) return this.#challenge(request, claim, claimant, {})
    return this.#check(request, claim, claimant, credentials)
  }

  #check(request: SipRequest, claim: Claim, claimant: Claimant, credentials: Credentials): Verdict {
    const now = this.#host.now()
    const { tenant } = claim
    const { address } = claimant
    // Not a word on the password to who has not heard our challenge: a guess must cost a strike,
    // and nobody may strike in another's name.
    const nonce = this.#nonces.read(credentials.nonce, address)
    if (nonce === undefined) return this.#challenge(request, claim, claimant, { stale: true })
    // Before the password is looked at, so that this answer says nothing about it.
    if (!isMeantFor(request, credentials.uri, tenant, this.#directory))
      return this.#refuse(request, 400, 'Credentials For Another URI')
    const hash = hashOf(credentials.algorithm)
    const known = this.#directory.credentials(tenant.id, credentials.username) ?? this.#nobody
    const ha1 = hash === 'MD5' ? known.md5 : known.sha256
    const needsBody = credentials.qop === 'auth-int'
    const bodyHash = needsBody ? hashBody(credentials.algorithm, request.body) : undefined
    // SHA-512-256 is never offered, and there is no secret to compare it with.
    const isRight =
      hash !== 'SHA-512-256' &&
      verify({ method: request.method, credentials, ha1, bodyHash, targets: this.#targets })
    if (!isRight) {
      const bans = this.#lockOut.failed(claimant, now)
      this.#report(claimant, bans)
      // The last answer before silence: phones that repeat a wrong password at once, as baresip
      // does, stop at it and can tell their user why.
      if (bans.length > 0) return this.#refuse(request, 403)
      // With a new nonce many phones would try the same password again, until they are banned.
      return this.#challenge(request, claim, claimant, { nonce: credentials.nonce })
    }
    const count = credentials.nc === undefined ? undefined : nonceCount(credentials.nc)
    if (this.#nonces.use(nonce, count, now) === 'stale')
      return this.#challenge(request, claim, claimant, { stale: true })
    this.#lockOut.succeeded(claimant)
    this.#offers.answered(keyOf(claimant), hash === 'MD5' ? 'MD5' : 'SHA-256', now)
    return this.#admit(request, claim, credentials)
  }

  #admit(request: SipRequest, claim: Claim, credentials: Credentials): Verdict {
    const extension = this.#directory.extension(claim.tenant.id, credentials.username)
    const isOwn = !claim.exactly || credentials.username === claim.user
    if (extension !== undefined && isOwn) return { kind: 'ok', extension }
    // Someone else's registration (RFC 3261 §10.3 step 4) or call: the right password of the wrong
    // user.
    return this.#refuse(request, 403)
  }

  #refuse(request: SipRequest, status: number, reason?: string): Verdict {
    const options = { toTag: this.#host.random.token(10), ...(reason && { reason }) }
    return { kind: 'refuse', response: reply(request, status, options) }
  }

  #challenge(request: SipRequest, claim: Claim, claimant: Claimant, again: Again): Verdict {
    const now = this.#host.now()
    const { stale = false, nonce = this.#nonces.issue(claimant.address, now) } = again
    this.#report(claimant, this.#lockOut.challenged(claimant, now))
    const offer = this.#offers.next(keyOf(claimant), userAgentOf(request), now)
    const response = challenge(request, {
      realm: claim.tenant.primaryDomain,
      nonce,
      algorithms: offer === 'md5' ? ['MD5'] : ['SHA-256', 'MD5'],
      stale,
      toTag: this.#host.random.token(10),
    })
    return { kind: 'challenge', response }
  }

  #report({ address, aor }: Claimant, bans: readonly Ban[]): void {
    for (const ban of bans) this.#host.log('warn', 'source.banned', { address, aor, ban })
  }
}

/** What a second challenge says about the answer to the first. */
type Again = { readonly stale?: true; readonly nonce?: string }

function claimantOf({ address, port, transport }: Source, aor: string): Claimant {
  return { address, port, isForgeable: transport === 'udp', aor }
}

function drop(reason: DropReason): Verdict {
  return { kind: 'drop', reason }
}

function userAgentOf(request: SipRequest): string {
  return request.headers.get('user-agent') ?? ''
}

/** Of several, the one for our realm: a request may carry those for proxies further on. */
function credentialsFor(request: SipRequest, realm: string): Credentials | undefined {
  for (const text of request.headers.all(credentialsHeader(request.method))) {
    const credentials = parseCredentials(text)
    if (credentials?.realm === realm && !credentials.userhash) return credentials
  }
  return undefined
}

function aorFor({ username }: Credentials, tenant: Tenant): string {
  return aorOf(username, tenant.primaryDomain)
}

function keyOf({ address, aor }: Claimant): string {
  return `${address} ${aor}`
}
