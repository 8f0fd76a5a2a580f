//! Runs one ladder script in an office of its own.

import { millis } from '../../../../src/base/time.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import type { Command } from '../../../harness/datadriven.ts'
import { dialogFrom, mailboxFrom } from './facts.ts'
import { Office } from './office.ts'

const PIDF = 'application/pidf+xml'
const SUMMARY = 'application/simple-message-summary'

/**
 *     phone NAME ADDRESS [transport=tcp] [domain=other.example] [instance=i]
 *     answers NAME STATUS|0                  what it says to NOTIFYs and MESSAGEs
 *     register NAME [q=500] | unregister NAME | disconnect NAME | vanish ADDRESS
 *     restart [clock=3600000]                the wall clock of its host is wrong by that
 *     subscribe NAME USER EVENT [expires=600] | refresh NAME EVENT [expires=600] [by=OTHER]
 *     publish NAME EVENT [expires=600]       the document follows
 *     message NAME USER [type=text/plain]    header lines, an empty line and the text follow
 *     dialog USER id= state= … | mailbox USER 2 0 | remove USER
 *     keep yes | kept | advance MS | size
 */
export function officeScript(): (command: Command) => string {
  const office = new Office()
  const commands: Record<string, (command: Command) => void> = {
    phone({ words, arg }) {
      const transport = arg('transport') === 'tcp' ? 'tcp' : 'udp'
      const domain = arg('domain') ?? 'pbx.example'
      const instance = arg('instance')
      office.phone(words[0] ?? '', words[1] ?? '', { domain, transport, instance })
    },
    answers({ words }) {
      const phone = office.phones.get(words[0] ?? '')
      if (phone !== undefined) phone.answers = Number(words[1])
    },
    register: ({ words, arg }) => office.register(words[0] ?? '', Number(arg('q') ?? 1000)),
    unregister: ({ words }) => office.unregister(words[0] ?? ''),
    disconnect: ({ words }) => office.disconnect(words[0] ?? ''),
    vanish: ({ words }) => office.vanish(words[0] ?? ''),
    restart: ({ arg }) => office.restart(Number(arg('clock') ?? 0)),
    subscribe({ words, arg }) {
      const [name = '', user = '', event = ''] = words
      office.phones.get(name)?.subscribe(user, event, arg('expires') ?? '600')
    },
    refresh({ words, arg }) {
      const by = office.phones.get(arg('by') ?? words[0] ?? '')
      office.phones.get(words[0] ?? '')?.refresh(words[1] ?? '', arg('expires') ?? '600', by)
    },
    publish({ words, body, arg }) {
      const [name = '', event = ''] = words
      const type = event === 'presence' ? PIDF : SUMMARY
      office.phones.get(name)?.publish(event, arg('expires') ?? '600', type, body.join('\r\n'))
    },
    message({ words, body, arg }) {
      const [name = '', user = ''] = words
      const blank = body.indexOf('')
      const fields = body.slice(0, Math.max(blank, 0)).map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
      })
      const text = body.slice(blank + 1).join('\r\n')
      office.phones.get(name)?.message(user, arg('type') ?? 'text/plain', text, fields)
    },
    dialog: ({ words, arg }) => office.dialog(dialogFrom(`sip:${words[0]}@pbx.example`, arg)),
    mailbox({ words }) {
      const [user = '', ...counts] = words
      const tenant = 'pbx.example' as TenantId
      office.store.run({
        kind: 'message-waiting.put',
        tenant,
        user,
        counts: mailboxFrom(counts),
      })
    },
    remove: ({ words }) => office.remove(words[0] ?? ''),
    keep: ({ words }) => void (office.keeps = words[0] === 'yes'),
    kept: () => void office.lines.push(...office.kept.splice(0)),
    advance: ({ words }) => office.world.pass(millis(Number(words[0]))),
    size: () => void office.lines.push(office.size),
  }
  return (command) => {
    office.lines.length = 0
    const run = commands[command.name]
    if (run === undefined) return `unknown command ${command.name}`
    run(command)
    if (command.name !== 'advance') office.world.pass(millis(100))
    return office.lines.length === 0 ? 'ok' : office.lines.join('\n')
  }
}
