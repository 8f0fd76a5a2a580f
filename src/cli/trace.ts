//! A call's ladder for the terminal.

import { wallTime } from '../base/time.ts'
import type { Trace } from '../console/api/shapes.ts'
import { renderLadder, renderMessages } from '../observe/ladder-text.ts'

export function traceText(trace: Trace, whole: boolean): string {
  const messages = trace.messages.map((each) => ({ ...each, at: wallTime(Date.parse(each.at)) }))
  const text = whole ? renderMessages(messages, clockOf) : renderLadder(messages, clockOf)
  // What others sent must not steer the terminal.
  return text.replaceAll(/[^\P{Cc}\n]/gu, '?')
}

/** `19:07:03.123`, in the reader's time zone. */
function clockOf(at: number): string {
  const time = new Date(at)
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()]
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return `${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`
}
