//! Bytes to description: total, bounded, tolerant of what phones get wrong (bare LF, no `s=`, no
//! `t=`, no `o=`, trailing blank lines), strict where guessing would send sound astray.

import { err, ok, type Result } from '../base/result.ts'
import type { Description, MediaLine, MediaSection, SdpLine } from './description.ts'

/** What was wrong and where (0: the whole), as the rest of "the SDP …". */
export type SdpError = { readonly line: number; readonly reason: string }

const TEXT_MAX = 65_536
const LINES_MAX = 2_000
const MEDIA_MAX = 32
const FORMATS_MAX = 128

export function parseSdp(text: string): Result<Description, SdpError> {
  if (text.length > TEXT_MAX) return fail(0, `is longer than ${TEXT_MAX} bytes`)
  const rows = text.split('\n')
  if (rows.length > LINES_MAX) return fail(0, `has more than ${LINES_MAX} lines`)
  const session: SdpLine[] = []
  const media: { readonly media: MediaLine; readonly lines: SdpLine[] }[] = []
  let into = session
  for (const [index, row] of rows.entries()) {
    const raw = row.endsWith('\r') ? row.slice(0, -1) : row
    if (raw === '') continue
    // Left inside a value, they would make two lines of one for whoever reads less strictly.
    if (raw.includes('\r') || raw.includes('\0')) return fail(index + 1, 'has a bare CR or a NUL')
    if (raw[1] !== '=') return fail(index + 1, 'has a line that is not of the form x=value')
    const line = { type: raw.slice(0, 1), value: raw.slice(2) }
    if (session.length === 0 && (line.type !== 'v' || line.value.trim() !== '0'))
      return fail(index + 1, 'does not begin with v=0')
    if (line.type !== 'm') {
      into.push(line)
      continue
    }
    const read = mediaLine(line.value)
    if (typeof read === 'string') return fail(index + 1, read)
    if (media.length === MEDIA_MAX) return fail(index + 1, `has more than ${MEDIA_MAX} m= lines`)
    into = []
    media.push({ media: read, lines: into })
  }
  if (session.length === 0) return fail(0, 'is empty')
  return ok({ session, media: media satisfies MediaSection[] })
}

/** The `m=` line's value, or what is wrong with it. RFC 8866 §5.14. */
function mediaLine(value: string): MediaLine | string {
  const [kind = '', ports = '', protocol = '', ...formats] = value.trim().split(/ +/)
  if (protocol === '') return 'has an m= line without port or protocol'
  const [port = '', count] = ports.split('/')
  if (!isNumber(port, 65_535)) return 'has an m= line with an invalid port'
  if (count !== undefined && !isNumber(count, 65_535))
    return 'has an m= line with an invalid port count'
  if (formats.length === 0) return 'has an m= line without a format'
  if (formats.length > FORMATS_MAX) return `has an m= line with more than ${FORMATS_MAX} formats`
  const portCount = count === undefined ? undefined : Number(count)
  return { kind: kind.toLowerCase(), port: Number(port), portCount, protocol, formats }
}

function isNumber(text: string, max: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= max
}

function fail(line: number, reason: string): Result<never, SdpError> {
  return err({ line, reason })
}
