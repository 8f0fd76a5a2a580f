//! What is known of client programs: which ones only look for holes, which ones cannot read a
//! list of challenges. Pure.

import { seconds, type Millis } from '../../../src/base/time.ts'
import { Recent } from './recent.ts'

/** Parts of the User-Agent of attack tools, lower-case. They all can change it; most do not. */
const SCANNERS = [
  'friendly-scanner',
  'friendly-request',
  'sipvicious',
  'sundayddr',
  'sip-scan',
  'sipscan',
  'siparmyknife',
  'sipcli',
  'smap',
  'iwar',
  'pplsip',
  'vaxsipuseragent',
]

/**
 * Beginnings of the User-Agent, lower-case, of programs that know MD5 only and fail when another
 * algorithm is offered beside it, or before it, against RFC 3261 §22.1 and RFC 8760 §2.4.
 */
const MD5_ONLY = [
  'baresip v0.',
  'baresip v1.',
  'sipp',
  'sipsak',
  'jssip',
  'sip.js',
  'dart sip client',
]

export class UserAgents {
  readonly #scanners = new Recent<string, boolean>(1_000)

  isScanner(userAgent: string): boolean {
    const known = this.#scanners.get(userAgent)
    if (known !== undefined) return known
    const text = userAgent.toLowerCase()
    const found = SCANNERS.some((name) => text.includes(name))
    this.#scanners.set(userAgent, found)
    return found
  }
}

export type Offer = 'both' | 'md5'

/** A challenge with no answer for this long was not understood, or not wanted. */
const IGNORED_AFTER = seconds(2)
/** After this long a device gets another chance with SHA-256: it may be another one, or newer. */
const MD5_FOR = seconds(24 * 3600)

type Experience = { lastOffer: Offer; at: Millis; isMd5Only: boolean }

/**
 * Offers SHA-256 and MD5 together, and MD5 alone to those who cannot cope with that: known by name,
 * or because they came back without an answer. Keyed by whoever may have a device of its own.
 */
export class Offers {
  readonly #experiences: Recent<string, Experience>

  constructor(capacity = 50_000) {
    this.#experiences = new Recent(capacity)
  }

  next(key: string, userAgent: string, now: Millis): Offer {
    const experience = this.#experiences.get(key)
    const offer = this.#choose(experience, userAgent, now)
    const isMd5Only = offer === 'md5' && experience?.isMd5Only === true
    const at = isMd5Only ? experience.at : now
    this.#experiences.set(key, { lastOffer: offer, at, isMd5Only })
    return offer
  }

  /** The challenge was answered by this algorithm. */
  answered(key: string, algorithm: 'SHA-256' | 'MD5', now: Millis): void {
    const experience = this.#experiences.get(key)
    if (experience === undefined) return
    if (algorithm === 'MD5' && experience.lastOffer === 'md5')
      this.#experiences.set(key, { lastOffer: 'md5', at: now, isMd5Only: true })
    else this.#experiences.delete(key)
  }

  #choose(experience: Experience | undefined, userAgent: string, now: Millis): Offer {
    if (experience?.isMd5Only === true && now - experience.at < MD5_FOR) return 'md5'
    const text = userAgent.slice(0, 20).toLowerCase()
    if (MD5_ONLY.some((name) => text.startsWith(name))) return 'md5'
    if (experience === undefined || now - experience.at < IGNORED_AFTER) {
      return experience?.lastOffer ?? 'both'
    }
    return experience.lastOffer === 'both' ? 'md5' : 'both'
  }
}
