//! What RFC 3264 and RFC 8866 owe every leg, checked on each text it is told.

import { expect } from 'vitest'
import type { MediaId } from '../../src/control/media-control.ts'
import { parseSdp } from '../../src/sdp/parse.ts'

type Line = { readonly kind: string; readonly port: number; readonly protocol: string }
type Told = { readonly text: string; readonly session: string; readonly version: number }

export class LegDuties {
  readonly #told = new Map<MediaId, Told>()

  /** An answer has the offer's lines, each of its kind, and takes up none that was refused. */
  answeredHere(media: MediaId, offer: string, text: string): void {
    this.told(media, text)
    const asked = linesOf(offer)
    const given = linesOf(text)
    expect(given.map(({ kind }) => kind)).toEqual(asked.map(({ kind }) => kind))
    given.forEach(({ port }, index) => {
      if (asked[index]?.port === 0) expect(port).toBe(0)
    })
  }

  /** One session id for life; a version that counts changes; even ports. */
  told(leg: MediaId, text: string): void {
    const [, session = '', version = ''] =
      /^o=- (\d+) (\d+) IN IP4 10\.0\.0\.5\r$/m.exec(text) ?? []
    const told = { text, session, version: Number(version) }
    const before = this.#told.get(leg)
    if (before !== undefined) {
      expect(told.session).toBe(before.session)
      const changed = withoutOrigin(text) !== withoutOrigin(before.text)
      expect(told.version).toBe(before.version + (changed ? 1 : 0))
    } else expect(told.version).toBe(1)
    for (const { port } of linesOf(text)) expect(port % 2).toBe(0)
    this.#told.set(leg, told)
    expect(text).not.toMatch(/m=\S+ [1-9]\d* RTP\/SAVP/)
  }

  gone(leg: MediaId): void {
    this.#told.delete(leg)
  }

  /** Our RTP ports that legs have been told last. */
  ports(): readonly number[] {
    const texts = [...this.#told.values()].map(({ text }) => text)
    return texts.flatMap((text) => linesOf(text).map(({ port }) => port)).filter((port) => port > 0)
  }
}

function linesOf(text: string): readonly Line[] {
  const parsed = parseSdp(text)
  if (!parsed.ok) throw new Error(`unreadable: ${text}`)
  return parsed.value.media.map(({ media }) => media)
}

function withoutOrigin(text: string): string {
  return text.replace(/^o=.*\r\n/m, '')
}
