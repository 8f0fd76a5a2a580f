//! Runs the event server: requests in from the role, NOTIFYs out through the stack, snapshots to
//! the store, facts from location, calls and mailboxes, one timer.

import { assert, unreachable } from '../../../src/base/assert.ts'
import type { Cancel, Host } from '../../../src/base/host.ts'
import { after, millis, seconds, wallTime, type Millis } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { RequestFailure, SipStack } from '../../../src/sip/stack.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { messageCounts, type MessageCounts } from '../../../src/store/schema/message-waiting.ts'
import {
  savedSubscriptions,
  type SubscriptionCommand,
} from '../../../src/store/schema/subscription.ts'
import { tenantById } from '../../../src/store/schema/tenant.ts'
import type { Command, Store } from '../../../src/store/store.ts'
import { hopBack } from '../call/hop.ts'
import { speaksFor } from '../call/identity.ts'
import { aorOf, type Directory, type Extension } from '../directory.ts'
import type { Door } from '../door.ts'
import type { Location } from '../location.ts'
import { endOf, goneSince } from '../survival.ts'
import { partsOf } from './aor.ts'
import { DEFAULT_LIMITS, type EventLimits } from './limits.ts'
import { dialogPackage } from './packages/dialog-info.ts'
import { messageSummaryPackage } from './packages/message-summary.ts'
import { presencePackage } from './packages/presence.ts'
import { waysTo, type Way } from './reach.ts'
import { EventServer } from './server.ts'
import type { EventInput, EventOutput, Notification } from './server-events.ts'
import type { WatchedDialogs } from './watched-dialog.ts'

export type EventsOptions = {
  readonly host: Host
  readonly door: Pick<Door, 'proves'>
  readonly stack: Pick<SipStack, 'request' | 'respond'>
  readonly store: Pick<Store, 'read' | 'propose' | 'applied'>
  readonly directory: Directory
  readonly location: Pick<Location, 'bindings' | 'byGruu' | 'changed'>
  readonly dialogs: WatchedDialogs
  /** Our Contact value towards who sent from there. */
  readonly contact: (source: Source) => string
  /** Who may watch what, besides the package's own rule. Without it: everybody in the tenant. */
  readonly mayWatch?: (watcher: Extension, watched: Extension, event: string) => boolean
  readonly limits?: EventLimits
}

export interface RunningEvents {
  /** SUBSCRIBE or PUBLISH outside of a dialog, from who it says it is. */
  take(request: SipRequest, key: ServerKey, source: Source, sender: Extension): void
  /** A SUBSCRIBE with a To tag. */
  takeInDialog(request: SipRequest, key: ServerKey, source: Source): void
  readonly size: { readonly subscriptions: number; readonly publications: number }
  /** Subscriptions stay in the store, for who comes next. */
  stop(): void
}

/** Packages we notify of, for Allow-Events. */
export const EVENT_PACKAGES = [dialogPackage, messageSummaryPackage, presencePackage]

/** Resumes the subscriptions of the store, and goes on from there. */
export function startEvents(options: EventsOptions): RunningEvents {
  return new EventsHost(options)
}

const NO_MESSAGES: MessageCounts = { unheard: 0, heard: 0, urgentUnheard: 0, urgentHeard: 0 }

/** A successor tells this many watchers a second the state anew. */
const RESUMED_PER_SECOND = 500

class EventsHost implements RunningEvents {
  readonly #options: EventsOptions
  readonly #host: Host
  readonly #server: EventServer
  readonly #unsubscribe: readonly Cancel[]
  #wakeAt: Millis | undefined
  #unwake: Cancel | undefined

