import { assert } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import {
  resumeSubscriber,
  startSubscriber,
  stepSubscriber,
  subscriberDeadline,
  type Subscriber,
  type SubscriberInput,
  type SubscriberStep,
} from '../../../src/sip/dialog/subscriber.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { saved } from './messages.ts'

walk(new URL('./testdata/subscriber', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let state: Subscriber | undefined
  let lines: string[] = []

  function take({ next, outputs }: SubscriberStep): void {
    for (const output of outputs) {
      if (output.kind === 'subscribe') lines.push(`${now}ms SUBSCRIBE ${output.expires}`)
      else lines.push(`${now}ms ended ${output.reason}, again ${output.tryAgainAfter ?? 'never'}`)
    }
    if (state?.state !== next.state) lines.push(`${now}ms [${next.state}]`)
    state = saved(next)
  }
  function feed(input: SubscriberInput): void {
    assert(state !== undefined, 'the script has not begun')
    take(stepSubscriber(state, input, now))
  }
  function advance(until: Millis): void {
    for (let due = state && subscriberDeadline(state); due !== undefined && due <= until;) {
      now = due
      feed({ kind: 'wake' })
      due = state && subscriberDeadline(state)
      assert(due === undefined || due > now, 'the deadline fired and did not move')
    }
    now = until
  }
  function number(command: Command, key: string): number | undefined {
    const text = command.arg(key)
    return text === undefined ? undefined : Number(text)
  }
  function handle(command: Command): void {
    const [first = ''] = command.words
    const retryAfter = number(command, 'retry-after')
    const expires = number(command, 'expires')
    switch (command.name) {
      case 'start':
        state = undefined
        take(startSubscriber(Number(first), now))
        break
      case 'answered': {
        const minExpires = number(command, 'min-expires')
        feed({ kind: 'answered', status: Number(first), expires, minExpires, retryAfter })
        break
      }
      case 'notified':
        feed({ kind: 'notified', state: first, expires, reason: command.arg('reason'), retryAfter })
        break
      case 'unanswered':
      case 'unsubscribe':
        feed({ kind: command.name })
        break
      case 'resume':
        assert(state !== undefined, 'nothing to resume')
        now = after(now, millis(Number(first)))
        state = resumeSubscriber(state, millis(Number(first)), now)
        break
      case 'advance':
        advance(after(now, millis(Number(first))))
        break
      default:
        lines.push(`unknown command ${command.name}`)
    }
  }

  return (command) => {
    lines = []
    handle(command)
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }
})
