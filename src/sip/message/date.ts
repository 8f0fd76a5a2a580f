//! SIP-date: RFC 3261 §20.17, always GMT.

import { wallTime, type WallTime } from '../../base/time.ts'
import { decimal } from './chars.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `Sat, 13 Nov 2010 23:29:00 GMT`; undefined for any other zone or form. */
export function parseSipDate(text: string): WallTime | undefined {
  if (text.length !== 29 || !text.endsWith(' GMT')) return undefined
  if (!DAYS.includes(text.slice(0, 3)) || text.slice(3, 5) !== ', ') return undefined
  const month = MONTHS.indexOf(text.slice(8, 11))
  const day = decimal(text, 5, 7)
  const year = decimal(text, 12, 16)
  const hour = decimal(text, 17, 19)
  const minute = decimal(text, 20, 22)
  const second = decimal(text, 23, 25)
  if (text.charAt(19) !== ':' || text.charAt(22) !== ':' || month === -1) return undefined
  if (day === undefined || year === undefined) return undefined
  if (hour === undefined || minute === undefined || second === undefined) return undefined
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined
  return wallTime(Date.UTC(year, month, day, hour, minute, second))
}

export function formatSipDate(at: WallTime): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())}`
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':')
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  return `${day} ${MONTHS[date.getUTCMonth()]} ${year} ${time} GMT`
}
