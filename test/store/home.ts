//! Data directories and stores that are gone when the test file is through.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { realHost } from './host.ts'

const homes: string[] = []
const stores: Store[] = []
afterAll(async () => {
  for (const store of stores) await store.close()
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

export function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'pbx-store-'))
  homes.push(home)
  return home
}

export async function newStore(directory = newHome()): Promise<Store> {
  const store = await openStore({ host: realHost(), directory, onFault: fail })
  stores.push(store)
  return store
}

function fail(fault: Error): void {
  throw fault
}
