//! A subscription as text, for a successor: RFC 6665 subscriptions outlive the node that made them.
//! Pure.

import type { Dialog } from '../../../src/sip/dialog/dialog.ts'
import type { Notifier } from '../../../src/sip/dialog/notifier.ts'
import type { Subscription } from './subscriptions.ts'

/** What the store keeps beside it (id, AOR, package, end) is not repeated. */
export type Snapshot = {
  readonly event: string
  readonly watcher: string
  readonly dialog: Dialog
  readonly notifier: Notifier
  readonly version: number
  /** Where the watcher was seen. */
  readonly address: string
}

export function writeSnapshot(subscription: Subscription): string {
  const { event, watcher, dialog, notifier, version, hop } = subscription
  const { address } = hop
  const snapshot: Snapshot = { event, watcher, dialog, notifier, version, address }
  return JSON.stringify(snapshot)
}

/** Undefined when it is none of ours: written by another version, or damaged. */
export function readSnapshot(text: string): Snapshot | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not JSON: the caller says so and leaves the subscription to its subscriber.
    return undefined
  }
  if (!isRecord(value) || !isRecord(value['dialog']) || !isRecord(value['notifier']))
    return undefined
  const { dialog, notifier } = value
  const isSound =
    typeof value['event'] === 'string' &&
    typeof value['watcher'] === 'string' &&
    typeof value['version'] === 'number' &&
    typeof value['address'] === 'string' &&
    typeof dialog['id'] === 'string' &&
    typeof dialog['localCseq'] === 'number' &&
    Array.isArray(dialog['routeSet']) &&
    typeof notifier['state'] === 'string' &&
    typeof notifier['expiresAt'] === 'number'
  return isSound ? (value as Snapshot) : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
