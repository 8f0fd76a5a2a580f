//! The event server as a machine: notifier of RFC 6665, event state compositor of RFC 3903. Pure.
//!
//!   SUBSCRIBE -> subscription -> NOTIFY now, at each change, at the end (`notifications.ts`)
//!   PUBLISH   -> publication --+
//!   calls, registrations,      +-> the document of an AOR and package -> who watches it
//!   message counts ------------+

import { unreachable } from '../../../src/base/assert.ts'
import type { Machine } from '../../../src/base/machine.ts'
import type { Random } from '../../../src/base/random.ts'
import { after, seconds, type Millis } from '../../../src/base/time.ts'
import {
  checkRequest,
  dialogAsUas,
  receivedDialogId,
  refreshTarget,
} from '../../../src/sip/dialog/dialog.ts'
import { startNotifier } from '../../../src/sip/dialog/notifier.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { reply, type ReplyOptions } from '../../../src/sip/message/reply.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { hopBack, isFromElsewhere } from '../call/hop.ts'
import { Documents, type EventFacts } from './documents.ts'
import { EndedDialogs } from './ended-dialogs.ts'
import type { EventLimits } from './limits.ts'
import { Notifications } from './notifications.ts'
import type { EventPackage } from './packages/package.ts'
import { Publications } from './publications.ts'
import { readPublish, readSubscribe, refuse, type Refusal } from './rules.ts'
import type {
  EventInput,
  EventOutput,
  Published,
  Resubscribed,
  Subscribed,
} from './server-events.ts'
import type { Subscription } from './subscriptions.ts'
import type { WatchedDialog } from './watched-dialog.ts'

export type EventServerOptions = {
  readonly packages: readonly EventPackage[]
  readonly facts: EventFacts
  readonly random: Random
  readonly limits: EventLimits
}

export class EventServer implements Machine<EventInput, EventOutput> {
  readonly #packages: readonly EventPackage[]
  readonly #random: Random
  readonly #limits: EventLimits
  readonly #publications: Publications
  readonly #ended = new EndedDialogs()
  readonly #notifications: Notifications

  constructor({ packages, facts, random, limits }: EventServerOptions) {
    this.#packages = packages
    this.#random = random
    this.#limits = limits
    this.#publications = new Publications(limits.publications)
    this.#notifications = new Notifications(new Documents(facts, this.#publications, this.#ended))
  }

  get subscriptions(): number {
    return this.#notifications.table.size
  }

  get publications(): number {
    return this.#publications.size
  }

  /** Whether anybody has subscribed to anything of this AOR. */
  isWatched(aor: string): boolean {
    return this.#notifications.table.isWatched(aor)
  }

  step(input: EventInput, now: Millis): readonly EventOutput[] {
    this.#take(input, now)
    return this.#notifications.drain()
  }

  deadline(): Millis | undefined {
    let first: Millis | undefined
    for (const source of [this.#notifications.table, this.#publications, this.#ended]) {
      const at = source.deadline()
      if (at !== undefined && (first === undefined || at < first)) first = at
    }
    return first
  }

  #take(input: EventInput, now: Millis): void {
    switch (input.kind) {
      case 'subscribed':
        return this.#onSubscribed(input, now)
      case 'resubscribed':
        return this.#onResubscribed(input, now)
      case 'published':
        return this.#onPublished(input, now)
      case 'answered':
        return this.#notifications.answered(input.id, input.response, now)
      case 'unanswered':
        return this.#notifications.unanswered(input.id, now)
      case 'dialog':
        return this.#onDialog(input.dialog, now)
      case 'changed':
        return this.#notifications.refreshAll(input.aor, now)
      case 'gone':
        return this.#onGone(input.aor, now)
      case 'restored':
        return this.#notifications.restore(input, this.#package(input.event))
      case 'wake':
        return this.#onWake(now)
      default:
        return unreachable(input)
    }
  }

  #onSubscribed(input: Subscribed, now: Millis): void {
    const { key, request, hop, aor, watcher, contact } = input
    const reading = readSubscribe(request, this.#packages, this.#limits.subscribe)
    if (reading.kind === 'refuse') return this.#refuse(key, request, reading)
    const { package: by, event, expires } = reading
    const objection = this.#objection(by, aor, watcher)
    if (objection !== undefined) return this.#refuse(key, request, objection)
    const localTag = this.#random.token(12)
    const dialog = dialogAsUas(request, { state: 'confirmed', localTag, contact })
    if (dialog === undefined) return this.#refuse(key, request, refuse(400, [], 'Missing Contact'))
    this.#respond(key, request, 200, { toTag: localTag, headers: granted(expires, contact) })
    const first = startNotifier({ expires, pending: false, gap: by.gap }, now)
    const { id } = dialog
    const fresh = { notifier: first.next, version: 0, savedCseq: undefined }
    const subscription = { id, aor, package: by, event, watcher, dialog, hop, ...fresh }
    this.#notifications.begin(subscription, first)
  }

