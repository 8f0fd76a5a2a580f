import { assert } from '../../../../src/base/assert.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { after, millis, type Millis } from '../../../../src/base/time.ts'
import type { FlowId, Source } from '../../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import type { MessageCounts } from '../../../../src/store/schema/message-waiting.ts'
import { EVENT_PACKAGES } from '../../../../roles/call-manager/events/events-host.ts'
import type { EventLimits } from '../../../../roles/call-manager/events/limits.ts'
import { EventServer } from '../../../../roles/call-manager/events/server.ts'
import type {
  EventInput,
  EventOutput,
  Notification,
} from '../../../../roles/call-manager/events/server-events.ts'
import type { WatchedDialog } from '../../../../roles/call-manager/events/watched-dialog.ts'
import { sipEtag, toTag } from '../../../../src/sip/message/views.ts'
import { walk, type Command } from '../../../harness/datadriven.ts'
import { requestFrom, responseFrom } from '../../../sip/dialog/messages.ts'
import { dialogFrom, EMPTY_MAILBOX, mailboxFrom } from './facts.ts'
import { show } from './show.ts'

const LIMITS: EventLimits = {
  subscribe: { min: 60, max: 3600 },
  publish: { min: 60, max: 3600 },
  subscriptions: 5,
  perAor: 3,
  perWatcher: 3,
  perPair: 2,
  publications: 2,
}
const KEY = 'key' as ServerKey

/**
 * `subscribe alice bob dialog [call=] [flow=]` is Alice's first SUBSCRIBE, `resubscribe call cseq`
 * one more of that call; body lines are further headers. `publish bob bob presence` likewise, with
 * the document after an empty line and `{etag}` for the last entity-tag. `answer call 200` answers
 * the NOTIFY that is on its way.
 */