  constructor(options: EventsOptions) {
    const { host, location, dialogs, store, limits = DEFAULT_LIMITS } = options
    this.#options = options
    this.#host = host
    const facts = {
      dialogs: (aor: string) => dialogs.of(aor),
      isRegistered: (aor: string) => location.bindings(aor).length > 0,
      mailbox: (aor: string) => this.#mailbox(aor),
    }
    const { random } = host
    this.#server = new EventServer({ packages: EVENT_PACKAGES, facts, random, limits })
    this.#resume(seconds(limits.subscribe.max))
    this.#unsubscribe = [
      dialogs.changed(
        (dialog) => this.#step({ kind: 'dialog', dialog }),
        (aor) => this.#server.isWatched(aor),
      ),
      location.changed(({ aor }) => this.#step({ kind: 'changed', aor })),
      store.applied(({ command }) => this.#onApplied(command)),
    ]
  }

  get size(): RunningEvents['size'] {
    const { subscriptions, publications } = this.#server
    return { subscriptions, publications }
  }

  take(request: SipRequest, key: ServerKey, source: Source, sender: Extension): void {
    if (!speaksFor(request, sender, this.#options.directory)) return this.#refuse(request, key, 403)
    const resource = this.#resource(request, sender)
    if (typeof resource === 'number') return this.#refuse(request, key, resource)
    const { aor } = resource
    if (request.method === 'PUBLISH')
      return this.#step({ kind: 'published', key, request, publisher: sender.aor, aor })
    assert(request.method === 'SUBSCRIBE', `the event server does not take ${request.method}`)
    const mayWatch = this.#options.mayWatch?.(sender, resource, request.headers.get('event') ?? '')
    if (mayWatch === false) return this.#refuse(request, key, 403)
    const hop = hopBack(request, source, sender)
    const contact = this.#options.contact(source)
    this.#step({ kind: 'subscribed', key, request, hop, watcher: sender.aor, aor, contact })
  }

  takeInDialog(request: SipRequest, key: ServerKey, source: Source): void {
    this.#step({ kind: 'resubscribed', key, request, source, proven: false })
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#unwake?.()
  }

  /** The extension that the Request-URI names, or the status that says why not. */
  #resource({ uri }: SipRequest, sender: Extension): Extension | 404 | 416 {
    const { directory } = this.#options
    const parsed = parseUri(uri)
    if (parsed?.scheme !== 'sip' && parsed?.scheme !== 'sips') return 416
    const tenant = directory.tenantOf(parsed.host)
    // Other tenants' extensions are none of the sender's business, not even that they exist.
    if (tenant === undefined || tenant.id !== sender.tenant || parsed.user === undefined) return 404
    return directory.extension(tenant.id, parsed.user) ?? 404
  }

  #mailbox(aor: string): MessageCounts {
    const { user, domain } = partsOf(aor)
    const tenant = this.#options.directory.tenantOf(domain)
    if (tenant === undefined) return NO_MESSAGES
    return this.#options.store.read((db) => messageCounts(db, tenant.id, user))
  }

  #resume(most: Millis): void {
    const { store } = this.#options
    const now = this.#host.now()
    const here = { now, wall: this.#host.wall() }
    const before = goneSince(here.wall)
    const saved = store.read((db) => savedSubscriptions(db, before))
    saved.forEach(({ id, aor, event, snapshot, expiresAt }, index) => {
      const times = {
        expiresAt: endOf({ expiresAt, most }, here),
        notifyAt: after(now, millis(Math.floor((index * 1_000) / RESUMED_PER_SECOND))),
      }
      this.#step({ kind: 'restored', id, aor, event, snapshot, ...times })
    })
    this.#tell({ kind: 'subscription.purge', before })
    this.#host.log('info', 'subscriptions.resumed', { subscriptions: this.#server.subscriptions })
  }

  #step(input: EventInput): void {
    for (const output of this.#server.step(input, this.#host.now())) this.#carryOut(output)
    this.#rearm()
  }

  #carryOut(output: EventOutput): void {
    switch (output.kind) {
      case 'respond':
        return this.#options.stack.respond(output.key, output.response)
      case 'notify':
        return this.#notify(output)
      case 'prove': {
        if (!this.#options.door.proves(output)) return
        const { key, request, source } = output
        return this.#step({ kind: 'resubscribed', key, request, source, proven: true })
      }
      case 'save': {
        const { id, aor, event, snapshot } = output
        const left = Math.round(output.expiresAt - this.#host.now())
        const expiresAt = wallTime(this.#host.wall() + left)
        const subscription = { id, aor, event, snapshot, expiresAt }
        return this.#tell({ kind: 'subscription.saved', subscription })
      }
      case 'remove':
        return this.#tell({ kind: 'subscription.ended', id: output.id })
      case 'discard': {
        const { id, reason } = output
        this.#host.log('warn', 'subscription.not-resumed', { id, reason })
        return this.#tell({ kind: 'subscription.ended', id })
      }
      default:
        return unreachable(output)
    }
  }

  #notify(notification: Notification): void {
    this.#tryWays(notification, waysTo(notification, this.#options.location))
  }

  #tryWays(notification: Notification, [way, ...others]: readonly Way[]): void {
    const { id, watcher } = notification
    if (way === undefined) return this.#lost(notification, 'unresolvable')
    this.#options.stack.request(way.request, way.to, {
      onResponse: (response) => {
        if (response.status < 200) return
        if (response.status >= 300)
          this.#host.log('debug', 'notify.refused', { id, watcher, status: response.status })
        this.#step({ kind: 'answered', id, response })
      },
      onFailed: (cause) => {
        // Only what certainly never arrived may go another way.
        if (cause === 'timeout' || others.length === 0) this.#lost(notification, cause)
        else this.#tryWays(notification, others)
      },
    })
  }

  #lost({ id, watcher }: Notification, cause: RequestFailure): void {
    this.#host.log('info', 'subscription.lost', { id, watcher, cause })
    this.#step({ kind: 'unanswered', id })
  }

  #refuse(request: SipRequest, key: ServerKey, status: number): void {
    const toTag = this.#host.random.token(12)
    this.#options.stack.respond(key, reply(request, status, { toTag }))
  }

  #tell(command: SubscriptionCommand): void {
    void this.#options.store.propose(command).then((result) => {
      if (result.ok) return
      const why = result.error.kind
      this.#host.log('warn', 'subscription.not-saved', { command: command.kind, why })
    })
  }

  #onApplied(command: Command): void {
    if (command.kind === 'restore.finished') return this.#onRestored()
    if (command.kind === 'message-waiting.put')
      return this.#onExtension(command.tenant, command.user, 'changed')
    const isGone = command.kind === 'extension.remove'
    const isDisabled = command.kind === 'extension.put' && !command.enabled
    if (isGone || isDisabled) this.#onExtension(command.tenant, command.user, 'gone')
  }

  /** Who is watched may be gone, and mailboxes may have other messages. */
  #onRestored(): void {
    const { store, directory } = this.#options
    const before = goneSince(this.#host.wall())
    const watched = store.read((db) => savedSubscriptions(db, before)).map(({ aor }) => aor)
    for (const aor of new Set(watched)) {
      const { user, domain } = partsOf(aor)
      const tenant = directory.tenantOf(domain)
      const isThere = tenant !== undefined && directory.extension(tenant.id, user)?.enabled === true
      this.#step({ kind: isThere ? 'changed' : 'gone', aor })
    }
  }

  #onExtension(tenant: TenantId, user: string, kind: 'changed' | 'gone'): void {
    const row = this.#options.store.read((db) => tenantById(db, tenant))
    if (row !== undefined) this.#step({ kind, aor: aorOf(user, row.primaryDomain) })
  }

  #rearm(): void {
    const at = this.#server.deadline()
    // An earlier wake-up than needed does no harm: it finds nothing to do, and arms the right one.
    if (at === undefined || (this.#wakeAt !== undefined && this.#wakeAt <= at)) return
    this.#unwake?.()
    this.#wakeAt = at
    this.#unwake = this.#host.wake(at, () => this.#onWake())
  }

  #onWake(): void {
    const now = this.#host.now()
    this.#wakeAt = undefined
    this.#unwake = undefined
    this.#step({ kind: 'wake' })
    const left = this.#server.deadline()
    assert(left === undefined || left > now, 'a deadline that fired was left armed')
  }
}
