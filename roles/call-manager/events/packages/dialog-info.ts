//! The package `dialog`, RFC 4235: what lights the lamps of busy lamp fields. Pure. Every NOTIFY
//! holds the full state; it is short.

import { millis } from '../../../../src/base/time.ts'
import type { WatchedDialog } from '../watched-dialog.ts'
import { element, writeXml, type XmlElement } from '../xml.ts'
import type { EventPackage } from './package.ts'

const NAMESPACE = 'urn:ietf:params:xml:ns:dialog-info'

export const dialogPackage: EventPackage = {
  name: 'dialog',
  contentType: 'application/dialog-info+xml',
  gap: millis(250),
  watchers: 'tenant',
  accepts: undefined,
  bodyMax: 0,
  compose(uri, { dialogs }, version) {
    const attributes = { version: String(version), state: 'full', entity: uri }
    const list = dialogs().map((each) => dialogElement(uri, each))
    return writeXml(element(NAMESPACE, 'dialog-info', attributes, ...list))
  },
}

const RINGING: ReadonlySet<string> = new Set(['trying', 'proceeding', 'early'])

function dialogElement(own: string, dialog: WatchedDialog): XmlElement {
  const { id, state, direction, remote } = dialog
  // Tags let their holder speak in the dialog: who may pick up needs them, while it rings.
  const sip = RINGING.has(state) ? dialog.sip : undefined
  const attributes = {
    id,
    'call-id': sip?.callId,
    'local-tag': sip?.localTag,
    'remote-tag': sip?.remoteTag,
    direction,
  }
  const display = remote.displayName === '' ? undefined : remote.displayName
  return element(
    NAMESPACE,
    'dialog',
    attributes,
    element(NAMESPACE, 'state', {}, state),
    party('local', own, undefined),
    party('remote', remote.uri, display),
  )
}

function party(name: 'local' | 'remote', uri: string, display: string | undefined): XmlElement {
  return element(
    NAMESPACE,
    name,
    {},
    element(NAMESPACE, 'identity', { display }, uri),
    element(NAMESPACE, 'target', { uri }),
  )
}
