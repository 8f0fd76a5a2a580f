//! The four machines of §17 by golden script: every arrow of the RFCs' figures, over UDP and TCP.
//!
//!     start transport=udp|tcp
//!     <event>            any event of the figure, as `1xx`, `TU_2xx`, `transport-error`, …
//!     advance MS         timers fire on their way

import { after, millis, type Millis } from '../../../src/base/time.ts'
import { FigureMachine, type Figure } from '../../../src/sip/transaction/figure.ts'
import { INVITE_CLIENT } from '../../../src/sip/transaction/invite-client.ts'
import {
  INVITE_SERVER,
  REINVITE_SERVER,
  SUCCEEDED_INVITE_SERVER,
} from '../../../src/sip/transaction/invite-server.ts'
import { NON_INVITE_CLIENT } from '../../../src/sip/transaction/non-invite-client.ts'
import { NON_INVITE_SERVER } from '../../../src/sip/transaction/non-invite-server.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

script('invite-client', INVITE_CLIENT)
script('non-invite-client', NON_INVITE_CLIENT)
script('invite-server', INVITE_SERVER)
script('reinvite-server', REINVITE_SERVER)
script('succeeded-invite-server', SUCCEEDED_INVITE_SERVER)
script('non-invite-server', NON_INVITE_SERVER)

function script<State extends string, Event extends string, Action extends string>(
  name: string,
  figure: Figure<State, Event, Action>,
): void {
  const events: ReadonlySet<string> = figure.events
  const isEvent = (text: string): text is Event => events.has(text)
  walk(new URL(`./testdata/${name}`, import.meta.url).pathname, () => {
    let now: Millis = millis(0)
    let machine: FigureMachine<State, Event, Action> | undefined
    let lines: string[] = []

    function take(actions: readonly Action[], before: State | ''): void {
      for (const action of actions) lines.push(`${now}ms ${action}`)
      const state = machine?.state ?? ''
      if (state !== before) lines.push(`${now}ms [${before} -> ${state}]`)
    }

    function hear(walker: FigureMachine<State, Event, Action>, event: Event): void {
      const before = walker.state
      take(walker.step(event, now), before)
    }

    function advance(until: Millis): void {
      for (;;) {
        const due = machine?.deadline()
        if (machine === undefined || due === undefined || due > until) break
        now = due
        const before = machine.state
        take(machine.wake(now), before)
        const next = machine.deadline()
        if (next !== undefined && next <= now) throw new Error(`${name}: deadline did not move`)
      }
      now = until
    }

    return (given: Command): string => {
      const { name: command, words } = given
      lines = []
      const event = command.replace(/^(TU|timer)_/, '$1 ')
      if (command === 'start') {
        machine = new FigureMachine(figure, given.arg('transport') !== 'udp', now)
        take(figure.first, '')
      } else if (command === 'advance') advance(after(now, millis(Number(words[0]))))
      else if (machine !== undefined && isEvent(event)) hear(machine, event)
      else lines.push(`unknown command ${command}`)
      return lines.length === 0 ? 'ok' : lines.join('\n')
    }
  })
}
