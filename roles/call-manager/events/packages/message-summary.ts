//! The package `message-summary`, RFC 3842: the lamp that says messages wait. Pure. The counts are
//! the store's, unless somebody publishes others: the newest publication holds while it lives.

import { millis } from '../../../../src/base/time.ts'
import type { MessageCounts } from '../../../../src/store/schema/message-waiting.ts'
import type { EventPackage } from './package.ts'

export const messageSummaryPackage: EventPackage = {
  name: 'message-summary',
  contentType: 'application/simple-message-summary',
  gap: millis(1_000),
  watchers: 'own',
  accepts: (body) => readSummary(body) !== undefined,
  bodyMax: 2_048,
  compose(uri, { mailbox, publications }) {
    const [newest] = publications()
    const published = newest === undefined ? undefined : readSummary(newest)
    return writeSummary(uri, published ?? summaryOf(mailbox()))
  },
}

type Summary = {
  readonly waiting: boolean
  /** Lines like `Voice-Message: 2/8 (0/2)`. */
  readonly counts: readonly string[]
}

/** RFC 3842 §5.2; other lines (To, Subject … of single messages) are left out. */
function readSummary(body: string): Summary | undefined {
  const [first = '', ...lines] = body.split(/\r?\n/)
  const status = /^Messages-Waiting[ \t]*:[ \t]*(yes|no)[ \t]*$/i.exec(first)?.[1]
  if (status === undefined) return undefined
  const counts: string[] = []
  for (const line of lines) {
    const match = COUNT.exec(line)
    if (match === null) continue
    const [, name = '', unheard = '', heard = '', urgent = '0/0'] = match
    const known = CLASSES.find((each) => each.toLowerCase() === name.toLowerCase())
    if (known === undefined || counts.some((each) => each.startsWith(known))) continue
    counts.push(`${known}: ${unheard}/${heard} (${urgent.replaceAll(/[ \t]/g, '')})`)
  }
  return { waiting: status.toLowerCase() === 'yes', counts }
}

const CLASSES = [
  'Voice-Message',
  'Video-Message',
  'Fax-Message',
  'Pager-Message',
  'Multimedia-Message',
  'Text-Message',
  'None',
]
const NUMBERS = String.raw`(\d{1,9})[ \t]*/[ \t]*(\d{1,9})`
const URGENT = String.raw`\([ \t]*(\d{1,9}[ \t]*/[ \t]*\d{1,9})[ \t]*\)`
const COUNT = new RegExp(
  String.raw`^([A-Za-z-]{4,20})[ \t]*:[ \t]*${NUMBERS}[ \t]*(?:${URGENT})?[ \t]*$`,
)

function writeSummary(uri: string, { waiting, counts }: Summary): string {
  const status = `Messages-Waiting: ${waiting ? 'yes' : 'no'}`
  return `${[status, `Message-Account: ${uri}`, ...counts].join('\r\n')}\r\n`
}

function summaryOf({ unheard, heard, urgentUnheard, urgentHeard }: MessageCounts): Summary {
  const voice = `Voice-Message: ${unheard}/${heard} (${urgentUnheard}/${urgentHeard})`
  return { waiting: unheard > 0, counts: [voice] }
}
