//! The phones of `latency.ts`: `node load-client.ts SERVER FROM USERS SECONDS`. All register, as
//! fast as they get through; then they refresh every 300 s, and 100 calls a second are made too.

import { runCalls } from '../load/calls.ts'
import type { Outcome } from '../load/pace.ts'
import { runRegister } from '../load/register.ts'

const REFRESH_SECONDS = 300
const CALLS_A_SECOND = 100
/** In calls, one half calls the other. */
const IN_CALLS = 400
/** Where `calls.ts` has the phones that are called: all others are said to be there as well. */
const CALLEE_PORT = 15_062
const AT_ONCE = 200

const [server = '', from = '', userCount = '', howLong = ''] = process.argv.slice(2)
const users = Number(userCount)
const seconds = Number(howLong)
const common = {
  address: from,
  server: { address: server, port: 5060 },
  domain: 'pbx.example',
  window: AT_ONCE,
}

process.on('SIGTERM', () => process.exit(0))
const registering = { ...common, users, contactPort: CALLEE_PORT }
tell(
  `${users} registered`,
  await runRegister({ ...registering, rate: 0, seconds: 600, count: users }),
)
console.log('loaded')
const [refreshes, calls] = await Promise.all([
  runRegister({ ...registering, rate: users / REFRESH_SECONDS, seconds, count: 0 }),
  runCalls({ ...common, users: IN_CALLS, rate: CALLS_A_SECOND, seconds, count: 0, hold: false }),
])
tell('refreshes', refreshes)
tell('calls', calls)
process.exit()

function tell(what: string, { done, failed, late, perSecond, p50, p99 }: Outcome): void {
  const pace = `${done} done, ${failed} failed, ${late} sent again, ${Math.round(perSecond)}/s`
  console.log(`${what}: ${pace}; p50 ${p50} ms, p99 ${p99} ms from begin to end of each`)
}
