//! Extensions for a load, through the API, as an administrator would import them.

import type { Product } from '../harness/product.ts'

/** Users u0, u1 … with passwords pw-u0, pw-u1 … */
export async function provision(product: Product, domain: string, users: number): Promise<void> {
  const rows = Array.from({ length: users }, (_, user) => `${domain},u${user},pw-u${user},User`)
  const response = await fetch(`${product.url}/api/v1/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'text/csv' },
    body: rows.join('\n'),
  })
  const said = (await response.text()).trim().split('\n').at(-1) ?? ''
  if (!said.includes('"done"') || !said.includes('"bad":0')) throw new Error(`import: ${said}`)
}
