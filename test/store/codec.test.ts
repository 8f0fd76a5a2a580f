//! What stands in the log comes out as it went in.

import { expect, test } from 'vitest'
import type { CallId, TenantId } from '../../src/control/ids.ts'
import { wallTime } from '../../src/base/time.ts'
import { decode, encode } from '../../src/store/replica/codec.ts'
import type { Command, IdempotencyKey } from '../../src/store/store.ts'

const at = wallTime(1_767_225_600_000)
const tenant = 'acme' as TenantId
const sealed = Uint8Array.from([0, 1, 127, 128, 255])

const COMMANDS: readonly Command[] = [
  { kind: 'call.saved', id: 'c1' as CallId, snapshot: '{"a":"line\\nbreak"}\ntail é 😀', at },
  { kind: 'call.saved', id: 'c2' as CallId, snapshot: '', at },
  { kind: 'claim.issued', tokenHash: sealed, at },
  {
    kind: 'extension.put',
    tenant,
    user: '100',
    displayName: 'Ünï "quoted"\n',
    enabled: true,
    secret: { kind: 'sealed', realm: 'acme.example', sealed },
    at,
  },
  { kind: 'extension.import', tenant, realm: 'acme.example', rows: [['1', 'One', sealed]], at },
  { kind: 'extension.remove', tenant, user: '100' },
]

test.each(COMMANDS)('$kind', (command) => {
  const key = 'once' as IdempotencyKey
  expect(decode(encode({ command, key }))).toEqual({ command, key })
  expect(decode(encode({ command, key: undefined }))).toEqual({ command, key: undefined })
})

test('an entry of a later release is refused by name', () => {
  expect(() => decode(Uint8Array.from([9, 123, 125]))).toThrow('version 9: update this node')
})
