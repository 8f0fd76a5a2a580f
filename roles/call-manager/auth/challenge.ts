//! The 401 or 407 that asks for a password: RFC 3261 §22, RFC 8760 §2.

import { formatChallenge, type Algorithm } from '../../../src/sip/auth/challenge.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'

export type ChallengeOptions = {
  readonly realm: string
  readonly nonce: string
  /** Best first, a header line each (RFC 8760 §2.4). */
  readonly algorithms: readonly Algorithm[]
  readonly stale: boolean
  readonly toTag: string
}

export function challenge(request: SipRequest, options: ChallengeOptions): SipResponse {
  const { realm, nonce, algorithms, stale, toTag } = options
  const isRegister = request.method === 'REGISTER'
  const name = isRegister ? 'www-authenticate' : 'proxy-authenticate'
  const headers = algorithms.map((algorithm): readonly [string, string] => {
    const text = { realm, nonce, algorithm, qop: QOP, opaque: undefined, stale }
    return [name, formatChallenge(text)]
  })
  return reply(request, isRegister ? 401 : 407, { toTag, headers })
}

const QOP = ['auth'] as const

/** Where the answer to such a challenge is. */
export function credentialsHeader(method: string): string {
  return method === 'REGISTER' ? 'authorization' : 'proxy-authorization'
}
