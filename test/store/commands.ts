//! Commands that several tests propose.

import { wallTime } from '../../src/base/time.ts'
import type { TenantId } from '../../src/control/ids.ts'
import type { Command } from '../../src/store/store.ts'

export const ACME = 'acme' as TenantId

export const acme: Command = {
  kind: 'tenant.put',
  tenant: ACME,
  name: 'Acme',
  primaryDomain: 'acme.example',
  at: wallTime(1),
}

export function put(name: string, value: string): Command {
  return { kind: 'setting.put', scope: 'system', name, value }
}
