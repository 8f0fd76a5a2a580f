//! A call's messages as a ladder that a person can read, one line a message. Pure.
//!
//!     12:00:00.000   udp 192.0.2.7:5060           pbx            udp 192.0.2.8:5060
//!     12:00:00.000           |--- INVITE 1002 (sdp) -->|                    |
//!     12:00:00.004           |                         |--- INVITE (sdp) -->|

import type { Recorded } from './ladder-recorder.ts'

const PBX = 'pbx'
const WIDTH_MIN = 34

/** `times`: renders a wall time, so that the zone is the reader's choice. */
export function renderLadder(
  messages: readonly Recorded[],
  times: (at: Recorded['at']) => string,
): string {
  if (messages.length === 0) return 'no messages are held\n'
  const columns = columnsOf(messages)
  const labels = messages.map(({ text }) => summary(text))
  const widest = Math.max(
    ...labels.map((label) => label.length + 10),
    ...columns.map((c) => c.length + 4),
  )
  const width = Math.max(WIDTH_MIN, widest)
  const margin = ' '.repeat(times(messages[0]?.at ?? (0 as Recorded['at'])).length)
  const lines = [`${margin} ${columns.map((name) => centred(name, width)).join('')}`]
  messages.forEach((message, index) => {
    const row = arrow(columns, message, labels[index] ?? '', width)
    lines.push(`${times(message.at)} ${row}`)
  })
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

/** Whole messages, for reading what a ladder only names; passwords' digests are masked. */
export function renderMessages(
  messages: readonly Recorded[],
  times: (at: Recorded['at']) => string,
): string {
  const head = ({ at, direction, peer }: Recorded): string =>
    `---- ${times(at)} ${direction === 'in' ? 'from' : 'to'} ${peer}`
  const body = (text: string): string => masked(text).replaceAll('\r\n', '\n').trimEnd()
  return messages.map((each) => `${head(each)}\n${body(each.text)}\n`).join('\n')
}

const CREDENTIALS = /^((?:Proxy-)?Authorization[ \t]*:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim
const PROOF = /\b(response|nonce|cnonce|opaque)([ \t]*=[ \t]*)("[^"]*"|[^,\s]+)/gi

/** The message without what would help to guess a password or to replay a proof of it. */
export function masked(text: string): string {
  const end = text.search(/\r?\n\r?\n/)
  const head = end === -1 ? text : text.slice(0, end)
  const hidden = head.replace(CREDENTIALS, (_, name: string, value: string) =>
    /^[ \t]*Digest\b/i.test(value) ? `${name}${value.replace(PROOF, '$1$2"***"')}` : `${name} ***`,
  )
  return hidden + text.slice(head.length)
}

/** Peers in order of appearance, with us after the first: who calls stands on the left. */
function columnsOf(messages: readonly Recorded[]): readonly string[] {
  const [first = '', ...others] = new Set(messages.map(({ peer }) => peer))
  return [first, PBX, ...others]
}

function arrow(
  columns: readonly string[],
  { peer, direction }: Recorded,
  label: string,
  width: number,
): string {
  const us = columns.indexOf(PBX)
  const them = columns.indexOf(peer)
  const [left, right] = us < them ? [us, them] : [them, us]
  const rightward = (direction === 'in') === them < us
  const centre = (column: number): number => column * width + Math.floor(width / 2)
  const length = centre(right) - centre(left) - 1
  const shaft = centred(` ${label} `, length - 2, '-')
  const drawn = rightward ? `-${shaft}>` : `<${shaft}-`
  let row = ''
  for (let column = 0; column < columns.length; column++) {
    if (column > left && column < right) continue
    row = row.padEnd(centre(column)) + '|'
    if (column === left) row += drawn
  }
  return row
}

function centred(text: string, width: number, fill = ' '): string {
  const before = Math.max(0, Math.floor((width - text.length) / 2))
  return (fill.repeat(before) + text).padEnd(width, fill)
}

/** `INVITE sip:1002@example.com (sdp)`, `200 OK INVITE (sdp)`. */
function summary(text: string): string {
  const [first = ''] = text.split(/\r?\n/, 1)
  const sdp = /^(content-type|c)[ \t]*:[ \t]*application\/sdp\b/im.test(text) ? ' (sdp)' : ''
  const [, status, reason = ''] = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first) ?? []
  if (status === undefined) return `${shortened(first.replace(/ SIP\/2\.0$/, ''))}${sdp}`
  const method = /^cseq[ \t]*:[ \t]*\d+[ \t]+(\S+)/im.exec(text)?.[1] ?? ''
  return `${status} ${reason} ${method}${sdp}`.replaceAll(/ +/g, ' ')
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 38)}..` : text
}