  #objection(by: EventPackage, aor: string, watcher: string): Refusal | undefined {
    const { table } = this.#notifications
    if (by.watchers === 'own' && aor !== watcher) return refuse(403, [], 'Not Your Own')
    const { perAor, perWatcher, perPair } = this.#limits
    const watching = table.watch(aor, by.name)?.subscriptions ?? NOBODY
    const own = table.by(watcher)
    if (watching.size >= perAor || own.size >= perWatcher || shared(watching, own) >= perPair)
      return refuse(403, [], 'Too Many Subscriptions')
    if (table.size >= this.#limits.subscriptions)
      return refuse(480, [['retry-after', '60']], 'Too Many Subscriptions')
    return undefined
  }

  #onResubscribed({ key, request, source, proven }: Resubscribed, now: Millis): void {
    const id = receivedDialogId(request)
    const subscription = id && this.#notifications.table.find(id)
    if (subscription === undefined || subscription.notifier.state === 'terminated')
      return this.#respond(key, request, 481)
    const { watcher, hop } = subscription
    if (!proven && isFromElsewhere(hop, source))
      return this.#notifications.put({ kind: 'prove', key, request, source, aor: watcher })
    const check = checkRequest(subscription.dialog, request)
    if (check.kind === 'out-of-order') return this.#respond(key, request, 500)
    subscription.dialog = check.dialog
    const reading = readSubscribe(request, this.#packages, this.#limits.subscribe)
    if (reading.kind === 'refuse') return this.#refuse(key, request, reading)
    // RFC 6665 §4.5.2: dialogs are not shared.
    if (reading.event !== subscription.event)
      return this.#refuse(key, request, refuse(403, [], 'One Subscription A Dialog'))
    const { expires } = reading
    subscription.dialog = refreshTarget(subscription.dialog, request)
    subscription.hop = hopBack(request, source, { aor: watcher })
    const headers = granted(expires, subscription.dialog.localTarget)
    this.#respond(key, request, 200, { headers })
    this.#notifications.feed(subscription, { kind: 'refreshed', expires }, now)
    if (expires > 0) this.#notifications.save(subscription)
  }

  #onPublished({ key, request, aor, publisher }: Published, now: Millis): void {
    const reading = readPublish(request, this.#packages, this.#limits.publish)
    if (reading.kind === 'refuse') return this.#refuse(key, request, reading)
    if (publisher !== aor) return this.#refuse(key, request, refuse(403, [], 'Not Your Own'))
    const { expires, ifMatch } = reading
    const event = reading.package.name
    const before = ifMatch === undefined ? undefined : this.#publications.find(aor, event, ifMatch)
    if (ifMatch !== undefined && before === undefined) return this.#respond(key, request, 412)
    // RFC 3903 §6: every success has an entity-tag of its own.
    const etag = this.#random.token(16)
    const body = reading.body ?? before?.body
    if (expires === 0 && before !== undefined) this.#publications.remove(before.etag)
    if (expires > 0 && body !== undefined) {
      const expiresAt = after(now, seconds(expires))
      this.#publications.put({ aor, event, etag, body, expiresAt }, before?.etag)
    }
    const fields = { 'sip-etag': etag, expires: String(expires) }
    this.#respond(key, request, 200, { headers: Object.entries(fields) })
    this.#notifications.refresh(this.#notifications.table.watch(aor, event), now)
  }

  #onDialog(dialog: WatchedDialog, now: Millis): void {
    const isWatched = this.#notifications.table.watch(dialog.aor, 'dialog') !== undefined
    if (dialog.state === 'terminated' && isWatched) this.#ended.add(dialog, now)
    this.#notifications.refreshAll(dialog.aor, now)
  }

  #onGone(aor: string, now: Millis): void {
    for (const { name } of this.#packages)
      for (const { etag } of this.#publications.of(aor, name)) this.#publications.remove(etag)
    const { table } = this.#notifications
    for (const { subscriptions } of table.watchesOf(aor))
      for (const each of subscriptions)
        this.#notifications.feed(each, { kind: 'end', reason: 'noresource' }, now)
    for (const each of table.by(aor))
      this.#notifications.feed(each, { kind: 'end', reason: 'rejected' }, now)
  }

  #onWake(now: Millis): void {
    for (const aor of this.#ended.expire(now)) this.#notifications.forgetEnded(aor)
    for (const { aor, event } of this.#publications.expire(now))
      this.#notifications.refresh(this.#notifications.table.watch(aor, event), now)
    this.#notifications.wake(now)
  }

  #package(name: string): EventPackage | undefined {
    return this.#packages.find((each) => each.name === name)
  }

  #refuse(key: ServerKey, request: SipRequest, { status, headers, reason }: Refusal): void {
    this.#respond(key, request, status, { headers, ...(reason === undefined ? {} : { reason }) })
  }

  #respond(key: ServerKey, request: SipRequest, status: number, options: ReplyOptions = {}): void {
    const toTag = options.toTag ?? this.#random.token(12)
    const response = reply(request, status, { ...options, toTag })
    this.#notifications.put({ kind: 'respond', key, response })
  }
}

const NOBODY: ReadonlySet<Subscription> = new Set()

/** How many are in both. */
function shared(some: ReadonlySet<Subscription>, others: ReadonlySet<Subscription>): number {
  const [few, many] = some.size < others.size ? [some, others] : [others, some]
  let count = 0
  for (const each of few) if (many.has(each)) count++
  return count
}

function granted(expires: number, contact: string): readonly (readonly [string, string])[] {
  return [
    ['expires', String(expires)],
    ['contact', contact],
  ]
}
