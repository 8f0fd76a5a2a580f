import { EVENT_PACKAGES } from '../../../../roles/call-manager/events/events-host.ts'
import type {
  EventPackage,
  ResourceView,
} from '../../../../roles/call-manager/events/packages/package.ts'
import { bytesOf, utf8 } from '../../../../src/sip/message/text.ts'
import type { WatchedDialog } from '../../../../roles/call-manager/events/watched-dialog.ts'
import type { MessageCounts } from '../../../../src/store/schema/message-waiting.ts'
import { walk } from '../../../harness/datadriven.ts'
import { dialogFrom, EMPTY_MAILBOX, mailboxFrom } from './facts.ts'

const AOR = 'sip:bob@pbx.example'
const NAMES: Readonly<Record<string, string>> = { mwi: 'message-summary' }

function packageOf(word = ''): EventPackage | undefined {
  return EVENT_PACKAGES.find((each) => each.name === (NAMES[word] ?? word))
}

type Facts = {
  readonly dialogs: readonly WatchedDialog[]
  readonly registered: boolean
  readonly mailbox: MessageCounts
  readonly publications: readonly string[]
}

walk(new URL('./testdata/packages', import.meta.url).pathname, () => {
  const blank: Facts = { dialogs: [], registered: false, mailbox: EMPTY_MAILBOX, publications: [] }
  let facts = blank
  const view: ResourceView = {
    dialogs: () => facts.dialogs,
    isRegistered: () => facts.registered,
    mailbox: () => facts.mailbox,
    publications: () => facts.publications,
  }

  return ({ name, words, body, arg }) => {
    switch (name) {
      case 'reset':
        facts = blank
        return 'ok'
      case 'registered':
        facts = { ...facts, registered: words[0] === 'yes' }
        return 'ok'
      case 'mailbox':
        facts = { ...facts, mailbox: mailboxFrom(words) }
        return 'ok'
      case 'dialog':
        facts = { ...facts, dialogs: [...facts.dialogs, dialogFrom(AOR, arg)] }
        return 'ok'
      case 'published': {
        const document = bytesOf(body.join('\r\n'))
        const accepts = packageOf(words[0])?.accepts
        if (accepts === undefined) return 'not published to'
        if (!accepts(document)) return 'unreadable'
        facts = { ...facts, publications: [document, ...facts.publications] }
        return 'ok'
      }
      case 'show': {
        const document = packageOf(words[0])?.compose(AOR, view, Number(words[1] ?? 0))
        return utf8(document ?? 'no such package')
          .replaceAll('><', '>\n<')
          .replaceAll('\r', '')
      }
      default:
        return `unknown command ${name}`
    }
  }
})
