import { assert } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import {
  notifierDeadline,
  resumeNotifier,
  startNotifier,
  stepNotifier,
  type Notifier,
  type NotifierInput,
  type NotifierStep,
} from '../../../src/sip/dialog/notifier.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { saved } from './messages.ts'

walk(new URL('./testdata/notifier', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let state: Notifier | undefined
  let lines: string[] = []

  function take({ next, outputs }: NotifierStep): void {
    for (const output of outputs) {
      if (output.kind === 'ended') lines.push(`${now}ms ended`)
      else {
        const body = output.withState ? '' : ' without body'
        lines.push(`${now}ms NOTIFY ${output.subscriptionState}${body}`)
      }
    }
    state = outputs.some(({ kind }) => kind === 'ended') ? undefined : saved(next)
  }
  function feed(input: NotifierInput): void {
    if (state === undefined) lines.push('nothing left')
    else take(stepNotifier(state, input, now))
  }
  function advance(until: Millis): void {
    for (let due = state && notifierDeadline(state); due !== undefined && due <= until;) {
      now = due
      feed({ kind: 'wake' })
      due = state && notifierDeadline(state)
      assert(due === undefined || due > now, 'the deadline fired and did not move')
    }
    now = until
  }
  function handle({ name, words, arg }: Command): void {
    switch (name) {
      case 'start': {
        const gap = millis(Number(arg('gap') ?? 0))
        const pending = arg('pending') === 'yes'
        take(startNotifier({ expires: Number(arg('expires')), pending, gap }, now))
        break
      }
      case 'refreshed':
        feed({ kind: 'refreshed', expires: Number(words[0]) })
        break
      case 'approved':
      case 'changed':
      case 'unanswered':
        feed({ kind: name })
        break
      case 'end': {
        const retryAfter = arg('retry-after')
        const more = retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }
        const reason = words[0] === 'rejected' ? 'rejected' : 'probation'
        feed({ kind: 'end', reason: words[0] === 'noresource' ? 'noresource' : reason, ...more })
        break
      }
      case 'answered': {
        const retryAfter = arg('retry-after')
        const seconds = retryAfter === undefined ? undefined : Number(retryAfter)
        feed({ kind: 'answered', status: Number(words[0]), retryAfter: seconds })
        break
      }
      case 'resume': {
        const shift = millis(Number(words[0]))
        assert(state !== undefined, 'nothing to resume')
        now = after(now, shift)
        state = resumeNotifier(state, shift, now)
        break
      }
      case 'advance':
        advance(after(now, millis(Number(words[0]))))
        break
      default:
        lines.push(`unknown command ${name}`)
    }
  }

  return (command) => {
    lines = []
    handle(command)
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }
})
