import { assert } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import {
  judgeSessionTimer,
  policyAfter422,
  retryRefresh,
  sessionTimerDeadline,
  sessionTimerFrom2xx,
  sessionTimerOffer,
  startSessionTimer,
  wakeSessionTimer,
  type HeaderFields,
  type SessionTerms,
  type SessionTimer,
  type SessionTimerPolicy,
} from '../../../src/sip/dialog/session-timer.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { requestFrom, responseFrom, saved } from './messages.ts'

walk(new URL('./testdata/session-timer', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let policy: SessionTimerPolicy = { interval: 1800, minSe: 90, prefer: 'remote', insist: false }
  let terms: SessionTerms | undefined
  let timer: SessionTimer | undefined

  const run = (next: SessionTerms | undefined): string => {
    terms = saved(next)
    timer = terms && saved(startSessionTimer(terms, now))
    if (timer === undefined) return 'no timer'
    return `${now}ms ${timer.interval}s min ${timer.minSe}s by ${timer.refresher}`
  }
  const advance = (until: Millis): string => {
    const lines: string[] = []
    while (timer !== undefined && sessionTimerDeadline(timer) <= until) {
      const due: Millis = sessionTimerDeadline(timer)
      now = due
      const { next, output } = wakeSessionTimer(timer, now)
      lines.push(`${now}ms ${output?.kind ?? 'nothing'}`)
      timer = saved(next)
      assert(timer === undefined || sessionTimerDeadline(timer) > now, 'the deadline did not move')
    }
    now = until
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }

  const commands: Record<string, (command: Command) => string> = {
    policy({ arg }) {
      policy = {
        interval: Number(arg('interval') ?? 1800),
        minSe: Number(arg('min-se') ?? 90),
        prefer: arg('prefer') === 'local' ? 'local' : 'remote',
        insist: arg('insist') === 'yes',
      }
      terms = undefined
      timer = undefined
      return 'ok'
    },
    offer: () => fields(sessionTimerOffer(policy, terms)),
    judge({ body }) {
      const request = requestFrom(['INVITE sip:b SIP/2.0', ...body])
      const verdict = judgeSessionTimer(policy, request, terms)
      if (verdict.kind === 'none') return 'none'
      if (verdict.kind === 'too-small') return `422\n${fields(verdict.headers)}`
      return `${fields(verdict.headers)}\n${run(verdict.terms)}`
    },
    /** The request's headers, a line `=`, the headers of its 2xx. */
    answered({ body }) {
      const cut = body.indexOf('=')
      const request = requestFrom(['INVITE sip:b SIP/2.0', ...body.slice(0, cut)])
      const response = responseFrom(['SIP/2.0 200 OK', ...body.slice(cut + 1)])
      return run(sessionTimerFrom2xx(policy, request, response))
    },
    refused({ body }) {
      const response = responseFrom(['SIP/2.0 422 Session Interval Too Small', ...body])
      const next = policyAfter422(policy, response)
      if (next === undefined) return 'give up'
      policy = saved(next)
      return fields(sessionTimerOffer(policy, terms))
    },
    refreshed: () => run(terms),
    retry({ words }) {
      assert(timer !== undefined, 'no timer runs')
      timer = saved(retryRefresh(timer, after(now, millis(Number(words[0])))))
      return 'ok'
    },
    advance: ({ words }) => advance(after(now, millis(Number(words[0])))),
  }
  return (command) => commands[command.name]?.(command) ?? `unknown command ${command.name}`
})

function fields(headers: HeaderFields): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join('\n')
}
