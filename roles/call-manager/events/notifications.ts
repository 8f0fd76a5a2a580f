//! The life of subscriptions once they are accepted: who is told what, and when. Pure. Outputs
//! gather here until the server's step hands them over.

import { millis, type Millis } from '../../../src/base/time.ts'
import { requestInDialog } from '../../../src/sip/dialog/dialog-request.ts'
import { refreshTarget, resumeDialog, type DialogId } from '../../../src/sip/dialog/dialog.ts'
import {
  resumeNotifier,
  stepNotifier,
  type NotifierInput,
  type NotifierStep,
} from '../../../src/sip/dialog/notifier.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { binary } from '../../../src/sip/message/text.ts'
import { retryAfter } from '../../../src/sip/message/views.ts'
import type { Documents } from './documents.ts'
import type { EventPackage } from './packages/package.ts'
import type { EventOutput, Restored } from './server-events.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'
import { Subscriptions, type Subscription, type Watch } from './subscriptions.ts'

/** A snapshot may be so many NOTIFYs behind; a successor skips more, in CSeq and version alike. */
const NOTIFIES_PER_SNAPSHOT = 500
const VERSION_GAP = 1_000

export class Notifications {
  readonly table = new Subscriptions()
  readonly #documents: Documents
  #outputs: EventOutput[] = []

  constructor(documents: Documents) {
    this.#documents = documents
  }

  /** What there is to carry out since the last time. */
  drain(): readonly EventOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  put(output: EventOutput): void {
    this.#outputs.push(output)
  }

  begin(subscription: Subscription, first: NotifierStep): void {
    const { aor, package: by } = subscription
    this.table.add(subscription, () => this.#documents.compose(aor, by, 0))
    this.#carryOut(subscription, first)
    if (first.next.state !== 'terminated') this.save(subscription)
  }

  feed(subscription: Subscription, input: NotifierInput, now: Millis): void {
    this.#carryOut(subscription, stepNotifier(subscription.notifier, input, now))
  }

  answered(id: DialogId, response: SipResponse, now: Millis): void {
    const subscription = this.table.find(id)
    if (subscription === undefined) return
    const { status } = response
    if (status < 300) subscription.dialog = refreshTarget(subscription.dialog, response)
    const seconds = retryAfter(response)?.seconds
    this.feed(subscription, { kind: 'answered', status, retryAfter: seconds }, now)
  }

  unanswered(id: DialogId, now: Millis): void {
    const subscription = this.table.find(id)
    if (subscription !== undefined) this.feed(subscription, { kind: 'unanswered' }, now)
  }

  /** Tells the watchers, if there is anything new to see. */
  refresh(watch: Watch | undefined, now: Millis): void {
    if (watch === undefined || !this.#look(watch)) return
    for (const each of watch.subscriptions) this.feed(each, { kind: 'changed' }, now)
  }

  refreshAll(aor: string, now: Millis): void {
    for (const watch of this.table.watchesOf(aor)) this.refresh(watch, now)
  }

  /** What has been shown long enough goes without a NOTIFY. */
  forgetEnded(aor: string): void {
    const watch = this.table.watch(aor, 'dialog')
    if (watch !== undefined) this.#look(watch)
  }

  wake(now: Millis): void {
    for (let due = this.table.due(now); due !== undefined; due = this.table.due(now))
      this.feed(due, { kind: 'wake' }, now)
  }

  restore(restored: Restored, by: EventPackage | undefined): void {
    const { id, aor, expiresAt, notifyAt } = restored
    const saved = readSnapshot(restored.snapshot)
    if (by === undefined) return this.put({ kind: 'discard', id, reason: 'unknown package' })
    if (saved === undefined) return this.put({ kind: 'discard', id, reason: 'unreadable snapshot' })
    if (this.table.find(saved.dialog.id) !== undefined) return
    const { event, watcher } = saved
    const dialog = resumeDialog(saved.dialog)
    const shift = millis(expiresAt - saved.notifier.expiresAt)
    const notifier = resumeNotifier(saved.notifier, shift, notifyAt)
    const version = saved.version + VERSION_GAP
    const hop = { to: undefined, address: saved.address, aor: watcher }
    const fresh = { hop, savedCseq: undefined }
    const parts = { id: dialog.id, aor, package: by, event, watcher, dialog, notifier, version }
    const subscription: Subscription = { ...parts, ...fresh }
    // Saved at once: a successor's successor must skip what this one is about to use.
    this.begin(subscription, { next: notifier, outputs: [] })
  }

  save(subscription: Subscription): void {
    const { id, aor, dialog, notifier } = subscription
    subscription.savedCseq = dialog.localCseq
    const snapshot = writeSnapshot(subscription)
    const event = subscription.package.name
    const { expiresAt } = notifier
    this.put({ kind: 'save', id, aor, event, snapshot, expiresAt })
  }

  /** True when the watchers have not seen this yet. */
  #look(watch: Watch): boolean {
    const document = this.#documents.compose(watch.aor, watch.package, 0)
    if (document === watch.shown) return false
    watch.shown = document
    return true
  }

  #carryOut(subscription: Subscription, { next, outputs }: NotifierStep): void {
    subscription.notifier = next
    this.table.schedule(subscription)
    for (const output of outputs) {
      if (output.kind === 'ended') this.#forget(subscription)
      else this.#notify(subscription, output.subscriptionState, output.withState)
    }
  }

  #notify(subscription: Subscription, subscriptionState: string, withState: boolean): void {
    const { aor, package: by, event, id, hop, watcher } = subscription
    const fields = { event, 'subscription-state': subscriptionState }
    const headers = Object.entries(fields)
    const built = requestInDialog(subscription.dialog, 'NOTIFY', {
      headers,
      ...(withState && {
        contentType: by.contentType,
        body: binary(this.#documents.compose(aor, by, subscription.version++)),
      }),
    })
    subscription.dialog = built.dialog
    const { request, nextHop } = built
    this.put({ kind: 'notify', id, request, nextHop, hop, watcher })
    const { savedCseq } = subscription
    if (savedCseq !== undefined && built.dialog.localCseq - savedCseq >= NOTIFIES_PER_SNAPSHOT)
      this.save(subscription)
  }

  #forget(subscription: Subscription): void {
    this.table.remove(subscription)
    if (subscription.savedCseq === undefined) return
    this.put({ kind: 'remove', id: subscription.id })
  }
}