walk(new URL('./testdata/server', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let dialogs: readonly WatchedDialog[] = []
  const registered = new Set<string>()
  const mailboxes = new Map<string, MessageCounts>()
  const facts = {
    dialogs: (aor: string) => dialogs.filter((each) => each.aor === aor),
    isRegistered: (aor: string) => registered.has(aor),
    mailbox: (aor: string) => mailboxes.get(aor) ?? EMPTY_MAILBOX,
  }
  const packages = EVENT_PACKAGES
  const make = (seed: number): EventServer =>
    new EventServer({ packages, facts, random: seededRandom(seed), limits: LIMITS })
  let server = make(1)
  const tags = new Map<string, string>()
  const etags: string[] = []
  const pending = new Map<string, Notification>()
  const saved = new Map<string, Extract<EventOutput, { kind: 'save' }>>()
  let lines: string[] = []

  function feed(input: EventInput): void {
    for (const output of server.step(input, now)) {
      lines.push(`${now}ms ${show(output)}`)
      if (output.kind === 'notify') pending.set(callOf(output.id), output)
      if (output.kind === 'save') saved.set(output.id, output)
      if (output.kind === 'remove') saved.delete(output.id)
      if (output.kind === 'respond') {
        const tag = toTag(output.response)
        const etag = sipEtag(output.response)
        if (etag !== undefined) etags.push(etag)
        const call = output.response.headers.get('call-id') ?? ''
        if (tag !== undefined && !tags.has(call)) tags.set(call, tag)
      }
    }
  }
  function advance(until: Millis): void {
    for (let due = server.deadline(); due !== undefined && due <= until;) {
      now = due
      feed({ kind: 'wake' })
      due = server.deadline()
      assert(due === undefined || due > now, 'the deadline fired and did not move')
    }
    now = until
  }
  function head(method: string, user: string, call: string, cseq: number): string[] {
    return [
      `${method} sip:${user}@pbx.example SIP/2.0`,
      'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1',
      `Call-ID: ${call}`,
      `CSeq: ${cseq} ${method}`,
    ]
  }

  const commands: Record<string, (command: Command) => void> = {
    subscribe({ words, body, arg }) {
      const [watcher = '', user = '', event = ''] = words
      const call = arg('call') ?? 'c'
      tags.delete(call)
      const request = requestFrom([
        ...head('SUBSCRIBE', user, call, 1),
        `From: <${aor(watcher)}>;tag=${watcher}`,
        `To: <${aor(user)}>`,
        ...(arg('contact') === 'none' ? [] : [`Contact: <sip:${watcher}@192.0.2.9>`]),
        `Event: ${event}`,
        ...body,
      ])
      const hop = { to: source(arg).flow, address: source(arg).address, aor: aor(watcher) }
      const contact = '<sip:pbx@10.0.0.1:5060>'
      const base = { key: KEY, request, hop, contact }
      feed({ kind: 'subscribed', ...base, watcher: aor(watcher), aor: aor(user) })
    },
    resubscribe({ words, body, arg }) {
      const [call = '', cseq = ''] = words
      const [watcher, user] = [arg('from') ?? 'alice', arg('to') ?? 'bob']
      const request = requestFrom([
        ...head('SUBSCRIBE', 'pbx', call, Number(cseq)),
        `From: <${aor(watcher)}>;tag=${watcher}`,
        `To: <${aor(user)}>;tag=${arg('tag') ?? tags.get(call)}`,
        `Contact: <sip:${watcher}@192.0.2.77>`,
        `Event: ${arg('event') ?? 'dialog'}`,
        ...body,
      ])
      const proven = arg('proven') === 'yes'
      feed({ kind: 'resubscribed', key: KEY, request, source: source(arg), proven })
    },
    publish({ words, body }) {
      const [publisher = '', user = '', event = ''] = words
      const blank = body.includes('') ? body.indexOf('') : body.length
      const request = requestFrom([
        ...head('PUBLISH', user, 'p', 1),
        `From: <${aor(publisher)}>;tag=${publisher}`,
        `To: <${aor(user)}>`,
        `Event: ${event}`,
        ...body.slice(0, blank).map((line) => line.replace('{etag}', etags.at(-1) ?? '')),
        ...body.slice(blank),
      ])
      const parties = { publisher: aor(publisher), aor: aor(user) }
      feed({ kind: 'published', key: KEY, request, ...parties })
    },
    answer({ words, body }) {
      const [call = '', status = ''] = words
      const notification = pending.get(call)
      if (notification === undefined) return void lines.push('no NOTIFY is on its way')
      pending.delete(call)
      const { id } = notification
      if (status === 'nothing') feed({ kind: 'unanswered', id })
      else feed({ kind: 'answered', id, response: responseFrom([`SIP/2.0 ${status} X`, ...body]) })
    },
    dialog({ words, arg }) {
      const dialog = dialogFrom(aor(words[0] ?? ''), arg)
      dialogs = dialogs.filter((each) => each.id !== dialog.id)
      if (dialog.state !== 'terminated') dialogs = [...dialogs, dialog]
      feed({ kind: 'dialog', dialog })
    },
    registered({ words }) {
      if (words[1] === 'no') registered.delete(aor(words[0] ?? ''))
      else registered.add(aor(words[0] ?? ''))
      feed({ kind: 'changed', aor: aor(words[0] ?? '') })
    },
    mailbox({ words }) {
      mailboxes.set(aor(words[0] ?? ''), mailboxFrom(words.slice(1)))
      feed({ kind: 'changed', aor: aor(words[0] ?? '') })
    },
    gone: ({ words }) => feed({ kind: 'gone', aor: aor(words[0] ?? '') }),
    advance: ({ words }) => advance(after(now, millis(Number(words[0])))),
    /** So many changes of one dialog, each told and answered; shows what else came of it. */
    churn({ words, arg }) {
      const [user = '', call = '', count = ''] = words
      for (let change = 0; change < Number(count); change++) {
        const state = change % 2 === 0 ? 'early' : 'confirmed'
        const dialog = dialogFrom(aor(user), (key) => (key === 'state' ? state : arg(key)))
        dialogs = [dialog]
        feed({ kind: 'dialog', dialog })
        advance(after(now, millis(250)))
        const id = pending.get(call)?.id
        if (id !== undefined)
          feed({ kind: 'answered', id, response: responseFrom(['SIP/2.0 200 OK']) })
      }
      lines = lines.filter((line) => !line.includes(' NOTIFY ') && !line.startsWith(' '))
    },
    size() {
      lines.push(`${server.subscriptions} subscriptions, ${server.publications} publications`)
    },
    /** A successor starts on what was saved; its clock stands 1,000 s ahead. */
    takeover({ arg }) {
      const delay = millis(Number(arg('notify-in') ?? 0))
      now = after(now, millis(1_000_000))
      server = make(2)
      pending.clear()
      for (const { kind: _, id, aor: resource, event, snapshot, expiresAt } of saved.values()) {
        const text = arg('damaged') === 'yes' ? snapshot.slice(1) : snapshot
        const times = {
          expiresAt: after(expiresAt, millis(1_000_000)),
          notifyAt: after(now, delay),
        }
        feed({ kind: 'restored', id, aor: resource, event, snapshot: text, ...times })
      }
    },
  }
  return (command) => {
    lines = []
    const handle = commands[command.name]
    if (handle === undefined) return `unknown command ${command.name}`
    handle(command)
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }
})

function aor(user: string): string {
  return `sip:${user}@pbx.example`
}

function callOf(id: string): string {
  return id.split(';', 1)[0] ?? ''
}

/** `flow=` and `at=`, its address. */
function source(arg: Command['arg']): Source {
  const local = { localAddress: '10.0.0.1', localPort: 5060 }
  const address = arg('at') ?? '192.0.2.9'
  return { flow: (arg('flow') ?? 'f1') as FlowId, transport: 'udp', address, port: 5060, ...local }
}
